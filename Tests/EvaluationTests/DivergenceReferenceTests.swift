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

  /// The reference goes over between YaRN's frequencies by pairs; `rollout evaluate` takes the
  /// paper's way, by turns.
  @Test(arguments: [
    ("linear:2", RotaryScaling.linear(factor: 2)), ("ntk:2", .ntk(factor: 2)),
    ("yarn:2", .yarn(factor: 2, ramp: .pairs)),
  ])
  func `mean, 99th percentile, equal first tokens and ratio are the reference's`(
    change: String, scaling: RotaryScaling
  ) async throws {
    let reference = try Self.reference.get()
    let expected = try #require(reference.variants[change])
    let model = try EvaluationModel.loaded()
    let text = try model.novel("northanger-abbey")
    let tables = try RotaryTables(model.weights.parameters, scaling: scaling)
    let changed = try ModelVariant(
      name: change, weights: model.weights, attention: .flash, rotary: tables,
      contextLength: tables.contextLength)
    let dense = try model.variant("flash")
    var tally = DivergenceTally()
    for window in 0..<reference.windows {
      let tokens = Array(text[window * reference.window..<(window + 1) * reference.window])
      let comparison = try await model.engine.compare(
        tokens, scoringFrom: reference.window / 2 + 1, reference: dense, candidates: [changed])
      tally.add(comparison.candidates[0], reference: comparison.reference)
    }
    #expect(tally.divergences.count == expected.tokens)
    let mean = self.mean(tally.divergences)
    #expect(abs(mean / expected.exact - 1) < 0.01, "\(mean), \(expected.exact)")
    // What it leaves out, and keeps in 16 bits, is less than that.
    #expect(abs(mean / expected.mean - 1) < 0.02, "\(mean), \(expected.mean)")
    // The reference's percentile lies between two neighbours, ours is the upper one of them.
    let ordered = tally.divergences.sorted()
    let place = 0.99 * Double(ordered.count - 1)
    let (low, high) = (ordered[Int(place)], ordered[Int(place) + 1])
    let between = low + (place - place.rounded(.down)) * (high - low)
    #expect(
      abs(between / expected.percentile99 - 1) < 0.02, "\(between), \(expected.percentile99)")
    #expect(tally.percentile99 == high)
    let sameTop = self.mean(tally.sameTops)
    #expect(abs(sameTop - expected.sameTop) < 0.005, "\(sameTop), \(expected.sameTop)")
    // Every block has as many tokens as every other.
    let ratio = exp(self.mean(tally.logRatios))
    #expect(
      abs(ratio / expected.perplexityRatio - 1) < 0.001, "\(ratio), \(expected.perplexityRatio)")
  }

  private func mean(_ values: [Double]) -> Double {
    values.reduce(0, +) / Double(max(1, values.count))
  }
}
