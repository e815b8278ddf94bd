import Experimentation
import Routing
import Statistics
import TestPeers
import Testing

@testable import Gateway

/// Who answers whom, and what is written down of it.
@Suite(.serialized) struct RoutingTests {
  private func run(
    _ route: RouteTable, _ body: @escaping @Sendable (World) async throws -> Void
  ) async throws {
    try await ScriptedServer.run {
      ScriptedAnswer.chat(to: $0, ["a"])
    } _: { dense in
      try await ScriptedServer.run {
        ScriptedAnswer.chat(to: $0, ["b"])
      } _: { flash in
        try await World.run(["dense": dense.port, "flash": flash.port], [route], body)
      }
    }
  }

  @Test func `a candidate gets its share, users stay, and each row says how it came about`()
    async throws
  {
    let route = try RouteTable.trial(canary: 0.3)
    try await run(route) { world in
      let count = 200
      let served = try await withThrowingTaskGroup(of: (Int, String?).self) { group in
        var served: [Int: String] = [:]
        for user in 0..<count {
          if user >= 16 {
            let (user, model) = try #require(try await group.next())
            served[user] = model
          }
          group.addTask {
            let answer = try await world.chat("Hi", #","user":"user-\#(user)""#)
            return (user, answer["x-rollout-model"])
          }
        }
        for try await (user, model) in group { served[user] = model }
        return served
      }
      let canaries = served.values.count { $0 == "flash" }
      // Four standard errors of a binomial with p = 0.3, n = 200.
      #expect(abs(canaries - 60) <= 26)
      for user in 0..<20 {
        let again = try await world.chat(stream: true, #","user":"user-\#(user)""#)
        #expect(again["x-rollout-model"] == served[user])
      }
      let outcomes = try await world.outcomes(count + 20)
      for outcome in outcomes {
        let share = outcome.model.text == "flash" ? 0.3 : 0.7
        #expect(outcome.assignment.propensity == share)
        #expect(outcome.assignment.rollout == route.rollout)
        #expect(outcome.assignment.atMilliseconds == world.clock.milliseconds)
      }
      #expect(outcomes.count { $0.model.text == "flash" } >= canaries)
      #expect(Set(outcomes.map(\.assignment.unitHash)).count == count)
    }
  }

  @Test func `units are what the policy says, by their hash only`() async throws {
    let cases: [(UnitKind, [String], String)] = [
      (.user, [], "anna"), (.session, ["X-Rollout-Session: s-9"], "s-9"),
      (.header("x-tenant"), ["X-Tenant: acme"], "acme"), (.request, [], "request/made-1"),
      // Without what the policy asks for, or with more than may be looked at. The client's own
      // name for the request does not choose its model.
      (.session, [], "request/made-1"), (.header("x-tenant"), [], "request/made-1"),
      (.session, ["X-Rollout-Session: " + String(repeating: "s", count: 513)], "request/made-1"),
    ]
    for (unit, headers, expected) in cases {
      try await run(try .trial(canary: 0.5, unit: unit)) { world in
        let id = "X-Request-Id: mine"
        _ = try await world.chat(#"Hi"#, #","user":"anna""#, headers: headers + [id])
        let outcome = try #require(try await world.outcomes(1).first)
        #expect(
          outcome.assignment.unitHash == StableHash.hash(salt: "salt-1/unit", unit: expected))
        #expect(outcome.requestID == "mine")
      }
    }
  }

  @Test func `of what a client says of its request only what a policy asks for is kept`()
    async throws
  {
    var route = try RouteTable.trial(canary: 0.5)
    route.labels = [RequestLabel(key: "tier", value: "gold")]
    route.headers = [RequestHeader(name: "x-plan", value: "pro")]
    try await run(route) { world in
      let metadata = #","metadata":{"tier":"gold","customer":"Ada Lovelace"}"#
      _ = try await world.chat("Hi", metadata)
      for customer in 1...3 {
        _ = try await world.chat("Hi", ##","metadata":{"tier":"\##(customer)"}"##)
      }
      // Whoever writes a label of that name has no header for it.
      let forged = #","metadata":{"header:x-plan":"pro"}"#
      _ = try await world.chat("Hi", forged, headers: ["X-Plan: free"])
      _ = try await world.chat("Hi", headers: ["X-Plan: pro"])
      let outcomes = try await world.outcomes(6)
      #expect(
        outcomes.map(\.assignment.labels)
          == [["tier": "gold"], [:], [:], [:], [:], ["header:x-plan": "pro"]])
    }
  }

  @Test func `who does not match is answered by the incumbent, and is no evidence`() async throws {
    var route = try RouteTable.trial(canary: 1, allowsOverride: true)
    route.match = RequestMatch(
      labels: [RequestLabel(key: "tier", value: "gold")],
      headers: [RequestHeader(name: "x-tenant", value: "acme")])
    try await run(route) { world in
      let gold = #","metadata":{"tier":"gold"}"#
      for (metadata, headers) in [
        ("", ["X-Tenant: acme"]), (gold, []), (gold, ["X-Tenant: other"]),
        ("", ["X-Rollout-Model: flash"]),
      ] {
        let answer = try await world.chat("Hi", metadata, headers: headers)
        #expect(answer["x-rollout-model"] == "dense")
      }
      // Rows are written in the order of assignment: once this one is there, the others would be.
      let inside = try await world.chat("Hi", gold, headers: ["X-Tenant: acme"])
      #expect(inside["x-rollout-model"] == "flash")
      let outcomes = try await world.outcomes(1)
      #expect(outcomes.map(\.model.text) == ["flash"])
    }
  }

  @Test func `who is outside of a layer's part has the incumbent, and is no evidence`() async throws
  {
    var route = try RouteTable.trial(canary: 1, allowsOverride: true)
    let middle = try #require(Share(0.5))
    route.layer = LayerRange(
      name: try #require(LayerName("people")), lower: .none, upper: middle)
    let layer = route.layer
    try await run(route) { world in
      var inside = 0
      for user in 0..<40 {
        let unit = AssignmentUnit(id: "user-\(user)")
        let takesPart = LayerMembership.takesPart(unit, in: layer)
        inside += takesPart ? 1 : 0
        let answer = try await world.chat(
          "Hi", #","user":"user-\#(user)""#,
          headers: takesPart ? [] : ["X-Rollout-Model: flash"])
        #expect(answer["x-rollout-model"] == (takesPart ? "flash" : "dense"))
      }
      #expect(inside > 0 && inside < 40)
      let outcomes = try await world.outcomes(inside)
      #expect(outcomes.allSatisfy { $0.model.text == "flash" && $0.assignment.propensity == 1 })
    }
  }

  @Test func `a pinned request goes where it says, and is no evidence`() async throws {
    try await run(try .trial(canary: 0, allowsOverride: true)) { world in
      let pinned = try await world.chat(headers: ["X-Rollout-Model: flash"])
      #expect(pinned["x-rollout-model"] == "flash")
      for stranger in ["gpt-9", "Flash", ""] {
        let answer = try await world.chat(headers: ["X-Rollout-Model: \(stranger)"])
        #expect(answer["x-rollout-model"] == "dense")
      }
      let outcomes = try await world.outcomes(4)
      #expect(outcomes.map(\.assignment.propensity) == [nil, 1, 1, 1])
    }
    try await run(try .trial(canary: 0)) { world in
      let refused = try await world.chat(headers: ["X-Rollout-Model: flash"])
      #expect(refused["x-rollout-model"] == "dense", "the policy does not allow it")
    }
  }

  @Test func `a model asked by its own name leaves no row`() async throws {
    try await run(try .trial()) { world in
      #expect(try await world.chat(model: "flash").status == 200)
      #expect(try await world.chat().status == 200)
      let outcomes = try await world.outcomes(1)
      #expect(outcomes.map(\.model.text) == ["dense"])
      #expect(world.counter("rollout_requests_total", ["model": "flash", "role": "live"]) == 1)
    }
  }

  @Test func `a table that changes under way changes nothing for requests under way`() async throws
  {
    let gate = Gate()
    try await ScriptedServer.run {
      [.await(gate)] + ScriptedAnswer.chat(to: $0, ["a"])
    } _: { dense in
      try await ScriptedServer.run {
        ScriptedAnswer.chat(to: $0, ["new"])
      } _: { flash in
        try await World.run(
          ["dense": dense.port, "flash": flash.port], [try .trial()]
        ) { world in
          try await withThrowingTaskGroup(of: String?.self) { group in
            group.addTask { try await world.chat(stream: true)["x-rollout-model"] }
            #expect(await eventually { dense.requests.count == 1 })
            var next = world.table.snapshot
            next.routes[try routeName("assistant")] = try .trial(canary: 1)
            world.table.publish(next)
            #expect(try await world.chat()["x-rollout-model"] == "flash")
            gate.open()
            #expect(try await group.next() == "dense")
          }
          #expect(try await world.outcomes(2).map(\.model.text) == ["dense", "flash"])
        }
      }
    }
  }
}
