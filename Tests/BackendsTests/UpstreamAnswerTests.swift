import Backends
import Experimentation
import OpenAIAPI
import TestPeers
import Testing

@Suite(.serialized) struct UpstreamAnswerTests {
  @Test func `a streamed answer comes piece by piece, with its usage and its times`() async throws {
    let gate = Gate()
    try await Upstream.run { _ in
      var steps = ScriptedAnswer.stream(["Hel", "lo", "!"], promptTokens: 7)
      steps.insert(.await(gate), at: 2)
      return steps
    } _: { upstream in
      let answer = try await upstream.backend.answer(Call(ChatCompletionRequest("Hi")))
      var events = answer.events.makeAsyncIterator()
      let first = try #require(try await events.next())
      guard case .choice(let choice) = first else {
        Issue.record("no piece: \(first)")
        return
      }
      #expect(choice.delta.content == "Hel", "it is here before the next one is made")
      try await Task.sleep(for: .milliseconds(80))
      gate.open()
      let rest = try await CollectedAnswer(answer)
      #expect(rest.pieces.compactMap(\.delta.content) == ["lo", "!"])
      #expect(rest.finishReason() == .stop)
      let summary = try #require(rest.summary)
      #expect(summary.usage == Usage(promptTokens: 7, completionTokens: 3))
      #expect(summary.trace == nil && summary.topAlong == nil)
      let timing = summary.timing
      let firstToken = try #require(timing.firstToken)
      let perToken = try #require(timing.perOutputToken)
      #expect(timing.queue == 0 && firstToken > 0)
      // 80 ms between the first token and the other two; a timer may be late but not early.
      #expect(perToken >= 0.04)
      #expect(timing.total >= firstToken + 2 * perToken - 1e-6)
    }
  }

  @Test func `a whole answer is one piece, whose tokens nobody could time`() async throws {
    try await Upstream.run {
      ScriptedAnswer.chat(to: $0, ["Hel", "lo"])
    } _: { upstream in
      let answer = try await upstream.backend.collect(
        Call(ChatCompletionRequest("Hi", isStreamed: false)))
      #expect(answer.text() == "Hello")
      #expect(answer.pieces.count == 1)
      #expect(answer.finishReason() == .stop)
      let summary = try #require(answer.summary)
      #expect(summary.usage == Usage(promptTokens: 3, completionTokens: 2))
      #expect(summary.timing.firstToken == nil && summary.timing.perOutputToken == nil)
      #expect(summary.timing.total > 0)
    }
  }

  @Test(arguments: [true, false])
  func `a legacy completion's text comes as content`(isStreamed: Bool) async throws {
    try await Upstream.run {
      ScriptedAnswer.completion(to: $0, ["on", "ce"])
    } _: { upstream in
      var request = CompletionRequest(model: "assistant", prompt: .text("Twice"))
      request.streaming.isOn = isStreamed
      let answer = try await upstream.backend.collect(Call(request))
      #expect(answer.text() == "once")
      #expect(answer.finishReason() == .stop)
      #expect(answer.summary?.usage == Usage(promptTokens: 3, completionTokens: 2))
      #expect(upstream.server.requests.map(\.path) == ["/v1/completions"])
    }
  }

  @Test func `an upstream that does not count leaves the usage unknown`() async throws {
    try await Upstream.run { _ in
      [
        ScriptedAnswer.streamHead, ScriptedAnswer.token("a"), .wait(.milliseconds(20)),
        ScriptedAnswer.token("b"), ScriptedAnswer.token(nil, finish: "length"),
        ScriptedAnswer.event("[DONE]"), ScriptedAnswer.streamEnd,
      ]
    } _: { upstream in
      let answer = try await upstream.backend.collect(Call(ChatCompletionRequest("Hi")))
      #expect(answer.finishReason() == .length)
      #expect(answer.summary?.usage == nil)
      #expect(answer.summary?.timing.perOutputToken != nil, "pieces stand in for tokens")
    }
  }

  @Test func `choices that come in turns keep their numbers`() async throws {
    try await Upstream.run { _ in
      [
        ScriptedAnswer.streamHead, ScriptedAnswer.token("a"), ScriptedAnswer.token("b", choice: 1),
        ScriptedAnswer.token(nil, choice: 1, finish: "stop"), ScriptedAnswer.token("A"),
        ScriptedAnswer.token(nil, finish: "length"), ScriptedAnswer.event("[DONE]"),
        ScriptedAnswer.streamEnd,
      ]
    } _: { upstream in
      let answer = try await upstream.backend.collect(Call(ChatCompletionRequest("Hi")))
      #expect(answer.text(0) == "aA" && answer.text(1) == "b")
      #expect(answer.finishReason(0) == .length && answer.finishReason(1) == .stop)
    }
  }

  @Test func `the upstream reads a request that was written anew, under its own name of the model`()
    async throws
  {
    try await Upstream.run {
      ScriptedAnswer.chat(to: $0, ["ok"])
    } _: { upstream in
      let body =
        Array(
          #"{ "messages":[{"content":"Hi","role":"user"}],"model":"assistant", "seed" : 7,"#.utf8)
        + Array(#""stream":true,"temperature":0.50 }"#.utf8)
      let request = try ChatCompletionRequest(decoding: body)
      _ = try await upstream.backend.collect(Call(request, requestID: "req-77"))
      let received = try #require(upstream.server.requests.first)
      #expect(received.method == "POST" && received.path == "/v1/chat/completions")
      #expect(
        received.body
          == #"{"model":"org/the-real-name","messages":[{"role":"user","content":"Hi"}],"#
          + #""stream":true,"stream_options":{"include_usage":true},"temperature":0.5,"seed":7}"#)
      #expect(received["content-type"] == ["application/json"])
      #expect(received["x-request-id"] == ["req-77"])
      #expect(received["x-shadow"].isEmpty && received["accept-encoding"].isEmpty)
      #expect(received["authorization"].isEmpty)
    }
  }

  @Test func `a shadow says what it is`() async throws {
    try await Upstream.run {
      ScriptedAnswer.chat(to: $0, ["ok"])
    } _: { upstream in
      _ = try await upstream.backend.collect(Call(ChatCompletionRequest("Hi"), priority: .shadow))
      #expect(upstream.server.requests.map { $0["x-shadow"] } == [["1"]])
    }
  }

  @Test func `the key comes from the variable that the policy names`() async throws {
    try await Upstream.run(
      keyVariable: "THE_KEY", environment: ["THE_KEY": "sk-ours", "OTHER": "sk-other"]
    ) {
      ScriptedAnswer.chat(to: $0, ["ok"])
    } _: { upstream in
      _ = try await upstream.backend.collect(Call(ChatCompletionRequest("Hi")))
      #expect(upstream.server.requests.map { $0["authorization"] } == [["Bearer sk-ours"]])
    }
  }

  @Test(arguments: [nil, "", "sk-1\n", "sk 1", "sk-ä"] as [String?])
  func `a key that is missing or no word is refused at once, without being shown`(
    value: String?
  ) async throws {
    let error = try #require(throws: BackendError.self) {
      try UpstreamBackend(
        model: modelName("candidate"),
        specification: UpstreamSpecification(
          url: "http://127.0.0.1:1/v1", model: "m", apiKeyEnvironment: "THE_KEY"),
        environment: { _ in value })
    }
    #expect(error.failure == .unavailable)
    #expect(error.apiError.message.contains("THE_KEY"))
    #expect(error.apiError.message.contains("candidate"))
    #expect(!error.apiError.message.contains("sk"))
  }
}
