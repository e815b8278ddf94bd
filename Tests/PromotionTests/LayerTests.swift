import Experimentation
import Promotion
import Routing
import Statistics
import Testing

/// Layers where rollouts are planned and applied.
@Suite struct LayerTests {
  let names: Names

  init() throws { names = try Names() }

  func policy(
    _ rollout: String, on route: String, _ range: (Double, Double), unit: UnitKind = .user,
    mode: RevisionMode = .refuse
  ) throws -> RolloutPolicy {
    var policy = names.policy(
      [Step(.canary(weight: try .part(0.1)))],
      metrics: [
        MetricGate(
          name: "errors", metric: .errorRate, role: .guardrail,
          objective: .notWorse(by: .absolute(0.01)))
      ], unit: unit, digest: "\(rollout) \(range) \(unit)")
    policy.name = try #require(RolloutName(rollout))
    policy.route = try #require(RouteName(route))
    policy.onNewRevision = mode
    policy.assignment.layer = LayerRange(
      name: try #require(LayerName("people")), lower: try .part(range.0),
      upper: try .part(range.1))
    return policy
  }

  @Test func `users who move and rates are of the part that takes part`() throws {
    let whole = names.policy(
      [Step(.canary(weight: try .part(0.1)))],
      metrics: try policy("a", on: "assistant", (0, 1)).metrics, unit: .user)
    let quarter = try policy("a", on: "assistant", (0.25, 0.5))
    let baseline = TrafficBaseline(requestsPerSecond: 8)
    let units = (0..<20_000).map { AssignmentUnit(id: "user-\($0)") }
    let all = try #require(
      StepPlan.steps(of: whole, after: nil, baseline: baseline, units: units).first)
    let some = try #require(
      StepPlan.steps(of: quarter, after: nil, baseline: baseline, units: units).first)
    #expect(abs(all.movedShare - 0.1) < 1e-12 && abs(some.movedShare - 0.025) < 1e-12)
    // Five standard errors of a binomial with p = 0.025, n = 20 000.
    #expect(abs((some.movedUnits ?? 0) - 500) < 111)
    let (long, short) = (try #require(some.gates.first), try #require(all.gates.first))
    #expect(long.samplesForMost == short.samplesForMost)
    let hours = try #require(short.hoursForMost)
    #expect(abs(try #require(long.hoursForMost) - 4 * hours) < 1e-6 * hours)
  }

  @Test func `a part that moves in its layer moves who was in it and who is`() throws {
    let before = try policy("a", on: "assistant", (0, 0.5))
    let table = RouteTable(
      before.route, incumbent: names.dense, rollout: names.state(before), ready: nil)
    let units = (0..<20_000).map { AssignmentUnit(id: "user-\($0)") }
    let plan = try #require(
      StepPlan.steps(
        of: try policy("a", on: "assistant", (0.25, 0.75)), after: table,
        baseline: TrafficBaseline(), units: units
      ).first)
    // A tenth of the quarter that leaves, and of the quarter that comes.
    #expect(abs(plan.movedShare - 0.05) < 1e-12)
    #expect(abs((plan.movedUnits ?? 0) - 1_000) < 155)
  }

  @Test func `units that another rollout has are refused, while it is live or waits`() async throws
  {
    let world = try World()
    let controller = try await world.controller()
    try await world.apply(try policy("a", on: "assistant", (0, 0.5)), to: controller)
    for range in [(0.4, 1.0), (0.0, 0.1), (0.0, 1.0)] {
      let refusal = try await refusal {
        try await world.apply(try policy("b", on: "other", range), to: controller)
      }
      #expect(refusal?.code == .rolloutUnderWay && refusal?.message.contains("'a'") == true)
    }
    let sessions = try await refusal {
      try await world.apply(
        try policy("b", on: "other", (0.5, 1), unit: .session), to: controller)
    }
    #expect(sessions?.code == .rolloutUnderWay)
    try await world.apply(try policy("b", on: "other", (0.5, 0.7)), to: controller)
    // A revision of one's own may have what it had, and waits with what it asks for.
    try await world.apply(
      try policy("b", on: "other", (0.5, 0.9), mode: .queue), to: controller)
    let waiting = try await refusal {
      try await world.apply(try policy("c", on: "third", (0.8, 1)), to: controller)
    }
    #expect(waiting?.message.contains("'b' waits in the queue with 50%-90%") == true)
    try await world.apply(try policy("c", on: "third", (0.9, 1)), to: controller)
    // What has ended has nobody.
    _ = try await controller.perform(
      .abort(try #require(RolloutName("a"))), actor: "test", reason: nil)
    try await world.apply(try policy("d", on: "fourth", (0.2, 0.4)), to: controller)
  }

  @Test func `two rollouts change places in a layer at once, in either order`() async throws {
    let world = try World()
    let controller = try await world.controller()
    func apply(_ policies: [RolloutPolicy]) async throws -> CommandRefusal? {
      try await refusal {
        try await controller.perform(
          .apply(models: names.models, rollouts: policies), actor: "test", reason: nil)
      }
    }
    let (low, high) = ((0.0, 0.5), (0.5, 1.0))
    func pair(
      _ first: (Double, Double), _ second: (Double, Double), _ mode: RevisionMode = .replace
    ) throws -> [RolloutPolicy] {
      [
        try policy("a", on: "assistant", first, mode: mode),
        try policy("b", on: "other", second, mode: mode),
      ]
    }
    #expect(try await apply(try pair(low, high)) == nil)
    #expect(try await apply(try pair(high, low)) == nil)
    #expect(try await apply(try pair(low, high).reversed()) == nil)
    // Alone, neither may have what the other has; nor may both have the same.
    let alone = try await apply([try policy("b", on: "other", (0.4, 1), mode: .replace)])
    #expect(alone?.message.contains("'a' is under way with 0%-50%") == true)
    let both = try await apply(try pair((0.1, 0.6), (0.2, 1)))
    #expect(both?.message.contains("is applied at the same time") == true)
    // What waits may begin while the other still has what it has.
    #expect(try await apply(try pair(high, low, .queue))?.code == .rolloutUnderWay)
  }

  private func refusal(_ body: () async throws -> some Any) async throws -> CommandRefusal? {
    do {
      _ = try await body()
      return nil
    } catch {
      guard let refusal = error as? CommandRefusal else { throw error }
      return refusal
    }
  }
}
