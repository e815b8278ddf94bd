import Experimentation
import Foundation
import Testing

/// How journals keep a policy.
@Suite struct PolicyCodingTests {
  /// As an entry of the first version has it.
  static let old = """
    {"allowsOverride":false,"analysis":{"alpha":0.05,"everySeconds":30},"assignment":{"salt":"a",\
    "unit":{"user":{}}},"candidates":["flash"],"digest":"d1","incumbent":"dense",\
    "metrics":[{"metric":"errorRate","name":"errors",\
    "objective":{"notWorse":{"by":{"absolute":{"_0":0.01}}}},"onFail":\
    "rollBack","role":"guardrail"}],"name":"assistant","promotion":"manual","route":"assistant",\
    "steps":[{"hold":{"minSamples":1,"minSeconds":0,"onInconclusive":"pause"},"traffic":{"canary":\
    {"weight":0.1}}}]}
    """

  private func encoded(_ policy: RolloutPolicy) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(policy), as: UTF8.self)
  }

  @Test func `a policy of the first version reads as it did, and is written as it was`() throws {
    let policy = try JSONDecoder().decode(RolloutPolicy.self, from: Data(Self.old.utf8))
    #expect(policy.schedule == .always && policy.notifications == [] && policy.match == nil)
    #expect(policy.onNewRevision == .refuse && policy.metrics.map(\.onNoData) == [nil])
    #expect(try encoded(policy) == Self.old)
  }

  @Test func `what a policy says of hours, people and requests comes back`() throws {
    var policy = try JSONDecoder().decode(RolloutPolicy.self, from: Data(Self.old.utf8))
    policy.match = RequestMatch(
      labels: [RequestLabel(key: "tier", value: "gold")],
      headers: [RequestHeader(name: "x-tenant", value: "acme")])
    policy.schedule = Schedule(
      windows: [
        WeeklyWindow(
          days: [.monday], opensAtMinute: 540, closesAtMinute: 960, timeZone: "Europe/Berlin")
      ],
      freezes: [
        Freeze(
          from: try #require(LocalTime("2026-12-20")), to: try #require(LocalTime("2027-01-03")),
          timeZone: "UTC", reason: "holidays")
      ])
    policy.notifications = [
      NotificationRule(on: [.promoted, .rolledBack], target: .environment("HOOK")),
      NotificationRule(on: [.queued], target: .url("https://hooks.example.com/a")),
    ]
    policy.onNewRevision = .queue
    policy.metrics[0].onNoData = .pause
    policy.embeddings = EmbeddingPolicy(
      model: try #require(ModelName("vectors")), share: try #require(Share(0.25)), concurrency: 2,
      tokensPerDay: 200_000)
    let again = try JSONDecoder().decode(RolloutPolicy.self, from: Data(encoded(policy).utf8))
    #expect(again == policy)
  }

  /// The journal has policies from when there could be no more than one of each.
  @Test func `one label and one header are written as they were, several as lists`() throws {
    var policy = try JSONDecoder().decode(RolloutPolicy.self, from: Data(Self.old.utf8))
    let one = #"{"header":{"name":"x-a","value":"1"},"label":{"key":"tier","value":"gold"}}"#
    policy.match = try JSONDecoder().decode(RequestMatch.self, from: Data(one.utf8))
    #expect(policy.match?.labels == [RequestLabel(key: "tier", value: "gold")])
    #expect(try encoded(policy).contains(#""match":"# + one))
    policy.match?.labels.append(RequestLabel(key: "region", value: "eu"))
    policy.match?.headers = []
    policy.metrics[0].slice = SliceCondition(
      promptTokens: 5...9, labels: policy.match?.labels ?? [],
      headers: [RequestHeader(name: "x-a", value: "1")])
    let text = try encoded(policy)
    #expect(text.contains(#""slice":{"header":{"name":"x-a","value":"1"},"labels":[{"#))
    #expect(text.contains(#""promptTokens":[5,9]"#))
    #expect(try JSONDecoder().decode(RolloutPolicy.self, from: Data(text.utf8)) == policy)
  }
}
