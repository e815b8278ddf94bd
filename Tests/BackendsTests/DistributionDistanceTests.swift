import Backends
import Experimentation
import Foundation
import OpenAIAPI
import Testing

/// How far variants are from each other along an answer, on the real weights.
@Suite(.serialized) struct DistributionDistanceTests {
  private static let question = "Write two sentences about the sea."

  @Test func `a variant that computes the same is at no distance`() async throws {
    let dense = try EmbeddedModel.backend("dense")
    let flash = try EmbeddedModel.backend("flash", attention: .flash)
    let answer = try await dense.given(Self.question)
    let distance = try #require(try await flash.distance(from: dense, along: answer))
    // Sums in another order: logits differ by less than 1e-3.
    let divergence = try #require(distance.divergence)
    #expect(divergence < 1e-5 && !distance.isBound)
    #expect(abs(distance.perplexityRatio - 1) < 1e-3)
    #expect(distance.tokens > 2 * (answer.trace?.tokens.count ?? 0))
  }

  @Test func `one that forgets most of the prompt is far away`() async throws {
    let dense = try EmbeddedModel.backend("dense")
    let window = try EmbeddedModel.backend(
      "window", attention: .slidingWindow(window: 16, sinks: 0))
    let answer = try await dense.given(Self.question)
    let distance = try #require(try await window.distance(from: dense, along: answer))
    let divergence = try #require(distance.divergence)
    #expect(divergence > 0.1)
    #expect(distance.perplexityRatio > 1.1, "the incumbent's own greedy answer is its likeliest")
  }

  @Test func `another vocabulary, no answer, or a server that does not score cannot be told`()
    async throws
  {
    let dense = try EmbeddedModel.backend("dense")
    let answer = try await dense.given(Self.question)
    var foreign = answer
    foreign.trace = TokenTrace(vocabulary: "other", tokens: [1], top: [1])
    #expect(try await dense.distance(from: dense, along: foreign) == nil)
    var empty = answer
    empty.trace?.tokens = []
    empty.trace?.top = []
    empty.text = ""
    #expect(try await dense.distance(from: dense, along: empty) == nil)
    let server = try UpstreamBackend(
      model: modelName("server"),
      specification: UpstreamSpecification(url: "http://127.0.0.1:9/v1", model: "m"),
      environment: { _ in nil })
    #expect(try await dense.distance(from: server, along: answer) == nil)
    #expect(try await server.distance(from: dense, along: answer) == nil)
  }

  /// A price changes nothing of what a model holds.
  @Test func `a backend with a price is read as it is`() async throws {
    let dense = try EmbeddedModel.backend("dense")
    let answer = try await dense.given(Self.question, maxTokens: 8)
    let priced = PricedBackend(
      dense, price: Price(inputPerMillion: 1, outputPerMillion: 1, currency: "EUR"))
    let distance = try #require(try await priced.distance(from: dense, along: answer))
    #expect(distance.sameTop == 1 && abs(distance.perplexityRatio - 1) < 1e-9)
  }
}
