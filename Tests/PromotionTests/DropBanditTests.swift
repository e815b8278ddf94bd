import Experimentation
import Promotion
import Routing
import Testing

/// A bandit one of whose arms leaves.
@Suite struct DropBanditTests {
  let names: Names

  init() throws { names = try Names() }

  private func policy(margin: Double = 0) throws -> RolloutPolicy {
    let traffic = BanditTraffic(
      reward: .metric(.errorRate), minShare: try .part(0.1), updateSeconds: 60, margin: margin)
    return names.policy(
      [Step(.bandit(traffic))],
      metrics: [
        MetricGate(
          name: "errors", metric: .errorRate, role: .guardrail,
          objective: .notWorse(by: .absolute(0.3)), onFail: .drop)
      ], candidates: [names.flash, names.window])
  }

  private func life(seed: UInt64) throws -> BanditStepTests.Life {
    try BanditStepTests.Life(
      policy(), seed: seed,
      errorRates: [names.dense: 0.3, names.flash: 0.05, names.window: 0.02])
  }

  private func drop(_ model: ModelName, from life: inout BanditStepTests.Life) {
    life.state.dropped.append(
      DroppedCandidate(
        model: model, gate: "errors", step: 0,
        allocation: life.state.allocations.last?.number ?? 0))
    life.evidence.follow(life.state)
  }

  @Test func `what it had goes to the others with the next allocation, which is due at once`()
    throws
  {
    var life = try life(seed: 1)
    try life.answer(60)
    life.allocate()
    let before = try #require(life.state.allocations.last)
    drop(names.window, from: &life)
    // Nobody has answered since, and the period is not over.
    life.allocate(isDue: false)
    let after = try #require(life.state.allocations.last)
    #expect(after.number == before.number + 1)
    #expect(after.arms.map(\.model) == before.arms.map(\.model))
    #expect(after.arms[2].share == Share.none)
    #expect(after.arms[2].progress == 0)
    #expect(after.arms.reduce(0) { $0 + $1.share.value } == 1)
    #expect(after.arms[0].share.value >= 0.1)
    life.allocate(isDue: false)
    #expect(life.state.allocations.last == after, "it is given away once")
  }

  @Test func `until then the incumbent answers in its place, and is no evidence`() throws {
    var life = try life(seed: 2)
    try life.answer(60)
    life.allocate()
    let drawn = life.state.drawnShares
    drop(names.window, from: &life)
    #expect(life.state.drawnShares == drawn)
    let table = RouteTable(
      names.assistant, incumbent: names.dense, rollout: life.state, ready: nil)
    let routes = (0..<2_000).map {
      Router.route(AssignmentUnit(id: "\($0)"), requestID: "r", in: table)
    }
    #expect(routes.allSatisfy { $0.serving != names.window })
    let vacant = routes.count { $0.propensity == nil }
    let share = try #require(drawn[names.window]).value
    let spread = (2_000 * share * (1 - share)).squareRoot()
    #expect(abs(Double(vacant) - 2_000 * share) < 4 * spread)
  }

  @Test func `the best of those that are left is named, though who has gone was better`() throws {
    var life = try life(seed: 3)
    try life.answer(200)
    life.allocate()
    drop(names.window, from: &life)
    for _ in 0..<60 where life.state.winner == nil {
      life.allocate()
      try life.answer(60)
    }
    #expect(life.state.winner == names.flash)
    #expect(life.state.contenders == [names.flash])
  }

  @Test func `its going is no fault of the shares that answers come in`() throws {
    var life = try life(seed: 4)
    try life.answer(300)
    life.allocate()
    try life.answer(300)
    drop(names.window, from: &life)
    // Many answers by the table that has lost an arm: those in its place are evidence of nobody.
    try life.answer(3_000)
    var known = RunEvidence(of: life.state)
    known.fold(life.rows)
    #expect(!known.reports.isEmpty)
    #expect(known.reports.allSatisfy { $0.verdict != .error })
    // Of a table that has all of its arms the same rows are a fault, and found to be one.
    var whole = life.state
    whole.dropped = []
    var suspicious = RunEvidence(of: whole)
    suspicious.fold(life.rows)
    #expect(suspicious.reports.contains { $0.verdict == .error })
  }
}
