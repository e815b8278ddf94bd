import Experimentation
import Routing
import TestPeers
import Testing

@testable import Gateway

/// Answers under way when the service is told to stop.
@Suite(.serialized) struct ShutdownTests {
  private static let tokenThenSilence: ScriptedServer.Script = { request in
    request.asksForStream
      ? [ScriptedAnswer.streamHead, ScriptedAnswer.token("a"), .hang] : [.hang]
  }

  @Test func `a stream that outlives the grace ends with an error event, as cancelled`()
    async throws
  {
    try await ScriptedServer.run(Self.tokenThenSilence) { server in
      try await World.run(
        ["dense": server.port, "flash": server.port], [.trial()],
        options: { $0.gateway.shutdownGrace = .milliseconds(300) }
      ) { world in
        try await RawClient.run(port: world.port) { client in
          try await client.send(World.bytes("POST", World.chat, World.body(stream: true)))
          #expect(await eventually { client.received.contains("content\":\"a\"") })
          await world.stop()
          let answer = try await client.answer()
          #expect(answer.status == 200)
          let last = try #require(answer.events.last)
          #expect(last.hasPrefix(#"{"error":{"message":"#))
          #expect(last.contains(#""code":"server_shutting_down""#))
          #expect(!answer.events.contains("[DONE]"))
        }
        #expect(world.counter("rollout_requests_total", ["outcome": "cancelled"]) == 1)
        let outcome = try #require(try await world.outcomes(1).first)
        #expect(outcome.measurements.failure == .cancelled)
        #expect(outcome.measurements.timeToFirstTokenSeconds != nil, "a token came")
      }
    }
  }

  @Test func `an answer in one piece is refused when the grace is over`() async throws {
    try await ScriptedServer.run(Self.tokenThenSilence) { server in
      try await World.run(
        ["dense": server.port, "flash": server.port], [.trial()],
        options: { $0.gateway.shutdownGrace = .milliseconds(200) }
      ) { world in
        try await RawClient.run(port: world.port) { client in
          try await client.send(World.bytes("POST", World.chat, World.body()))
          #expect(await eventually { server.requests.count == 1 })
          await world.stop()
          let answer = try await client.answer()
          #expect(answer.status == 503)
          #expect(answer.body.contains("server_shutting_down"))
        }
        #expect(try await world.outcomes(1).first?.measurements.isError == nil)
      }
    }
  }

  @Test func `an answer that ends within the grace is whole`() async throws {
    try await ScriptedServer.run { request in
      ScriptedAnswer.chat(to: request, ["a", "b", "c"], pause: .milliseconds(100))
    } _: { server in
      try await World.run(["dense": server.port, "flash": server.port], [.trial()]) { world in
        try await RawClient.run(port: world.port) { client in
          try await client.send(World.bytes("POST", World.chat, World.body(stream: true)))
          #expect(await eventually { client.received.contains("content\":\"a\"") })
          await world.stop()
          #expect(try await client.answer().events.last == "[DONE]")
        }
      }
    }
  }

  @Test func `who is interrupted after a first token has not waited in vain`() {
    let seconds = Measurements.patienceSeconds + 20
    let streamed = Measurements(
      timeToFirstTokenSeconds: 0.5, totalSeconds: seconds, failure: .cancelled)
    #expect(streamed.isError == nil)
    #expect(streamed.value(of: .timeToFirstToken) == nil, "seen from outside: no evidence")
    let silent = Measurements(totalSeconds: seconds, failure: .cancelled)
    #expect(silent.isError == true)
  }
}
