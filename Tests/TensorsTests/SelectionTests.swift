import Foundation
import Tensors
import Testing

/// The kernels that choose blocks of keys, against their definitions in double precision.
struct SelectionTests {
  private static let width = 48

  /// A block of random keys, and the halves they became: [key][channel].
  private struct Block {
    let memory: Memory
    let block: KeyBlock
    let keys: [[Float]]

    init(seed: UInt64) throws {
      var numbers = Numbers(seed: seed)
      memory = try #require(Memory(byteCount: KeyBlock.byteCount(headWidth: width)))
      let start = memory.base.assumingMemoryBound(to: UInt16.self)
      block = KeyBlock(keys: start, values: start + KeyBlock.keyCount * width)
      for slot in 0..<KeyBlock.keyCount {
        var key = numbers.floats(width)
        let value = key
        block.store(key: &key, value: value, headWidth: width, slot: slot, kernels: .scalar)
      }
      keys = Self.read(block)
    }

    static func read(_ block: KeyBlock) -> [[Float]] {
      var floats = [Float](repeating: 0, count: KeyBlock.keyCount * width)
      let halves = UnsafeBufferPointer(
        start: UnsafePointer(block.keys.assumingMemoryBound(to: UInt16.self)), count: floats.count)
      Kernels.scalar.fromHalf(halves, into: &floats)
      return (0..<KeyBlock.keyCount).map { slot in
        (0..<width).map { floats[$0 * KeyBlock.keyCount + slot] }
      }
    }
  }

  private static let summaries = [16, 32, 64].flatMap { run in
    [KeySummary.Kind.means, .ranges, .pools].map { KeySummary($0, run: run) }
  }

  /// The score of one run by the definition: the sum over rows and heads.
  private static func score(
    _ summary: KeySummary, _ queries: [[Float]], _ keys: ArraySlice<[Float]>
  ) -> Double {
    queries.reduce(0.0) { sum, query in
      sum
        + (0..<width).reduce(0.0) { sum, c in
          let channel = keys.map { Double($0[c]) }
          let q = Double(query[c])
          let mean = q * channel.reduce(0, +) / Double(channel.count)
          let bound = max(q * (channel.max() ?? 0), q * (channel.min() ?? 0))
          switch summary.kind {
          case .means: return sum + mean
          case .ranges: return sum + bound
          case .pools: return sum + mean + bound
          }
        }
    }
  }

  private static func scores(
    _ summary: KeySummary, _ queries: [[Float]], group: Int, _ block: Block, _ kernels: Kernels
  ) -> [Float] {
    let count = summary.elementCount(headWidth: width)
    var halves = [UInt16](repeating: 0, count: count)
    for run in 0..<summary.runsPerBlock {
      block.block.summarise(run: run, summary, headWidth: width, into: &halves, kernels: kernels)
    }
    var selector = [Float](repeating: .nan, count: count)
    var scores = [Float](repeating: .nan, count: summary.runsPerBlock)
    let flat = queries.flatMap { $0 }
    var out = flat
    flat.withUnsafeBufferPointer { flat in
      out.withUnsafeMutableBufferPointer { out in
        guard let from = flat.baseAddress, let to = out.baseAddress else { return }
        let tile = QueryTile(
          queries: from, out: to, stride: group * width, positions: queries.count / group,
          group: group, headWidth: width, position: 100, scale: 1)
        tile.writeSelector(summary, into: &selector, kernels: kernels)
      }
    }
    summary.scores(selector, halves, headWidth: width, into: &scores, kernels: kernels)
    return withExtendedLifetime(block.memory) { scores }
  }

