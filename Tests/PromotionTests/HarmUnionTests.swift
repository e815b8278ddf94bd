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

  private func member(_ gate: String, _ logHarm: Double?) throws -> HarmUnion.Member {
    let gate = try #require(policy.metrics.first { $0.name == gate })
    return HarmUnion.Member(
      report: GateReport(
        gate: gate.name, metric: .errorRate, role: gate.role, candidate: names.flash,
        verdict: .inconclusive, threshold: 0.01),
      gate: gate, levels: try ErrorLevels(policy, gate, trafficStep: 0), logHarm: logHarm)
  }

  private func reports(_ evidence: [(String, Double?)]) throws -> [GateReport] {
    HarmUnion.judge(try evidence.map { try member($0.0, $0.1) })
  }

  @Test func `harm that is spread over gates is found although none shows it alone`() throws {
    // Three gates act, α = 0.05: alone each needs E = 60, and here the mean is 70/3 ≥ 20.
    let found = try reports([("a", .log(40)), ("b", .log(30)), ("paused", 0), ("drawn", 0)])
    #expect(found.map(\.verdict) == [.fail, .inconclusive, .inconclusive, .inconclusive])
    #expect(found[0].explanation == "shown to be beyond the margin together with 'b'")
    // 59/3 is below 20.
    let less = try reports([("a", .log(39)), ("b", .log(20)), ("paused", 0)])
    #expect(less.map(\.verdict) == [.inconclusive, .inconclusive, .inconclusive])
  }

  @Test func `a candidate leaves for what its own gates show, and for nobody else's`() throws {
    func member(_ gate: String, of model: ModelName, _ harm: Double) throws -> HarmUnion.Member {
      var member = try self.member(gate, .log(harm))
      member.gate.onFail = .drop
      member.report.candidate = model
      return member
    }
    // As above the mean of both is beyond 20, but each is another candidate's.
    let spread = HarmUnion.judge([
      try member("a", of: names.flash, 40), try member("b", of: names.window, 30),
    ])
    #expect(spread.map(\.verdict) == [.inconclusive, .inconclusive])
    let own = HarmUnion.judge([
      try member("a", of: names.flash, 40), try member("b", of: names.flash, 30),
      try member("a", of: names.window, 40), try member("b", of: names.window, 1),
    ])
    #expect(own.map(\.verdict) == [.fail, .inconclusive, .inconclusive, .inconclusive])
  }

  @Test func `one gate alone needs what its own level asks for`() throws {
    #expect(try reports([("a", .log(59.9)), ("b", -100)])[0].verdict == .inconclusive)
    #expect(try reports([("a", .log(60.1)), ("b", -100)])[0].verdict == .fail)
  }

  @Test func `gates that do not take back, and tests that cannot be weighed, bet nothing`() throws {
    let found = try reports([("a", nil), ("b", 0), ("paused", 100), ("drawn", 100)])
    #expect(found.map(\.verdict) == [.inconclusive, .inconclusive, .inconclusive, .inconclusive])
    #expect(HarmUnion.judge([]).isEmpty)
  }
}
