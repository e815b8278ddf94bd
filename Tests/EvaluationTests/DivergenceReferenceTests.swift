import Foundation
import Testing
import Transformer

@testable import Evaluation

/// The statistics of `rollout evaluate` beside those of llama-perplexity's `--kl-divergence`, for
/// the same weights, texts and changes: `fixtures/evaluation/divergence.py`.
struct DivergenceReferenceTests {
  private struct Reference: Decodable {
    struct Statistics: Decodable {
      var tokens: Int
      var mean: Double
      var exact: Double
      var percentile99: Double
      var sameTop: Double
      var perplexityRatio: Double
    }

    var window: Int
    var windows: Int
    var variants: [String: Statistics]
  }

  private static let reference = Result {
    try JSONDecoder().decode(
      Reference.self,
      from: Data(
        contentsOf: EvaluationModel.root.appending(path: "fixtures/evaluation/divergence.json")))
  }

  /// llama.cpp rounds activations to 8 bits, which leaves a divergence of about a thousandth of a
  /// nat by itself, and moves the divergence from a changed model by less than a twentieth of it.
  @Test(arguments: ["linear:2", "ntk:2"])
  func `mean, 99th percentile, equal first tokens and ratio are the reference's`(
    change: String
  ) async throws {
    let reference = try Self.reference.get()
    let expected = try #require(reference.variants[change])
    let model = try EvaluationModel.loaded()
    let text = try model.novel("northanger-abbey")
    let (dense, changed) = (try model.variant("flash"), try model.variant("flash,\(change)"))
    var tally = DivergenceTally()
    for window in 0..<reference.windows {
      let tokens = Array(text[window * reference.window..<(window + 1) * reference.window])
      let comparison = try await model.engine.compare(
        tokens, scoringFrom: reference.window / 2 + 1, reference: dense, candidates: [changed])
      tally.add(comparison.candidates[0], reference: comparison.reference)
    }
    #expect(tally.divergences.count == expected.tokens)
    let mean = self.mean(tally.divergences)
    #expect(abs(mean / expected.exact - 1) < 0.05, "\(mean), \(expected.exact)")
    // What it leaves out, and keeps in 16 bits, is less than that.
    #expect(abs(mean / expected.mean - 1) < 0.05, "\(mean), \(expected.mean)")
    // The one that 99 of 100 do not exceed, where the reference is between two neighbours.
    let percentile = try #require(tally.percentile99)
    #expect(
      abs(percentile / expected.percentile99 - 1) < 0.15,
      "\(percentile), \(expected.percentile99)")
    let sameTop = self.mean(tally.sameTops)
    #expect(abs(sameTop - expected.sameTop) < 0.02, "\(sameTop), \(expected.sameTop)")
    // Every block has as many tokens as every other.
    let ratio = exp(self.mean(tally.logRatios))
    #expect(
      abs(ratio / expected.perplexityRatio - 1) < 0.02, "\(ratio), \(expected.perplexityRatio)")
  }

  private func mean(_ values: [Double]) -> Double {
    values.reduce(0, +) / Double(max(1, values.count))
  }
}
