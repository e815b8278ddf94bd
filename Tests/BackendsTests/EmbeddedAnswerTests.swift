import Backends
import Experimentation
import OpenAIAPI
import TestPeers
import Testing

@Suite(.serialized) struct EmbeddedAnswerTests {
  private func count(_ tokens: Int) -> ChatCompletionRequest {
    .greedy("Count from one to ten in words.", maxTokens: tokens)
  }

  // MARK: Answers

  @Test func `an answer has pieces, a reason, a count, times and its tokens`() async throws {
    let answer = try await EmbeddedModel.backend().collect(Call(count(12)))
    #expect(!answer.text().isEmpty)
    #expect(answer.finishReason() == .length)
    #expect(answer.pieces.count { $0.finishReason != nil } == 1)
    let summary = try #require(answer.summary)
    let usage = try #require(summary.usage)
    #expect(usage.completionTokens == 12)
    // The template's own words and the question's.
    #expect((10...60).contains(usage.promptTokens))
    let timing = summary.timing
    let firstToken = try #require(timing.firstToken)
    let perToken = try #require(timing.perOutputToken)
    #expect(firstToken > 0 && perToken > 0 && timing.queue >= 0)
    // Prefill and 11 steps are all that the model did; sums of doubles differ by rounding.
    #expect(abs(timing.total - firstToken - 11 * perToken) < 1e-6)
    let trace = try #require(summary.trace)
    #expect(trace.tokens.count == 12 && trace.top == trace.tokens)
    #expect(summary.topAlong == nil)
  }

