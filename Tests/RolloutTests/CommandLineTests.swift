import Foundation
import Testing

/// What commands print and how they end: scripts and people rely on both.
@Suite(.serialized) struct CommandLineTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func `check points at each mistake`() async throws {
    let file = try folder.write(Self.model("dense") + "\nwindow: 5\n", to: "bad.yaml").path
    let result = try await Program.run(["check", file])
    #expect(result.status == 1)
    #expect(
      result.output == """
        \(file):5:1: error: unknown key 'window' in a model [unknown-key]; \
        it has the keys apiVersion, kind, name, engine, upstream
          5 | window: 5
            | ^
        1 error; 'rollout explain unknown-key' says why and shows how to mend it

        """)
    #expect(result.errors == "")
  }

  @Test func `check answers in JSON`() async throws {
    let file = try folder.write("kind: Modle\n", to: "bad.yaml").path
    let result = try await Program.run(["check", file, "--json"])
    #expect(result.status == 1)
    let diagnostics = try #require(
      try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [[String: Any]])
    #expect(diagnostics.contains { $0["suggestion"] as? String == "Model" })
    #expect(diagnostics.allSatisfy { $0["file"] as? String == file })
  }

  @Test func `check counts what is right`() async throws {
    let policies = try policies()
    let result = try await Program.run(["check", policies.path])
    #expect(result.output == "ok: 2 models, 1 rollout\n")
    #expect(result.status == 0)
  }

  private static let ends: [([String], Int32)] = [
    (["--help"], 0), (["help", "promote"], 0), (["nonsense"], 2), (["promote"], 2),
    (["promote", "A B"], 2), (["promote", "a", "--force"], 2),
    (["check", "no/such/folder"], 2), (["apply", "no/such/folder"], 2),
    (["check", "fixtures/statistics"], 2), (["apply", "fixtures/statistics"], 2),
    (["serve", "--port", "-1"], 2), (["replay", "no/such/file"], 2),
    (["status", "--server", "nonsense"], 2), (["status", "--server", "file:///etc/passwd"], 2),
    (["status", "--server", "http://127.0.0.1:1"], 4), (["ask", " "], 2),
    (["ask", "hi", "--max-tokens", "0"], 2),
    (["ask", "hi", "--endpoint", "http://127.0.0.1:1"], 4),
    (["feedback"], 2), (["feedback", "r"], 2), (["feedback", "r", "--up", "--down"], 2),
    (["feedback", "r", "--token", "t", "--up"], 2), (["feedback", "r", "--value", "2"], 2),
    (["feedback", "r", "--up", "--endpoint", "http://127.0.0.1:1"], 4),
    (["serve", "--feedback-window", "0"], 2), (["serve", "--feedback-origins", "chat"], 2),
  ]

  @Test(arguments: ends)
  func `the exit code says what kind of end it was`(
    arguments: [String], status: Int32
  ) async throws {
    let result = try await Program.run(arguments)
    #expect(result.status == status, "\(result.output)\(result.errors)")
    #expect(result.output.isEmpty == (status != 0 && arguments.first != "check"))
    #expect(!(result.output + result.errors).contains("\u{1b}"), "no colours on a pipe")
  }

  @Test func `check says that there is no policy where one was named`() async throws {
    let folder = folder.url.appendingPathComponent("empty").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let result = try await Program.run(["check", folder])
    #expect(result.output.contains("there is no .yaml or .yml file"), "\(result.output)")
    #expect(result.output.contains("[empty-folder]"))
    #expect(result.status == 2)
  }

  @Test func `a service that is not there is said with the way to start it`() async throws {
    let result = try await Program.run(["history", "--server", "http://127.0.0.1:1"])
    #expect(
      result.errors == """
        error: no service answers at http://127.0.0.1:1: nothing listens there
        help: start one with 'rollout serve', or name another with --server or ROLLOUT_SERVER

        """)
  }

  @Test(arguments: [
    "init", "check", "explain", "schema", "apply", "status", "promote", "abort", "rollback",
    "approve", "pause",
    "resume",
    "history", "ask",
  ])
  func `the help of a command has an example of it`(command: String) async throws {
    let result = try await Program.run([command, "--help"])
    #expect(result.output.contains("EXAMPLE:"))
    #expect(result.output.contains("rollout \(command)"))
  }

  @Test func `status, refusals and history as people read them`() async throws {
    let service = try await RunningService(
      data: folder.url.appendingPathComponent("data"), policies: nil, models: folder.url,
      log: folder)
    #expect(
      try await service.rollout("status").output == "No routes yet: rollout apply policies/\n")
    let policies = try policies()
    let dry = try await service.rollout("apply", policies.path, "--dry-run")
    #expect(
      dry.output == """
        KIND     NAME       EFFECT
        model    dense      added
        model    flash      added
        rollout  assistant  added

        A dry run: nothing was changed.

        """)
    let applied = try await service.rollout(
      "apply", policies.path, "--actor", "alice", "--reason", "a try")
    #expect(applied.status == 0, "\(applied.errors)")
    try await service.wait(for: "assistant") { ($0["gates"] as? [Any])?.isEmpty == false }

    let status = try await service.rollout("status", "assistant")
    let steady = status.output.split(separator: "\n", omittingEmptySubsequences: false)
      .filter { !$0.contains(" in this step") && !$0.contains("the shortest time") }
      .joined(separator: "\n")
    #expect(steady.replacing(/policy [0-9a-f]{8}/, with: "policy DIGEST") == Self.status)

    try await checkRefusals(service)
    let history = try await service.rollout("history", "assistant")
    let line = try #require(history.output.split(separator: "\n").last)
    #expect(line.hasPrefix("3  2"))
    #expect(line.hasSuffix("  assistant  applied  dense → flash on route chat  alice  a try"))
    #expect(try await service.stop() == 0)
  }

  private func checkRefusals(_ service: RunningService) async throws {
    let refused = try await service.rollout("promote", "assistant")
    #expect(refused.status == 1)
    #expect(refused.output == "")
    #expect(refused.errors.contains("errors  flash      guardrail  no data"))
    #expect(refused.errors.contains("open gates: errors"))

    let json = try await service.rollout("promote", "assistant", "--json")
    #expect(json.status == 1)
    let answer = try #require(
      try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
    let problem = try #require(answer["error"] as? [String: Any])
    #expect(problem["code"] as? String == "gatesOpen")
    #expect((problem["openGates"] as? [Any])?.count == 1)

    let unknown = try await service.rollout("abort", "nobody")
    #expect(unknown.status == 3)
    let unsigned = try await service.rollout("pause", "assistant", "--reason", "a\u{1b}[2Jb")
    #expect(unsigned.status == 2)
    #expect(unsigned.errors.contains(#"a\u{1b}[2Jb"#))
  }

  private static let status = """
    assistant  running, step 1 of 3: shadow 50%
    route chat, incumbent dense, run 1, policy DIGEST

    Steps
      ▸ 1 shadow 50%
        2 canary 5%
        3 approval by ml
        4 promotion

    Traffic
      MODEL  SHARE
      dense   100%  ████████████████████
      flash    50%  shadow

    Gates
      GATE    CANDIDATE  ROLE       VERDICT  ESTIMATE  INTERVAL  WANTED    SAMPLES  MISSING
      errors  flash      guardrail  no data         –  –         ≤ +5.0pp        0       30

    Missing
      - gate 'errors' of 'flash': no data: no pair of answers yet

    """

  /// Models that nobody serves: no request is made here.
  private static func model(_ name: String) -> String {
    """
    apiVersion: rollout/v1
    kind: Model
    name: \(name)
    upstream: { url: "http://127.0.0.1:9/v1", model: \(name) }
    """
  }

  private func policies() throws -> URL {
    try folder.write(Self.model("dense"), to: "policies/dense.yaml")
    try folder.write(Self.model("flash"), to: "policies/flash.yaml")
    try folder.write(
      """
      apiVersion: rollout/v1
      kind: Rollout
      name: assistant
      route: chat
      incumbent: dense
      candidates: [flash]
      assignment: { unit: user, salt: a-1 }
      steps:
        - shadow: { percent: 50 }
          hold: { minSamples: 30, minTime: 10m, maxTime: 24h }
        - canary: { weight: 5% }
          hold: { minSamples: 30 }
        - approval: { team: ml }
      metrics:
        - { name: errors, metric: errorRate, role: guardrail, maxIncrease: 5pp, onFail: rollBack }
      analysis: { alpha: 0.05, every: 100ms }
      """, to: "policies/rollout.yaml")
    return folder.url.appendingPathComponent("policies")
  }
}
