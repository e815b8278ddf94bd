import Experimentation
import Routing
import Storage
import TestPeers
import Testing

@testable import Gateway

/// Clients that go away: whoever works for them stops, and their place is free.
@Suite(.serialized) struct DepartureTests {
  enum Way: String, CaseIterable, Sendable {
    case reset, close, halfClose

    func leave(_ client: RawClient) async throws {
      switch self {
      case .reset: try await client.reset()
      case .close: try await client.close()
      case .halfClose: client.halfClose()
      }
    }
  }

  /// A server that hangs before its first token, or after.
  private static func script(afterFirstToken: Bool) -> ScriptedServer.Script {
    { request in
      guard afterFirstToken else { return [.hang] }
      guard request.asksForStream else {
        return [.send("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{"), .hang]
      }
      return [ScriptedAnswer.streamHead, ScriptedAnswer.token("a"), .hang]
    }
  }

  @Test(arguments: Way.allCases, [true, false])
  func `the model stops and the place is free when the client leaves`(
    way: Way, afterFirstToken: Bool
  ) async throws {
    try await ScriptedServer.run(Self.script(afterFirstToken: afterFirstToken)) { server in
      try await World.run(["dense": server.port, "flash": server.port], [.trial()]) { world in
        for (index, stream) in [true, false].enumerated() {
          try await RawClient.run(port: world.port) { client in
            try await client.send(World.bytes("POST", World.chat, World.body(stream: stream)))
            #expect(await eventually { server.requests.count == index + 1 })
            if afterFirstToken, stream {
              #expect(await eventually { client.received.contains("content\":\"a\"") })
            }
            #expect(world.gateway.admission.count == 1)
            try await way.leave(client)
            // Measured some milliseconds; a second is what is promised.
            #expect(await eventually(within: .seconds(1)) { server.openConnections == 0 })
            #expect(await eventually(within: .seconds(1)) { world.isIdle })
          }
        }
        let outcomes = try await world.outcomes(2)
        #expect(outcomes.map(\.measurements.failure) == [.cancelled, .cancelled])
        // Nobody's fault.
        #expect(outcomes.allSatisfy { $0.measurements.value(of: .errorRate) == nil })
      }
    }
  }

  @Test(arguments: Way.allCases)
  func `a client that leaves in the middle of a stream is not the model's failure`(
    way: Way
  ) async throws {
    // Writes fail while the model goes on talking.
    try await ScriptedServer.run { _ in
      [ScriptedAnswer.streamHead]
        + (0..<2_000).flatMap { _ in [ScriptedAnswer.token("word"), .wait(.milliseconds(1))] }
    } _: { server in
      try await World.run(["dense": server.port, "flash": server.port], [.trial()]) { world in
        for _ in 0..<5 {
          try await RawClient.run(port: world.port) { client in
            try await client.send(World.bytes("POST", World.chat, World.body(stream: true)))
            #expect(await eventually { client.received.contains("word") })
            try await way.leave(client)
            #expect(await eventually(within: .seconds(1)) { world.isIdle })
          }
        }
        let outcomes = try await world.outcomes(5)
        #expect(outcomes.allSatisfy { $0.measurements.failure == .cancelled })
        #expect(await eventually(within: .seconds(1)) { server.openConnections == 0 })
      }
    }
  }

  @Test func `a client that leaves in the middle of its own request leaves nothing`() async throws {
    try await ScriptedServer.run {
      ScriptedAnswer.chat(to: $0, ["a"])
    } _: { server in
      try await World.run(["dense": server.port, "flash": server.port], [.trial()]) { world in
        for way in Way.allCases {
          for part in [
            "POST ", "POST \(World.chat) HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n{",
          ] {
            try await RawClient.run(port: world.port) { client in
              try await client.send(part)
              try await Task.sleep(for: .milliseconds(20))
              try await way.leave(client)
            }
          }
        }
        #expect(await eventually { world.isIdle })
        #expect(server.requests.isEmpty)
        #expect(try await world.chat().status == 200)
        #expect(try await world.outcomes(1).count == 1)
      }
    }
  }

