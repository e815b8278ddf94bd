import Tensors
import Testing

@testable import Transformer

/// Texts longer than the trained context, against plain loops on a model that was trained on 32.
struct EngineLongTextTests {
  private static let trained = 32
  private static let model = EngineTinyModel()
  private static let text: [Token] = (0..<80).map {
    Token(($0 * 31 + $0 * $0 * 7) % EngineTinyModel.vocabularySize)
  }

  private static func weights() throws -> Weights {
    try model.weights(.init(integers: ["context_length": UInt32(trained)]))
  }

  /// Logits are near 1; the KV cache's halves (2⁻¹¹) are the coarsest rounding on the way.
  private static let tolerance: Float = 5e-3

  private static func floats(_ logits: [[Double]]) -> [[Float]] {
    logits.map { $0.map { Float($0) } }
  }

  private static func stream(window: Int, sinks: Int, context: Int = 100_000) throws -> EngineRunner
  {
    EngineRunner(
      try ModelVariant(
        name: "stream", weights: weights(),
        attention: .slidingWindow(window: window, sinks: sinks), contextLength: context))
  }

  /// Xiao et al. 2023, section 3.2: the distance to a key is counted in the cache, which holds the
  /// sinks and then the window.
  @Test(arguments: [(20, 4), (28, 3), (30, 0)])
  func `a window that streams counts positions inside its cache`(window: Int, sinks: Int) throws {
    let expected = Self.floats(
      Self.model.logits(
        Self.text,
        shows: { key, query in key < sinks || query - key < window },
        angle: { key, query, pair in
          var cache = Array(0...query)
          if cache.count > sinks + window { cache.removeSubrange(sinks..<query - window + 1) }
          let distance = cache.count - 1 - (cache.firstIndex(of: key) ?? 0)
          return Double(distance) * EngineTinyModel.frequency(pair)
        }))
    let runner = try Self.stream(window: window, sinks: sinks)
    for chunks in [[], [1], [7, 30]] {
      let result = try runner.logits(Self.text, chunks: chunks)
      #expect(greatestDifference(result, expected) < Self.tolerance, "\(chunks)")
    }
  }

  @Test func `a window within the trained context keeps true distances`() throws {
    let text = Self.text[..<Self.trained]
    let runner = try Self.stream(window: 20, sinks: 4, context: Self.trained)
    let expected = Self.floats(
      Self.model.logits(Array(text), shows: { key, query in key < 4 || query - key < 20 }))
    #expect(greatestDifference(try runner.logits(Array(text)), expected) < Self.tolerance)
  }

  /// Much less than what another window would move.
  @Test func `a window that streams may keep 8 bits`() throws {
    let halves = try Self.stream(window: 28, sinks: 4)
    let eights = EngineRunner(halves.variant, cacheFormat: .q8)
    #expect(eights.emptyCache().shape.format == .q8)
    let (one, other) = (try halves.logits(Self.text), try eights.logits(Self.text))
    let divergence = meanDivergence(one, other)
    #expect(divergence > 0 && divergence < 1e-3, "\(divergence)")
    let narrow = try Self.stream(window: 20, sinks: 4).logits(Self.text)
    #expect(divergence < 0.1 * meanDivergence(one, narrow))
  }

  @Test func `a window runs on without growing`() throws {
    let runner = try Self.stream(window: 28, sinks: 4)
    var cache = runner.emptyCache()
    let limit = runner.variant.attention.blockLimit(length: 100_000, chunk: 80)
    for round in 0..<40 {
      let logits = try runner.logits(Self.text[...], &cache, from: cache.length + 79)
      #expect(logits.joined().allSatisfy { $0.isFinite })
      #expect(runner.budget.usedBytes <= limit * cache.shape.byteCount)
      #expect(cache.length == 80 * (round + 1))
    }
    // One block of sinks, and 28 positions that begin anywhere in a block.
    #expect(runner.budget.usedBytes <= 3 * cache.shape.byteCount)
  }

  // MARK: Dynamic NTK

  private static func dynamic(_ attention: AttentionKind = .flash) throws -> EngineRunner {
    let weights = try weights()
    return EngineRunner(
      try ModelVariant(
        name: "dynamic", weights: weights, attention: attention,
        rotary: RotaryTables(weights.parameters, scaling: .dynamicNTK(factor: 3))))
  }

  /// All keys that a position sees turn by the table of its stage.
  private static func dynamicLogits(_ runner: EngineRunner) -> [[Float]] {
    let tables = runner.variant.rotary
    return floats(
      model.logits(
        text,
        angle: { key, query, pair in
          Double(query - key) * tables.stages[tables.stage(of: query)].frequencies[pair]
        }))
  }

  /// Keys are rounded to halves once more in each of six stages.
  @Test func `a dynamic rotation turns all keys by the table of the length`() throws {
    let runner = try Self.dynamic()
    let expected = Self.dynamicLogits(runner)
    for chunks in [[], [1], [7, 30]] {
      let result = try runner.logits(Self.text, chunks: chunks)
      #expect(greatestDifference(result, expected) < 2 * Self.tolerance, "\(chunks)")
    }
  }

  @Test func `a copy that enters the next stage leaves the original's keys`() throws {
    let runner = try Self.dynamic()
    let whole = try runner.logits(Self.text)
    var cache = runner.emptyCache()
    _ = try runner.logits(Self.text[..<31], &cache)
    var fork = cache
    _ = try runner.logits([1], &fork)
    _ = try runner.logits([2, 3, 4], &fork)
    #expect(fork.rotaryStage == 1 && cache.rotaryStage == 0)
    let next = try runner.logits(Self.text[31..<32], &cache)
    #expect(greatestDifference(next, [whole[31]]) < 1e-3)
  }

  @Test func `no room for a copy leaves everything as it was`() throws {
    let runner = try Self.dynamic()
    let page = runner.emptyCache().shape.byteCount
    let budget = CacheBudget(limitBytes: page)
    var cache = KeyValueCache(runner.emptyCache().shape, budget: budget, priority: .live)
    _ = try runner.logits(Self.text[..<32], &cache)
    var fork: KeyValueCache? = cache
    #expect(throws: TransformerError.self) { try runner.logits(Self.text[32..<33], &cache) }
    #expect(cache.length == 32 && cache.rotaryStage == 0)
    fork?.removeAll()
    fork = nil
    let next = try runner.logits(Self.text[32..<33], &cache)
    #expect(greatestDifference(next, [try runner.logits(Self.text)[32]]) < 1e-3)
  }

  @Test func `summaries are turned with their keys`() throws {
    let attention = AttentionKind.hybrid(try Hybrid(keys: 48, window: 16, denseLayers: 0))
    let runner = try Self.dynamic(attention)
    let byToken = try runner.logits(Self.text, chunks: [1])
    var cache = runner.emptyCache()
    _ = try runner.logits(Self.text[..<32], &cache)
    _ = try runner.logits(Self.text[32..<33], &cache)
    let turned = try #require(cache.page(0)?.summary(layer: 0, keyValueHead: 0))
    let summary = try #require(cache.shape.summary)
    let width = EngineTinyModel.headWidth
    var anew = [UInt16](repeating: 0, count: summary.elementCount(headWidth: width))
    for run in 0..<2 {
      cache.block(0, layer: 0, keyValueHead: 0)?.summarise(
        run: run, summary, headWidth: width, into: &anew, kernels: .fastest)
    }
    for channel in 0..<width {
      for run in 0..<2 {
        #expect(turned[channel * 4 + run] == anew[channel * 4 + run])
      }
    }
    #expect(byToken.joined().allSatisfy { $0.isFinite })
  }
}
