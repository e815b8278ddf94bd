import Tensors
import Testing

@testable import Transformer

/// Attention to blocks that are chosen by content, against the papers' rules in plain loops.
struct EngineSelectionTests {
  private static let text: [Token] = (0..<96).map {
    Token(($0 * 31 + $0 * $0 * 7) % EngineTinyModel.vocabularySize)
  }

  /// Logits are near 1; the KV cache's halves (2⁻¹¹) are the coarsest rounding on the way.
  private static let tolerance: Float = 5e-3

  private static func kinds(keys: Int, window: Int, sinks: Int) throws -> [AttentionKind] {
    [
      .hybrid(try Hybrid(.means, keys: keys, window: window, sinks: sinks, denseLayers: 0)),
      .hybrid(try Hybrid(.quest, keys: keys, window: window, sinks: sinks, denseLayers: 1)),
      .blockSparse(try BlockSparse(.quest, keys: keys)),
      .blockSparse(try BlockSparse(.moba, keys: keys)),
      .hybrid(
        try Hybrid(
          .means, blockSize: 32, keys: keys, window: 1, sinks: 0, denseLayers: 0)),
    ]
  }

  // MARK: Exact where everything is selected

  @Test(arguments: [16, 32, 64], [[], [1], [10, 90]])
  func `everything selected is dense attention`(blockSize: Int, chunks: [Int]) throws {
    let weights = try EngineTinyModel().weights()
    let dense = try EngineRunner(weights, .dense).logits(Self.text)
    for attention in [
      AttentionKind.hybrid(try Hybrid(.quest, blockSize: blockSize, keys: 400, window: 20)),
      .hybrid(try Hybrid(blockSize: blockSize, keys: 400, window: 1, sinks: 0, denseLayers: 0)),
      .blockSparse(try BlockSparse(.moba, blockSize: blockSize, keys: 400)),
      .blockSparse(try BlockSparse(.quest, blockSize: blockSize, keys: 400)),
    ] {
      let logits = try EngineRunner(weights, attention).logits(Self.text, chunks: chunks)
      #expect(greatestDifference(logits, dense) < 1e-3, "\(attention)")
    }
  }

  // MARK: The rule

  /// Which keys each query sees, as the rule reads, and how clear its closest choice was.
  private final class Rule {
    let rule: BlockSelection
    let tiles: [Range<Int>]
    /// The least distance of a chosen block's score from one that was not chosen, over the root of
    /// the tile's rows, as the rounding of their sum grows.
    var leastGap = Double.infinity
    var choices = 0

    init(_ attention: AttentionKind, tiles: [Range<Int>]) throws {
      rule = try #require(attention.selection)
      self.tiles = tiles
    }

    func sees(_ head: EngineTinyModel.HeadInputs) -> [[Int]] {
      tiles.flatMap { tile -> [[Int]] in
        let shown = blocks(tile, head)
        return tile.map { query in (0...query).filter { shown.contains($0 / rule.blockSize) } }
      }
    }

    private func blocks(_ tile: Range<Int>, _ head: EngineTinyModel.HeadInputs) -> Set<Int> {
      let size = rule.blockSize
      let all = Set(0...(tile.upperBound - 1) / size)
      let first = (0..<rule.sinks).map { $0 / size }
      let last = all.filter { ($0 + 1) * size > tile.lowerBound - rule.window + 1 }
      let between = all.subtracting(first).subtracting(last).sorted()
      let wanted = (rule.keys - rule.window - Set(first).count * size) / size
      guard head.layer >= rule.denseLayers, between.count > wanted else { return all }
      let scored = between.map { block in
        (block: block, score: score(head.keys[block * size..<(block + 1) * size], tile, head))
      }.sorted { $0.score > $1.score }
      choices += 1
      let gap = scored[wanted - 1].score - scored[wanted].score
      leastGap = min(leastGap, gap / Double(tile.count).squareRoot())
      return Set(first + last + scored.prefix(wanted).map(\.block))
    }

    private func score(
      _ keys: ArraySlice<[Double]>, _ tile: Range<Int>, _ head: EngineTinyModel.HeadInputs
    ) -> Double {
      let width = EngineTinyModel.headWidth
      let channels = (0..<width).map { c in keys.map { $0[c] } }
      return tile.reduce(0.0) { sum, query in
        sum
          + head.queries[query].enumerated().reduce(0.0) { sum, element in
            let channel = channels[element.offset % width]
            let q = element.element
            switch rule.summary.kind {
            case .means: return sum + q * channel.reduce(0, +) / Double(channel.count)
            case .ranges:
              return sum + max(q * (channel.max() ?? 0), q * (channel.min() ?? 0))
            // A gate's, which has tests of its own.
            case .pools: return .nan
            }
          }
      }
    }
  }

