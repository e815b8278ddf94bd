import Experimentation
import Foundation
import Routing
import Storage
import TestPeers
import Testing

@testable import Gateway

/// Streams whose choices come from several models, from the models' sockets to the client's.
@Suite(.serialized) struct InterleavedStreamTests {
  typealias Script = @Sendable (ScriptedRequest) -> [ScriptedServer.Step]

  private static func isFlash(_ request: ScriptedRequest) -> Bool {
    request.body.contains("up/flash")
  }

  private static func count(_ request: ScriptedRequest) -> Int {
    request.body.firstMatch(of: /"n":([0-9]+)/).flatMap { Int($0.output.1) } ?? 1
  }

  /// What `flash` does; `dense` gives each of its choices two tokens.
  private static func dense(or flash: @escaping Script) -> Script {
    { isFlash($0) ? flash($0) : spoken("dense", $0) }
  }

  /// Two tokens for each choice, then their ends, then the count.
  private static func spoken(_ name: String, _ request: ScriptedRequest) -> [ScriptedServer.Step] {
    let choices = 0..<count(request)
    return [ScriptedAnswer.streamHead]
      + choices.map { ScriptedAnswer.token("\(name)-\($0)", choice: $0) }
      + choices.map { ScriptedAnswer.token("!", choice: $0) }
      + choices.map { ScriptedAnswer.token(nil, choice: $0, finish: "stop") }
      + [
        ScriptedAnswer.usage(3, 2 * choices.count), ScriptedAnswer.event("[DONE]"),
        ScriptedAnswer.streamEnd,
      ]
  }

  private func run(
    _ answer: @escaping Script,
    options: @escaping @Sendable (inout World.Options) -> Void = { _ in },
    _ body: @escaping @Sendable (World, ScriptedServer) async throws -> Void
  ) async throws {
    try await ScriptedServer.run(answer) { server in
      try await World.run(
        ["dense": server.port, "flash": server.port], [try InterleavingTests.route()],
        options: {
          $0.gateway.feedback.tokens = FeedbackTokens(key: FeedbackTests.key)
          options(&$0)
        },
        { try await body($0, server) })
    }
  }

  /// A piece of a choice as a client reads it.
  private struct Piece: Equatable {
    var index: Int
    var role: String?
    var content: String?
    var finish: String?
  }

