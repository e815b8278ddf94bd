import Foundation
import Tensors
import Testing

@testable import Transformer

/// Attention to blocks that a gate chooses: on a small model, beside the scorings that a gate can
/// be set to.
struct GateSelectionTests {
  private static let text: [Token] = (0..<96).map {
    Token(($0 * 29 + $0 * $0 * 5) % EngineTinyModel.vocabularySize)
  }

  static let digest = String(repeating: "0a", count: 32)

  /// A gate whose heads all have the same weights for mean, greatest and least.
  static func gate(mean: Float, ranges: Float, blockSize: Int = 16) throws -> Gate {
    let shape = Gate.Shape(
      layers: EngineTinyModel.blockCount, keyValueHeads: EngineTinyModel.keyValueHeads,
      group: EngineTinyModel.heads / EngineTinyModel.keyValueHeads,
      headWidth: EngineTinyModel.headWidth)
    let head = GateTrainer.weights(shape, mean: mean, ranges: ranges)
    return try Gate(
      shape, blockSize: blockSize, modelDigest: digest,
      weights: (0..<shape.layers * shape.keyValueHeads).flatMap { _ in head })
  }

  /// Online softmax against one softmax over halves: as for every exact variant.
  @Test(arguments: [16, 32, 64], [[], [1], [10, 90]])
  func `everything selected is dense attention`(blockSize: Int, chunks: [Int]) throws {
    let weights = try EngineTinyModel().weights()
    let dense = try EngineRunner(weights, .dense).logits(Self.text)
    let gated = try Gated(Self.gate(mean: 1, ranges: -2, blockSize: blockSize), keys: 400)
    let logits = try EngineRunner(weights, .gated(gated)).logits(Self.text, chunks: chunks)
    #expect(greatestDifference(logits, dense) < 1e-3)
  }

  /// The scores differ by a factor and by rounding; a tie within rounding would show as a great
  /// difference, and this text has none.
  @Test(arguments: [[], [1]])
  func `set to a paper's weights, a gate chooses as the paper does`(chunks: [Int]) throws {
    let weights = try EngineTinyModel(seed: 3).weights()
    for (mean, ranges, selection) in [
      (Float(1), Float(0), Hybrid.Selection.means), (0, 1, .quest),
    ] {
      let hybrid = try Hybrid(selection, keys: 64, window: 16, sinks: 4, denseLayers: 0)
      let gated = try Gated(
        Self.gate(mean: mean, ranges: ranges), keys: 64, window: 16, sinks: 4, denseLayers: 0)
      let expected = try EngineRunner(weights, .hybrid(hybrid)).logits(Self.text, chunks: chunks)
      let logits = try EngineRunner(weights, .gated(gated)).logits(Self.text, chunks: chunks)
      #expect(greatestDifference(logits, expected) < 1e-4, "\(selection)")
      let other = try EngineRunner(weights, .flash).logits(Self.text)
      #expect(greatestDifference(logits, other) > 1e-2, "nothing was left out")
    }
  }

  @Test func `a choice does not depend on where its chunk began`() throws {
    let weights = try EngineTinyModel().weights()
    let gated = try Gated(
      Self.gate(mean: 0.5, ranges: 1), keys: 64, window: 16, sinks: 4, denseLayers: 0)
    let runner = try EngineRunner(weights, .gated(gated))
    let whole = try runner.logits(Self.text)
    for chunks in [[16], [64, 16], [32, 48]] {
      let result = try runner.logits(Self.text, chunks: chunks)
      #expect(greatestDifference(result, whole) < 1e-3, "\(chunks)")
    }
  }

  /// One token is one tile, whether a text is read or written.
  @Test func `a token chooses alike read and written`() throws {
    let weights = try EngineTinyModel().weights()
    let gated = try Gated(
      Self.gate(mean: 0.5, ranges: 1), keys: 64, window: 16, sinks: 4, denseLayers: 0)
    let runner = try EngineRunner(weights, .gated(gated))
    var read = runner.emptyCache()
    _ = try runner.logits(Self.text[..<90], &read)
    var written = read
    for token in Self.text[90...] {
      let first = try runner.logits([token], &read)
      let second = try runner.logits([token], &written, isPrefill: false)
      #expect(greatestDifference(first, second) < 1e-3)
    }
  }

  @Test func `a gate of another shape of model is refused`() throws {
    let shape = Gate.Shape(layers: 2, keyValueHeads: 2, group: 3, headWidth: 64)
    let gate = try Gate(
      shape, blockSize: 16, modelDigest: Self.digest,
      weights: [Float](repeating: 1, count: shape.weightCount))
    let weights = try EngineTinyModel().weights()
    let error = #expect(throws: TransformerError.self) {
      try ModelVariant(
        name: "gated", weights: weights, attention: .gated(try Gated(gate, keys: 256)))
    }
    #expect(error?.code == .invalidRequest)
  }

  @Test func `a gate that leaves nothing to choose is refused`() throws {
    let gate = try Self.gate(mean: 1, ranges: 1)
    let error = #expect(throws: TransformerError.self) { try Gated(gate, keys: 150) }
    #expect(error?.code == .invalidRequest)
  }
}
