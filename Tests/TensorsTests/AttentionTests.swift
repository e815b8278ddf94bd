import Foundation
import Tensors
import Testing

/// Flash and dense attention against softmax as written in a textbook, in double precision.
struct AttentionTests {
  /// Which keys a query at a position sees.
  struct Window {
    let sinks: Int
    let reach: Int

    static let everything = Window(sinks: 0, reach: .max)

    func shows(_ key: Int, to position: Int) -> Bool {
      key <= position && (key < sinks || position - key < reach)
    }
  }

  /// Random keys and values in blocks, and the numbers that they are kept as.
  struct Cache {
    let memory: Memory
    let blocks: [KeyBlock]
    let keys: [[Float]]
    let values: [[Float]]

    init(
      length: Int, width: Int, spread: Float, seed: UInt64, kernels: Kernels,
      format: CacheFormat = .f16
    ) throws {
      var numbers = Numbers(seed: seed)
      let count = (length + KeyBlock.keyCount - 1) / KeyBlock.keyCount
      let size = KeyBlock.byteCount(headWidth: width, format: format)
      memory = try #require(Memory(byteCount: count * size))
      let base = memory.base
      blocks = (0..<count).map {
        KeyBlock(at: base + $0 * size, headWidth: width, format: format)
      }
      let given = (0..<length).map { _ in
        (numbers.floats(width, -spread...spread), numbers.floats(width))
      }
      for (position, (key, value)) in given.enumerated() {
        var key = key
        blocks[position / KeyBlock.keyCount].store(
          key: &key, value: value, headWidth: width, slot: position % KeyBlock.keyCount,
          kernels: kernels)
      }
      keys = given.map { key, _ in
        guard format == .q8 else { return Self.halves(key) }
        let size = Float(width & -width)
        return Self.turned(Self.codes(Self.turned(key))).map { $0 / size }
      }
      values = given.map { format == .q8 ? Self.codes($0.1) : Self.halves($0.1) }
    }

    private static func halves(_ x: [Float]) -> [Float] {
      var halves = [UInt16](repeating: 0, count: x.count)
      var out = x
      x.withUnsafeBufferPointer { Kernels.scalar.toHalf($0, into: &halves) }
      halves.withUnsafeBufferPointer { Kernels.scalar.fromHalf($0, into: &out) }
      return out
    }

    /// Multiples of a 127th of the greatest.
    private static func codes(_ x: [Float]) -> [Float] {
      let scale = halves([(x.map(abs).max() ?? 0) / 127])[0]
      let inverse = 1 / scale
      return x.map { max(-127, min(127, ($0 * inverse).rounded(.toNearestOrEven))) * scale }
    }

    /// By the Hadamard matrices along the diagonal, as large as the width's powers of two allow.
    private static func turned(_ x: [Float]) -> [Float] {
      var x = x
      var half = 1
      while half < x.count & -x.count {
        for i in x.indices where i & half == 0 {
          (x[i], x[i + half]) = (x[i] + x[i + half], x[i] - x[i + half])
        }
        half *= 2
      }
      return x
    }

    func list(_ window: Window) -> KeyBlockList {
      var list = KeyBlockList()
      for (index, block) in blocks.enumerated() {
        let start = index * KeyBlock.keyCount
        if start < window.sinks {
          list.append(block, start: start, positions: 0..<window.sinks, reach: .max)
        }
        list.append(block, start: start, positions: window.sinks..<Int.max, reach: window.reach)
      }
      return list
    }
  }

  struct Case: CustomStringConvertible {
    let positions: Int
    let first: Int
    let group: Int
    let width: Int
    var spread: Float = 1
    var window = Window.everything
    var description: String { "\(positions) at \(first), \(group) × \(width), ±\(spread)" }
  }

  static let cases = [
    Case(positions: 1, first: 0, group: 1, width: 16),
    Case(positions: 1, first: 200, group: 3, width: 64),
    Case(positions: 1, first: 63, group: 2, width: 32),
    Case(positions: 1, first: 64, group: 8, width: 128),
    Case(positions: 32, first: 0, group: 3, width: 64),
    Case(positions: 32, first: 150, group: 3, width: 64),
    Case(positions: 17, first: 47, group: 4, width: 48),
    // Scores of several hundred, where an exponential without its maximum would overflow.
    Case(positions: 9, first: 100, group: 3, width: 64, spread: 60),
    Case(positions: 32, first: 150, group: 3, width: 64, window: .init(sinks: 4, reach: 20)),
    Case(positions: 1, first: 180, group: 3, width: 64, window: .init(sinks: 4, reach: 70)),
    Case(positions: 8, first: 120, group: 1, width: 32, window: .init(sinks: 70, reach: 1)),
    Case(positions: 8, first: 0, group: 1, width: 32, window: .init(sinks: 2, reach: 3)),
  ]

