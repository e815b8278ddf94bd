import Statistics
import Testing
import Transformer

@testable import Evaluation

/// Keys hidden in text, found by the real weights.
struct PasskeyTests {
  private static func task(length: Int, seed: UInt64) throws -> PasskeyTask {
    let model = try EvaluationModel.loaded()
    var generator = SeededGenerator(seed: seed)
    return try PasskeyTask(
      length: length, template: model.template, tokenizer: model.tokenizer, generator: &generator)
  }

  @Test func `a question fills its length, and its key is in it`() throws {
    let tokenizer = try EvaluationModel.loaded().tokenizer
    for seed in 1...5 as ClosedRange<UInt64> {
      let task = try Self.task(length: 600, seed: seed)
      let room = 600 - PasskeyTask.answerTokens
      // A sentence of the filler has at most seven tokens.
      #expect((room - 8...room).contains(task.prompt.count))
      let text = String(decoding: task.prompt.flatMap(tokenizer.bytes(of:)), as: UTF8.self)
      #expect(text.contains("The pass key is \(task.key). Remember it."))
      #expect(task.key.count == 5)
    }
  }

  @Test func `the same seed asks the same question, another one another`() throws {
    #expect(try Self.task(length: 300, seed: 1) == Self.task(length: 300, seed: 1))
    #expect(try Self.task(length: 300, seed: 1) != Self.task(length: 300, seed: 2))
    #expect(throws: EvaluationError.self) { try Self.task(length: 100, seed: 1) }
  }

  @Test func `full attention finds keys that a narrow window has forgotten`() async throws {
    let model = try EvaluationModel.loaded()
    let evaluation = PasskeyEvaluation(
      engine: model.engine, tokenizer: model.tokenizer, template: model.template)
    let reports = try await evaluation.run(
      ["flash", "window:28+4"].map(model.variant), length: 400, trials: 4, seed: 3
    ) { _ in }
    #expect(reports[0].found >= 3)
    #expect(reports[1].found <= 1)
    #expect(reports.allSatisfy { $0.trials == 4 && $0.lower <= $0.upper })
  }
}
