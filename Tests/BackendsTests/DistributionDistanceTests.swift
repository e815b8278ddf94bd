import Backends
import Experimentation
import Foundation
import OpenAIAPI
import Testing

/// How far variants are from each other along an answer, on the real weights.
@Suite(.serialized) struct DistributionDistanceTests {
  private static let question = ChatCompletionRequest.greedy(
    "Write two sentences about the sea.", maxTokens: 24)

  private func trace(of backend: EmbeddedBackend) async throws -> TokenTrace {
    let answer = try await backend.collect(Call(Self.question))
    return try #require(answer.summary?.trace)
  }

  @Test func `a variant that computes the same is at no distance`() async throws {
    let dense = try EmbeddedModel.backend("dense")
    let flash = try EmbeddedModel.backend("flash", attention: .flash)
    let trace = try await trace(of: dense)
    let distance = try #require(
      try await flash.distance(from: dense, after: .chat(Self.question), along: trace))
    // Sums in another order: logits differ by less than 1e-3.
    #expect(distance.divergence < 1e-5)
    #expect(abs(distance.perplexityRatio - 1) < 1e-3)
    #expect(distance.tokens > 2 * trace.tokens.count)
  }

  @Test func `one that forgets most of the prompt is far away`() async throws {
    let dense = try EmbeddedModel.backend("dense")
    let window = try EmbeddedModel.backend(
      "window", attention: .slidingWindow(window: 16, sinks: 0))
    let trace = try await trace(of: dense)
    let distance = try #require(
      try await window.distance(from: dense, after: .chat(Self.question), along: trace))
    #expect(distance.divergence > 0.1)
    #expect(distance.perplexityRatio > 1.1, "the incumbent's own greedy answer is its likeliest")
  }

  @Test func `another vocabulary, no answer, or a server cannot be told`() async throws {
    let dense = try EmbeddedModel.backend("dense")
    let foreign = TokenTrace(vocabulary: "other", tokens: [1], top: [1])
    let prompt = Call.Prompt.chat(Self.question)
    #expect(try await dense.distance(from: dense, after: prompt, along: foreign) == nil)
    var empty = try await trace(of: dense)
    (empty.tokens, empty.top) = ([], [])
    #expect(try await dense.distance(from: dense, after: prompt, along: empty) == nil)
    let priced = PricedBackend(
      dense, price: Price(inputPerMillion: 1, outputPerMillion: 1, currency: "EUR"))
    let trace = try await trace(of: dense)
    #expect(try await dense.distance(from: priced, after: prompt, along: trace) == nil)
  }
}
