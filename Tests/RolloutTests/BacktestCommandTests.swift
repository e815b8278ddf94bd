import Foundation
import Testing

/// `rollout backtest` and its bench, as programs and people call them.
@Suite(.serialized) struct BacktestCommandTests {
  private static let outcomes = "fixtures/traffic/recorded-outcomes.jsonl"
  private static let pairs = "fixtures/traffic/recorded-comparisons.jsonl"
  let folder: TemporaryFolder
  let policy: String

  init() throws {
    folder = try TemporaryFolder()
    policy = try folder.write(
      """
      apiVersion: rollout/v1
      kind: Rollout
      name: next
      route: assistant
      incumbent: smollm2-dense
      candidates: [smollm2-flash]
      assignment: { unit: user }
      steps:
        - shadow: { percent: 100, concurrency: 4 }
          hold: { minSamples: 40 }
        - split: { weights: { smollm2-dense: 50%, smollm2-flash: 50% } }
          hold: { minSamples: 100000, maxTime: 24h }
      metrics:
        - { name: errors, metric: errorRate, role: guardrail, maxIncrease: 20pp }
        - { name: fidelity, metric: tokenAgreement, role: guardrail, margin: 0.2 }
      analysis: { alpha: 0.05, every: 1s }
      """, to: "next.yaml"
    ).path
  }

  private func backtest(_ arguments: String...) async throws -> Program.Result {
    try await Program.run(
      ["backtest", policy, "--trace", Self.outcomes, "--trace", Self.pairs] + arguments)
  }

