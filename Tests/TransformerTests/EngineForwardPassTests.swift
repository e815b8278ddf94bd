import Tensors
import Testing

@testable import Transformer

/// The forward pass against plain loops, on a model small enough for them.
struct EngineForwardPassTests {
  private static let model = EngineTinyModel()
  private static let text: [Token] = (0..<140).map {
    Token(($0 * 31 + $0 * $0 * 7) % EngineTinyModel.vocabularySize)
  }

  /// Logits are near 1; the KV cache's halves (2⁻¹¹) are the coarsest rounding on the way.
  private static let tolerance: Float = 5e-3

  private static func expected(shows: (Int, Int) -> Bool) -> [[Float]] {
    model.logits(text, shows: shows).map { $0.map { Float($0) } }
  }

  private static let unmasked = expected { _, _ in true }

  @Test(arguments: [AttentionKind.dense, .flash])
  func `logits equal the formulas`(attention: AttentionKind) throws {
    let runner = try EngineRunner(Self.model.weights(), attention)
    let difference = greatestDifference(try runner.logits(Self.text), Self.unmasked)
    #expect(difference < Self.tolerance)
  }

  /// Biases, and rotation of a head's halves, which the loader turns into that of neighbours.
  @Test(arguments: [("llama", true), ("qwen2", false), ("qwen2", true)], [AttentionKind.flash])
  func `the other models of the family equal their formulas`(
    family: (architecture: String, hasBiases: Bool), attention: AttentionKind
  ) throws {
    let model = EngineTinyModel(
      seed: 3, architecture: family.architecture, hasBiases: family.hasBiases)
    let text = Self.text.prefix(70)
    let expected = model.logits(Array(text)).map { $0.map { Float($0) } }
    let runner = try EngineRunner(model.weights(), attention)
    #expect(greatestDifference(try runner.logits(Array(text)), expected) < Self.tolerance)
    // Another rotation is another model: the difference would show.
    let other = EngineTinyModel(
      seed: 3, architecture: family.architecture == "llama" ? "qwen2" : "llama",
      hasBiases: family.hasBiases)
    let wrong = try EngineRunner(other.weights(), attention).logits(Array(text))
    #expect(greatestDifference(wrong, expected) > 20 * Self.tolerance)
  }

  @Test func `dense and flash agree`() throws {
    let weights = try Self.model.weights()
    let dense = try EngineRunner(weights, .dense).logits(Self.text)
    #expect(greatestDifference(try EngineRunner(weights, .flash).logits(Self.text), dense) < 1e-3)
  }

  /// How much 8 bits move the logits is measured on the real weights, in `EngineGoldenTests`.
  @Test(arguments: [AttentionKind.dense, .flash, .slidingWindow(window: 40, sinks: 3)])
  func `with 8-bit keys and values prefill in chunks equals prefill at once`(
    attention: AttentionKind
  ) throws {
    let weights = try Self.model.weights()
    let runner = try EngineRunner(weights, attention, cacheFormat: .q8)
    let eights = try runner.logits(Self.text)
    #expect(try runner.logits(Self.text, chunks: [7, 64, 1, 33]) == eights)
    #expect(try EngineRunner(weights, attention).logits(Self.text) != eights, "the format is used")
  }

  @Test func `the scalar kernels compute the same model`() throws {
    let variant = try ModelVariant(name: "scalar", weights: Self.model.weights())
    let runner = EngineRunner(variant, kernels: .scalar)
    #expect(greatestDifference(try runner.logits(Self.text), Self.unmasked) < Self.tolerance)
  }

  /// A window that slides over several blocks; the brute force sees every key and masks.
  @Test(arguments: [(20, 4), (1, 0), (70, 65)])
  func `a sliding window equals a mask`(window: Int, sinks: Int) throws {
    let runner = try EngineRunner(
      Self.model.weights(), .slidingWindow(window: window, sinks: sinks))
    let expected = Self.expected { key, query in key < sinks || query - key < window }
    for chunks in [[], [1], [10, 90]] {
      let result = try runner.logits(Self.text, chunks: chunks)
      #expect(greatestDifference(result, expected) < Self.tolerance)
    }
  }

  /// A row's bits do not depend on the rows beside it.
  @Test(arguments: [AttentionKind.dense, .flash, .slidingWindow(window: 40, sinks: 3)])
  func `prefill in chunks equals prefill at once`(attention: AttentionKind) throws {
    let runner = try EngineRunner(Self.model.weights(), attention)
    let whole = try runner.logits(Self.text)
    for chunks in [[1], [64], [7, 64, 1, 33]] {
      #expect(try runner.logits(Self.text, chunks: chunks) == whole)
    }
  }

  @Test func `a copied cache goes on by itself`() throws {
    let runner = try EngineRunner(Self.model.weights(), .flash)
    let whole = try runner.logits(Self.text)
    var cache = runner.emptyCache()
    _ = try runner.logits(Self.text[..<100], &cache)
    var fork = cache
    // Writes other tokens at positions 100… of the fork's last page.
    _ = try runner.logits([1, 2, 3, 4, 5], &fork)
    let rest = try runner.logits(Self.text[100...], &cache)
    #expect(greatestDifference(rest, Array(whole[100...])) < 1e-3)
  }

  @Test func `rows computed by helpers are the same`() throws {
    let runner = try EngineRunner(Self.model.weights(), .flash)
    let alone = try runner.logits(Self.text)
    let variant = runner.variant
    let helped = EngineRunner(
      variant, executor: Executor(kernels: .fastest, mode: .float32, lane: 1, lanes: 2))
    helped.executor.crew.open()
    let crew = helped.executor.crew
    let helper = ComputeThread { crew.help(lane: 0) }
    let result = try helped.logits(Self.text)
    crew.close()
    helper?.join()
    #expect(result == alone)
  }
}

extension EngineRunner {
  init(_ variant: ModelVariant, executor: Executor) {
    self.variant = variant
    self.executor = executor
  }
}