  /// [positions, group · width], as the definition reads.
  static func textbook(_ test: Case, _ queries: [Float], _ cache: Cache) -> [Float] {
    let stride = test.group * test.width
    var out: [Float] = []
    for i in 0..<test.positions {
      let seen = (0...test.first + i).filter { test.window.shows($0, to: test.first + i) }
      for h in 0..<test.group {
        let query = queries[i * stride + h * test.width..<i * stride + (h + 1) * test.width]
        let scores = seen.map { key in
          zip(query, cache.keys[key]).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
            / Double(test.width).squareRoot()
        }
        let most = scores.max() ?? 0
        let weights = scores.map { exp($0 - most) }
        let total = weights.reduce(0, +)
        for c in 0..<test.width {
          let sum = zip(seen, weights).reduce(0.0) {
            $0 + $1.1 * Double(cache.values[$1.0][c])
          }
          out.append(Float(sum / total))
        }
      }
    }
    return out
  }

  static func run(
    _ test: Case, _ queries: [Float], _ cache: Cache, _ kernels: Kernels, isDense: Bool,
    units: AttentionUnits = .vector
  ) throws -> [Float] {
    let stride = test.group * test.width
    var out = [Float](repeating: .nan, count: test.positions * stride)
    var scratch = [Float](
      repeating: 0, count: QueryTile.scratchCount(headWidth: test.width))
    let list = cache.list(test.window)
    var scores = [Float](
      repeating: 0, count: test.positions * test.group * list.count * KeyBlock.keyCount)
    queries.withUnsafeBufferPointer { queries in
      out.withUnsafeMutableBufferPointer { out in
        guard let from = queries.baseAddress, let to = out.baseAddress else { return }
        let tile = QueryTile(
          queries: from, out: to, stride: stride, positions: test.positions, group: test.group,
          headWidth: test.width, position: test.first,
          scale: 1 / Float(test.width).squareRoot())
        if isDense {
          tile.attendDensely(to: list, scores: &scores, scratch: &scratch, kernels: kernels)
        } else {
          tile.attend(to: list, scratch: &scratch, units: units, kernels: kernels)
        }
      }
    }
    return withExtendedLifetime(cache.memory) { out }
  }

  /// Values up to 1 weighted by exponentials good to 3e-7, of scores whose own error is 64
  /// roundings of their size: 2e-6 for scores near 1, and 1e-4 for scores near 1,000.
  @Test(arguments: Kernels.Level.allCases, CacheFormat.allCases)
  func `attention equals the textbook`(level: Kernels.Level, format: CacheFormat) throws {
    let kernels = try kernels(level)
    for (index, test) in Self.cases.enumerated() {
      var numbers = Numbers(seed: UInt64(index))
      let queries = numbers.floats(
        test.positions * test.group * test.width, -test.spread...test.spread)
      let cache = try Cache(
        length: test.first + test.positions, width: test.width, spread: test.spread, seed: 99,
        kernels: kernels, format: format)
      let expected = Self.textbook(test, queries, cache)
      // Turning keys and queries adds as many roundings again.
      let tolerance: Float = (test.spread > 1 ? 5e-4 : 5e-6) * (format == .q8 ? 4 : 1)
      for isDense in [false, true] {
        let result = try Self.run(test, queries, cache, kernels, isDense: isDense)
        expectClose(
          result, expected, absolute: tolerance, "\(test), \(isDense ? "dense" : "flash")")
      }
    }
  }

