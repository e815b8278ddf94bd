import Experimentation
import Promotion
import Routing
import SQLiteStorage
import Statistics
import Storage
import Testing

/// A candidate leaves a rollout that is under way: journal, restart, evidence of the others.
@Suite struct DropControllerTests {
  let world: World
  let names: Names

  init() throws {
    world = try World()
    names = world.names
  }

  func policy(_ traffic: StepTraffic? = nil) throws -> RolloutPolicy {
    names.policy(
      [Step(try traffic ?? .canary(weight: .part(0.25)), hold: HoldConditions(minSamples: 10))],
      metrics: [
        MetricGate(
          name: "errors", metric: .errorRate, role: .guardrail,
          objective: .notWorse(by: .absolute(0.1)), onFail: .drop)
      ], candidates: [names.flash, names.window])
  }

  /// Stores answers of the three models in turn, as the table deals them; those of `window` fail.
  func serve(_ policy: RolloutPolicy, rounds: Int, from first: Int = 0) async throws {
    let rules = try #require(world.route)
    var outcomes: [Outcome] = []
    for number in first..<first + rounds {
      let id = "r\(number)"
      let route = Router.route(AssignmentUnit(id: id), requestID: id, in: rules)
      var place = names.assignment(
        policy, step: 0, unit: UInt64(number), propensity: route.propensity)
      place.rollout = route.rollout
      let fails = route.serving == names.window && number % 4 != 0
      outcomes.append(
        Outcome(
          requestID: id, assignment: place, model: route.serving,
          measurements: names.answer(failure: fails ? .rejected : nil)))
    }
    try await database.outcomes.append(outcomes: outcomes, comparisons: [])
  }

  var database: SQLiteDatabase { world.database }

  @Test func `one that fails leaves, the journal says why, and the other goes on by its evidence`()
    async throws
  {
    let policy = try policy()
    let controller = try await world.controller()
    try await world.apply(policy, to: controller)
    try await serve(policy, rounds: 100)
    await controller.look()
    let left = try await world.rollout(controller)
    #expect(left.status == .running)
    #expect(left.candidates == [names.flash])
    let entry = try #require(try await controller.history(of: nil).last)
    #expect(entry.record.event.title == "candidate dropped")
    #expect(entry.record.reason?.hasPrefix("gate 'errors' of 'window': fails") == true)
    #expect(entry.record.event.evidence.contains { $0.verdict == .fail })
    #expect(world.route?.vacant == [names.window])
    #expect(await controller.status().reports[names.rollout]?.map(\.candidate) == [names.flash])

    try await serve(policy, rounds: 900, from: 100)
    await controller.look()
    #expect(try await world.rollout(controller).step == 1)
    let promoted = try await controller.perform(
      .promote(names.rollout, model: nil, force: false), actor: "ana", reason: nil)
    #expect(promoted.map(\.record.event.title) == ["promoted"])
    #expect(await controller.status().health == ControllerHealth())
  }

  @Test func `after a restart it is still gone, and the rest is as it was`() async throws {
    let policy = try policy()
    let first = try await world.controller()
    try await world.apply(policy, to: first)
    try await serve(policy, rounds: 100)
    await first.look()
    try await serve(policy, rounds: 100, from: 100)
    await first.look()
    let table = LiveRoutingTable()
    let second = try await world.controller(table: table)
    #expect(table.snapshot == world.table.snapshot)
    await second.look()
    #expect(await second.status() == first.status())
    #expect(try await second.history(of: nil).count == first.history(of: nil).count)
  }

  @Test func `its going changes no number of the others' evidence`() async throws {
    let policy = try policy()
    let controller = try await world.controller()
    try await world.apply(policy, to: controller)
    try await serve(policy, rounds: 100)
    await controller.look()
    #expect(try await world.rollout(controller).candidates == [names.flash])
    try await serve(policy, rounds: 300, from: 100)
    await controller.look()
    let after = try await world.report(controller)

    // The same requests, read as if nobody had left: all numbers are the same. That the other's
    // answers are missing shows there as a sample ratio.
    var forgiving = policy
    forgiving.metrics[0].onFail = .pause
    let rows = try await database.outcomes.outcomes(
      of: names.rollout, run: 1, after: 0, limit: 1_000)
    var evidence = RunEvidence(of: names.state(forgiving))
    evidence.fold(rows)
    let before = try #require(evidence.reports.first { $0.candidate == names.flash })
    #expect(after.samples == before.samples)
    #expect(after.estimate == before.estimate)
    #expect(after.lowerBound == before.lowerBound)
    #expect(after.failLevel == before.failLevel)
  }

  @Test func `a journal that is away does not keep it in traffic`() async throws {
    let policy = try policy()
    let journal = FaultyJournal(real: world.database.journal)
    let controller = try await world.controller(journal: journal)
    try await world.apply(policy, to: controller)
    try await serve(policy, rounds: 100)
    journal.isGone.value = true
    await controller.look()
    #expect(world.route?.vacant == [names.window])
    #expect(
      await controller.status().health.problems.contains { $0.contains("'window' of rollout") })
    journal.isGone.value = false
    await controller.look()
    #expect(try await world.rollout(controller).candidates == [names.flash])
    #expect(await controller.status().health == ControllerHealth())
  }

  @Test func `a goal's proof is still one of as many as there were at the start`() throws {
    var policy = try policy()
    policy.metrics = [
      MetricGate(
        name: "speed", metric: .latency, role: .goal, objective: .better(by: .relative(0)),
        onFail: .drop)
    ]
    policy.steps = [Step(.shadow(ShadowTraffic()))]
    func verdict(pairs: Int, without dropped: [ModelName], in policy: RolloutPolicy) throws
      -> Verdict?
    {
      var state = names.state(policy)
      state.dropped = dropped.map { DroppedCandidate(model: $0, gate: nil, step: 0) }
      var evidence = RunEvidence(of: state)
      evidence.fold(
        (1...pairs).map { number in
          Sequenced(
            sequence: Int64(number),
            value: names.pair(
              policy, candidate: names.answer(seconds: number % 3 == 0 ? 1.1 : 0.7)))
        })
      return evidence.reports.first { $0.candidate == names.flash }?.verdict
    }
    var alone = policy
    alone.candidates = [names.flash]
    let enough = try #require(
      try (2...200).first { try verdict(pairs: $0, without: [], in: alone) == .pass })
    #expect(try verdict(pairs: enough, without: [names.window], in: policy) == .inconclusive)
    #expect(try verdict(pairs: enough, without: [], in: policy) == .inconclusive)
    let late = try verdict(pairs: 3 * enough, without: [names.window], in: policy)
    #expect(late == .pass)
  }
}
