import Foundation
import Tensors
import Testing

@testable import Transformer

/// How a gate learns: the slopes by finite differences, and that learning helps.
struct GateLearningTests {
  private static let text: [Token] = (0..<192).map {
    Token(($0 * 31 + $0 * $0 * 7) % EngineTinyModel.vocabularySize)
  }

  private static func examples(_ text: [Token]) throws -> GateExamples {
    try GateExamples(
      text, of: EngineTinyModel().weights(), blockSize: 16,
      on: Executor(kernels: .fastest, mode: .float32, lane: 0, lanes: 1))
  }

  @Test func `examples hold the attention of the model`() throws {
    let examples = try Self.examples(Self.text)
    #expect(examples.places.count == EngineTinyModel.blockCount * EngineTinyModel.keyValueHeads)
    for place in examples.places {
      #expect(place.queries.count == examples.tileCount * examples.shape.headCount)
      #expect(place.keys.count == examples.blockCount * 3 * examples.shape.headWidth)
      for tile in 0..<examples.tileCount {
        let row = place.masses[tile * examples.blockCount..<(tile + 1) * examples.blockCount]
        // Softmax weights: they add up to 1 within rounding, and none lies in the future.
        #expect(abs(row.reduce(0, +) - 1) < 1e-4)
        #expect(row.dropFirst(tile + 1).allSatisfy { $0 == 0 })
      }
      for block in 0..<examples.blockCount {
        let width = examples.shape.headWidth
        let keys = Array(place.keys[block * 3 * width..<(block + 1) * 3 * width])
        for channel in 0..<width {
          // Halves of numbers near 1.
          #expect(keys[channel] <= keys[width + channel] + 2e-3)
          #expect(keys[channel] >= keys[2 * width + channel] - 2e-3)
        }
      }
    }
  }

  /// Central differences of a loss in floats near 2: rounding (2⁻²²) over twice the step of 2⁻⁷
  /// gives 2e-5; the third derivative less.
  @Test func `slopes are those of finite differences`() throws {
    let examples = try Self.examples(Self.text)
    let objective = GateObjective(shape: examples.shape, blockSize: 16, window: 16, sinks: 4)
    let place = try #require(examples.places.last)
    var generator = SplitMix64(seed: 5)
    let weights = GateTrainer.beginning(examples.shape).map {
      $0 + 0.1 * Float(generator.uniform() - 0.5)
    }
    func loss(_ weights: [Float]) throws -> Double {
      try #require(
        objective.gradient(
          weights, place, tiles: examples.tileCount, blocks: examples.blockCount)
      ).loss
    }
    let gradient = try #require(
      objective.gradient(weights, place, tiles: examples.tileCount, blocks: examples.blockCount)
    ).gradient
    #expect((gradient.map(abs).max() ?? 0) > 1e-2)
    let step: Float = 1.0 / 128
    for index in stride(from: 0, to: weights.count, by: 17) {
      var (above, below) = (weights, weights)
      above[index] += step
      below[index] -= step
      let slope = try (loss(above) - loss(below)) / Double(2 * step)
      #expect(abs(slope - Double(gradient[index])) < 5e-4, "weight \(index)")
    }
  }

  @Test func `distilling is repeatable, lowers the loss, and finds more of the attention`()
    async throws
  {
    var distillation = GateDistillation()
    distillation.window = 16
    distillation.steps = 40
    distillation.rate = 0.02
    distillation.budgets = [64]
    let weights = try EngineTinyModel().weights()
    var results: [GateDistillation.Result] = []
    for threads in [1, 2] {
      distillation.threads = threads
      // On its own text: a random model says nothing about others.
      results.append(
        try await distillation.distil(
          weights, modelDigest: GateSelectionTests.digest, training: [Self.text],
          heldOut: [Self.text]))
    }
    #expect(results[0].gate.weights == results[1].gate.weights)
    let report = try #require(results.first).report
    #expect(report == results[1].report)
    let (learned, quest) = (try #require(report.loss["gate"]), try #require(report.loss["quest"]))
    #expect(learned < quest)
    let seen = try #require(report.seen[64])
    let (gate, best) = (try #require(seen["gate"]), try #require(seen["best"]))
    let bound = try #require(seen["quest"])
    #expect(gate > bound)
    #expect(gate <= best)
  }

  /// Two pieces of one novel, 448 tokens each: few, and enough to predict more than Quest's
  /// bound does.
  @Test func `a few steps on the real weights help on text that was not learned`() async throws {
    let text = try #require(
      String(bytes: TestModel.fixture("texts/persuasion.txt").prefix(8_000), encoding: .utf8))
    let tokens = try TestModel.tokenizer().encode(text, special: false)
    var distillation = GateDistillation()
    distillation.steps = 4
    distillation.rate = 0.01
    distillation.budgets = [256]
    let result = try await distillation.distil(
      Weights(TestModel.file()), modelDigest: GateSelectionTests.digest,
      training: [Array(tokens[..<448])], heldOut: [Array(tokens[448..<896])])
    let (learned, quest) = (
      try #require(result.report.loss["gate"]), try #require(result.report.loss["quest"])
    )
    #expect(learned < quest)
    #expect(result.gate.weights.allSatisfy { $0.isFinite })
  }

  @Test func `windows without whole pages are refused`() throws {
    let error = #expect(throws: TransformerError.self) {
      try Self.examples(Array(Self.text[..<65]))
    }
    #expect(error?.code == .invalidRequest)
  }
}