  /// What is computed beside a query, in its chunk or its step, must not change an answer.
  @Test(arguments: Kernels.Level.allCases, CacheFormat.allCases)
  func `a query's bits do not depend on the queries beside it`(
    level: Kernels.Level, format: CacheFormat
  ) throws {
    let kernels = try kernels(level)
    for window in [Window.everything, .init(sinks: 4, reach: 50)] {
      for (group, width) in [(1, 48), (3, 64), (4, 128)] {
        var numbers = Numbers(seed: 4)
        let first = 100
        let positions = 96 / group < 24 ? 96 / group : 24
        let stride = group * width
        let queries = numbers.floats(positions * stride)
        let cache = try Cache(
          length: first + positions, width: width, spread: 1, seed: 98, kernels: kernels,
          format: format)
        let test = Case(
          positions: positions, first: first, group: group, width: width, window: window)
        for isDense in [false, true] {
          let together = try Self.run(test, queries, cache, kernels, isDense: isDense)
          for row in 0..<positions {
            let lone = Case(
              positions: 1, first: first + row, group: group, width: width, window: window)
            let part = row * stride..<(row + 1) * stride
            let alone = try Self.run(lone, Array(queries[part]), cache, kernels, isDense: isDense)
            #expect(alone == Array(together[part]), "\(group) × \(width), row \(row)")
          }
        }
      }
    }
  }

  @Test func `8-bit blocks take 52 % of what halves do`() {
    let halves = KeyBlock.byteCount(headWidth: 64)
    #expect(halves == 2 * 64 * 64 * 2)
    #expect(KeyBlock.byteCount(headWidth: 64, format: .q8) * 100 <= 53 * halves)
  }

  @Test(arguments: Kernels.Level.allCases, [Float.nan, .infinity, 1e9])
  func `what 8 bits cannot hold stays visible`(level: Kernels.Level, bad: Float) throws {
    let kernels = try kernels(level)
    let width = 64
    let memory = try #require(
      Memory(byteCount: KeyBlock.byteCount(headWidth: width, format: .q8)))
    let block = KeyBlock(at: memory.base, headWidth: width, format: .q8)
    let fine = [Float](repeating: 0.5, count: width)
    var spoilt = fine
    spoilt[40] = bad
    for (key, value) in [(spoilt, fine), (fine, spoilt)] {
      var key = key
      block.store(key: &key, value: value, headWidth: width, slot: 0, kernels: kernels)
      var list = KeyBlockList()
      list.append(block, start: 0, positions: 0..<64, reach: .max)
      var out = [Float](repeating: 0, count: width)
      var scratch = [Float](repeating: 0, count: QueryTile.scratchCount(headWidth: width))
      fine.withUnsafeBufferPointer { queries in
        out.withUnsafeMutableBufferPointer { out in
          guard let from = queries.baseAddress, let to = out.baseAddress else { return }
          QueryTile(
            queries: from, out: to, stride: width, positions: 1, group: 1, headWidth: width,
            position: 0, scale: 1
          ).attend(to: list, scratch: &scratch, kernels: kernels)
        }
      }
      #expect(!out[40].isFinite)
    }
  }

  @Test(arguments: Kernels.Level.allCases)
  func `a query that sees nothing gets zeros`(level: Kernels.Level) throws {
    let kernels = try kernels(level)
    let test = Case(positions: 4, first: 10, group: 1, width: 16)
    let cache = try Cache(length: 14, width: 16, spread: 1, seed: 3, kernels: kernels)
    var list = KeyBlockList()
    list.append(cache.blocks[0], start: 0, positions: 12..<64, reach: .max)
    let queries = [Float](repeating: 1, count: 64)
    for isDense in [false, true] {
      var out = [Float](repeating: .nan, count: 64)
      var scratch = [Float](repeating: 0, count: QueryTile.scratchCount(headWidth: 16))
      var scores = [Float](repeating: 0, count: 4 * KeyBlock.keyCount)
      queries.withUnsafeBufferPointer { queries in
        out.withUnsafeMutableBufferPointer { out in
          guard let from = queries.baseAddress, let to = out.baseAddress else { return }
          let tile = QueryTile(
            queries: from, out: to, stride: 16, positions: test.positions, group: 1, headWidth: 16,
            position: test.first, scale: 0.25)
          if isDense {
            tile.attendDensely(to: list, scores: &scores, scratch: &scratch, kernels: kernels)
          } else {
            tile.attend(to: list, scratch: &scratch, kernels: kernels)
          }
        }
      }
      #expect(out[..<32].allSatisfy { $0 == 0 })
      #expect(out[32...].allSatisfy { $0 != 0 && $0.isFinite })
    }
  }
}
