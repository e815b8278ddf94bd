import Experimentation
import Promotion
import Routing
import Storage
import Testing

@testable import Simulation

/// The checks see what they are there for: each is shown a world in which it does not hold.
@Suite struct InvariantTests {
  let names: SimulatedNames
  let disk = SimulatedDisk()
  let invariants = Invariants()

  init() throws { names = try #require(SimulatedNames()) }

  private func append(_ events: [JournalEvent], actor: String = "operator") async throws {
    let store = disk.open()
    let records = events.map {
      JournalRecord(event: $0, actor: actor, reason: nil, atMilliseconds: 0)
    }
    _ = try await store.append(records, after: disk.head)
    invariants.check(disk, nil)
  }

  private var found: Set<String> { Set(invariants.violations.map(\.invariant)) }

  private func begin() async throws -> RolloutPolicy {
    let half = try #require(Share(0.5))
    let gate = MetricGate(
      name: "errors", metric: .errorRate, role: .guardrail,
      objective: .notWorse(by: .absolute(0.01)))
    let policy = names.policy([Step(.canary(weight: half))], metrics: [gate])
    try await append([
      .modelApplied(names.model(names.incumbent)), .modelApplied(names.model(names.candidate)),
      .rolloutApplied(policy),
    ])
    #expect(found.isEmpty)
    return policy
  }

  @Test func `a second live rollout on a route`() async throws {
    let policy = try await begin()
    try await append([.rolloutApplied(names.policy(policy.steps, name: names.other))])
    #expect(found == ["I1"])
  }

  @Test func `a move that the state does not allow`() async throws {
    _ = try await begin()
    try await append([.rolledBack(names.rollout, evidence: []), .resumed(names.rollout)])
    #expect(found == ["I2"])
  }

  @Test func `a promotion without its gate`() async throws {
    _ = try await begin()
    try await append(
      [
        .advanced(names.rollout, to: 1, evidence: []),
        .promoted(names.rollout, model: names.candidate, openGates: [], evidence: []),
      ], actor: "controller")
    #expect(found == ["I3"])
  }

  @Test func `traffic that nobody wrote down`() async throws {
    let policy = try await begin()
    let all = RouteTable(
      route: policy.route, incumbent: names.incumbent,
      serving: [WeightedModel(model: names.candidate, share: .all)])
    invariants.check(
      disk,
      RoutingTable(routes: [policy.route: all], models: [names.incumbent, names.candidate]))
    #expect(found == ["I1"])
  }

  @Test func `an acknowledged entry that is gone`() async throws {
    _ = try await begin()
    var last = try #require(disk.entries.last)
    last.sequence = 9
    invariants.acknowledge([last])
    let table = RoutingTable(
      ServiceState(folding: disk.entries), ready: [names.incumbent, names.candidate])
    invariants.checkEnd(disk, table)
    #expect(found == ["I4"])
  }

  @Test func `a user in two rollouts of one layer`() throws {
    func policy(_ layer: String) throws -> RolloutPolicy {
      var policy = names.policy([])
      policy.assignment.layer = LayerRange(
        name: try #require(LayerName(layer)), lower: .none, upper: .all)
      return policy
    }
    let unit = AssignmentUnit(id: "user-1")
    invariants.check(unit, in: [try policy("chat"), try policy("search"), names.policy([])])
    #expect(found.isEmpty)
    invariants.check(unit, in: [try policy("chat"), try policy("chat")])
    #expect(found == ["I8"])
  }

  @Test func `an answer that hangs on a shadow`() {
    let unit = AssignmentUnit(id: "user")
    func route(by model: ModelName) -> Route {
      let table = RouteTable(
        route: names.route, incumbent: model,
        serving: [WeightedModel(model: model, share: .all)])
      return Router.route(unit, requestID: "r", in: table)
    }
    invariants.check(
      route(by: names.incumbent), withoutShadows: route(by: names.incumbent))
    #expect(found.isEmpty)
    invariants.check(
      route(by: names.incumbent), withoutShadows: route(by: names.candidate))
    #expect(found == ["I5"])
  }
}
