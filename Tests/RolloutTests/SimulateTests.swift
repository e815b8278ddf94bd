import Foundation
import Testing

/// `rollout simulate` and `rollout bench decisions`, as programs call them.
@Suite(.serialized) struct SimulateTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func json(_ result: Program.Result) throws -> [String: Any] {
    try #require(
      try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
  }

  @Test func `without a scenario it says which there are`() async throws {
    let result = try await Program.run(["simulate"])
    #expect(result.status == 0)
    for name in ["harmless", "leak", "crashes", "silence"] {
      #expect(result.output.contains("\(name): "))
    }
  }

  @Test func `a scenario from a file is told, and its seed tells it again`() async throws {
    let file = try folder.write(
      #"{"base": "slower", "hours": 2, "candidate": {"medianSeconds": 1.6}, "incidents": []}"#,
      to: "world.json"
    ).path
    let first = try await Program.run(["simulate", "--scenario", file, "--seed", "5", "--json"])
    let again = try await Program.run(["simulate", "--scenario", file, "--seed", "5", "--json"])
    #expect(first.status == 0, "\(first.errors)")
    #expect(first.output == again.output)
    let story = try json(first)
    #expect(story["scenario"] as? String == "world")
    #expect(story["status"] as? String == "rolledBack")
    #expect((story["violations"] as? [String]) == [])
    let text = try await Program.run(["simulate", "--scenario", file, "--seed", "5"])
    #expect(text.output.contains("rolled back: gate 'latency' of 'candidate': fails"))
  }

  @Test func `a policy of one's own is what the world runs`() async throws {
    let policies = try folder.write(Self.model("dense"), to: "policies/dense.yaml")
    _ = try folder.write(Self.model("flash"), to: "policies/flash.yaml")
    _ = try folder.write(
      """
      apiVersion: rollout/v1
      kind: Rollout
      name: mine
      route: least
      incumbent: dense
      candidates: [flash]
      assignment: { unit: request }
      steps:
        - canary: { weight: 0.1% }
      metrics:
        - { name: errors, metric: errorRate, role: guardrail, margin: 0.02 }
      """, to: "policies/mine.yaml")
    let file = try folder.write(
      #"{"policy": "\#(policies.deletingLastPathComponent().path)", "hours": 0.1}"#,
      to: "mine.json"
    ).path
    let result = try await Program.run(["simulate", "--scenario", file, "--json"])
    #expect(result.status == 0, "\(result.errors)")
    let lines = try #require(try json(result)["lines"] as? [[String: Any]])
    #expect(lines.contains { ($0["text"] as? String)?.contains("model 'flash' is known") == true })
  }

  @Test(arguments: [
    "no-such-scenario", #"{"hours": -1}"#, #"{"hours": "long"}"#, #"{"base": "nothing"}"#,
    #"{"candidate": {"errorRate": 2}}"#, #"{"orders": [{"atHours": 1, "order": "dance"}]}"#,
    #"{"policy": "no/such/folder"}"#, "[", #"{"hour": 1}"#, #"{"rival": {"errorRate": 0.1}}"#,
    #"{"base": "interleaved", "choices": 3}"#, #"{"choices": 0}"#, #"{"firstPlaceAppeal": 0}"#,
    #"{"candidate": {"appeal": 0}}"#,
    #"{"candidate": {"errorrate": 0.1}}"#, #"{"incidents": [{"from": 1}]}"#,
  ])
  func `what is no scenario is refused with a remedy`(text: String) async throws {
    let name =
      text.hasPrefix("no-") ? text : try folder.write(text, to: "bad.json").path
    let result = try await Program.run(["simulate", "--scenario", name])
    #expect(result.status == 2, "\(result.output)\(result.errors)")
    #expect(!result.errors.isEmpty)
  }

  @Test func `a key that no scenario has is named, with those that there are`() async throws {
    let file = try folder.write(
      #"{"base": "rivals", "rival": {"errorRate": 0.1, "speed": 2}}"#, to: "key.json")
    let result = try await Program.run(["simulate", "--scenario", file.path])
    #expect(result.status == 2)
    #expect(result.errors.contains("'speed' is no key of 'rival'"), "\(result.errors)")
    #expect(result.errors.contains("medianSeconds"), "\(result.errors)")
  }

  @Test func `a rival is as its file says`() async throws {
    let file = try folder.write(
      #"{"base": "rivals", "rival": {"errorRate": 0.3}, "hours": 2}"#, to: "rival.json")
    let result = try await Program.run(["simulate", "--scenario", file.path])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("of 'rival': fails"), "\(result.output)")
  }

  @Test func `a policy with a judge is not simulated, and says so`() async throws {
    let policies = try folder.write(Self.model("dense"), to: "judged/dense.yaml")
    _ = try folder.write(Self.model("flash"), to: "judged/flash.yaml")
    _ = try folder.write(Self.model("judge"), to: "judged/judge.yaml")
    _ = try folder.write(
      """
      apiVersion: rollout/v1
      kind: Rollout
      name: judged
      route: judged
      incumbent: dense
      candidates: [flash]
      assignment: { unit: request }
      judge: { model: judge, rubric: the answer that is correct }
      steps:
        - shadow: { percent: 100 }
      metrics:
        - { name: better, metric: judgePreference, role: guardrail, margin: 0.1 }
      """, to: "judged/judged.yaml")
    let file = try folder.write(
      #"{"policy": "\#(policies.deletingLastPathComponent().path)"}"#, to: "judged.json")
    let result = try await Program.run(["simulate", "--scenario", file.path])
    #expect(result.status == 2, "\(result.output)")
    #expect(result.errors.contains("is not simulated"), "\(result.errors)")
  }

  @Test func `a bandit that users reward is not simulated, and says so`() async throws {
    let policies = try folder.write(Self.model("dense"), to: "liked/dense.yaml")
    _ = try folder.write(Self.model("flash"), to: "liked/flash.yaml")
    _ = try folder.write(
      """
      apiVersion: rollout/v1
      kind: Rollout
      name: liked
      route: liked
      incumbent: dense
      candidates: [flash]
      assignment: { unit: user }
      steps:
        - bandit: { reward: feedback }
      metrics:
        - { name: errors, metric: errorRate, role: guardrail, margin: 0.1 }
      """, to: "liked/liked.yaml")
    let file = try folder.write(
      #"{"policy": "\#(policies.deletingLastPathComponent().path)"}"#, to: "liked.json")
    let result = try await Program.run(["simulate", "--scenario", file.path])
    #expect(result.status == 2, "\(result.output)")
    #expect(result.errors.contains("reads feedback (the bandit's reward)"), "\(result.errors)")
  }

  @Test func `who takes whose choice is told at the end`() async throws {
    let file = try folder.write(
      #"{"base": "interleaved", "hours": 0.2, "candidate": {"appeal": 3}}"#, to: "votes.json")
    let result = try await Program.run(["simulate", "--scenario", file.path, "--json"])
    #expect(result.status == 0, "\(result.errors)")
    let votes = try #require(try json(result)["votes"] as? [String: Int])
    let (all, own) = (try #require(votes["all"]), try #require(votes["ofCandidate"]))
    #expect(all > 100 && own * 10 > all * 6 && own < all)
  }

  @Test func `races are counted`() async throws {
    let result = try await Program.run(["simulate", "--race", "--runs", "20", "--json"])
    #expect(result.status == 0, "\(result.output)")
    let report = try json(result)
    #expect(report["seeds"] as? Int == 20)
    #expect((report["failures"] as? [Any])?.isEmpty == true)
  }

  @Test func `decisions are counted, and the seed counts the same again`() async throws {
    let arguments = ["bench", "decisions", "--table", "T5", "--runs", "2", "--json"]
    let first = try await Program.run(arguments)
    #expect(first.status == 0, "\(first.errors)")
    #expect(try await Program.run(arguments + ["--threads", "1"]).output == first.output)
    let rivals = try #require(try json(first)["rivals"] as? [String: Any])
    #expect(rivals.keys.contains("Kayenta judge: errors"))
    #expect(try await Program.run(["bench", "decisions", "--table", "T0"]).status == 2)
  }

  private static func model(_ name: String) -> String {
    """
    apiVersion: rollout/v1
    kind: Model
    name: \(name)
    upstream: { url: "http://127.0.0.1:9/v1", model: \(name) }

    """
  }
}
