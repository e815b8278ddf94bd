import Backends
import Experimentation
import OpenAIAPI
import TestPeers
import Testing

@Suite(.serialized) struct UpstreamCancellationTests {
  private static let call = Call(ChatCompletionRequest("Hi"))

  @Test(arguments: [true, false])
  func `cancelling whoever pulls closes the connection`(afterFirstToken: Bool) async throws {
    let steps: [ScriptedServer.Step] =
      afterFirstToken ? [ScriptedAnswer.streamHead, ScriptedAnswer.token("a"), .hang] : [.hang]
    try await Upstream.run { _ in
      steps
    } _: { upstream in
      await withTaskGroup(of: Void.self) { group in
        group.addTask { _ = await upstream.backend.failure(Self.call) }
        #expect(await eventually { upstream.server.requests.count == 1 })
        #expect(upstream.server.openConnections == 1)
        group.cancelAll()
      }
      #expect(await eventually(within: .seconds(1)) { upstream.server.openConnections == 0 })
    }
  }

  @Test func `dropping an answer closes the connection`() async throws {
    try await Upstream.run { _ in
      [ScriptedAnswer.streamHead, ScriptedAnswer.token("a"), .hang]
    } _: { upstream in
      do {
        let answer = try await upstream.backend.answer(Self.call)
        var events = answer.events.makeAsyncIterator()
        #expect(try await events.next() != nil)
        #expect(upstream.server.openConnections == 1)
      }
      #expect(await eventually(within: .seconds(1)) { upstream.server.openConnections == 0 })
    }
  }

  @Test func `an answer outlives its backend, which closes its connections when it goes`()
    async throws
  {
    try await ScriptedServer.run { _ in
      ScriptedAnswer.stream(["a", "b", "c"], pause: .milliseconds(100))
    } _: { server in
      let answer = try await Self.answer(ofABackendThatGoesAt: server.port)
      let collected = try await CollectedAnswer(answer)
      #expect(collected.text() == "abc")
      #expect(collected.finishReason() == .stop)
    }
  }

  private static func answer(ofABackendThatGoesAt port: Int) async throws -> Answer {
    let backend = try UpstreamBackend(
      model: modelName("candidate"),
      specification: UpstreamSpecification(url: "http://127.0.0.1:\(port)/v1", model: "m"),
      environment: { _ in nil })
    return try await backend.answer(call)
  }

  @Test func `a replaced backend leaves no connection behind`() async throws {
    try await ScriptedServer.run {
      ScriptedAnswer.chat(to: $0, ["a"])
    } _: { server in
      let registry = BackendRegistry()
      for _ in 0..<3 {
        let backend = try UpstreamBackend(
          model: modelName("candidate"),
          specification: UpstreamSpecification(
            url: "http://127.0.0.1:\(server.port)/v1", model: "m"),
          environment: { _ in nil })
        registry.register(backend)
        _ = try await backend.collect(Self.call)
      }
      #expect(server.connections == 3)
      // That of the last one is kept for the next request.
      #expect(await eventually { server.openConnections == 1 })
      #expect(registry.models == [try modelName("candidate")])
    }
  }

  @Test func `hung shadows do not keep a live request waiting`() async throws {
    try await Upstream.run { request in
      request["x-shadow"].isEmpty ? ScriptedAnswer.chat(to: request, ["live"]) : [.hang]
    } _: { upstream in
      await withTaskGroup(of: Void.self) { group in
        // More than twice what a pool shared with live requests would hold by default.
        for index in 0..<20 {
          group.addTask {
            _ = await upstream.backend.failure(
              Call(ChatCompletionRequest("Hi"), requestID: "s\(index)", priority: .shadow))
          }
        }
        #expect(await eventually { upstream.server.requests.count == 20 })
        let start = ContinuousClock.now
        let answer = try? await upstream.backend.collect(Self.call)
        #expect(answer?.text() == "live")
        // The shadows hang for 10 s.
        #expect(start.duration(to: .now) < .seconds(3))
        group.cancelAll()
      }
    }
  }

  @Test func `a slow reader slows the server down`() async throws {
    try await Upstream.run { _ in
      [ScriptedAnswer.streamHead, .flood(Self.manyTokens)]
    } _: { upstream in
      let answer = try await upstream.backend.answer(Self.call)
      var events = answer.events.makeAsyncIterator()
      for _ in 0..<3 { #expect(try await events.next() != nil) }
      try await Task.sleep(for: .milliseconds(300))
      let sent = upstream.server.sentBytes
      try await Task.sleep(for: .milliseconds(300))
      // Nobody reads, so that it stands still, at what sockets and one read hold.
      #expect(upstream.server.sentBytes == sent)
      #expect(sent < 32 << 20)
    }
  }

  private static let manyTokens: String = {
    guard case .send(let text) = ScriptedAnswer.token("token") else { return "" }
    return String(repeating: text, count: 200)
  }()
}