  /// Chunks of prefill have one choice for each 16 positions; a chunk of one token has its own.
  @Test(arguments: [[], [1]])
  func `a selected plan is the rule's`(chunks: [Int]) throws {
    var tiles: [Range<Int>] = []
    while (tiles.last?.upperBound ?? 0) < Self.text.count {
      tiles.append(contentsOf: Self.chunkTiles(after: tiles, chunks))
    }
    var choices = 0
    for (index, attention) in try Self.kinds(keys: 64, window: 16, sinks: 4).enumerated() {
      // A seed where no choice is closer than what rounding keys and means to halves (2⁻¹²) does to
      // scores near 1.
      let (rule, expected, weights) = try Self.clearCase(attention, tiles, seed: UInt64(index))
      choices += rule.choices
      let logits = try EngineRunner(weights, attention).logits(Self.text, chunks: chunks)
      #expect(greatestDifference(logits, expected) < Self.tolerance, "\(attention)")
    }
    #expect(choices > 10, "nothing was chosen")
  }

  private static func chunkTiles(after tiles: [Range<Int>], _ chunks: [Int]) -> [Range<Int>] {
    var start = 0
    var turn = 0
    let done = tiles.last?.upperBound ?? 0
    while true {
      let size = chunks.isEmpty ? Workspace.chunkLimit : chunks[turn % chunks.count]
      let chunk = start..<min(start + size, text.count)
      if chunk.lowerBound == done {
        return stride(from: chunk.lowerBound / 16 * 16, to: chunk.upperBound, by: 16).map {
          ($0..<$0 + 16).clamped(to: chunk)
        }
      }
      start = chunk.upperBound
      turn += 1
    }
  }

  private static func clearCase(
    _ attention: AttentionKind, _ tiles: [Range<Int>], seed: UInt64
  ) throws -> (Rule, [[Float]], Weights) {
    for attempt in UInt64(0)..<6 {
      let model = EngineTinyModel(seed: 1 + seed + 10 * attempt)
      let rule = try Rule(attention, tiles: tiles)
      let logits = model.logits(text, sees: rule.sees).map { $0.map { Float($0) } }
      if rule.leastGap > 2e-3 { return (rule, logits, try model.weights()) }
    }
    throw NoClearCase()
  }

  private struct NoClearCase: Error {}

  @Test func `a plan does not depend on where its chunk began`() throws {
    let weights = try EngineTinyModel().weights()
    for attention in try Self.kinds(keys: 64, window: 16, sinks: 4) {
      let runner = try EngineRunner(weights, attention)
      let whole = try runner.logits(Self.text)
      for chunks in [[16], [64, 16], [32, 48]] {
        let result = try runner.logits(Self.text, chunks: chunks)
        #expect(greatestDifference(result, whole) < 1e-3, "\(attention), \(chunks)")
      }
    }
  }

  @Test func `summaries are counted in the budget, for variants that have them`() throws {
    let weights = try EngineTinyModel().weights()
    let plain = KeyValuePage.Shape(weights.parameters).byteCount
    let heads = EngineTinyModel.keyValueHeads * EngineTinyModel.blockCount
    for (attention, halves) in [
      (AttentionKind.flash, 0), (.hybrid(try Hybrid(keys: 400)), 4 * EngineTinyModel.headWidth),
      (.blockSparse(try BlockSparse(.quest, keys: 400)), 8 * EngineTinyModel.headWidth),
      (.blockSparse(try BlockSparse(.quest, blockSize: 64, keys: 400)), 2 * 32),
    ] {
      let runner = try EngineRunner(weights, attention)
      var cache = runner.emptyCache()
      _ = try runner.logits(Self.text[..<65], &cache)
      #expect(runner.budget.usedBytes == 2 * (plain + heads * halves * 2))
    }
  }

  @Test func `a copied cache chooses by summaries of its own`() throws {
    let attention = AttentionKind.hybrid(
      try Hybrid(keys: 48, window: 16, sinks: 4, denseLayers: 0))
    let runner = try EngineRunner(EngineTinyModel().weights(), attention)
    let whole = try runner.logits(Self.text, chunks: [1])
    var cache = runner.emptyCache()
    _ = try runner.logits(Self.text[..<72], byToken: &cache)
    var fork = cache
    // Completes the run 64..<80 of the fork's page with other keys.
    _ = try runner.logits((0..<40).map { Token($0) }[...], byToken: &fork)
    let rest = try runner.logits(Self.text[72...], byToken: &cache)
    #expect(greatestDifference(rest, Array(whole[72...])) < 1e-3)
  }
}

extension EngineRunner {
  /// Goes on with a cache, a token at a time.
  fileprivate func logits(
    _ tokens: ArraySlice<Token>, byToken cache: inout KeyValueCache
  ) throws -> [[Float]] {
    var all: [[Float]] = []
    for token in tokens { all += try logits([token], &cache) }
    return all
  }
}