  @Test func `many clients that leave at any moment leave nothing behind`() async throws {
    try await ScriptedServer.run { request in
      ScriptedAnswer.chat(to: request, ["a", "b", "c"], pause: .milliseconds(5))
    } _: { server in
      try await World.run(["dense": server.port, "flash": server.port], [.trial()]) { world in
        try await withThrowingTaskGroup(of: Void.self) { group in
          for number in 0..<150 {
            if number >= 20 { _ = try await group.next() }
            group.addTask {
              try await RawClient.run(port: world.port) { client in
                let isStreamed = number.isMultiple(of: 2)
                try await client.send(
                  World.bytes("POST", World.chat, World.body(stream: isStreamed)))
                try await Task.sleep(for: .milliseconds(number % 30))
                try? await Way.allCases[number % 3].leave(client)
              }
            }
          }
          try await group.waitForAll()
        }
        #expect(await eventually { world.isIdle })
        let trial = try rolloutName("trial")
        let isEachWrittenOnce = try await eventually {
          let rows = try await world.store.outcomes(of: trial, run: 1, after: 0, limit: 1_000)
          let answered = world.counter("rollout_requests_total", ["role": "live"])
          return rows.count > 0 && Double(rows.count) == answered
        }
        #expect(isEachWrittenOnce)
        let blamed = ["unavailable", "malformed", "deadlineExceeded"].map {
          world.counter("rollout_requests_total", ["outcome": $0])
        }
        #expect(blamed == [0, 0, 0])
        #expect(try await world.chat(stream: true).events.last == "[DONE]")
      }
    }
  }

  @Test func `a client that never reads is cut off at the deadline`() async throws {
    let text = String(repeating: "word ", count: 2_000)
    guard case .send(let token) = ScriptedAnswer.token(text) else { return }
    try await ScriptedServer.run { _ in
      [ScriptedAnswer.streamHead, .flood(token)]
    } _: { server in
      try await World.run(
        ["dense": server.port, "flash": server.port], [.trial()],
        options: { $0.gateway.requestTimeout = .milliseconds(1_500) }
      ) { world in
        // What is held for one answer is bounded too, in bytes; here time comes first or they do.
        try await RawClient.run(port: world.port, isReading: false) { client in
          try await client.send(World.bytes("POST", World.chat, World.body(stream: true)))
          #expect(await eventually { server.requests.count == 1 })
          #expect(await eventually(within: .seconds(5)) { world.isIdle })
          #expect(await eventually { server.openConnections == 0 })
        }
      }
    }
  }

  @Test func `the deadline of a request is told as such, before the first token and after`()
    async throws
  {
    for afterFirstToken in [false, true] {
      try await ScriptedServer.run(Self.script(afterFirstToken: afterFirstToken)) { server in
        try await World.run(
          ["dense": server.port, "flash": server.port], [.trial()],
          options: { $0.gateway.requestTimeout = .milliseconds(400) }
        ) { world in
          let answer = try await world.chat(stream: true)
          if afterFirstToken {
            #expect(answer.status == 200)
            #expect(answer.events.last?.contains("deadline_exceeded") == true)
            #expect(!answer.events.contains("[DONE]"))
          } else {
            #expect(answer.status == 504)
            #expect(answer["x-rollout-model"] == "dense")
          }
          #expect(try await world.chat().status == 504)
          #expect(await eventually(within: .seconds(1)) { server.openConnections == 0 })
          let outcomes = try await world.outcomes(2)
          #expect(outcomes.allSatisfy { $0.measurements.failure == .deadlineExceeded })
        }
      }
    }
  }

  @Test func `when every place is taken the next is refused at once, and served later`()
    async throws
  {
    try await ScriptedServer.run { request in
      request.body.contains("slow") ? [.hang] : ScriptedAnswer.chat(to: request, ["a"])
    } _: { server in
      try await World.run(
        ["dense": server.port, "flash": server.port], [.trial()],
        options: { $0.gateway.maximumConcurrentRequests = 2 }
      ) { world in
        try await RawClient.run(port: world.port) { first in
          try await RawClient.run(port: world.port) { second in
            for client in [first, second] {
              try await client.send(World.bytes("POST", World.chat, World.body("slow")))
            }
            #expect(await eventually { server.requests.count == 2 })
            let refused = try await world.chat()
            #expect(refused.status == 503)
            #expect(refused["retry-after"] == "1")
            #expect(refused.body.contains("service_unavailable"))
            // Who only looks needs no place.
            #expect(try await world.ask("GET", "/health/ready").status == 200)
            try await second.reset()
            #expect(await eventually(within: .seconds(1)) { world.gateway.admission.count == 1 })
            #expect(try await world.chat().status == 200)
          }
        }
      }
    }
  }

  @Test func `a stream that breaks ends with an error event, and without the mark`() async throws {
    try await ScriptedServer.run { _ in
      [ScriptedAnswer.streamHead, ScriptedAnswer.token("kept"), .wait(.milliseconds(30)), .reset]
    } _: { server in
      try await World.run(["dense": server.port, "flash": server.port], [.trial()]) { world in
        let answer = try await world.chat(stream: true)
        #expect(answer.status == 200)
        #expect(answer.events.contains { $0.contains(#""content":"kept""#) })
        let last = try #require(answer.events.last)
        #expect(last.hasPrefix(#"{"error":{"message":"#))
        #expect(!answer.events.contains("[DONE]"))
        #expect(server.requests.count == 1, "what began is not asked again")
      }
    }
  }
}
