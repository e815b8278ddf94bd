import Experimentation
import OpenAIAPI
import Routing
import TestPeers
import Testing

@testable import Gateway

/// What clients get, as they get it.
@Suite(.serialized) struct AnswerTests {
  private func run(
    _ tokens: [String] = ["Hel", "lo"], _ body: @escaping @Sendable (World) async throws -> Void
  ) async throws {
    try await ScriptedServer.run { request in
      request.path == "/v1/chat/completions"
        ? ScriptedAnswer.chat(to: request, tokens)
        : ScriptedAnswer.completion(to: request, tokens)
    } _: { server in
      try await World.run(["dense": server.port, "flash": server.port], [.trial()], body)
    }
  }

  @Test func `a chat answer in one piece`() async throws {
    try await run { world in
      let answer = try await world.chat(headers: ["X-Request-Id: mine"])
      #expect(answer.status == 200)
      #expect(answer["content-type"] == "application/json")
      #expect(
        answer.body
          == #"{"id":"chatcmpl-mine","object":"chat.completion","created":1750000000,"#
          + #""model":"dense","choices":[{"index":0,"message":{"role":"assistant","#
          + #""content":"Hello","refusal":null},"logprobs":null,"finish_reason":"stop"}],"#
          + #""usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#)
    }
  }

  @Test func `a chat answer as a stream, that begins with the role and ends with the mark`()
    async throws
  {
    try await run { world in
      let answer = try await world.chat(stream: true, headers: ["X-Request-Id: mine"])
      #expect(answer.status == 200)
      #expect(answer["content-type"] == "text/event-stream; charset=utf-8")
      #expect(answer["cache-control"] == "no-cache")
      let events = answer.events
      #expect(events.last == "[DONE]")
      let chunks = try events.dropLast().map { try ChatCompletionChunk(decoding: Array($0.utf8)) }
      #expect(chunks.allSatisfy { $0.id == "chatcmpl-mine" && $0.model == "dense" })
      #expect(chunks.first?.choices.first?.delta.role == .assistant)
      #expect(chunks.flatMap(\.choices).compactMap(\.delta.content).joined() == "Hello")
      #expect(chunks.last?.choices.first?.finishReason == .stop)
      #expect(chunks.allSatisfy { $0.usage == nil }, "nobody asked for it")
    }
  }

  @Test func `the usage is streamed to whoever asks for it`() async throws {
    try await run { world in
      let answer = try await world.chat(
        stream: true, #","stream_options":{"include_usage":true}"#)
      let last = try #require(answer.events.dropLast().last)
      let chunk = try ChatCompletionChunk(decoding: Array(last.utf8))
      #expect(chunk.choices.isEmpty)
      #expect(chunk.usage == Usage(promptTokens: 3, completionTokens: 2))
    }
  }

  @Test func `a legacy completion in one piece and as a stream`() async throws {
    try await run { world in
      let whole = try await world.ask(
        "POST", "/v1/completions", #"{"model":"assistant","prompt":"Once"}"#)
      let completion = try Completion(decoding: Array(whole.body.utf8))
      #expect(completion.choices.map(\.text) == ["Hello"])
      #expect(completion.choices.first?.finishReason == .stop)
      #expect(completion.id.hasPrefix("cmpl-made-"))
      #expect(completion.usage == Usage(promptTokens: 3, completionTokens: 2))
      let streamed = try await world.ask(
        "POST", "/v1/completions", #"{"model":"assistant","prompt":"Once","stream":true}"#)
      #expect(streamed.events.last == "[DONE]")
      let pieces = try streamed.events.dropLast().map { try Completion(decoding: Array($0.utf8)) }
      #expect(pieces.flatMap(\.choices).map(\.text).joined() == "Hello")
      #expect(pieces.last?.choices.first?.finishReason == .stop)
    }
  }

  @Test func `headers tell which model answered and where its rollout stands`() async throws {
    try await run { world in
      for stream in [false, true] {
        let answer = try await world.chat(stream: stream, headers: ["X-Request-Id: mine"])
        #expect(answer["x-rollout-model"] == "dense")
        #expect(answer["x-rollout-name"] == "trial")
        #expect(answer["x-rollout-step"] == "1")
        #expect(answer["x-rollout-request-id"] == "mine")
        #expect(answer["x-request-id"] == "mine")
      }
      let direct = try await world.chat(model: "flash")
      #expect(direct["x-rollout-model"] == "flash")
      #expect(direct["x-rollout-name"] == nil && direct["x-rollout-step"] == nil)
    }
  }

  @Test(arguments: [
    "", "a b", "a\tb", "ä", String(repeating: "x", count: 129),
  ])
  func `a request's own id is taken only when it is a word`(id: String) async throws {
    try await run { world in
      let odd = try await world.chat(headers: ["X-Request-Id: \(id)"])
      #expect(odd.status == 200)
      #expect(odd["x-request-id"]?.hasPrefix("made-") == true)
      let longest = String(repeating: "~", count: 128)
      #expect(
        try await world.chat(headers: ["X-Request-Id: \(longest)"])["x-request-id"] == longest)
    }
  }

  @Test func `two requests on one connection`() async throws {
    try await run { world in
      try await RawClient.run(port: world.port) { client in
        try await client.send(World.bytes("POST", World.chat, World.body()))
        let first = try await client.answer()
        #expect(first.status == 200)
        try await client.send(World.bytes("POST", World.chat, World.body(stream: true)))
        #expect(await eventually { client.received.hasSuffix("0\r\n\r\n") })
        let second = try #require(
          HTTPAnswer(Array(client.receivedBytes.dropFirst(first.byteCount))))
        #expect(second.events.last == "[DONE]")
        #expect(!client.isClosed)
      }
    }
  }

  @Test func `models are routes first, then what is behind them`() async throws {
    try await run { world in
      let list = try await world.ask("GET", "/v1/models")
      #expect(list.status == 200)
      let ids = ["assistant", "dense", "flash"].map {
        #"{"id":"\#($0)","object":"model","created":1750000000,"owned_by":"rollout"}"#
      }
      #expect(list.body == #"{"object":"list","data":["# + ids.joined(separator: ",") + "]}")
      #expect(try await world.ask("GET", "/v1/models/flash").body == ids[2])
      let missing = try await world.ask("GET", "/v1/models/nobody")
      #expect(missing.status == 404 && missing.body.contains("model_not_found"))
    }
  }

  @Test func `health and metrics`() async throws {
    try await run { world in
      #expect(try await world.ask("GET", "/health/live").body == "live\n")
      let ready = try await world.ask("GET", "/health/ready")
      #expect(ready.status == 200 && ready.body == "ready\n")
      _ = try await world.chat()
      let metrics = try await world.ask("GET", "/metrics")
      #expect(metrics["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
      let line = #"rollout_requests_total{model="dense",outcome="ok",role="live"} 1"#
      #expect(metrics.body.contains(line))
      #expect(metrics.body.contains("# TYPE gen_ai_server_request_duration_seconds histogram"))
    }
    try await World.run([:], options: { $0.unreadyReason = "no model" }) { world in
      let unready = try await world.ask("GET", "/health/ready")
      #expect(unready.status == 503 && unready.body == "not ready: no model\n")
      #expect(try await world.ask("GET", "/health/live").status == 200)
    }
  }
}
