import Experimentation
import Statistics
import Testing

@testable import Promotion

/// What several gates show together.
@Suite struct HarmUnionTests {
  let names: Names
  let policy: RolloutPolicy

  init() throws {
    names = try Names()
    func gate(
      _ name: String, _ role: MetricGate.Role = .guardrail,
      _ onFail: MetricGate.FailAction = .rollBack
    ) -> MetricGate {
      MetricGate(
        name: name, metric: .errorRate, role: role, objective: .notWorse(by: .absolute(0.01)),
        onFail: onFail)
    }
    policy = names.policy(
      [Step(.canary(weight: try .part(0.5)))],
      metrics: [
        gate("a"), gate("b"), gate("paused", .guardrail, .pause), gate("drawn", .info),
      ])
  }

  private func report(_ gate: String, _ verdict: Verdict = .inconclusive) -> GateReport {
    GateReport(
      gate: gate, metric: .errorRate, role: gate == "drawn" ? .info : .guardrail,
      candidate: names.flash, verdict: verdict, threshold: 0.01)
  }

  private func verdicts(_ evidence: [(String, Double?)]) -> [Verdict] {
    HarmUnion(of: policy, trafficStep: 0)
      .judge(evidence.map { (report($0.0), $0.1) }).map(\.verdict)
  }

  @Test func `harm that is spread over gates is found although none shows it alone`() {
    // Three gates act, α = 0.05: alone each needs E = 60, and here the mean is 70/3 ≥ 20.
    let logs = [("a", Double.log(40)), ("b", Double.log(30)), ("paused", 0), ("drawn", 0)]
    #expect(verdicts(logs) == [.fail, .inconclusive, .inconclusive, .inconclusive])
    let reports = HarmUnion(of: policy, trafficStep: 0)
      .judge(logs.map { (report($0.0), $0.1) })
    #expect(reports[0].explanation == "shown to be beyond the margin together with 'b'")
    // 59/3 is below 20.
    #expect(
      verdicts([("a", .log(39)), ("b", .log(20)), ("paused", 0)])
        == [.inconclusive, .inconclusive, .inconclusive])
  }

  @Test func `gates that do not take back, and tests that cannot be weighed, bet nothing`() {
    #expect(
      verdicts([("a", nil), ("b", 0), ("paused", 100), ("drawn", 100)])
        == [.inconclusive, .inconclusive, .inconclusive, .inconclusive])
  }

  @Test func `without traffic in force there is nothing to judge`() {
    let judged = HarmUnion(of: policy, trafficStep: nil).judge([(report("a"), 100)])
    #expect(judged.map(\.verdict) == [.inconclusive])
  }
}
