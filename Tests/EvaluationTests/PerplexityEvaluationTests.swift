import Foundation
import Testing
import Transformer

@testable import Evaluation

/// Perplexity and divergence of real variants of the real weights, on short windows.
struct PerplexityEvaluationTests {
  @Test func `a window without sinks is told apart from one with, and flash from neither`()
    async throws
  {
    let model = try EvaluationModel.loaded()
    let text = try model.novel("persuasion")
    let windows = try TextWindows([text], context: 320, stride: 128, scoredTokens: 256)
    let evaluation = PerplexityEvaluation(
      engine: model.engine, reference: try model.variant("dense"),
      candidates: try ["flash", "window:60+4", "window:64+0"].map(model.variant))
    let reports = try await evaluation.run(windows) { _ in }
    #expect(reports.map(\.variant) == ["dense", "flash", "window:60+4", "window:64+0"])
    #expect(reports.allSatisfy { $0.scoredTokens == 256 && $0.windows == 2 && $0.blocks == 2 })
    let differences = reports.dropFirst().compactMap(\.difference)
    #expect(reports[0].difference == nil && differences.count == 3)
    // The gate for exact variants; f16 caches and the order of sums leave about 1e-6.
    #expect(differences[0].meanDivergence.estimate < 1e-4)
    #expect(differences[0].sameTop.estimate >= 0.99)
    #expect(abs(differences[0].logRatio.estimate) < 1e-3)
    // Without sinks this model breaks; with them a window only forgets.
    #expect(differences[1].meanDivergence.estimate > 0.001)
    #expect(
      differences[2].meanDivergence.estimate > 3 * differences[1].meanDivergence.estimate)
    #expect(differences[2].sameTop.estimate < differences[1].sameTop.estimate)
    for (report, difference) in zip(reports.dropFirst(), differences) {
      // ln(ppl / ppl) is the mean of the logarithms' differences, summed in another order.
      let ratio = log(report.perplexity / reports[0].perplexity)
      #expect(abs(ratio - difference.logRatio.estimate) < 1e-9)
      #expect(
        (difference.logRatio.lower ?? 0) <= ratio && ratio <= (difference.logRatio.upper ?? 0))
    }
  }

  /// One forward pass over a window against one over each token's own prefix.
  @Test func `each scored token has the probability that its prefix gives it`() async throws {
    let model = try EvaluationModel.loaded()
    let text = Array(try model.novel("northanger-abbey").prefix(40))
    let flash = try model.variant("flash")
    let comparison = try await model.engine.compare(
      text, scoringFrom: 36, reference: flash, candidates: [flash])
    #expect(comparison.tokens == Array(text[36...]))
    for (index, place) in (36..<40).enumerated() {
      let score = try await model.engine.score(
        prompt: Array(text[..<place]), continuation: [text[place]], on: flash)
      // Other tiles, other order of sums.
      #expect(abs(score.logProbability - comparison.reference[index]) < 1e-3)
      #expect(comparison.candidates[0][index].divergence == 0)
      #expect(comparison.candidates[0][index].hasSameTop)
    }
  }

  @Test func `a length beyond a variant's context is refused with what to write`() async throws {
    let model = try EvaluationModel.loaded()
    let windows = try TextWindows(
      [[Token](repeating: 1, count: 8_300)], context: 8_200, stride: 100, scoredTokens: 1)
    let evaluation = PerplexityEvaluation(
      engine: model.engine, reference: try model.variant("flash"), candidates: [])
    let error = await #expect(throws: EvaluationError.self) {
      try await evaluation.run(windows) { _ in }
    }
    #expect(error?.message.contains("',context:8200'") == true)
  }

  @Test func `a cancelled evaluation ends`() async throws {
    let model = try EvaluationModel.loaded()
    let text = try model.novel("persuasion")
    let windows = try TextWindows([text], context: 1_024, stride: 1, scoredTokens: 1_000)
    let evaluation = PerplexityEvaluation(
      engine: model.engine, reference: try model.variant("flash"), candidates: [])
    let task = Task { try await evaluation.run(windows) { _ in } }
    task.cancel()
    await #expect(throws: (any Error).self) { try await task.value }
  }
}