  @Test func `recorded traffic says what a policy would have done, and its seed says it again`()
    async throws
  {
    let first = try await backtest("--json")
    #expect(first.status == 0, "\(first.errors)")
    #expect(try await backtest("--json", "--seed", "1").output == first.output)
    let report = try #require(
      try JSONSerialization.jsonObject(with: Data(first.output.utf8)) as? [String: Any])
    #expect(report["status"] as? String == "running")
    #expect(report["seed"] as? Int == 1)
    let steps = try #require(report["steps"] as? [[String: Any]])
    #expect(steps.compactMap { $0["traffic"] as? String } == ["shadow 100%", "a split"])
    let sources = try #require(report["sources"] as? [String: Int])
    #expect((sources["recorded"] ?? 0) > 0 && (sources["pairsRecorded"] ?? 0) >= 40)
    let requests = try #require(report["requests"] as? Int)
    #expect(
      ["recorded", "paired", "resampled", "resampledFromOtherLengths"]
        .reduce(0) { $0 + (sources[$1] ?? 0) } == requests)
    // 24 users are too few for an estimate, and it says so.
    let offPolicy = try #require(report["offPolicy"] as? [[String: Any]])
    #expect(offPolicy.count == 3 && offPolicy.allSatisfy { $0["refusal"] is String })
  }

  /// What a service recorded of real weights (`make demo STRATEGY=shootout`): dense attention asked
  /// 106 questions, 46 of them behind long passages, and three cheaper variants asked aside.
  @Test func `of three variants the shootout passes, drops and holds the right one`() async throws {
    let result = try await Program.run([
      "backtest", "policies/attention-shootout.yaml", "--json",
      "--trace", "fixtures/traffic/shootout-outcomes.jsonl",
      "--trace", "fixtures/traffic/shootout-comparisons.jsonl",
    ])
    #expect(result.status == 0, "\(result.errors)")
    let report = try #require(
      try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
    #expect(report["status"] as? String == "running")
    // But for what the window was not asked any more, all of it was recorded.
    let sources = try #require(report["sources"] as? [String: Int])
    #expect(sources["pairsRecorded"] == 292 && sources["pairsComposed"] == 0)
    let decisions = try #require(report["decisions"] as? [[String: Any]])
      .compactMap { $0["text"] as? String }
    let long = "fidelity[promptTokens ≥ 1024]"
    // The plain window forgets what stood before it, and the evidence is named.
    #expect(decisions.count == 2, "\(decisions)")
    #expect(
      decisions.last == "'smollm2-window-512' leaves, the others go on: gate '\(long)' of "
        + "'smollm2-window-512': fails: shown to be beyond the margin")
    let gates = try #require(report["gates"] as? [[String: Any]])
    func verdict(_ model: String, _ gate: String) -> String? {
      gates.first { $0["candidate"] as? String == model && $0["gate"] as? String == gate }
        .flatMap { $0["verdict"] as? String }
    }
    let short = "fidelity[promptTokens 0…1023]"
    // Exact attention passes. Selected blocks pass where they see everything; on long prompts
    // 10.5 points of 12 are not shown either way by 46 pairs.
    for gate in ["errors", short, long] { #expect(verdict("smollm2-flash", gate) == "pass") }
    for gate in ["errors", short] { #expect(verdict("smollm2-hybrid-512", gate) == "pass") }
    #expect(verdict("smollm2-hybrid-512", long) == "inconclusive")
    #expect(!gates.contains { $0["candidate"] as? String == "smollm2-window-512" })
  }

  @Test func `people read who met the candidate, and reviewers a table`() async throws {
    let text = try await backtest("--verbose")
    #expect(text.output.contains("users met a candidate"), "\(text.errors)")
    #expect(text.output.contains("goes on to a split"))
    #expect(text.output.contains("answers: "))
    let markdown = try await backtest("--format", "markdown")
    #expect(markdown.output.hasPrefix("### Backtest of `next`: still running"))
    #expect(markdown.output.contains("| ---: | --- |"))
    #expect(try await backtest("--json", "--format", "markdown").status == 2)
  }

  @Test func `a line that is none is named with its file, and nothing is told`() async throws {
    let bad = try folder.write("{\"model\":\"smollm2-dense\"}\n[]\n", to: "bad.jsonl").path
    let result = try await Program.run(["backtest", policy, "--trace", bad])
    #expect(result.status == 2 && result.output.isEmpty)
    #expect(result.errors.contains("bad.jsonl:1: expected 'at_milliseconds'"))
    #expect(result.errors.contains("bad.jsonl:2: column 1: expected an object"))
    let none = try await Program.run(["backtest", policy, "--trace", "no/such.jsonl"])
    #expect(none.status == 2 && none.errors.contains("rollout export"))
    #expect(try await Program.run(["backtest", policy]).status == 2)
  }

  /// A pipe that nobody writes into would have kept it waiting for ever.
  @Test func `what is no file is wrong input, and the message says what it is`() async throws {
    let pipe = folder.url.appendingPathComponent("pipe").path
    try #require(mkfifo(pipe, 0o600) == 0)
    for (trace, said) in [
      (folder.url.path, "it is a folder"), (pipe, "it is no file"), ("/dev/null", "it is no file"),
      ("no/such.jsonl", "it is not there"),
    ] {
      let result = try await Program.run(["backtest", policy, "--trace", trace], seconds: 30)
      #expect(result.status == 2 && result.output.isEmpty, "\(trace): \(result)")
      #expect(result.errors.contains("cannot be read: \(said)"), "\(trace): \(result.errors)")
    }
  }

  @Test func `a model without records is refused, unless another's stand for it`() async throws {
    let text = try String(contentsOfFile: policy, encoding: .utf8)
    let other = try folder.write(
      text.replacingOccurrences(of: "smollm2-flash", with: "smollm3"), to: "other.yaml"
    ).path
    let arguments = ["backtest", other, "--trace", Self.outcomes]
    let refused = try await Program.run(arguments)
    #expect(refused.status == 2)
    #expect(refused.errors.contains("the trace has no answer of 'smollm3'"))
    #expect(refused.errors.contains("--assume smollm3=MODEL"))
    let assumed = try await Program.run(arguments + ["--assume", "smollm3=smollm2-dense"])
    #expect(assumed.status == 0, "\(assumed.errors)")
    #expect(assumed.output.contains("records of 'smollm2-dense' stand for 'smollm3'"))
    #expect(try await Program.run(arguments + ["--assume", "smollm3"]).status == 2)
  }

  @Test func `mistakes in the policy are told as by check`() async throws {
    let bad = try folder.write("apiVersion: rollout/v1\nkind: Rollout\nstep: 1\n", to: "bad.yaml")
    let result = try await Program.run(["backtest", bad.path, "--trace", Self.outcomes])
    #expect(result.status == 1 && result.errors.contains("[unknown-key]"))
    let model = try await Program.run(
      ["backtest", "policies/smollm2-dense.yaml", "--trace", Self.outcomes])
    #expect(model.status == 2 && model.errors.contains("kind Rollout"))
  }

  @Test func `the bench says how long a backtest takes`() async throws {
    let place = folder.url.appending(path: "bench").path
    let result = try await Program.run(
      ["bench", "backtest", "--requests", "2000", "--folder", place, "--json"])
    #expect(result.status == 0, "\(result.errors)")
    let report = try #require(
      try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
    #expect(report["requests"] as? Int == 2_000)
    #expect(!FileManager.default.fileExists(atPath: place))
  }
}
