import Experimentation
import OpenAIAPI
import Routing
import TestPeers
import Testing

@testable import Gateway

/// Candidates that are asked aside: compared when they answer, in nobody's way when they do not.
@Suite(.serialized) struct ShadowTests {
  /// An incumbent that answers two words, and a candidate by script.
  private func run(
    _ traffic: ShadowTraffic = ShadowTraffic(concurrency: 4),
    options: @escaping @Sendable (inout World.Options) -> Void = { _ in },
    incumbent: @escaping ScriptedServer.Script = {
      ScriptedAnswer.chat(to: $0, ["one ", "two ", "three"])
    },
    candidate: @escaping ScriptedServer.Script,
    _ body: @escaping @Sendable (World, ScriptedServer) async throws -> Void
  ) async throws {
    try await ScriptedServer.run(incumbent) { dense in
      try await ScriptedServer.run(candidate) { flash in
        try await World.run(
          ["dense": dense.port, "flash": flash.port], [.trial(shadow: traffic)],
          options: { options(&$0) }
        ) { world in try await body(world, flash) }
      }
    }
  }

  @Test(arguments: [true, false])
  func `both answers are compared`(isStreamed: Bool) async throws {
    try await run(candidate: { ScriptedAnswer.chat(to: $0, ["one ", "two ", "four ", "five"]) }) {
      world, _ in
      let answer = try await world.chat(stream: isStreamed, headers: ["X-Request-Id: mine"])
      #expect(answer.status == 200 && !answer.body.contains("four"))
      let comparison = try #require(try await world.comparisons(1).first)
      #expect(comparison.requestID == "mine")
      #expect(comparison.incumbent.text == "dense" && comparison.candidate.text == "flash")
      // Two words of four.
      #expect(comparison.prefixAgreement == 0.5)
      #expect(comparison.tokenAgreement == nil, "no upstream can be asked for it")
      let candidate = comparison.candidateMeasurements
      #expect(candidate.failure == nil && candidate.outputTokens == 4)
      #expect(candidate.timeToFirstTokenSeconds != nil, "shadows are streamed to be timed")
      #expect(comparison.incumbentMeasurements.outputTokens == 3)
      #expect(comparison.assignment.propensity == 1)
      let outcome = try #require(try await world.outcomes(1).first)
      #expect(comparison.incumbentMeasurements == outcome.measurements)
      #expect(world.counter("rollout_requests_total", ["role": "shadow", "outcome": "ok"]) == 1)
    }
  }