  /// Means are kept as halves, whose rounding is 2⁻¹² of each of 48 channels below 1; up to 12 rows
  /// of queries below 1 are added up. Ranges are halves already, so that float rounding is left.
  @Test(arguments: Kernels.Level.allCases, summaries)
  func `a run's score is the rule's`(level: Kernels.Level, summary: KeySummary) throws {
    let kernels = try kernels(level)
    for (seed, rows) in [(UInt64(1), 1), (2, 3), (3, 12)] {
      var numbers = Numbers(seed: seed)
      let queries = (0..<rows).map { _ in numbers.floats(Self.width) }
      let block = try Block(seed: seed + 10)
      let scores = Self.scores(
        summary, queries, group: rows % 3 == 0 ? 3 : 1, block, kernels)
      for run in 0..<summary.runsPerBlock {
        let expected = Self.score(
          summary, queries, block.keys[run * summary.run..<(run + 1) * summary.run])
        let tolerance = summary.kind == .ranges ? 1e-4 : 3e-3
        #expect(abs(Double(scores[run]) - expected) < tolerance, "run \(run), \(rows) rows")
      }
    }
  }

  @Test(arguments: summaries.filter { $0.kind == .ranges })
  func `no key scores above its run's bound`(summary: KeySummary) throws {
    for seed in UInt64(1)...20 {
      var numbers = Numbers(seed: seed)
      let query = numbers.floats(Self.width)
      let block = try Block(seed: seed + 100)
      let bounds = Self.scores(summary, [query], group: 1, block, .fastest)
      for (slot, key) in block.keys.enumerated() {
        let score = zip(query, key).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        // Rounding of 48 float sums.
        #expect(score <= Double(bounds[slot / summary.run]) + 1e-5)
      }
    }
  }

  @Test func `the best are those of a sort, of equals the first`() {
    var numbers = Numbers(seed: 7)
    for count in [1, 2, 15, 64, 500] {
      // Few values, so that most are equal to others, of both signs.
      let scores = (0..<count).map { _ in (numbers.uniform() * 4).rounded() / 4 }
      for wanted in [0, 1, 2, count / 2, count - 1, count, count + 3] {
        let sorted = scores.indices.sorted {
          scores[$0] == scores[$1] ? $0 < $1 : scores[$0] > scores[$1]
        }
        let best = scores.withUnsafeBufferPointer { KeySummary.best(wanted, of: $0) }
        #expect(best == sorted.prefix(wanted).sorted(), "\(wanted) of \(count)")
      }
    }
  }

  @Test func `what is not a number is chosen last`() {
    let scores: [Float] = [.nan, -.infinity, 1, -.nan, .infinity, -2]
    for (wanted, best) in [(1, [4]), (2, [2, 4]), (4, [1, 2, 4, 5]), (5, [0, 1, 2, 4, 5])] {
      #expect(scores.withUnsafeBufferPointer { KeySummary.best(wanted, of: $0) } == best)
    }
  }

  /// Halves below 1.5, rounded once more: 2⁻¹¹.
  @Test(arguments: Kernels.Level.allCases)
  func `keys are turned by their angles`(level: Kernels.Level) throws {
    let kernels = try kernels(level)
    let block = try Block(seed: 5)
    let pairs = 20
    var numbers = Numbers(seed: 6)
    let angles = numbers.floats(pairs * KeyBlock.keyCount, -3...3)
    block.block.turn(
      cosines: angles.map { cos($0) }, sines: angles.map { sin($0) }, pairs: pairs,
      kernels: kernels)
    let turned = withExtendedLifetime(block.memory) { Block.read(block.block) }
    for slot in 0..<KeyBlock.keyCount {
      var expected = block.keys[slot]
      for pair in 0..<pairs {
        let (a, b) = (expected[2 * pair], expected[2 * pair + 1])
        let angle = angles[pair * KeyBlock.keyCount + slot]
        expected[2 * pair] = a * cos(angle) - b * sin(angle)
        expected[2 * pair + 1] = a * sin(angle) + b * cos(angle)
      }
      expectClose(turned[slot], expected, absolute: 5e-4, "slot \(slot)")
    }
  }
}
