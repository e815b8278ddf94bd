import Experimentation
import Observability
import Quality
import Routing
import Synchronization
import TestPeers
import Testing

@testable import Gateway

/// What a policy asks to be measured of answers: after they were sent, and of its own route only.
@Suite(.serialized) struct ScoringTests {
  private static let parses = AnswerCheck(name: "parses", rule: .json(AnswerSchema()))

  private func plan(_ texts: [Metric] = []) -> ScorePlan {
    var plan = ScorePlan()
    plan.checks = [Self.parses, AnswerCheck(name: "short", rule: .lacks("long"))]
    plan.texts = texts
    return plan
  }

  private func route(
    _ plan: ScorePlan, canary: Double? = nil, shadow: ShadowTraffic? = nil
  ) throws -> RouteTable {
    var route = try RouteTable.trial(canary: canary, shadow: shadow)
    route.scores = plan
    return route
  }

  @Test(arguments: [true, false])
  func `answers are checked, whole or streamed`(isStreamed: Bool) async throws {
    try await ScriptedServer.run({ ScriptedAnswer.chat(to: $0, [#"{\"id\""#, ": 7}"]) }) { dense in
      let route = try route(plan())
      try await World.run(["dense": dense.port], [route]) { world in
        #expect(try await world.chat(stream: isStreamed).status == 200)
        let outcome = try #require(try await world.outcomes(1).first)
        #expect(outcome.measurements.scores.sorted.map(\.id.text) == ["parses", "short"])
        #expect(outcome.measurements.scores[ScoreID(check: "parses")] == 1)
      }
    }
  }

  @Test func `what does not pass is kept as 0, what failed has no score`() async throws {
    try await ScriptedServer.run({ ScriptedAnswer.chat(to: $0, ["so ", "long"]) }) { dense in
      let route = try route(plan())
      try await World.run(["dense": dense.port], [route]) { world in
        _ = try await world.chat()
        let scores = try #require(try await world.outcomes(1).first?.measurements.scores)
        #expect(scores[ScoreID(check: "parses")] == 0 && scores[ScoreID(check: "short")] == 0)
      }
    }
    try await ScriptedServer.run({ _ in [ScriptedAnswer.error(status: 500, "broken")] }) { dense in
      let route = try route(plan())
      try await World.run(["dense": dense.port], [route]) { world in
        _ = try await world.chat()
        let outcome = try #require(try await world.outcomes(1).first)
        #expect(outcome.measurements.failure != nil && outcome.measurements.scores.isEmpty)
      }
    }
  }

  @Test func `an answer that nobody asks about has no score`() async throws {
    try await ScriptedServer.run({ ScriptedAnswer.chat(to: $0, ["1"]) }) { dense in
      try await World.run(["dense": dense.port], [.trial()]) { world in
        _ = try await world.chat()
        #expect(try await world.outcomes(1).first?.measurements.scores.isEmpty == true)
      }
    }
  }

  @Test func `both answers of a pair are checked, and their texts compared`() async throws {
    try await ScriptedServer.run({ ScriptedAnswer.chat(to: $0, ["one ", "two ", "three"]) }) {
      dense in
      try await ScriptedServer.run({ ScriptedAnswer.chat(to: $0, ["[1]"]) }) { flash in
        let route = try route(
          plan([.exactMatch, .tokenF1, .rougeL, .lengthRatio]), shadow: ShadowTraffic())
        try await World.run(["dense": dense.port, "flash": flash.port], [route]) { world in
          _ = try await world.chat()
          let pair = try #require(try await world.comparisons(1).first)
          let parses = ScoreID(check: "parses")
          #expect(pair.incumbentMeasurements.scores[parses] == 0)
          #expect(pair.candidateMeasurements.scores[parses] == 1)
          #expect(pair.scores.sorted.count == 4)
          #expect(pair.value(of: .exactMatch) == 0 && pair.value(of: .rougeL) == 0)
          // One word against three, as a Float has it.
          #expect(abs((pair.value(of: .lengthRatio) ?? 0) - 1.0 / 3) < 1e-7)
        }
      }
    }
  }

  @Test func `where there is no room answers stay unchecked, and all are given back`() async throws
  {
    let scorer = AnswerScorer(
      capacityBytes: 1_000, metrics: GatewayMetrics(factory: PrometheusRegistry()))
    let given = Given()
    for _ in 0..<4 {
      // 256 bytes each beside their text: two have room.
      scorer.submit(
        AnswerScorer.Job(
          answer: CheckedAnswer(text: String(repeating: "1", count: 100)), checks: [Self.parses]
        ) { given.add($0) })
    }
    #expect(given.all.map(\.isEmpty) == [true, true])
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await scorer.run() }
      while given.all.count < 4 { await Task.yield() }
      group.cancelAll()
      try await group.waitForAll()
    }
    #expect(given.all.count(where: \.isEmpty) == 2)
    // The service is over: nothing is looked at any more, and nothing is kept.
    scorer.submit(
      AnswerScorer.Job(answer: CheckedAnswer(text: "1"), checks: [Self.parses]) {
        given.add($0)
      })
    #expect(given.all.count == 5 && given.all[4].isEmpty)
  }
}

/// Scores in the order in which they were given back.
private final class Given: Sendable {
  private let scores = Mutex<[AnswerScores]>([])
  var all: [AnswerScores] { scores.withLock { $0 } }
  func add(_ scores: AnswerScores) { self.scores.withLock { $0.append(scores) } }
}