  @Test func `an incumbent that is its own control is asked aside in a lane of its own`()
    async throws
  {
    try await ScriptedServer.run {
      ScriptedAnswer.chat(to: $0, $0["x-shadow"].isEmpty ? ["one ", "two"] : ["one ", "three"])
    } _: { dense in
      // The candidate hangs in its lane, of which the control knows nothing.
      try await ScriptedServer.run { _ in
        [.hang]
      } _: { flash in
        var route = try RouteTable.trial(shadow: ShadowTraffic(concurrency: 1))
        route.shadows.append(
          ShadowRule(
            model: try modelName("dense"), traffic: ShadowTraffic(concurrency: 1),
            controlOf: try modelName("flash")))
        let table = route
        try await World.run(["dense": dense.port, "flash": flash.port], [table]) {
          world async throws in
          for _ in 0..<2 {
            let answer = try await world.chat()
            #expect(answer.status == 200 && !answer.body.contains("three"))
          }
          let pairs = try await world.comparisons(2)
          #expect(pairs.allSatisfy { $0.isControl && $0.incumbent.text == "dense" })
          // One word of two.
          #expect(pairs.map(\.prefixAgreement) == [0.5, 0.5])
          #expect(
            world.counter("rollout_requests_total", ["model": "dense", "role": "shadow"]) == 2)
          let outcomes = try await world.outcomes(2)
          #expect(outcomes.allSatisfy { $0.model.text == "dense" })
        }
      }
    }
  }

  @Test func `a shadow's copy has the question and nothing of who asked`() async throws {
    try await run(candidate: { ScriptedAnswer.chat(to: $0, ["a"]) }) { world, flash in
      let answer = try await world.chat(
        "What?",
        stream: false,
        #","user":"anna","safety_identifier":"s","store":true,"metadata":{"k":"v"},"#
          + #""prompt_cache_key":"p","seed":4,"temperature":0.25"#,
        headers: [
          "Authorization: Bearer sk-anna", "Cookie: c=1", "X-Api-Key: sk-2", "X-Rollout-Session: s",
          "OpenAI-Organization: org",
        ])
      #expect(answer.status == 200)
      #expect(await eventually { flash.requests.count == 1 })
      let copy = try #require(flash.requests.first)
      #expect(
        copy.body
          == #"{"model":"up/flash","messages":[{"role":"user","content":"What?"}],"stream":true,"#
          + #""stream_options":{"include_usage":true},"temperature":0.25,"seed":4}"#)
      #expect(copy["x-shadow"] == ["1"])
      for header in [
        "authorization", "cookie", "x-api-key", "x-rollout-session", "openai-organization",
      ] {
        #expect(copy[header].isEmpty)
      }
    }
  }

  @Test func `the incumbent does not see its client's credentials either`() async throws {
    try await ScriptedServer.run {
      ScriptedAnswer.chat(to: $0, ["a"])
    } _: { server in
      try await World.run(
        ["dense": server.port, "flash": server.port], [.trial()],
        options: { $0.gateway.apiKeys = ["sk-anna"] }
      ) { world in
        let answer = try await world.chat(
          headers: ["Authorization: Bearer sk-anna", "Cookie: c=1", "X-Forwarded-For: 10.0.0.1"])
        #expect(answer.status == 200)
        let request = try #require(server.requests.first)
        for header in ["authorization", "cookie", "x-forwarded-for"] {
          #expect(request[header].isEmpty)
        }
      }
    }
  }

  @Test func `what could have effects, or would be another question, is not asked aside`()
    async throws
  {
    try await run(candidate: { ScriptedAnswer.chat(to: $0, ["a"]) }) { world, flash async throws in
      let image =
        #"{"model":"assistant","messages":[{"role":"user","content":[{"type":"image_url","#
        + #""image_url":{"url":"http://example.com/a.png"}}]}]}"#
      #expect(try await world.ask("POST", World.chat, image).status == 200)
      // Three answers cannot be held against one.
      #expect(try await world.chat("Hi", #","n":3"#).status == 200)
      #expect(await eventually { world.dropped("notMirrorable") == 2 })
      #expect(world.isIdle && flash.connections == 0)
      // Nothing waits for what was never asked.
      #expect(try await world.chat().status == 200)
      #expect(try await world.comparisons(1).count == 1)
    }
  }

  // MARK: In nobody's way

  struct Trouble: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let steps: [ScriptedServer.Step]
    let failure: FailureClass
    /// Whether another request may come on the same connection.
    var keepsConnection = false
  }

  private static let hugePiece: ScriptedServer.Step = {
    guard case .send(let text) = ScriptedAnswer.token(String(repeating: "a", count: 200_000)) else {
      return .close
    }
    return .flood(text)
  }()

  @Test(arguments: [
    Trouble(testDescription: "hangs", steps: [.hang], failure: .deadlineExceeded),
    Trouble(
      testDescription: "begins and hangs",
      steps: [ScriptedAnswer.streamHead, ScriptedAnswer.token("one "), .hang],
      failure: .deadlineExceeded),
    Trouble(
      testDescription: "drips",
      steps: [ScriptedAnswer.streamHead]
        + (0..<1_000).flatMap { _ in
          [ScriptedAnswer.token("a"), ScriptedServer.Step.wait(.milliseconds(20))]
        },
      failure: .deadlineExceeded),
    Trouble(testDescription: "closes", steps: [.close], failure: .unavailable),
    Trouble(
      testDescription: "breaks in the middle",
      steps: [ScriptedAnswer.streamHead, ScriptedAnswer.token("one "), .reset],
      failure: .unavailable),
    Trouble(
      testDescription: "says more than can be held",
      steps: [ScriptedAnswer.streamHead, hugePiece], failure: .malformed),
    Trouble(
      testDescription: "sends a body that has no end",
      steps: [
        .send("HTTP/1.1 500 No\r\ncontent-length: 10737418240\r\n\r\n"),
        .flood(String(repeating: "x", count: 1 << 16)),
      ], failure: .unavailable),
    Trouble(
      testDescription: "talks nonsense", steps: [.send("SSH-2.0-OpenSSH\r\n\r\n")],
      failure: .unavailable),
    Trouble(
      testDescription: "sends its client away",
      steps: [ScriptedAnswer.message(status: 302, "", headers: ["location: http://127.0.0.1:1/"])],
      failure: .malformed, keepsConnection: true),
    Trouble(
      testDescription: "refuses", steps: [ScriptedAnswer.error(status: 413, "too long for me")],
      failure: .rejected, keepsConnection: true),
  ])
  func `a candidate in trouble changes nothing that a client sees`(trouble: Trouble) async throws {
    let ids = ["X-Request-Id: mine"]
    let alone = try await answers(headers: ids, beside: nil)
    let beside = try await answers(headers: ids, beside: trouble)
    #expect(alone == beside)
  }

  /// The bodies of a streamed and a whole answer, with a candidate or without.
  private func answers(headers: [String], beside trouble: Trouble?) async throws -> [String] {
    try await ScriptedServer.run {
      ScriptedAnswer.chat(to: $0, ["one ", "two"])
    } _: { dense in
      try await ScriptedServer.run { _ in
        trouble?.steps ?? []
      } _: { flash in
        let bodies = Collected()
        try await World.run(
          ["dense": dense.port, "flash": flash.port],
          [.trial(shadow: trouble == nil ? nil : ShadowTraffic(concurrency: 2))],
          options: {
            $0.timeouts = UpstreamTimeouts(
              connectSeconds: 8, firstTokenSeconds: 1.5, idleSeconds: 1.5, totalSeconds: 2)
          }
        ) { world in
          for stream in [true, false] {
            let start = ContinuousClock.now
            let answer = try await world.chat(stream: stream, headers: headers)
            // Far below what the slowest of these candidates takes altogether.
            #expect(start.duration(to: .now) < .seconds(5))
            bodies.add(answer.body)
          }
          guard let trouble else { return }
          let comparisons = try await world.comparisons(2)
          for comparison in comparisons {
            #expect(comparison.candidateMeasurements.failure == trouble.failure)
            #expect(comparison.incumbentMeasurements.failure == nil)
            #expect(comparison.prefixAgreement == nil)
          }
          #expect(await eventually { world.isIdle })
          if trouble.keepsConnection { return }
          #expect(await eventually { flash.openConnections == 0 })
        }
        return bodies.all
      }
    }
  }

  @Test func `a candidate that is gone is a failed comparison`() async throws {
    let port = try await ScriptedServer.run { _ in
      []
    } _: {
      $0.port
    }
    try await ScriptedServer.run {
      ScriptedAnswer.chat(to: $0, ["one"])
    } _: { dense in
      try await World.run(
        ["dense": dense.port, "flash": port], [.trial(shadow: ShadowTraffic())]
      ) { world in
        #expect(try await world.chat().status == 200)
        let comparison = try #require(try await world.comparisons(1).first)
        #expect(comparison.candidateMeasurements.failure == .unavailable)
      }
    }
  }

  @Test func `a candidate that is not ready is not asked`() async throws {
    try await ScriptedServer.run {
      ScriptedAnswer.chat(to: $0, ["one"])
    } _: { dense in
      try await World.run(["dense": dense.port], [.trial(shadow: ShadowTraffic())]) {
        world async throws in
        #expect(try await world.chat().status == 200)
        #expect(await eventually { world.dropped("noBackend") == 1 })
        #expect(world.isIdle)
      }
    }
  }

  // MARK: Bounds

  @Test func `no more run than the policy says, no more wait than may, and the rest is counted`()
    async throws
  {
    try await run(
      ShadowTraffic(concurrency: 2), options: { $0.shadowCapacity = 3 }, candidate: { _ in [.hang] }
    ) { world, flash async throws in
      for _ in 0..<2 { #expect(try await world.chat().status == 200) }
      #expect(await eventually { flash.requests.count == 2 })
      for _ in 0..<7 { #expect(try await world.chat().status == 200) }
      #expect(world.dropped("queueFull") == 4)
      #expect(world.shadows.pending == 5)
      #expect(flash.requests.count == 2 && flash.openConnections == 2)
      #expect(try await world.outcomes(9).count == 9, "answers are written down all the same")
    }
  }

  @Test func `text that waits is bounded in bytes`() async throws {
    try await run(
      options: { $0.shadowCapacityBytes = 3_000 }, candidate: { ScriptedAnswer.chat(to: $0, ["a"]) }
    ) { world, flash async throws in
      #expect(try await world.chat(String(repeating: "a", count: 4_000)).status == 200)
      #expect(world.dropped("queueFull") == 1)
      #expect(try await world.chat(String(repeating: "a", count: 2_000)).status == 200)
      #expect(try await world.comparisons(1).count == 1)
      #expect(flash.requests.count == 1)
    }
  }

  @Test func `a day's tokens bound what is asked, also of a candidate that does not count`()
    async throws
  {
    let uncounted: ScriptedServer.Script = { _ in
      [
        ScriptedAnswer.streamHead, ScriptedAnswer.token("a"),
        ScriptedAnswer.token(nil, finish: "stop"), ScriptedAnswer.event("[DONE]"),
        ScriptedAnswer.streamEnd,
      ]
    }
    let counted: ScriptedServer.Script = { ScriptedAnswer.chat(to: $0, ["a", "b", "c"]) }
    for candidate in [counted, uncounted] {
      // An answer costs 3 + 3.
      try await run(ShadowTraffic(concurrency: 1, tokensPerDay: 10), candidate: candidate) {
        world, flash async throws in
        for number in 1...4 {
          #expect(try await world.chat().status == 200)
          #expect(await eventually { world.isIdle })
          #expect(flash.requests.count == min(number, 2))
        }
        #expect(world.dropped("tokenBudget") == 2)
        world.clock.advance(bySeconds: 86_400)
        #expect(try await world.chat().status == 200)
        #expect(await eventually { flash.requests.count == 3 })
      }
    }
  }

  @Test func `a share of requests is asked aside`() async throws {
    let share = try #require(Share(0.5))
    try await run(
      ShadowTraffic(share: share, concurrency: 8),
      candidate: { ScriptedAnswer.chat(to: $0, ["a"]) }
    ) { world, flash in
      for number in 0..<60 {
        _ = try await world.chat(headers: ["X-Request-Id: r\(number)"])
      }
      #expect(await eventually { world.isIdle })
      // Four standard errors of a binomial with p = 0.5, n = 60.
      #expect(abs(flash.requests.count - 30) <= 16)
      let first = flash.requests.count
      #expect(try await world.comparisons(first).count == first)
    }
  }

  @Test func `one candidate that hangs holds nothing of another's evidence back`() async throws {
    try await ScriptedServer.run {
      ScriptedAnswer.chat(to: $0, ["a"])
    } _: { good in
      try await ScriptedServer.run { _ in
        [.hang]
      } _: { bad in
        var route = try RouteTable.trial(shadow: ShadowTraffic(concurrency: 1))
        route.shadows.insert(
          ShadowRule(model: try modelName("stuck"), traffic: ShadowTraffic(concurrency: 1)), at: 0)
        try await World.run(
          ["dense": good.port, "flash": good.port, "stuck": bad.port], [route],
          options: { $0.shadowCapacity = 2 }
        ) { world in
          for _ in 0..<6 {
            #expect(try await world.chat().status == 200)
            #expect(
              await eventually { world.counter("rollout_requests_total", ["role": "shadow"]) > 0 })
          }
          let comparisons = try await world.comparisons(6)
          #expect(comparisons.allSatisfy { $0.candidate.text == "flash" })
          #expect(world.dropped("queueFull") == 3)
        }
      }
    }
  }

  // MARK: Ends

  @Test func `an incumbent that fails is compared, one whose client left is not`() async throws {
    try await run(
      incumbent: { request in
        request.body.contains("bad") ? [ScriptedAnswer.message("junk")] : [.hang]
      },
      candidate: { ScriptedAnswer.chat(to: $0, ["fine"]) }
    ) { world, flash in
      #expect(try await world.chat("bad").status == 502)
      let comparison = try #require(try await world.comparisons(1).first)
      #expect(comparison.incumbentMeasurements.failure == .malformed)
      #expect(comparison.candidateMeasurements.failure == nil)
      #expect(comparison.prefixAgreement == nil)
      try await RawClient.run(port: world.port) { client in
        try await client.send(World.bytes("POST", World.chat, World.body("hang")))
        #expect(await eventually { world.gateway.admission.count == 1 })
        try await client.reset()
      }
      #expect(await eventually { world.dropped("noIncumbentAnswer") == 1 })
      #expect(flash.requests.count == 1)
    }
  }

  @Test func `shadows do not hold the service up when it stops`() async throws {
    let start = ContinuousClock.now
    let counted = Collected()
    try await run(ShadowTraffic(concurrency: 1), candidate: { _ in [.hang] }) {
      world, flash async throws in
      for _ in 0..<3 { #expect(try await world.chat().status == 200) }
      #expect(await eventually { flash.requests.count == 1 })
      counted.world = world
    }
    // The candidate hangs for an hour.
    #expect(start.duration(to: .now) < .seconds(60))
    let world = try #require(counted.world)
    #expect(world.dropped("shutdown") == 3)
    #expect(world.isIdle)
    #expect(world.counter("rollout_requests_total", ["role": "shadow"]) == 0)
  }
}
