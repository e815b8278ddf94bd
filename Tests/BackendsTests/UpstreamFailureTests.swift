import Backends
import Experimentation
import OpenAIAPI
import TestPeers
import Testing

@Suite(.serialized) struct UpstreamFailureTests {
  private typealias Step = ScriptedServer.Step

  private func failure(
    timeouts: UpstreamTimeouts = Upstream.timeouts, isStreamed: Bool = true, _ steps: [Step]
  ) async throws -> BackendError? {
    let call = Call(ChatCompletionRequest("Hi", isStreamed: isStreamed))
    return try await ScriptedServer.run { _ in
      steps
    } _: { server in
      let backend = try UpstreamBackend(
        model: modelName("candidate"),
        specification: UpstreamSpecification(
          url: "http://127.0.0.1:\(server.port)/v1", model: "m", timeouts: timeouts),
        environment: { _ in nil })
      let failure = await backend.failure(call)
      #expect(server.requests.count <= 1, "nothing is asked twice")
      return failure
    }
  }

  // MARK: Answers that are refusals

  struct Refusal: Sendable, CustomTestStringConvertible {
    let status: Int
    var code: String?
    let failure: FailureClass
    /// What the client is told.
    let told: Int
    var testDescription: String { "\(status) \(code ?? "")" }
  }

