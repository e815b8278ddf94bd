import Foundation
import Testing

@testable import Transformer

/// Distributions of several variants along one text, with a small random model.
struct EngineComparisonTests {
  private static let text = (0..<300).map { Token($0 * 31 % 70) }

  private static func variants() throws -> [ModelVariant] {
    let weights = try EngineTinyModel().weights()
    return try [
      AttentionKind.dense, .flash, .slidingWindow(window: 40, sinks: 2),
      .slidingWindow(window: 10, sinks: 0),
    ].map { try ModelVariant(name: "\($0)", weights: weights, attention: $0) }
  }

  private static func engine(threads: Int = 2) throws -> Engine {
    var configuration = Engine.Configuration()
    configuration.threads = threads
    return try Engine(configuration)
  }

  /// 300 tokens are two chunks, and 290 scored rows many groups of 16.
  @Test func `divergences are those of the whole distributions`() async throws {
    let variants = try Self.variants()
    let comparison = try await Self.engine().compare(
      Self.text, scoringFrom: 10, reference: variants[0], candidates: Array(variants[1...]))
    let logits = try variants.map { try EngineRunner($0).logits(Self.text) }
    #expect(comparison.tokens == Array(Self.text[10...]))
    for (candidate, tokens) in comparison.candidates.enumerated() {
      let mean = tokens.reduce(0) { $0 + $1.divergence } / Double(tokens.count)
      let expected = meanDivergence(
        Array(logits[0][9..<299]), Array(logits[candidate + 1][9..<299]))
      // Single-precision weights and logarithms on either side.
      #expect(abs(mean - expected) <= 2e-6 + 1e-4 * expected)
      for (index, token) in tokens.enumerated() {
        let rows = (logits[0][9 + index], logits[candidate + 1][9 + index])
        let tops = (
          rows.0.indices.max { rows.0[$0] < rows.0[$1] },
          rows.1.indices.max { rows.1[$0] < rows.1[$1] }
        )
        #expect(token.hasSameTop == (tops.0 == tops.1))
        #expect(token.divergence >= 0)
      }
    }
    let means = comparison.candidates.map { $0.reduce(0) { $0 + $1.divergence } }
    #expect(means[0] < means[1] && means[1] < means[2])
  }

  @Test func `log-probabilities are those that scoring gives`() async throws {
    let variants = try Self.variants()
    let engine = try Self.engine(threads: 1)
    let comparison = try await engine.compare(
      Self.text, scoringFrom: 290, reference: variants[1], candidates: [variants[2]])
    for (variant, values) in [
      (variants[1], comparison.reference),
      (variants[2], comparison.candidates[0].map(\.logProbability)),
    ] {
      let score = try await engine.score(
        prompt: Array(Self.text[..<290]), continuation: Array(Self.text[290...]), on: variant)
      for (token, value) in zip(score.tokens, values) {
        #expect(abs(token.logProbability - value) < 1e-5)
      }
    }
    #expect(engine.load.cacheBytes == 0)
  }

  @Test func `ranks count the tokens that are likelier`() async throws {
    let variant = try Self.variants()[1]
    let engine = try Self.engine()
    let score = try await engine.score(
      prompt: [1], continuation: Array(Self.text[..<20]), alternatives: 4, on: variant)
    let logits = try EngineRunner(variant).logits([1] + Self.text[..<19])
    for (token, row) in zip(score.tokens, logits) {
      #expect(token.rank == 1 + row.filter { $0 > row[Int(token.token)] }.count)
      #expect(token.alternatives.count == 4 && token.alternatives[0].token == token.best)
      #expect(token.alternatives[0].logProbability == token.bestLogProbability)
    }
    let plain = try await engine.score(prompt: [1], continuation: [2], on: variant)
    #expect(plain.tokens[0].rank == nil && plain.tokens[0].alternatives.isEmpty)
  }

  @Test func `what cannot be compared is refused`() async throws {
    let variants = try Self.variants()
    let stranger = try ModelVariant(name: "other", weights: EngineTinyModel(seed: 2).weights())
    let engine = try Self.engine()
    func code(_ text: [Token], _ first: Int, _ others: [ModelVariant]) async
      -> TransformerError.Code?
    {
      await errorCode {
        _ = try await engine.compare(
          text, scoringFrom: first, reference: variants[0], candidates: others)
      }
    }
    #expect(await code(Self.text, 0, []) == .invalidRequest)
    #expect(await code(Self.text, 300, []) == .invalidRequest)
    #expect(await code([1], 1, []) == .invalidRequest)
    #expect(await code([1, 99], 1, []) == .invalidRequest)
    #expect(await code(Self.text, 1, [stranger]) == .invalidRequest)
    #expect(
      await code(Self.text, 1, [ModelVariant](repeating: variants[1], count: 17))
        == .invalidRequest)
    #expect(await code([Token](repeating: 1, count: 513), 1, []) == .promptTooLong)
    #expect(engine.load.cacheBytes == 0)
  }
}
