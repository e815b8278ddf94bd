import Experimentation
import Routing
import Storage
import TestPeers
import Testing

@testable import Gateway

/// Answers with several choices, some of each model, from the socket to the store.
@Suite(.serialized) struct InterleavingTests {
  /// As many choices as are asked for, each with the name of the model in it.
  static func choices(to request: ScriptedRequest) -> [ScriptedServer.Step] {
    let name = request.body.contains("up/flash") ? "flash" : "dense"
    let count = request.body.firstMatch(of: /"n":([0-9]+)/).flatMap { Int($0.output.1) } ?? 1
    if request.asksForStream { return ScriptedAnswer.stream([name]) }
    let choices = (0..<count).map {
      #"{"index":\#($0),"message":{"role":"assistant","content":"\#(name)-\#($0)"},"#
        + #""finish_reason":"stop"}"#
    }
    return [
      ScriptedAnswer.message(
        #"{"id":"up","object":"chat.completion","created":1,"model":"up","choices":["#
          + choices.joined(separator: ",")
          + #"],"usage":{"prompt_tokens":3,"completion_tokens":\#(count),"total_tokens":0}}"#)
    ]
  }

  static func route() throws -> RouteTable {
    var route = try RouteTable.trial()
    route.serving = [WeightedModel(model: route.incumbent, share: .all)]
    route.interleaving = InterleavingRule(
      teams: [try modelName("dense"), try modelName("flash")], greatestChoices: 4)
    return route
  }

  private func run(
    _ answer: @escaping @Sendable (ScriptedRequest) -> [ScriptedServer.Step] = choices,
    _ body: @escaping @Sendable (World) async throws -> Void
  ) async throws {
    try await ScriptedServer.run(answer) { server in
      try await World.run(
        ["dense": server.port, "flash": server.port], [try Self.route()],
        options: { $0.gateway.feedback.tokens = FeedbackTokens(key: FeedbackTests.key) }, body)
    }
  }

  /// The texts of an answer's choices, in the order of their index.
  private func texts(_ answer: HTTPAnswer) -> [String] {
    answer.body.matches(of: /"content":"([a-z0-9-]*)"/).map { String($0.output.1) }
  }

  @Test func `choices come from both models, and each is asked once`() async throws {
    try await run { world in
      for _ in 0..<8 {
        let answer = try await world.chat("Hi", #","n":3"#)
        #expect(answer.status == 200)
        let texts = self.texts(answer)
        #expect(texts.count == 3)
        let own = texts.count { $0.hasPrefix("flash") }
        #expect(own == 1 || own == 2, "nobody is ahead by more than a place")
        // Each model's choices stand in its own order.
        for name in ["dense", "flash"] {
          let mine = texts.filter { $0.hasPrefix(name) }
          #expect(mine == mine.indices.map { "\(name)-\($0)" })
        }
        #expect(answer.body.contains(#""index":0"#) && answer.body.contains(#""index":2"#))
        #expect(answer.body.contains(#""completion_tokens":3"#))
      }
      let outcomes = try await world.outcomes(16)
      let route = try Self.route()
      let teams = try #require(route.interleaving).teams
      // Both rows of a request say who stood where, and together that is all of it.
      for rows in Dictionary(grouping: outcomes, by: \.requestID).values {
        #expect(rows.flatMap(\.choices).sorted() == [0, 1, 2])
        #expect(Set(rows.map(\.model)).count == 2)
        #expect(rows.allSatisfy { $0.assignment.propensity == 1 })
        // With what the row keeps anybody drafts the answer again.
        let draw = try #require(rows.first?.draw)
        let again = TeamDraft.draft(
          teams, places: 3, requestID: draw, salt: route.salt)
        for row in rows {
          #expect(row.draw == draw)
          #expect(row.choices == again.indices.filter { again[$0] == row.model })
        }
      }
      #expect(world.isIdle)
    }
  }

  @Test func `a chosen index is credit for the model that stood there`() async throws {
    try await run { world in
      let answer = try await world.chat("Hi", #","n":2"#)
      let token = try #require(answer["x-rollout-feedback-token"])
      let texts = self.texts(answer)
      for place in texts.indices {
        let reply = try await world.rate(#""token":"\#(token)","thumbs":"up","choice":\#(place)"#)
        #expect(reply.status == 202)
        #expect(!reply.body.contains("model"), "who votes is not told whom they vote for")
      }
      let beyond = try await world.rate(#""token":"\#(token)","thumbs":"up","choice":2"#)
      #expect(beyond.status == 400)
      let vague = try await world.rate(#""token":"\#(token)","thumbs":"down""#)
      #expect(vague.status == 400 && vague.body.contains("choices of several models"))
      let feedback = try await world.feedback()
      #expect(feedback.count == 2 && feedback.allSatisfy(\.isEvidence))
      for said in feedback {
        #expect(texts[said.choice].hasPrefix(said.model.text))
        #expect(said.value == 1, "what says of no choice leaves every choice as it was")
      }
      #expect(Set(feedback.map(\.model.text)) == ["dense", "flash"])
    }
  }

  @Test func `one choice or too many are the incumbent's, and no evidence`() async throws {
    try await run { world in
      for more in ["", #","n":5"#] {
        let answer = try await world.chat("Hi", more)
        #expect(self.texts(answer).allSatisfy { $0.hasPrefix("dense") })
        let stream = try await world.chat("Hi", stream: true, more)
        #expect(stream.status == 200 && !stream.body.contains("flash"))
      }
      let outcomes = try await world.outcomes(4)
      #expect(outcomes.allSatisfy { $0.assignment.propensity == nil && $0.choices.isEmpty })
    }
  }

  @Test func `a candidate that fails costs nobody an answer, and wins and loses nothing`()
    async throws
  {
    try await run { request in
      request.body.contains("up/flash")
        ? [ScriptedAnswer.error(status: 500, "broken")] : Self.choices(to: request)
    } _: { world in
      let answer = try await world.chat("Hi", #","n":2"#)
      #expect(answer.status == 200)
      #expect(self.texts(answer) == ["dense-0", "dense-0"])
      let token = try #require(answer["x-rollout-feedback-token"])
      #expect(
        try await world.rate(#""token":"\#(token)","thumbs":"up","choice":1"#).status == 202)
      #expect(try await world.feedback().allSatisfy { !$0.isEvidence })
      let outcomes = try await world.outcomes(2)
      #expect(outcomes.first { $0.model.text == "flash" }?.measurements.failure == .unavailable)
      #expect(world.isIdle)
    }
  }

  @Test func `an incumbent that fails fails the request, as it would without a rollout`()
    async throws
  {
    try await run { request in
      request.body.contains("up/dense")
        ? [ScriptedAnswer.error(status: 500, "broken")] : Self.choices(to: request)
    } _: { world in
      let answer = try await world.chat("Hi", #","n":2"#)
      #expect(answer.status >= 500)
      _ = try await world.outcomes(2)
      #expect(world.isIdle)
    }
  }
}
