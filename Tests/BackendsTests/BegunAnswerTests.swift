import Backends
import OpenAIAPI
import Testing

/// A conversation that ends otherwise than with the model's turn, on the real weights.
@Suite(.serialized) struct BegunAnswerTests {
  private static let question = "Write two sentences about the sea."

  @Test func `an answer that has begun is gone on with as it was`() async throws {
    let backend = try EmbeddedModel.backend()
    let whole = try await backend.collect(Call(.greedy(Self.question, maxTokens: 12)))
    // Cut before a word, where tokens are cut too.
    let words = whole.text().split(separator: " ", omittingEmptySubsequences: false)
    let begun = words.prefix(3).joined(separator: " ")
    var request = ChatCompletionRequest.greedy(Self.question, maxTokens: 9)
    request.messages.append(ChatMessage(.assistant, begun))
    (request.addGenerationPrompt, request.continueFinalMessage) = (false, true)
    let rest = try await backend.collect(Call(request))
    #expect((begun + rest.text()).hasPrefix(whole.text().prefix(begun.count + 12)))
    #expect(!rest.text().isEmpty && !begun.isEmpty)
  }

  @Test func `what is told of it goes on behind what is told of the question`() async throws {
    let backend = try EmbeddedModel.backend()
    func logprobs(_ change: (inout ChatCompletionRequest) -> Void) async throws -> PromptLogprobs {
      var request = ChatCompletionRequest.greedy(Self.question, maxTokens: 1)
      request.promptLogprobs = 20
      change(&request)
      let answer = try await backend.collect(Call(request))
      let told = try #require(answer.pieces.compactMap(\.promptLogprobs).first)
      #expect(told.positions.count == answer.summary?.usage?.promptTokens)
      return told
    }
    let answer = try await backend.given(Self.question, maxTokens: 12)
    let alone = try await logprobs { _ in }
    let whole = try await logprobs {
      $0.messages.append(ChatMessage(.assistant, answer.text))
      ($0.addGenerationPrompt, $0.continueFinalMessage) = (false, true)
    }
    let count = alone.positions.count
    let tokens = whole.positions.map { $0?[0].token }
    #expect(Array(tokens[..<count]) == alone.positions.map { $0?[0].token })
    let places = whole.positions[count...].compactMap { $0 }
    let given = try #require(answer.trace?.tokens)
    #expect(tokens[count...].compactMap { $0 } == given.prefix(places.count).map { Int($0) })
    // The answer is the model's own greedy one.
    #expect(places.allSatisfy { $0[0].rank == 1 })
    let scored = try #require(try await backend.score(answer))
    #expect(scored.places.map { $0.map(\.token) } == places.map { $0.map(\.token) })
    for (one, other) in zip(scored.places, places) {
      // Chunks of other sizes, so that sums have another order.
      #expect(abs(one[0].logprob - other[0].logprob) < 1e-3)
    }
  }

  @Test func `a conversation may end with a turn that is over`() async throws {
    let backend = try EmbeddedModel.backend()
    func promptTokens(_ adds: Bool?) async throws -> Int? {
      var request = ChatCompletionRequest.greedy(Self.question, maxTokens: 1)
      request.addGenerationPrompt = adds
      return try await backend.collect(Call(request)).summary?.usage?.promptTokens
    }
    let usual = try #require(try await promptTokens(nil))
    #expect(try await promptTokens(true) == usual)
    // "<|im_start|>", "assistant", "\n".
    let ended = try #require(try await promptTokens(false))
    // "<|im_start|>", "ass", "istant", "\n".
    #expect(ended == usual - 4)
  }
}