  private func objects(_ events: [String]) throws -> [[String: Any]] {
    try events.filter { $0 != "[DONE]" }.map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  private func pieces(_ events: [String]) throws -> [Piece] {
    try objects(events).flatMap { object in
      (object["choices"] as? [[String: Any]] ?? []).map { choice in
        let delta = choice["delta"] as? [String: Any] ?? [:]
        return Piece(
          index: choice["index"] as? Int ?? -1, role: delta["role"] as? String,
          content: delta["content"] as? String, finish: choice["finish_reason"] as? String)
      }
    }
  }

  private func texts(_ pieces: [Piece]) -> [Int: String] {
    pieces.reduce(into: [:]) { $0[$1.index, default: ""] += $1.content ?? "" }
  }

  @Test func `choices of both models come in one stream, and nothing tells whose they are`()
    async throws
  {
    try await run(Self.dense { Self.spoken("flash", $0) }) { world, _ in
      var firsts: Set<String> = []
      for _ in 0..<12 {
        let answer = try await world.chat(
          stream: true, #","n":3,"stream_options":{"include_usage":true}"#)
        #expect(answer.status == 200 && answer["content-type"]?.hasPrefix("text/event") == true)
        let objects = try self.objects(answer.events)
        #expect(Set(objects.map { $0["id"] as? String }).count == 1)
        #expect(objects.allSatisfy { $0["model"] as? String == "dense" })
        let pieces = try self.pieces(answer.events)
        // Each choice begins alike, in the order of places and not of arrival.
        #expect(pieces.prefix(3).map(\.role) == ["assistant", "assistant", "assistant"])
        #expect(pieces.prefix(3).map(\.index) == [0, 1, 2])
        #expect(pieces.dropFirst(3).allSatisfy { $0.role == nil })
        let texts = self.texts(pieces)
        let models = (0..<3).map { texts[$0, default: ""].prefix { $0 != "-" } }
        #expect(Set(models) == ["dense", "flash"])
        #expect(texts.values.allSatisfy { $0.hasSuffix("!") })
        #expect(pieces.filter { $0.finish == "stop" }.map(\.index).sorted() == [0, 1, 2])
        let usage = try #require(objects.last?["usage"] as? [String: Any])
        #expect(usage["prompt_tokens"] as? Int == 3 && usage["completion_tokens"] as? Int == 6)
        #expect(answer.events.last == "[DONE]")
        firsts.insert(String(models[0]))
      }
      #expect(firsts.count == 2, "either is first, as the draft has it")
      let outcomes = try await world.outcomes(24)
      for rows in Dictionary(grouping: outcomes, by: \.requestID).values {
        #expect(rows.flatMap(\.choices).sorted() == [0, 1, 2])
        #expect(rows.allSatisfy { $0.measurements.failure == nil })
      }
      #expect(await eventually { world.isIdle })
    }
  }

  @Test func `a model that cuts its answer otherwise is not told by it`() async throws {
    // Its own role, an empty piece, and the reason together with the last word.
    try await run(
      Self.dense { request in
        [
          ScriptedAnswer.streamHead,
          ScriptedAnswer.event(
            #"{"id":"x","object":"chat.completion.chunk","created":1,"model":"up","choices":"#
              + #"[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#),
          ScriptedAnswer.token("flash-0"), ScriptedAnswer.token("!", finish: "stop"),
          ScriptedAnswer.usage(3, 2), ScriptedAnswer.event("[DONE]"), ScriptedAnswer.streamEnd,
        ]
      }
    ) { world, _ in
      let answer = try await world.chat(stream: true, #","n":2"#)
      let pieces = try self.pieces(answer.events)
      let shapes = (0..<2).map { place in
        pieces.filter { $0.index == place }.map {
          [$0.role, $0.content.map { $0.isEmpty ? "" : "…" }, $0.finish]
        }
      }
      #expect(shapes[0] == shapes[1])
      #expect(!answer.body.contains("usage"), "nobody asked for it")
    }
  }

  @Test func `pieces are written as they come, after each model has begun`() async throws {
    let (dense, flash) = (Gate(), Gate())
    let ends: [ScriptedServer.Step] = [
      ScriptedAnswer.token(nil, finish: "stop"), ScriptedAnswer.usage(3, 2),
      ScriptedAnswer.event("[DONE]"), ScriptedAnswer.streamEnd,
    ]
    try await run { request in
      Self.isFlash(request)
        ? [ScriptedAnswer.streamHead, .await(flash), ScriptedAnswer.token("flash-0")]
          + [ScriptedAnswer.token("flash-1")] + ends
        : [ScriptedAnswer.streamHead, ScriptedAnswer.token("dense-0"), .await(dense)]
          + [ScriptedAnswer.token("dense-1")] + ends
    } _: { world, server in
      try await RawClient.run(port: world.port) { client in
        try await client.send(
          World.bytes("POST", World.chat, World.body(stream: true, #","n":2"#)))
        #expect(await eventually { server.requests.count == 2 })
        try await Task.sleep(for: .milliseconds(50))
        #expect(client.received.isEmpty, "whoever is first would be known by it")
        flash.open()
        // The other one is still silent.
        #expect(await eventually { client.received.contains("flash-1") })
        #expect(client.received.contains("dense-0") && !client.received.contains("dense-1"))
        dense.open()
        let answer = try await client.answer()
        #expect(answer.events.last == "[DONE]")
      }
    }
  }

  @Test func `a candidate that fails before it began is filled in, and nobody is preferred`()
    async throws
  {
    try await run(Self.dense { _ in [ScriptedAnswer.error(status: 500, "broken")] }) { world, _ in
      let answer = try await world.chat(stream: true, #","n":3"#)
      let texts = self.texts(try self.pieces(answer.events))
      #expect(texts.count == 3 && texts.values.allSatisfy { $0.hasPrefix("dense") })
      #expect(answer.events.last == "[DONE]")
      let token = try #require(answer["x-rollout-feedback-token"])
      for place in 0..<3 {
        let reply = try await world.rate(#""token":"\#(token)","thumbs":"up","choice":\#(place)"#)
        #expect(reply.status == 202 && !reply.body.contains("model"))
      }
      #expect(
        try await world.feedback().allSatisfy { $0.model.text == "dense" },
        "who wrote it has the credit")
      #expect(try await world.feedback().allSatisfy { !$0.isEvidence })
      let outcomes = try await world.outcomes(2)
      #expect(outcomes.first { $0.model.text == "flash" }?.measurements.failure == .unavailable)
      #expect(outcomes.first { $0.model.text == "dense" }?.measurements.failure == nil)
    }
  }

  @Test(arguments: [ScriptedServer.Step.reset, .close, ScriptedAnswer.streamEnd])
  func `a candidate that breaks on the way ends its own choice, and no other`(
    end: ScriptedServer.Step
  ) async throws {
    try await run(
      Self.dense { _ in [ScriptedAnswer.streamHead, ScriptedAnswer.token("flash-0"), end] }
    ) { world, _ in
      let answer = try await world.chat(
        stream: true, #","n":2,"stream_options":{"include_usage":true}"#)
      let pieces = try self.pieces(answer.events)
      let texts = self.texts(pieces)
      let place = try #require(texts.first { $0.value == "flash-0" }?.key)
      #expect(texts[1 - place] == "dense-0!")
      #expect(pieces.filter { $0.index == place }.compactMap(\.finish) == ["error"])
      #expect(pieces.filter { $0.index != place }.compactMap(\.finish) == ["stop"])
      #expect(answer.events.last == "[DONE]" && !answer.body.contains("\"error\":"))
      #expect(!answer.body.contains("prompt_tokens"), "what the broken one cost is not known")
      let token = try #require(answer["x-rollout-feedback-token"])
      let reply = try await world.rate(#""token":"\#(token)","thumbs":"up","choice":\#(1 - place)"#)
      #expect(reply.body.contains(#""evidence":false"#), "\(reply.body)")
      #expect(try await world.feedback().allSatisfy { !$0.isEvidence })
      let outcomes = try await world.outcomes(2)
      let failed = try #require(outcomes.first { $0.model.text == "flash" })
      #expect(failed.measurements.failure?.isBreakdown == true)
      #expect(failed.measurements.timeToFirstTokenSeconds != nil && failed.choices == [place])
      #expect(outcomes.first { $0.model.text == "dense" }?.measurements.failure == nil)
      #expect(await eventually { world.isIdle })
    }
  }

  @Test func `an incumbent that breaks ends the stream, and the candidate is not blamed`()
    async throws
  {
    try await run { request in
      let head = [ScriptedAnswer.streamHead]
      return Self.isFlash(request)
        ? head + [ScriptedAnswer.token("flash-0"), .hang]
        : head + [ScriptedAnswer.token("dense-0"), .reset]
    } _: { world, server in
      let answer = try await world.chat(stream: true, #","n":2"#)
      #expect(answer.status == 200 && answer.events.last?.contains("\"error\":") == true)
      let outcomes = try await world.outcomes(2)
      #expect(
        outcomes.first { $0.model.text == "dense" }?.measurements.failure?.isBreakdown == true)
      #expect(outcomes.first { $0.model.text == "flash" }?.measurements.failure == .cancelled)
      #expect(await eventually { world.isIdle && server.openConnections == 0 })
    }
  }

  @Test func `an incumbent that fails before it began fails the request with a status`()
    async throws
  {
    try await run { request in
      Self.isFlash(request)
        ? [ScriptedAnswer.streamHead, .hang] : [ScriptedAnswer.error(status: 500, "broken")]
    } _: { world, server in
      #expect(try await world.chat(stream: true, #","n":2"#).status >= 500)
      let outcomes = try await world.outcomes(2)
      #expect(outcomes.first { $0.model.text == "dense" }?.measurements.failure == .unavailable)
      #expect(outcomes.first { $0.model.text == "flash" }?.measurements.failure == .cancelled)
      // The connection whose answer was whole is kept for the next one.
      #expect(await eventually { world.isIdle && server.openConnections <= 1 })
    }
  }

  @Test(arguments: DepartureTests.Way.allCases, [true, false])
  func `a client that leaves calls all models off, and each row is closed once`(
    way: DepartureTests.Way, afterFirstToken: Bool
  ) async throws {
    try await run { request in
      guard afterFirstToken else { return [.hang] }
      return [ScriptedAnswer.streamHead, ScriptedAnswer.token("word"), .hang]
    } _: { world, server in
      try await RawClient.run(port: world.port) { client in
        try await client.send(
          World.bytes("POST", World.chat, World.body(stream: true, #","n":2"#)))
        #expect(await eventually { server.requests.count == 2 })
        if afterFirstToken { #expect(await eventually { client.received.contains("word") }) }
        #expect(world.gateway.admission.count == 1)
        try await way.leave(client)
        #expect(await eventually { server.openConnections == 0 && world.isIdle })
      }
      let outcomes = try await world.outcomes(2)
      #expect(outcomes.allSatisfy { $0.measurements.failure == .cancelled })
      #expect(outcomes.allSatisfy { $0.measurements.isError == nil })
    }
  }

  @Test func `when time is up before the slower one began, it alone is late`() async throws {
    try await run { request in
      Self.isFlash(request)
        ? [ScriptedAnswer.streamHead, .hang]
        : [ScriptedAnswer.streamHead, ScriptedAnswer.token("dense-0"), .hang]
    } options: {
      $0.gateway.requestTimeout = .milliseconds(300)
    } _: { world, _ in
      #expect(try await world.chat(stream: true, #","n":2"#).status == 504)
      let outcomes = try await world.outcomes(2)
      #expect(
        outcomes.first { $0.model.text == "flash" }?.measurements.failure == .deadlineExceeded)
      #expect(outcomes.first { $0.model.text == "dense" }?.measurements.failure == .cancelled)
    }
  }

  @Test func `what a model says beyond its places is not passed on, and is bounded`()
    async throws
  {
    try await run { request in
      [ScriptedAnswer.streamHead, ScriptedAnswer.token("word")]
        + (0..<100).map { _ in
          ScriptedAnswer.token(String(repeating: "x", count: 60_000), choice: 7)
        } + [.hang]
    } _: { world, server in
      let answer = try await world.chat(stream: true, #","n":2"#)
      #expect(answer.body.contains("malformed") && !answer.body.contains("xxx"))
      #expect(await eventually { world.isIdle && server.openConnections == 0 })
    }
  }
}