  @Test(arguments: [
    Refusal(status: 400, failure: .invalidRequest, told: 400),
    Refusal(status: 400, code: "context_length_exceeded", failure: .rejected, told: 400),
    Refusal(status: 422, failure: .invalidRequest, told: 422),
    Refusal(status: 413, failure: .rejected, told: 413),
    Refusal(status: 401, failure: .unavailable, told: 502),
    Refusal(status: 403, failure: .unavailable, told: 502),
    Refusal(status: 404, failure: .unavailable, told: 502),
    Refusal(status: 408, failure: .deadlineExceeded, told: 504),
    Refusal(status: 429, failure: .unavailable, told: 503),
    Refusal(status: 500, failure: .unavailable, told: 502),
    Refusal(status: 503, failure: .unavailable, told: 503),
    Refusal(status: 504, failure: .deadlineExceeded, told: 504),
  ])
  func `a refusal is told to the client only where the client can mend it`(
    refusal: Refusal
  ) async throws {
    let error = try #require(
      await failure([
        ScriptedAnswer.error(status: refusal.status, "secret detail", code: refusal.code)
      ]))
    #expect(error.failure == refusal.failure)
    #expect(error.apiError.status == refusal.told)
    // What the deployment got wrong is the operator's: perhaps its text names keys or hosts.
    let isTold = error.apiError.message.contains("secret detail")
    #expect(isTold == [400, 413, 422].contains(refusal.status))
  }

  @Test func `a refusal of another shape, or of none, is a refusal all the same`() async throws {
    for body in ["", "<html>no</html>", #"{"error":"nope"}"#, #"{"detail":[1,2]}"#, "\u{0}"] {
      let error = try await failure([ScriptedAnswer.message(status: 400, body)])
      #expect(error?.failure == .invalidRequest, "\(body)")
      #expect(error?.apiError.status == 400)
    }
  }

  @Test func `a refusal whose body never ends is not waited for`() async throws {
    let start = ContinuousClock.now
    let error = try await failure(
      timeouts: UpstreamTimeouts(
        connectSeconds: 8, firstTokenSeconds: 1, idleSeconds: 60, totalSeconds: 60),
      [
        .send("HTTP/1.1 500 No\r\ntransfer-encoding: chunked\r\n\r\n"), ScriptedAnswer.piece("a"),
        .hang,
      ])
    #expect(error?.failure == .unavailable)
    // A second, and room for a busy machine.
    #expect(start.duration(to: .now) < .seconds(20))
  }

  @Test(arguments: [301, 302, 303, 307, 308])
  func `a redirect is not followed`(status: Int) async throws {
    try await ScriptedServer.run {
      ScriptedAnswer.chat(to: $0, ["stolen"])
    } _: { other in
      let error = try await failure([
        ScriptedAnswer.message(
          status: status, "",
          headers: ["location: http://127.0.0.1:\(other.port)/v1/chat/completions"])
      ])
      #expect(error?.failure == .malformed)
      #expect(error?.apiError.status == 502)
      #expect(error?.apiError.code == "redirect")
      #expect(other.connections == 0)
    }
  }

  @Test(arguments: ["gzip", "br", "deflate", "identity, gzip"])
  func `a compressed answer is refused, not unpacked`(coding: String) async throws {
    for isStreamed in [true, false] {
      let error = try await failure(
        isStreamed: isStreamed,
        [ScriptedAnswer.message("{}", headers: ["content-encoding: \(coding)"])])
      #expect(error?.failure == .malformed)
      #expect(error?.apiError.status == 502)
      #expect(error?.apiError.message.contains("compressed") == true)
    }
  }

  // MARK: Connections and time

  @Test func `nobody listens`() async throws {
    let port = try await ScriptedServer.run { _ in
      []
    } _: {
      $0.port
    }
    let backend = try UpstreamBackend(
      model: modelName("candidate"),
      specification: UpstreamSpecification(
        url: "http://127.0.0.1:\(port)/v1", model: "m", timeouts: Upstream.timeouts),
      environment: { _ in nil })
    let error = try #require(await backend.failure(Call(ChatCompletionRequest("Hi"))))
    #expect(error.failure == .unavailable)
    #expect(error.apiError.status == 502)
    #expect(error.apiError.code == "upstream_unreachable")
  }

  struct Silence: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let timeouts: UpstreamTimeouts
    var isStreamed = true
    let steps: [ScriptedServer.Step]
  }

  private static func timeouts(
    firstToken: Double = 60, idle: Double = 60, total: Double = 60
  ) -> UpstreamTimeouts {
    UpstreamTimeouts(
      connectSeconds: 60, firstTokenSeconds: firstToken, idleSeconds: idle, totalSeconds: total)
  }

  private static let drip: [ScriptedServer.Step] = (0..<1_000).flatMap { _ in
    [ScriptedAnswer.token("a"), .wait(.milliseconds(50))]
  }

  @Test(arguments: [
    Silence(
      testDescription: "no head", timeouts: Self.timeouts(firstToken: 0.4), steps: [.hang]),
    Silence(
      testDescription: "a head and nothing else", timeouts: Self.timeouts(firstToken: 0.4),
      steps: [ScriptedAnswer.streamHead, .hang]),
    Silence(
      testDescription: "comments instead of a first token",
      timeouts: Self.timeouts(firstToken: 0.4, idle: 30),
      steps: [ScriptedAnswer.streamHead]
        + (0..<1_000).flatMap { _ in
          [ScriptedAnswer.piece(": wait\n\n"), Step.wait(.milliseconds(50))]
        }),
    Silence(
      testDescription: "a role is no token", timeouts: Self.timeouts(firstToken: 0.4),
      steps: [
        ScriptedAnswer.streamHead,
        ScriptedAnswer.event(#"{"choices":[{"index":0,"delta":{"role":"assistant"}}]}"#), .hang,
      ]),
    Silence(
      testDescription: "silence after a token", timeouts: Self.timeouts(idle: 0.4),
      steps: [ScriptedAnswer.streamHead, ScriptedAnswer.token("a"), .hang]),
    Silence(
      testDescription: "silence after a token, close to the end",
      timeouts: Self.timeouts(total: 0.4),
      steps: [ScriptedAnswer.streamHead, ScriptedAnswer.token("a"), .hang]),
    Silence(
      testDescription: "a token now and then, for ever",
      timeouts: Self.timeouts(idle: 30, total: 0.6), steps: [ScriptedAnswer.streamHead] + drip),
    Silence(
      testDescription: "a whole answer that does not come", timeouts: Self.timeouts(total: 0.4),
      isStreamed: false, steps: [.hang]),
    Silence(
      testDescription: "a whole answer that does not end",
      timeouts: Self.timeouts(idle: 30, total: 0.6), isStreamed: false,
      steps: [.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")]
        + (0..<1_000).flatMap { _ in [ScriptedAnswer.piece(" "), Step.wait(.milliseconds(50))] }),
  ])
  func `a server that takes too long is left in time`(silence: Silence) async throws {
    let start = ContinuousClock.now
    let error = try #require(
      await failure(
        timeouts: silence.timeouts, isStreamed: silence.isStreamed, silence.steps))
    #expect(error.failure == .deadlineExceeded)
    #expect(error.apiError.status == 504)
    let seconds = start.duration(to: .now)
    // No other limit comes before a minute, and no script ends within 50 s.
    #expect(seconds >= .milliseconds(250) && seconds < .seconds(20))
  }

  @Test func `the caller's deadline comes before the policy's`() async throws {
    try await Upstream.run { _ in
      [.hang]
    } _: { upstream in
      let start = ContinuousClock.now
      let error = await upstream.backend.failure(
        Call(ChatCompletionRequest("Hi"), within: .milliseconds(300)))
      #expect(error?.failure == .deadlineExceeded)
      #expect(start.duration(to: .now) < .seconds(9), "the policy's is 10 s")
      #expect(await eventually { upstream.server.openConnections == 0 })
    }
  }

  // MARK: Streams that break

  struct Breakage: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let steps: [ScriptedServer.Step]
    let failure: FailureClass
    var code: String?
  }

  private static func broken(
    _ description: String, _ steps: [Step], _ failure: FailureClass, _ code: String? = nil
  ) -> Breakage {
    Breakage(
      testDescription: description, steps: [ScriptedAnswer.streamHead] + steps, failure: failure,
      code: code)
  }

  @Test(arguments: [
    broken(
      "closed in the middle", [ScriptedAnswer.token("a"), .close], .unavailable),
    broken(
      "reset in the middle", [ScriptedAnswer.token("a"), .reset], .unavailable),
    broken(
      "ended without an end", [ScriptedAnswer.token("a"), ScriptedAnswer.streamEnd],
      .unavailable, "stream_cut"),
    broken(
      "one of two choices is not finished",
      [
        ScriptedAnswer.token("a"), ScriptedAnswer.token("b", choice: 1),
        ScriptedAnswer.token(nil, finish: "stop"), ScriptedAnswer.streamEnd,
      ], .unavailable, "stream_cut"),
    broken("ended before it began", [ScriptedAnswer.streamEnd], .unavailable, "stream_cut"),
    broken(
      "an error inside", [ScriptedAnswer.event(#"{"error":{"message":"out of memory"}}"#)],
      .unavailable),
    broken("no JSON", [ScriptedAnswer.event("hello")], .malformed, "malformed"),
    broken("half a chunk", [ScriptedAnswer.event(#"{"choices":[{"ind"#)], .malformed, "malformed"),
    broken("no chunk", [ScriptedAnswer.event("[1,2]")], .malformed, "malformed"),
    broken(
      "choices of another type", [ScriptedAnswer.event(#"{"choices":{"a":1}}"#)], .malformed,
      "malformed"),
    broken(
      "bytes that are no UTF-8",
      [ScriptedAnswer.event(#"{"choices":[{"delta":{"content":"\ud800"}}]}"#)], .malformed,
      "malformed"),
    broken("a line without end", [.flood(ScriptedAnswer.longPiece)], .malformed, "malformed"),
    broken(
      "an event of many lines",
      (0..<300).map { _ in ScriptedAnswer.piece("data: \(String(repeating: "a", count: 8_000))\n")
      },
      .malformed, "malformed"),
    broken(
      "a choice beyond the bound",
      [ScriptedAnswer.token("a", choice: 4_096)], .malformed, "malformed"),
  ])
  func `a stream that breaks is a failure of its kind`(breakage: Breakage) async throws {
    let error = try #require(await failure(breakage.steps))
    #expect(error.failure == breakage.failure)
    #expect(error.apiError.status == 502)
    if let code = breakage.code { #expect(error.apiError.code == code) }
  }

  @Test func `what came before the break has been handed out`() async throws {
    try await Upstream.run { _ in
      [ScriptedAnswer.streamHead, ScriptedAnswer.token("kept"), .wait(.milliseconds(50)), .reset]
    } _: { upstream in
      let answer = try await upstream.backend.answer(Call(ChatCompletionRequest("Hi")))
      var texts: [String] = []
      await #expect(throws: BackendError.self) {
        for try await event in answer.events {
          if case .choice(let choice) = event { texts.append(choice.delta.content ?? "") }
        }
      }
      #expect(texts == ["kept"])
    }
  }

  @Test func `an answer without the marker is whole when its choice is finished`() async throws {
    try await Upstream.run { _ in
      [
        ScriptedAnswer.streamHead, ScriptedAnswer.token("a"),
        ScriptedAnswer.token(nil, finish: "stop"), ScriptedAnswer.streamEnd,
      ]
    } _: { upstream in
      let answer = try await upstream.backend.collect(Call(ChatCompletionRequest("Hi")))
      #expect(answer.text() == "a" && answer.summary != nil)
    }
  }

  @Test func `events cut anywhere, with other line ends, comments and fields, are the same events`()
    async throws
  {
    let text =
      ": hello\r\n\r\nevent: chunk\rid: 1\rdata: "
      + #"{"choices":[{"index":0,"delta":{"content":"grün 🌱"}}]}"#
      + "\r\rdata: "
      + #"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}"#
      + "\n\ndata:[DONE]\n\n"
    // One byte a chunk: cuts inside of characters, line ends and marks.
    let whole = [ScriptedAnswer.piece(text)]
    let bytes = text.utf8.map { byte in
      Step.bytes(Array("1\r\n".utf8) + [byte] + Array("\r\n".utf8))
    }
    for steps in [whole, bytes] {
      try await Upstream.run { _ in
        [ScriptedAnswer.streamHead] + steps + [ScriptedAnswer.streamEnd]
      } _: { upstream in
        let answer = try await upstream.backend.collect(Call(ChatCompletionRequest("Hi")))
        #expect(answer.text() == "grün 🌱")
        #expect(answer.finishReason() == .stop)
      }
    }
  }

  // MARK: Answers that are too much

  @Test func `a whole answer beyond the limit is cut off, not read`() async throws {
    try await Upstream.run { _ in
      [
        .send("HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n"),
        .flood(String(repeating: " ", count: 1 << 16)),
      ]
    } _: { upstream in
      let error = await upstream.backend.failure(
        Call(ChatCompletionRequest("Hi", isStreamed: false)))
      #expect(error?.failure == .malformed)
      #expect(await eventually { upstream.server.openConnections == 0 })
      // 4 MiB are allowed; buffers of two sockets and two programs may hold some more.
      #expect(upstream.server.sentBytes < 32 << 20)
    }
  }

  @Test(arguments: [
    "", "null", "[]", #"{"choices":[]"#, #"{"choices":7}"#, "<html>", #"{"error":"no"}"#,
  ])
  func `a whole answer that is none`(body: String) async throws {
    let error = try await failure(isStreamed: false, [ScriptedAnswer.message(body)])
    #expect(error?.failure == .malformed)
    #expect(error?.apiError.status == 502)
  }
}

extension ScriptedAnswer {
  /// Part of a line, in a chunk.
  fileprivate static let longPiece: String = {
    let text = String(repeating: "a", count: 1 << 16)
    return "10000\r\n\(text)\r\n"
  }()
}
