import Foundation
import TestPeers
import Testing

/// A judge whose word people correct, from the command line to the verdict of a running service.
@Suite(.serialized) struct LabelLifeTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func policies(_ ports: [String: Int]) throws -> URL {
    for (name, port) in ports {
      try folder.write(
        """
        apiVersion: rollout/v1
        kind: Model
        name: \(name)
        upstream: { url: "http://127.0.0.1:\(port)/v1", model: \(name) }

        """, to: "policies/\(name).yaml")
    }
    try folder.write(
      """
      apiVersion: rollout/v1
      kind: Rollout
      name: assistant
      route: assistant
      incumbent: old
      candidates: [new]
      assignment: { unit: user, salt: test-1 }
      judge: { model: judge, rubric: better, concurrency: 64, labels: 20, labelPercent: 100 }
      steps:
        - shadow: { percent: 100, concurrency: 8 }
          hold: { minSamples: 20, minTime: 0s, maxTime: 1h }
      metrics:
        - { name: judged, metric: judgePreference, role: guardrail, maxDecrease: 10pp }
      analysis: { alpha: 0.2, every: 100ms }
      promotion: manual

      """, to: "policies/assistant.yaml")
    return folder.url.appendingPathComponent("policies")
  }

  /// A judge that takes whatever says "shiny" for better.
  private static func verdict(_ request: ScriptedRequest) -> [ScriptedServer.Step] {
    guard let nonce = request.body.firstMatch(of: /\[([^ ]+) FIRST BEGINS\]/)?.output.1,
      let second = request.body.range(of: "[\(nonce) SECOND BEGINS]")
    else { return [ScriptedAnswer.error(status: 400, "no sheet")] }
    let isSecond = request.body[second.upperBound...].contains("shiny")
    return ScriptedAnswer.chat(
      to: request, ["VERDICT \(nonce) \(isSecond ? "SECOND" : "FIRST")"])
  }

  private func run(
    _ body: @escaping @Sendable (RunningService) async throws -> Void
  ) async throws {
    try await ScriptedServer.run({ ScriptedAnswer.chat(to: $0, ["a plain", " answer"]) }) { old in
      try await ScriptedServer.run({ ScriptedAnswer.chat(to: $0, ["a shiny", " answer"]) }) {
        new in
        try await ScriptedServer.run({ Self.verdict($0) }) { judge in
          let policies = try policies(["old": old.port, "new": new.port, "judge": judge.port])
          let service = try await RunningService(
            data: folder.url.appendingPathComponent("data"), policies: policies,
            models: folder.url, log: folder)
          let traffic = try folder.write(TestPolicies.traffic(24), to: "traffic.jsonl")
          let replayed = try await service.rollout("replay", traffic.path)
          #expect(replayed.status == 0, "\(replayed.errors)")
          try await service.wait(for: "assistant") { judged($0)?["samples"] as? Int ?? 0 >= 24 }
          try await body(service)
          #expect(try await service.stop() == 0)
        }
      }
    }
  }

  private func judged(_ status: [String: Any]) -> [String: Any]? {
    (status["gates"] as? [[String: Any]])?.first { $0["gate"] as? String == "judged" }
  }

  private func explanation(_ status: [String: Any]) -> String {
    judged(status)?["explanation"] as? String ?? ""
  }

  /// Labels whatever waits, for the answer that has `word` in it.
  private func label(_ service: RunningService, for word: String) async throws {
    let listed = try await service.rollout("label", "assistant", "--json", "--limit", "50")
    let page = try #require(
      try JSONSerialization.jsonObject(with: Data(listed.output.utf8)) as? [String: Any])
    for pair in page["pairs"] as? [[String: Any]] ?? [] {
      let number = try #require(pair["pair"] as? Int)
      let isFirst = (pair["first"] as? String)?.contains(word) == true
      let said = try await service.rollout(
        "label", "assistant", "--pair", "\(number)", "--prefer", isFirst ? "first" : "second",
        "--actor", "alice")
      #expect(said.status == 0, "\(said.errors)")
      #expect(said.output.hasPrefix("recorded: pair \(number)"))
    }
  }

  @Test(
    arguments: [
      (["--limit", "5"], "--limit is of the list that --json gives"),
      (["--json", "--limit", "51"], "--limit is in 1...50"),
      (["--json", "--actor", "alice"], "leave --actor out"),
      (["--after", "-1"], "--after at least 0"),
      (["--pair", "3", "--prefer", "tie", "--after", "2"], "leave --after out"),
      (["--pair", "3"], "both --pair and --prefer"),
      (["--pair", "-3", "--prefer", "tie"], "--pair is at least 1"),
    ])
  func `options that mean nothing beside others are refused`(
    arguments: [String], reason: String
  ) async throws {
    let result = try await Program.run(["label", "assistant"] + arguments)
    #expect(result.status == 2 && result.errors.contains(reason), "\(result.errors)")
  }

  @Test func `a judge that is fooled promotes nobody once people have looked`() async throws {
    try await run { service in
      #expect(explanation(try await service.status("assistant")) == "needs 20 more labels")
      // At the terminal: a word that is none, a skip, two labels, and enough.
      let typed = try await Program.run(
        URL(fileURLWithPath: "/bin/sh"),
        [
          "-c", #"printf 'x\ns\nt\nt\nq\n' | "$0" label assistant --actor bob"#,
          try Program.executable().path,
        ], environment: ["ROLLOUT_SERVER": service.control])
      #expect(typed.status == 0, "\(typed.errors)")
      #expect(typed.output.contains("Question\n  │ "), "texts of others stand behind a margin")
      #expect(typed.output.contains("recorded: pair 2; 1 labelled, 19 waiting"))
      #expect(typed.output.contains("recorded: pair 3; 2 labelled, 18 waiting"))
      #expect(typed.output.contains("a plain answer") && typed.output.contains("a shiny answer"))
      for word in ["old", "new ", "judge"] { #expect(!typed.output.contains(word)) }
      let taken = try await service.rollout("label", "assistant", "--pair", "2", "--prefer", "tie")
      #expect(taken.status == 1 && taken.errors.contains("labelled by 'bob'"), "\(taken.errors)")
      let unknown = try await service.rollout(
        "label", "assistant", "--pair", "999", "--prefer", "tie")
      #expect(unknown.status == 3)

      try await label(service, for: "plain")
      try await service.wait(for: "assistant") {
        explanation($0).contains("labels show that it is beyond the margin")
      }
      let text = try await service.rollout("status", "assistant").output
      #expect(text.contains("judged of new: 20 labels, people"), "\(text)")
      let refused = try await service.rollout("promote", "assistant")
      #expect(refused.status == 1)
      let export = try await service.rollout("export", "assistant", "--kind", "labels").output
      #expect(export.split(separator: "\n").count == 20)
    }
  }

  @Test func `where people agree with the judge the candidate may be promoted`() async throws {
    try await run { service in
      let early = try await service.rollout("promote", "assistant")
      #expect(early.status == 1)
      #expect(early.errors.contains("needs 20 more labels"), "\(early.errors)")
      try await label(service, for: "shiny")
      try await service.wait(for: "assistant") { judged($0)?["verdict"] as? String == "pass" }
      let promoted = try await service.rollout("promote", "assistant", "--reason", "people agree")
      #expect(promoted.status == 0, "\(promoted.errors)")
    }
  }
}
