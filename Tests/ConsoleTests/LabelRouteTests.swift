import Console
import Experimentation
import Foundation
import Promotion
import SQLiteStorage
import Storage
import Testing

/// Labels over the control address.
@Suite struct LabelRouteTests {
  private static let path = "/api/v1/rollouts/assistant/labels"

  private static let judge = Policy.model("judge", "dense")

  private static func rollout(labels: String = ", labels: 20") -> String {
    Policy.rollout(steps: "[{ shadow: { percent: 50 }, hold: { minSamples: 20 } }]")
      .replacingOccurrences(
        of: "metrics:\n",
        with: """
          judge: { model: judge, rubric: correct\(labels) }
          metrics:
            - { name: judged, metric: judgePreference, role: guardrail, maxDecrease: 5pp }

          """)
  }

  private static func pair(_ number: Int, digest: String) throws -> PairToLabel {
    let assignment = Assignment(
      route: try #require(RouteName("chat")),
      rollout: RolloutPosition(
        rollout: try #require(RolloutName("assistant")), digest: digest, step: 0, run: 1),
      unitHash: 7, propensity: 1, atMilliseconds: LiveConsole.now)
    return PairToLabel(
      pair: JudgedAnswers(
        requestID: "r\(number)", assignment: assignment,
        incumbent: try #require(ModelName("dense")), candidate: try #require(ModelName("flash")),
        promptTokens: 10, judged: 1),
      question: "question \(number)", incumbentAnswer: "old \(number)",
      candidateAnswer: "new \(number)", isCandidateFirst: number % 2 == 0,
      keptAtMilliseconds: LiveConsole.now)
  }

  /// A console whose rollout keeps pairs, of which some wait.
  private static func use(
    pairs: Int, _ body: @escaping @Sendable (LiveConsole) async throws -> Void
  ) async throws {
    try await LiveConsole.use { console in
      let applied = try await console.apply(Policy.dense, Policy.flash, judge, rollout())
      #expect(applied.status == 200, "\(String(decoding: applied.body, as: UTF8.self))")
      for number in 0..<pairs {
        #expect(
          try await console.database.outcomes.keep(try pair(number, digest: "d"), limit: 100))
      }
      try await body(console)
    }
  }

  private static func label(
    _ pair: Int64, _ prefer: String, by actor: String = "alice", _ console: LiveConsole
  ) async throws -> LiveConsole.Answer {
    try await console.post(path, #"{"pair":\#(pair),"prefer":"\#(prefer)","actor":"\#(actor)"}"#)
  }

  @Test func `pairs are shown blind, in pages`() async throws {
    try await Self.use(pairs: 12) { console in
      let answer = try await console.get(Self.path)
      let page: LabelsResponse = try answer.decode()
      #expect(page.waiting == 12 && page.labelled == 0 && page.run == 1)
      #expect(page.pairs.count == 10)
      // In the order that was drawn when each was kept.
      #expect(page.pairs[0].first == "new 0" && page.pairs[0].second == "old 0")
      #expect(page.pairs[1].first == "old 1" && page.pairs[1].second == "new 1")
      let text = String(decoding: answer.body, as: UTF8.self)
      for word in ["dense", "flash", "judged", "incumbent", "candidate", "r0"] {
        #expect(!text.contains(word))
      }
      let rest: LabelsResponse = try await console.get(
        "\(Self.path)?after=\(page.pairs[9].pair)&limit=50"
      ).decode()
      #expect(rest.pairs.map(\.question) == ["question 10", "question 11"])
      for query in ["limit=0", "limit=51", "limit=x", "after=-1"] {
        #expect(try await console.get("\(Self.path)?\(query)").status == 422, "\(query)")
      }
    }
  }

  @Test func `a label is taken once, and again from who gave it`() async throws {
    try await Self.use(pairs: 2) { console in
      let page: LabelsResponse = try await console.get(Self.path).decode()
      let number = page.pairs[1].pair
      let first: LabelResponse = try await Self.label(number, "first", console).decode()
      #expect(first.status == .recorded && first.waiting == 1 && first.labelled == 1)
      let again: LabelResponse = try await Self.label(number, "first", console).decode()
      #expect(again.status == .unchanged && again.labelled == 1)
      for (choice, actor) in [("second", "alice"), ("first", "bob")] {
        let refused = try await Self.label(number, choice, by: actor, console)
        #expect(refused.status == 409)
        #expect(try refused.problem().message.contains("labelled by 'alice'"))
      }
      let labels = try await console.database.outcomes.labels(
        of: try #require(RolloutName("assistant")), run: 1, after: 0, limit: 10)
      // The second pair's candidate was shown second.
      #expect(labels.map(\.value.preference) == [0])
      #expect(labels.map(\.value.actor) == ["alice"])
      let export = try await console.get("/api/v1/rollouts/assistant/export?kind=labels")
      let text = String(decoding: export.body, as: UTF8.self)
      #expect(text.contains(#""judged":1.0"#) && text.contains(#""actor":"alice""#))
      #expect(!text.contains("question") && !text.contains("new 1"))
    }
  }

  @Test func `what is no label says what is wrong with it`() async throws {
    try await Self.use(pairs: 1) { console in
      let unknown = try await Self.label(99, "tie", console)
      #expect(unknown.status == 404)
      #expect(try unknown.problem().message.contains("no pair 99"))
      let word = try await Self.label(1, "left", console)
      #expect(word.status == 422)
      #expect(try word.problem().remedy?.contains("first, second, tie") == true)
      #expect(try await Self.label(1, "tie", by: " ", console).status == 422)
      let key = try await console.post(Self.path, #"{"pair":1,"prefer":"tie","actor":"a","why":1}"#)
      #expect(key.status == 422)
      #expect(try await console.post(Self.path, "{}", headers: []).status == 415)
      #expect(try await console.get("/api/v1/rollouts/nobody/labels").status == 404)
    }
  }

  @Test func `a rollout that has ended says so, and lists nothing`() async throws {
    try await Self.use(pairs: 1) { console in
      #expect(try await console.get(Self.path).status == 200)
      let aborted = try await console.command("abort", #"{"actor":"alice","reason":"enough"}"#)
      #expect(aborted.status == 200)
      let refused = try await console.get(Self.path)
      #expect(refused.status == 409)
      #expect(try refused.problem().message.contains("has ended"))
    }
  }

  @Test func `a rollout that keeps no texts has no labels`() async throws {
    try await LiveConsole.use { console in
      _ = try await console.apply(
        Policy.dense, Policy.flash, Self.judge, Self.rollout(labels: ""))
      let answer = try await console.get(Self.path)
      #expect(answer.status == 404)
      #expect(try answer.problem().remedy?.contains("labels: 100") == true)
    }
  }
}
