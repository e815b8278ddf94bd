import Experimentation
import Testing

@testable import PolicyLanguage

/// Who takes part, at which hours a rollout moves, who is told, and what a new revision means.
struct OperationsTests {
  private func policy(_ lines: String) throws -> RolloutPolicy {
    try #require(try Sample.policy(Sample.rollout + "\n" + lines))
  }

  private func codes(_ lines: String) -> [DiagnosticCode] {
    Sample.codes(Sample.rollout + "\n" + lines)
  }

  @Test func `a policy that says nothing of them runs at all hours, for all, and tells nobody`()
    throws
  {
    let policy = try policy("")
    #expect(policy.schedule == .always && policy.match == nil && policy.notifications == [])
    #expect(policy.onNewRevision == .refuse && policy.metrics.map(\.onNoData) == [nil])
  }

  @Test(arguments: [
    ("Mon-Thu 09:00-16:00", "Mon Tue Wed Thu", 540, 960),
    ("Mon 00:00-24:00", "Mon", 0, 1_440),
    ("Mon,Wed,Fri 09:30-12:00", "Mon Wed Fri", 570, 720),
    ("Sat-Mon 22:00-23:59", "Mon Sat Sun", 1_320, 1_439),
    ("Mon-Sun 06:00-07:00", "Mon Tue Wed Thu Fri Sat Sun", 360, 420),
    ("Wed , Mon - Tue  06:00 - 07:00", "Mon Tue Wed", 360, 420),
  ])
  func `a window is days and a part of each`(
    _ text: String, _ days: String, _ opens: Int, _ closes: Int
  ) throws {
    let policy = try policy("windows: [ { allow: \"\(text)\", timeZone: Europe/Berlin } ]")
    let window = try #require(policy.schedule.windows.first)
    #expect(window.days.map(\.rawValue).joined(separator: " ") == days)
    #expect(window.opensAtMinute == opens && window.closesAtMinute == closes)
    #expect(window.timeZone == "Europe/Berlin")
  }

  @Test func `a misspelt day or zone is guessed`() throws {
    let wrong = """
      windows:
        - { allow: "Mon-Thr 09:00-16:00", timeZone: Europe/Berln }
      """
    let errors = try #require(
      #expect(throws: PolicyErrors.self) { try policy(wrong) })
    let suggestions = errors.diagnostics.compactMap(\.suggestion)
    #expect(suggestions == ["Mon-Thu 09:00-16:00", "Europe/Berlin"])
  }

  @Test(arguments: ["UTC", "Asia/Kolkata", "Etc/UTC", "America/Argentina/Buenos_Aires"])
  func `a zone is a place, or UTC`(_ zone: String) throws {
    let policy = try policy("windows: [ { allow: \"Mon 09:00-16:00\", timeZone: \(zone) } ]")
    #expect(policy.schedule.windows.map(\.timeZone) == [zone])
  }

  @Test(arguments: ["CET", "EST", "GMT+2", "Z", "local", "europe/berlin", "/", "Europe/"])
  func `an abbreviation, an offset and another spelling are no place`(_ zone: String) {
    let lines = "windows: [ { allow: \"Mon 09:00-16:00\", timeZone: \"\(zone)\" } ]"
    #expect(codes(lines) == [.unknownTimeZone])
  }

  @Test func `a freeze is two days, or minutes, with or without quotes`() throws {
    let policy = try policy(
      """
      freeze:
        - { from: 2026-12-20, to: "2027-01-03T18:30", timeZone: UTC, reason: holidays }
      """)
    let freeze = try #require(policy.schedule.freezes.first)
    #expect(freeze.from.description == "2026-12-20T00:00")
    #expect(freeze.to.description == "2027-01-03T18:30")
    #expect(freeze.reason == "holidays")
  }