  @Test func `more answers than there is ever room for are refused for good`() async throws {
    var request = count(1)
    request.sampling.n = 128
    let backend = try EmbeddedModel.backend()
    await #expect {
      _ = try await backend.answer(Call(request))
    } throws: { error in
      let error = error as? BackendError
      return error?.failure == .invalidRequest && error?.apiError.param == "n"
        && error?.apiError.status == 400
    }
  }

  @Test func `a streamed answer and a whole one are the same answer`() async throws {
    let backend = try EmbeddedModel.backend()
    var whole = count(8)
    whole.streaming.isOn = false
    let first = try await backend.collect(Call(count(8)))
    let second = try await backend.collect(Call(whole))
    #expect(first.text() == second.text())
  }

  @Test func `a stop string ends the answer before it, whose times are known all the same`()
    async throws
  {
    let backend = try EmbeddedModel.backend()
    let free = try await backend.collect(Call(count(24)))
    // Words that this model writes; the text itself says which to stop at.
    let words = free.text().split(separator: " ").map(String.init)
    let stop = try #require(
      words.dropFirst(3).first { word in
        words.count { $0.contains(word) } == 1 && word.count > 2
      })
    var request = count(24)
    request.sampling.stop = [stop, "\u{1F6D1}"]
    let answer = try await backend.collect(Call(request))
    let before = try #require(free.text().ranges(of: stop).first)
    #expect(answer.text() == free.text()[..<before.lowerBound])
    #expect(answer.finishReason() == .stop)
    let summary = try #require(answer.summary)
    let tokens = try #require(summary.usage?.completionTokens)
    #expect(tokens < 24 && tokens > 3)
    #expect(try #require(summary.timing.firstToken) > 0)
    #expect(try #require(summary.timing.perOutputToken) > 0)
    #expect(summary.timing.total > 0)
  }

  @Test func `more choices are drawn apart and counted together`() async throws {
    var request = ChatCompletionRequest("Name an animal.")
    request.maxTokens = 6
    request.sampling.n = 3
    request.sampling.seed = 11
    request.sampling.temperature = 1.5
    let answer = try await EmbeddedModel.backend().collect(Call(request))
    let texts = (0..<3).map { answer.text($0) }
    #expect(Set(texts).count > 1, "three draws at this temperature are hardly the same")
    for index in 0..<3 {
      #expect(answer.pieces.count { $0.index == index && $0.finishReason != nil } == 1)
    }
    let usage = try #require(answer.summary?.usage)
    #expect(usage.completionTokens <= 18 && usage.completionTokens >= 3)
    // The prompt is counted once for a choice of each prompt.
    #expect(usage.promptTokens < 60)
  }

  @Test func `the same seed draws the same answer, another one another`() async throws {
    let backend = try EmbeddedModel.backend()
    func text(seed: Int?, requestID: String = "req-1") async throws -> String {
      var request = ChatCompletionRequest("Write a line of a poem.")
      request.maxTokens = 10
      request.sampling.seed = seed
      return try await backend.collect(Call(request, requestID: requestID)).text()
    }
    let first = try await text(seed: 5)
    #expect(try await text(seed: 5, requestID: "req-2") == first)
    #expect(try await text(seed: 6) != first)
    // Without one, the request's id is it.
    let unseeded = try await text(seed: nil)
    #expect(try await text(seed: nil) == unseeded)
    #expect(try await text(seed: nil, requestID: "req-2") != unseeded)
  }

  @Test func `log probabilities come with each token, at most 0, the likeliest first`()
    async throws
  {
    var request = count(8)
    request.logprobs = true
    request.topLogprobs = 3
    let answer = try await EmbeddedModel.backend().collect(Call(request))
    let tokens = answer.pieces.flatMap { $0.logprobs?.content ?? [] }
    #expect(tokens.count == 8)
    for token in tokens {
      #expect(token.logprob <= 0)
      #expect(token.alternatives.count == 3)
      #expect(token.alternatives.map(\.logprob) == token.alternatives.map(\.logprob).sorted(by: >))
      // Greedy.
      #expect(token.alternatives.first?.token == token.token)
      #expect(token.alternatives.first?.logprob == token.logprob)
    }
    let bytes = tokens.flatMap { $0.bytes ?? [] }
    #expect(String(decoding: bytes, as: UTF8.self) == answer.text())
    request.topLogprobs = nil
    let plain = try await EmbeddedModel.backend().collect(Call(request))
    let chosen = plain.pieces.flatMap { $0.logprobs?.content ?? [] }
    #expect(chosen.count == 8 && chosen.allSatisfy { $0.alternatives.isEmpty })
  }

  @Test func `a legacy completion goes on from a text or from its tokens`() async throws {
    let backend = try EmbeddedModel.backend()
    var request = CompletionRequest(model: "assistant", prompt: .text("The capital of France is"))
    request.sampling.temperature = 0
    let answer = try await backend.collect(Call(request))
    // The API's own default.
    #expect(answer.summary?.usage?.completionTokens == 16)
    #expect(answer.text().contains("Paris"))
    request.maxTokens = 2
    request.prompt = .texts(["One, two,", "Red, green,"])
    let both = try await backend.collect(Call(request))
    #expect(!both.text(0).isEmpty && !both.text(1).isEmpty)
    #expect(both.summary?.usage?.completionTokens == 4)
    request.prompt = .tokens([504, 3575, 282])
    let tokens = try await backend.collect(Call(request))
    #expect(tokens.summary?.usage?.promptTokens == 3)
  }

  // MARK: Refusals

  @Test func `a prompt beyond the context is refused, for this model`() async throws {
    let backend = try EmbeddedModel.backend("short", context: 64)
    let long = String(repeating: "word ", count: 100)
    let error = try #require(await backend.failure(Call(.greedy(long, maxTokens: 1))))
    #expect(error.failure == .rejected)
    #expect(error.apiError.status == 400)
    #expect(error.apiError.code == "context_length_exceeded")
    #expect(error.apiError.message.contains("64"))
    #expect(error.apiError.param == "messages")
    let completion = CompletionRequest(model: "short", prompt: .text(long))
    let other = try #require(await backend.failure(Call(completion)))
    #expect(other.apiError.param == "prompt")
  }

  @Test(arguments: [49_152, Int(Int32.max)])
  func `tokens that the model does not know are refused`(token: Int) async throws {
    let backend = try EmbeddedModel.backend()
    let request = CompletionRequest(model: "assistant", prompt: .tokens([1, token]))
    let error = try #require(await backend.failure(Call(request)))
    #expect(error.failure == .invalidRequest)
    #expect(error.apiError.status == 400 && error.apiError.param == "prompt")
    #expect(error.apiError.message.contains("\(token)"))
    var biased = count(1)
    biased.sampling.logitBias = [Sampling.Bias(token: token, bias: 1)]
    let bias = try #require(await backend.failure(Call(biased)))
    #expect(bias.failure == .invalidRequest)
    #expect(bias.apiError.status == 400 && bias.apiError.param == "logit_bias")
  }

  @Test(arguments: [
    #"{"model":"m","prompt":"a","suffix":"b"}"#, #"{"model":"m","prompt":"a","best_of":3}"#,
  ])
  func `what the engine cannot do is refused by name`(body: String) async throws {
    let request = try CompletionRequest(decoding: Array(body.utf8))
    let error = try #require(await EmbeddedModel.backend().failure(Call(request)))
    #expect(error.failure == .invalidRequest && error.apiError.status == 400)
    let param = try #require(error.apiError.param)
    #expect(body.contains("\"\(param)\""))
  }

  // MARK: Leaving

  @Test func `work ends when nobody waits for it`() async throws {
    let backend = try EmbeddedModel.backend()
    var request = count(8_000)
    request.sampling.temperature = 1
    let long = request
    await withTaskGroup(of: BackendError?.self) { group in
      group.addTask { await backend.failure(Call(long)) }
      try? await Task.sleep(for: .milliseconds(300))
      group.cancelAll()
    }
    // The whole answer would take minutes; the engine is free at once.
    let start = ContinuousClock.now
    _ = try await backend.collect(Call(count(1)))
    #expect(start.duration(to: .now) < .seconds(10))
  }

  // MARK: Reading along

  /// The share of an answer's places at which `candidate` ranks first what `incumbent` did.
  private func agreement(
    _ request: ChatCompletionRequest, of incumbent: EmbeddedBackend,
    along candidate: EmbeddedBackend
  ) async throws -> Double {
    let trace = try #require(try await incumbent.collect(Call(request)).summary?.trace)
    #expect(trace.tokens.count == trace.top.count && trace.tokens.count >= 30)
    let shadow = Call(request, priority: .shadow, along: trace)
    let along = try #require(try await candidate.collect(shadow).summary?.topAlong)
    #expect(along.count == trace.tokens.count)
    return Double(zip(along, trace.top).count { $0 == $1 }) / Double(along.count)
  }

  @Test func `flash attention agrees with dense along a dense answer`() async throws {
    let request = ChatCompletionRequest.greedy("Explain why the sky is blue.", maxTokens: 60)
    let exact = try await agreement(
      request, of: try EmbeddedModel.backend("dense", attention: .dense),
      along: try EmbeddedModel.backend("flash", attention: .flash))
    // Both are exact; sums in another order could swap two tokens that are level.
    #expect(exact >= 0.99)
    let rounded = try await agreement(
      request, of: try EmbeddedModel.backend("dense", attention: .dense, isRounded: true),
      along: try EmbeddedModel.backend("flash", attention: .flash, isRounded: true))
    // Activations rounded to 8 bits fall to either side more often: a model agrees with itself,
    // told in steps and read in chunks, on 96 to 100 of 100 tokens.
    #expect(rounded >= 0.9)
  }

  @Test func `a drawn answer's trace tells what the model itself ranked first`() async throws {
    let dense = try EmbeddedModel.backend("dense", attention: .dense)
    var request = ChatCompletionRequest("Tell me something odd.")
    request.sampling.temperature = 1.6
    request.sampling.seed = 3
    request.sampling.frequencyPenalty = 1
    request.maxTokens = 40
    let trace = try #require(try await dense.collect(Call(request)).summary?.trace)
    #expect(trace.top != trace.tokens, "at this temperature some draws are not the first choice")
    // Sums in another order could swap two tokens that are level, once in 40.
    #expect(try await agreement(request, of: dense, along: dense) >= 0.97)
  }

  @Test func `another vocabulary's trace is not read`() async throws {
    let foreign = TokenTrace(vocabulary: "another file", tokens: [1, 2], top: [1, 2])
    let backend = try EmbeddedModel.backend()
    let answer = try await backend.collect(Call(count(2), priority: .shadow, along: foreign))
    #expect(answer.summary?.topAlong == nil)
  }
}
