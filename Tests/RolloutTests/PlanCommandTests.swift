import Foundation
import Testing

/// `rollout plan`, keys, signatures and a folder that is followed, as a reviewer and an operator
/// meet them.
@Suite(.serialized) struct PlanCommandTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private var policies: URL { folder.url.appendingPathComponent("policies") }

  private func git(_ arguments: String...) async throws {
    let environment = [
      "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "a",
      "GIT_COMMITTER_EMAIL": "a@example.org", "GIT_CONFIG_NOSYSTEM": "1", "HOME": folder.url.path,
    ]
    let result = try await Program.run(
      URL(fileURLWithPath: "/usr/bin/env"), ["git", "-C", folder.url.path] + arguments,
      environment: environment)
    try #require(result.status == 0, "\(arguments): \(result.errors)")
  }

  private func edit(_ old: String, _ new: String) throws {
    let file = policies.appendingPathComponent("assistant.yaml")
    let text = try String(contentsOf: file, encoding: .utf8)
    try #require(text.contains(old))
    try text.replacingOccurrences(of: old, with: new)
      .write(to: file, atomically: true, encoding: .utf8)
  }

  /// Changes the file in place, to another text of the same length, and sets its time back.
  private func overwrite(_ old: String, _ new: String) throws {
    try #require(old.utf8.count == new.utf8.count)
    let file = policies.appendingPathComponent("assistant.yaml")
    let time = try FileManager.default.attributesOfItem(atPath: file.path)[.modificationDate]
    let text = try String(contentsOf: file, encoding: .utf8)
    let changed = text.replacingOccurrences(of: old, with: new)
    try #require(changed != text)
    let handle = try FileHandle(forWritingTo: file)
    try handle.write(contentsOf: Data(changed.utf8))
    try handle.close()
    try FileManager.default.setAttributes(
      [.modificationDate: try #require(time)], ofItemAtPath: file.path)
  }

  private func rollout(_ arguments: String...) async throws -> Program.Result {
    try await Program.run(arguments)
  }

  @Test func `a plan against a commit names what is looser and what a gate needs`() async throws {
    _ = try TestPolicies.write(into: folder, weights: Program.weights())
    try await git("init", "-q")
    try await git("add", ".")
    try await git("commit", "-qm", "first")
    let same = try await rollout("plan", policies.path, "--base", "HEAD")
    #expect(same.status == 0 && same.output.contains("Nothing would change"), "\(same)")
    try edit("maxIncrease: 40pp", "maxIncrease: 45pp")
    try edit("maxTime: 1h", "maxTime: 1m")
    let plan = try await rollout("plan", policies.path, "--base", "HEAD", "--rate", "2")
    #expect(plan.status == 0, "\(plan.errors)")
    #expect(plan.output.contains("loosened   metric 'errors': at most +40pp → at most +45pp"))
    #expect(plan.output.contains("maxTime 1h → maxTime 1m"))
    #expect(plan.output.contains("at 2.0 requests a second"), "\(plan.output)")
    let strict = try await rollout("plan", policies.path, "--base", "HEAD", "--fail-on-loosened")
    #expect(strict.status == 1)
    let markdown = try await rollout(
      "plan", policies.path, "--base", "HEAD", "--format", "markdown")
    #expect(markdown.output.hasPrefix("<!-- rollout plan -->"))
    #expect(markdown.output.contains("| Step | Answered by |"), "\(markdown.output)")
    let json = try await rollout("plan", policies.path, "--base", "HEAD", "--json")
    let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8))
    #expect(((object as? [String: Any])?["rollouts"] as? [Any])?.count == 1)
    let nowhere = try await rollout("plan", policies.path, "--base", "no-such-branch")
    #expect(nowhere.status == 2 && nowhere.errors.contains("no-such-branch"), "\(nowhere)")
  }

  @Test func `one rollout is planned without naming its models, which lie beside it`() async throws
  {
    _ = try TestPolicies.write(into: folder, weights: Program.weights())
    try await git("init", "-q")
    try await git("add", ".")
    try await git("commit", "-qm", "first")
    let file = policies.appendingPathComponent("assistant.yaml").path
    let same = try await rollout("plan", file, "--base", "HEAD")
    #expect(same.status == 0 && same.output.contains("Nothing would change"), "\(same)")
    // A model that is new beside it, and one that has mistakes and is not asked for.
    try folder.write(
      "apiVersion: rollout/v1\nkind: Model\nname: next\n"
        + "upstream: { url: \"http://vllm:8000/v1\", model: next }\n", to: "policies/next.yaml")
    try folder.write("kind: Model\n", to: "policies/draft.yaml")
    try edit("candidates: [flash]", "candidates: [next]")
    let plan = try await rollout("plan", file, "--base", "HEAD")
    #expect(plan.status == 0, "\(plan)")
    #expect(plan.output.contains("next"), "\(plan.output)")
    try edit("candidates: [next]", "candidates: [nowhere]")
    let unknown = try await rollout("plan", file, "--base", "HEAD")
    #expect(unknown.status == 1 && unknown.errors.contains("nowhere"), "\(unknown)")
  }

  @Test func `a line of units is a unit, whole, and blanks around it are no part of a name`()
    async throws
  {
    _ = try TestPolicies.write(into: folder, weights: Program.weights())
    try await git("init", "-q")
    try await git("add", ".")
    try await git("commit", "-qm", "first")
    try edit("salt: test-1", "salt: test-2")
    func plan(_ units: String) async throws -> Program.Result {
      let file = try folder.write(units, to: "units.txt").path
      return try await rollout("plan", policies.path, "--base", "HEAD", "--units", file)
    }
    #expect(try await plan("alice\r\n\nbob b\n").status == 0)
    for (line, units) in [(2, "alice\n bob\n"), (1, "alice\t\nbob"), (1, "\u{FEFF}alice\nbob\n")] {
      let refused = try await plan(units)
      #expect(refused.status == 2, "\(refused)")
      #expect(refused.errors.contains("units.txt:\(line): a blank"), "\(refused.errors)")
    }
    #expect(try await plan("\n\n").status == 2)
  }

  @Test func `a plan against a service, its drift, and a folder that it follows`() async throws {
    let weights = try Program.weights()
    _ = try TestPolicies.write(into: folder, weights: weights)
    let service = try await RunningService(
      data: folder.url.appendingPathComponent("data"), policies: policies,
      models: weights.deletingLastPathComponent(), log: folder)
    let same = try await service.rollout("plan", policies.path)
    #expect(same.status == 0 && same.output.contains("Nothing would change"), "\(same)")

    // A file with a mistake leaves what was, and is seen.
    try edit("salt: test-1", "salt: test-1, color: red")
    try await waitForProblem(of: service) {
      $0.contains("are not in force") && $0.contains("color")
    }
    #expect(try await service.status("assistant")["status"] as? String == "running")
    let status = try await service.rollout("status")
    #expect(
      status.output.contains("\n  ") && !status.output.contains("\\n"),
      "lines stay lines: \(status.output)")
    try edit("salt: test-1, color: red", "salt: test-1")
    try await waitForProblem(of: service) { $0.isEmpty }

    // So is one whose time and size are as they were.
    try overwrite("unit: user", "unit: usar")
    try await waitForProblem(of: service) { $0.contains("usar") }
    try overwrite("unit: usar", "unit: user")
    try await waitForProblem(of: service) { $0.isEmpty }

    // What is added is in force without a word to the service.
    try folder.write(
      """
      apiVersion: rollout/v1
      kind: Model
      name: window
      engine:
        weights: \(weights.lastPathComponent)
        attention: { kind: slidingWindow, window: 64, sinks: 4 }
        context: 2048

      """, to: "policies/window.yaml")
    try await waitForHistory(of: service, toSay: "model window")

    let forced = try await service.rollout(
      "promote", "assistant", "--force", "--reason", "a test")
    try #require(forced.status == 0, "\(forced)")
    try edit("candidates: [flash]", "candidates: [window]")
    let plan = try await service.rollout("plan", policies.path)
    #expect(plan.status == 0, "\(plan.errors)")
    #expect(plan.output.contains("written against 'dense', but 'flash' is live"), "\(plan.output)")
    #expect(plan.output.contains("+incumbent: flash"), "\(plan.output)")
    #expect(plan.output.contains("The service would refuse this"), "\(plan.output)")
    #expect(try await service.stop() == 0)
  }

  @Test func `a service that trusts one key takes nothing else`() async throws {
    let weights = try Program.weights()
    _ = try TestPolicies.write(into: folder, weights: weights)
    let key = folder.url.appendingPathComponent("release").path
    let made = try await rollout("keygen", key)
    #expect(made.status == 0, "\(made.errors)")
    #expect(try await rollout("keygen", key).status == 1)
    let mode = try FileManager.default.attributesOfItem(atPath: key + ".pem")[.posixPermissions]
    #expect(mode as? Int == 0o600)
    let service = try await RunningService(
      data: folder.url.appendingPathComponent("data"), policies: nil,
      models: weights.deletingLastPathComponent(), log: folder,
      extra: ["--trust", key + ".pub.pem", "--audience", "production"])
    let unsigned = try await service.rollout("apply", policies.path)
    #expect(unsigned.status == 1 && unsigned.errors.contains("rollout sign"), "\(unsigned)")
    let staging = try await rollout(
      "sign", policies.path, "--key", key + ".pem", "--audience", "staging")
    #expect(staging.status == 0 && staging.output.contains("for 'staging'"), "\(staging)")
    let foreign = try await service.rollout("apply", policies.path)
    #expect(foreign.status == 1 && foreign.errors.contains("'staging'"), "\(foreign)")
    #expect(foreign.errors.contains("--audience production"), "\(foreign.errors)")
    let signed = try await rollout(
      "sign", policies.path, "--key", key + ".pem", "--revision", "7", "--expires", "1h",
      "--audience", "production")
    #expect(signed.status == 0, "\(signed.errors)")
    let applied = try await service.rollout("apply", policies.path, "--commit", "0123456789abcdef")
    #expect(applied.status == 0, "\(applied)")
    #expect(applied.output.contains("from commit 0123456789ab"), "\(applied.output)")
    #expect(applied.output.contains("as revision 7"), "\(applied.output)")
    try edit("maxIncrease: 40pp", "maxIncrease: 50pp")
    let changed = try await service.rollout("apply", policies.path)
    #expect(changed.status == 1 && changed.errors.contains("changed after it was"), "\(changed)")
    let older = try await rollout(
      "sign", policies.path, "--key", key + ".pem", "--revision", "6", "--audience", "production")
    #expect(older.status == 0)
    let refused = try await service.rollout("apply", policies.path)
    #expect(refused.status == 1 && refused.errors.contains("revision 7"), "\(refused)")
    #expect(try await service.stop() == 0)
  }

  private func waitForProblem(
    of service: RunningService, _ isReached: (String) -> Bool
  ) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    var said = ""
    while ContinuousClock.now < deadline {
      let result = try await service.rollout("status", "--json")
      let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
      said = ((object as? [String: Any])?["problems"] as? [String] ?? []).joined(separator: "\n")
      if isReached(said) { return }
      try await Task.sleep(for: .milliseconds(200))
    }
    Issue.record("the problems stayed: \(said)")
  }

  private func waitForHistory(of service: RunningService, toSay text: String) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < deadline {
      if try await service.rollout("history").output.contains(text) { return }
      try await Task.sleep(for: .milliseconds(200))
    }
    Issue.record("the history never said: \(text)")
  }
}
