import Foundation
import TestPeers
import Testing

/// Hours, webhooks and the queue as an operator meets them: the program, with servers of our own
/// behind its models and its webhooks.
@Suite(.serialized) struct OperationsTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Two models that a scripted server would answer for, and a canary with `lines` at the end.
  private func write(_ lines: String, salt: String = "one", candidate: String = "flash") throws {
    for name in ["dense", "flash"] {
      try folder.write(
        """
        apiVersion: rollout/v1
        kind: Model
        name: \(name)
        upstream: { url: "http://127.0.0.1:9/v1", model: \(name) }

        """, to: "policies/\(name).yaml")
    }
    try folder.write(
      """
      apiVersion: rollout/v1
      kind: Rollout
      name: assistant
      route: assistant
      incumbent: dense
      candidates: [\(candidate)]
      assignment: { unit: user, salt: \(salt) }
      steps:
        - canary: { weight: 10% }
          hold: { minSamples: 100, minTime: 1h }
      metrics:
        - { name: errors, metric: errorRate, role: guardrail, maxIncrease: 5pp }
      analysis: { every: 100ms }
      \(lines)

      """, to: "policies/assistant.yaml")
  }

  private var policies: URL { folder.url.appendingPathComponent("policies") }

  private func start(_ environment: [String: String] = [:]) async throws -> RunningService {
    try await RunningService(
      data: folder.url.appendingPathComponent("data"), policies: policies, models: folder.url,
      log: folder, environment: environment)
  }

  /// What a webhook was sent, in order.
  private func messages(_ server: ScriptedServer) throws -> [[String: String]] {
    try server.requests.map { request in
      #expect(request.method == "POST")
      #expect(request["content-type"] == ["application/json"])
      let object = try JSONSerialization.jsonObject(with: Data(request.body.utf8))
      let message = try #require(object as? [String: Any], "\(request.body)")
      return message.mapValues { "\($0)" }
    }
  }

  private static func answer(_ status: Int) -> [ScriptedServer.Step] {
    [ScriptedAnswer.message(status: status, "ok", type: "text/plain")]
  }

  private func metrics(_ service: RunningService) async throws -> String {
    let root = service.endpoint.replacingOccurrences(of: "/v1", with: "/metrics")
    let result = try await Program.run(
      URL(fileURLWithPath: "/usr/bin/env"), ["curl", "-s", root], environment: [:])
    return result.output
  }

  @Test func `a webhook that fails twice is told the third time, and then of what came next`()
    async throws
  {
    let posts = Counter()
    try await ScriptedServer.run({ _ in Self.answer(posts.next() < 2 ? 503 : 200) }) { server in
      try write("notify: [ { on: [applied, paused, aborted], webhookEnv: HOOK } ]")
      let service = try await start(["HOOK": "http://127.0.0.1:\(server.port)/a-secret-path"])
      let paused = try await service.rollout("pause", "assistant", "--reason", "lunch")
      #expect(paused.status == 0, "\(paused.errors)")
      #expect(await eventually(within: .seconds(30)) { server.requests.count >= 4 })

      let messages = try messages(server)
      #expect(messages.map { $0["event"] } == ["applied", "applied", "applied", "paused"])
      #expect(messages.map { $0["sequence"] } == ["3", "3", "3", "4"])
      let last = try #require(messages.last)
      #expect(last["rollout"] == "assistant" && last["route"] == "assistant")
      #expect(last["reason"] == "lunch" && last["time"]?.hasSuffix("Z") == true)
      #expect(last["text"]?.contains("rollout assistant on route assistant: paused") == true)
      let wanted = #"rollout_notifications_total{outcome="delivered"} 2"#
      let isCounted = try await eventually(within: .seconds(10)) {
        try await metrics(service).contains(wanted)
      }
      #expect(isCounted)
      #expect(try await metrics(service).contains("rollout_notification_retries_total 2"))
      #expect(try await service.stop() == 0)
      #expect(try !service.logText.contains("a-secret-path"))
    }
  }

  @Test func `a webhook that hangs holds up no decision and no other webhook`() async throws {
    try await ScriptedServer.run({ _ in [.hang] }) { silent in
      try await ScriptedServer.run({ _ in Self.answer(200) }) { prompt in
        try write(
          """
          notify:
            - { on: [applied, paused, aborted], webhook: "http://127.0.0.1:\(silent.port)/a" }
            - { on: [applied, paused, aborted], webhook: "http://127.0.0.1:\(prompt.port)/b" }
          """)
        let service = try await start()
        #expect(await eventually(within: .seconds(10)) { silent.requests.count == 1 })
        for command in ["pause", "abort"] {
          let result = try await service.rollout(command, "assistant", "--reason", "a test")
          #expect(result.status == 0, "\(result.errors)")
        }
        #expect(await eventually(within: .seconds(10)) { prompt.requests.count == 3 })
        #expect(try messages(prompt).map { $0["event"] } == ["applied", "paused", "aborted"])
        #expect(try messages(silent).allSatisfy { $0["event"] == "applied" })
        #expect(try await service.stop() == 0)
      }
    }
  }

  @Test func `a webhook that says no is not asked again, and one without an address is logged`()
    async throws
  {
    try await ScriptedServer.run({ _ in Self.answer(404) }) { server in
      try write(
        """
        notify:
          - { on: [applied], webhook: "http://127.0.0.1:\(server.port)/gone" }
          - { on: [applied], webhookEnv: NO_SUCH_VARIABLE }
        """)
      let service = try await start()
      let isCounted = try await eventually(within: .seconds(10)) {
        try await metrics(service).contains(#"rollout_notifications_total{outcome="failed"} 2"#)
      }
      #expect(isCounted)
      #expect(server.requests.count == 1)
      #expect(try await service.stop() == 0)
      let log = try service.logText
      #expect(log.contains("NO_SUCH_VARIABLE is not set") && log.contains("it answered 404"))
    }
  }

  @Test func `outside of its windows the status says until when, and force goes over it`()
    async throws
  {
    // The day after tomorrow, by the clock of Greenwich, is never today.
    let later = Date().addingTimeInterval(2 * 86_400)
    let day = later.formatted(
      Date.FormatStyle(locale: .init(identifier: "en_US_POSIX"), timeZone: .gmt).weekday())
    let date = later.formatted(Date.ISO8601FormatStyle(timeZone: .gmt).year().month().day())
    try write("windows: [ { allow: \"\(day) 00:00-24:00\", timeZone: UTC } ]")
    let service = try await start()
    let opens = "\(day) \(date) 00:00 (UTC)"
    let status = try await service.rollout("status", "assistant")
    #expect(status.output.contains("closed: outside of its windows; opens \(opens)"))
    let closed = try #require(try await service.status("assistant")["closed"] as? [String: Any])
    #expect(closed["opens"] as? String == opens)
    #expect(closed["opensAtMilliseconds"] is Int)

    let forced = try await service.rollout(
      "promote", "assistant", "--force", "--reason", "it burns")
    #expect(forced.status == 0, "\(forced.errors)")
    let history = try await service.rollout("history", "assistant")
    #expect(history.output.contains("outside of its windows"), "\(history.output)")
    #expect(try await service.stop() == 0)
  }

  @Test func `a queued revision waits in the status and begins when the live one ends`()
    async throws
  {
    try write("")
    let service = try await start()
    try write("", salt: "two")
    let refused = try await service.rollout("apply", policies.path)
    #expect(refused.status == 1 && refused.errors.contains("onNewRevision"))
    try write("onNewRevision: queue", salt: "two")
    let queued = try await service.rollout("apply", policies.path)
    #expect(queued.status == 0 && queued.output.contains("queued"), "\(queued.output)")
    let all = try await service.rollout("status")
    #expect(all.output.contains("Queued") && all.output.contains("the end of rollout 'assistant'"))
    let live = try await service.status("assistant")
    #expect(live["run"] as? Int == 1)
    #expect((live["queued"] as? [String: Any])?["incumbent"] as? String == "dense")

    let back = try await service.rollout("rollback", "assistant", "--reason", "too slow")
    #expect(back.status == 0, "\(back.errors)")
    try await service.wait(for: "assistant", seconds: 20) {
      $0["run"] as? Int == 2 && $0["status"] as? String == "running"
    }
    #expect(try await service.status("assistant")["queued"] == nil)
    #expect(try await service.stop() == 0)
  }
}

/// Counts from 0 on.
private final class Counter: @unchecked Sendable {
  // @unchecked: the lock guards the only state.
  private let lock = NSLock()
  private var count = 0

  func next() -> Int {
    lock.withLock {
      defer { count += 1 }
      return count
    }
  }
}
