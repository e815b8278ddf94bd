import Backends
import Experimentation
import OpenAIAPI
import TestPeers
import Testing

/// What a model holds of the prompt itself, asked for as vLLM and the legacy API spell it.
struct PromptLogprobsTests {
  private static let tokens = [504, 3575, 282, 4649, 314]

  private static func request(
    _ change: (inout CompletionRequest) -> Void = { _ in }
  ) -> CompletionRequest {
    var request = CompletionRequest(model: "assistant", prompt: .tokens(tokens))
    request.sampling.temperature = 0
    request.maxTokens = 1
    change(&request)
    return request
  }

  @Test func `an echo begins with the prompt, and its first token has no probability`()
    async throws
  {
    let backend = try EmbeddedModel.backend()
    let echoed = try await backend.collect(
      Call(
        Self.request {
          $0.echo = true
          $0.logprobs = 2
        }))
    let plain = try await backend.collect(Call(Self.request { $0.logprobs = 2 }))
    #expect(echoed.text() == "The capital of France is" + plain.text())
    let logprobs = echoed.pieces.flatMap { $0.logprobs?.content ?? [] }
    #expect(logprobs.count == 6)
    #expect(logprobs.map(\.isFirstOfText) == [true, false, false, false, false, false])
    #expect(logprobs.dropFirst().allSatisfy { $0.alternatives.count == 2 && $0.logprob < 0 })
    let own = plain.pieces.flatMap { $0.logprobs?.content ?? [] }
    #expect(own.count == 1 && logprobs.last?.token == own[0].token)
    // Read in chunks of another size, so that sums have another order.
    #expect(abs((logprobs.last?.logprob ?? 0) - own[0].logprob) < 1e-3)
  }

  @Test func `no tokens may be asked for, and then none are drawn`() async throws {
    let answer = try await EmbeddedModel.backend().collect(
      Call(
        Self.request {
          $0.maxTokens = 0
          $0.echo = true
        }))
    #expect(answer.text() == "The capital of France is")
    #expect(answer.finishReason() == .length)
    let usage = Usage(promptTokens: 5, completionTokens: 0, cachedPromptTokens: 0)
    #expect(answer.summary?.usage == usage)
  }

  @Test func `each token of the prompt comes with its rank and the likeliest ones`() async throws {
    let answer = try await EmbeddedModel.backend().collect(
      Call(Self.request { $0.promptLogprobs = 3 }))
    let positions = try #require(answer.pieces.compactMap(\.promptLogprobs).first).positions
    #expect(positions.count == 5 && positions[0] == nil)
    for (token, entries) in zip(Self.tokens, positions).dropFirst() {
      let entries = try #require(entries)
      #expect(entries[0].token == token)
      let ranks = entries.compactMap(\.rank)
      #expect(
        Set(ranks).isSuperset(of: [1, 2, 3]) && Set(entries.map(\.token)).count == ranks.count)
      // Better ranks are likelier.
      let sorted = entries.sorted { ($0.rank ?? 0) < ($1.rank ?? 0) }.map(\.logprob)
      #expect(sorted == sorted.sorted(by: >))
    }
    #expect(!answer.text().contains("capital"), "a score is no echo")
  }

  @Test func `an answer beyond its bound is refused before anything is read`() async throws {
    let request = Self.request {
      $0.prompt = .tokens([Int](repeating: 504, count: 6_300))
      $0.promptLogprobs = 20
    }
    let error = try #require(await EmbeddedModel.backend().failure(Call(request)))
    #expect(error.failure == .invalidRequest && error.apiError.param == "prompt_logprobs")
    #expect(error.apiError.message.contains("131072"))
  }

  @Test func `a server that does not know the extension is told from one that does`() async throws {
    var request = ChatCompletionRequest("Hi", isStreamed: false)
    request.promptLogprobs = 1
    let asking = request
    try await Upstream.run {
      ScriptedAnswer.chat(to: $0, ["Hel", "lo"])
    } _: { upstream in
      let error = try #require(await upstream.backend.failure(Call(asking)))
      #expect(error.failure == .invalidRequest && error.apiError.status == 400)
      #expect(error.apiError.param == "prompt_logprobs")
    }
  }
}