  @Test func `whom to tell is an address or a variable, of events in one order`() throws {
    let policy = try policy(
      """
      notify:
        - { on: [rolledBack, promoted], webhookEnv: HOOK }
        - { on: [queued], webhook: "https://hooks.example.com/rollouts" }
      """)
    #expect(
      policy.notifications == [
        NotificationRule(on: [.promoted, .rolledBack], target: .environment("HOOK")),
        NotificationRule(on: [.queued], target: .url("https://hooks.example.com/rollouts")),
      ])
  }

  @Test(arguments: [
    "https://hooks.example.com/services/T024BE7LD/b1gDq3xT0kEn5yFw9Zr2",
    "https://ana:hunter2@hooks.example.com/a", "https://hooks.example.com/a?key=b1gDq3xT0kEn5",
  ])
  func `an address that is a secret is refused, and no message shows it`(_ url: String) throws {
    let lines = "notify: [ { on: [promoted], webhook: \"\(url)\" } ]"
    let errors = try #require(#expect(throws: PolicyErrors.self) { try policy(lines) })
    let printed = errors.diagnostics.map(\.rendered).joined()
    for secret in ["b1gDq3xT0kEn5", "hunter2", "T024BE7LD"] { #expect(!printed.contains(secret)) }
  }

  @Test func `requests are told apart by a label, a header, or both`() throws {
    let both = try policy("match: { label: \"tier=gold\", header: \"x-tenant=acme=x\" }")
    #expect(
      both.match
        == RequestMatch(
          labels: [RequestLabel(key: "tier", value: "gold")],
          headers: [RequestHeader(name: "x-tenant", value: "acme=x")]))
    #expect(try policy("match: { header: \"x-a=b\" }").match?.labels == [])
    #expect(codes("match: { header: \"authorization=Bearer x\" }") == [.invalidHeader])
    #expect(codes("match: { header: \"X-Tenant=acme\" }") == [.invalidHeader])
    #expect(codes("match: { header: \"x-tenant=é\" }") == [.invalidCondition])
    #expect(codes("match: {}") == [.oneOf])
  }

  @Test func `several labels and headers must all hold, up to eight of each`() throws {
    let text = "match: { label: [\"tier=gold\", \"region=eu\"], header: [\"x-b=2\", \"x-a=1\"] }"
    let match = try #require(try policy(text).match)
    let labels = ["tier": "gold", "region": "eu"]
    let headers = ["x-a": "1", "x-b": "2"]
    #expect(match.contains(labels: labels) { headers[$0] })
    for name in labels.keys {
      #expect(!match.contains(labels: labels.filter { $0.key != name }) { headers[$0] })
    }
    for name in headers.keys {
      #expect(!match.contains(labels: labels) { $0 == name ? "other" : headers[$0] })
    }
    func list(_ count: Int) -> String { (0..<count).map { "\"k\($0)=v\"" }.joined(separator: ", ") }
    #expect(try policy("match: { label: [\(list(8))] }").match?.labels.count == 8)
    #expect(codes("match: { label: [\(list(9))] }") == [.outOfRange])
    #expect(codes("match: { label: [] }") == [.outOfRange])
    #expect(codes("match: { label: [\"a=b\", { c: d }] }") == [.wrongKind])
  }

  /// Evidence is bound to the digest: neither a list of one nor the order may change it.
  @Test func `a list of one is that one, and the order of several means nothing`() throws {
    let one = try policy("match: { label: \"tier=gold\" }")
    #expect(one.canonicalText.contains(#""match":{"label":"tier=gold"}"#))
    #expect(try policy("match: { label: [\"tier=gold\"] }") == one)
    let (ab, ba) = (
      try policy("match: { label: [\"a=1\", \"b=2\"] }"),
      try policy("match: { label: [\"b=2\", \"a=1\"] }")
    )
    #expect(ab == ba)
    #expect(ab.canonicalText.contains(#""match":{"label":["a=1","b=2"]}"#))
  }

  @Test(arguments: [
    ("2026-12-20", "2031-12-21", []), ("2026-12-20", "2032-01-01", [DiagnosticCode.longFreeze]),
  ])
  func `a freeze of more than five years is a warning`(
    _ from: String, _ to: String, _ codes: [DiagnosticCode]
  ) throws {
    let text = Sample.rollout + "\nfreeze: [ { from: \(from), to: \(to), timeZone: UTC } ]\n"
    let set = try PolicyParser.parse(
      [PolicySource(file: "a.yaml", text: text)], knownModels: Sample.knownModels)
    #expect(set.warnings.map(\.code) == codes)
  }

  @Test(arguments: RevisionMode.allCases)
  func `what a new revision means is one word`(_ mode: RevisionMode) throws {
    #expect(try policy("onNewRevision: \(mode.rawValue)").onNewRevision == mode)
  }
}
