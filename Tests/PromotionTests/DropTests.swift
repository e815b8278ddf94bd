import Experimentation
import Promotion
import Routing
import Testing

/// One of several candidates leaves: the rule, the traffic, and who may be promoted then.
@Suite struct DropTests {
  let names: Names
  let hybrid: ModelName

  init() throws {
    names = try Names()
    hybrid = try #require(ModelName("hybrid"))
  }

  func gate(
    _ name: String = "errors", _ onFail: MetricGate.FailAction = .drop,
    metric: Metric = .errorRate
  ) -> MetricGate {
    MetricGate(
      name: name, metric: metric, role: .guardrail,
      objective: .notWorse(by: metric == .errorRate ? .absolute(0.01) : .relative(0.1)),
      onFail: onFail)
  }

  func policy(
    _ traffic: StepTraffic? = nil, gates: [MetricGate]? = nil, unit: UnitKind = .user
  ) throws -> RolloutPolicy {
    names.policy(
      [Step(try traffic ?? .canary(weight: .part(0.2)), hold: HoldConditions(minSamples: 5))],
      metrics: gates ?? [gate()], candidates: [names.flash, names.window, hybrid], unit: unit)
  }

  func state(
    _ policy: RolloutPolicy, without dropped: [ModelName] = [],
    status: RolloutStatus = .running, step: Int = 0
  ) -> RolloutState {
    var state = names.state(policy, step: step, status: status)
    state.dropped = dropped.map { DroppedCandidate(model: $0, gate: "errors", step: 0) }
    return state
  }

  func report(
    _ model: ModelName, _ verdict: Verdict, gate: MetricGate? = nil, samples: Int = 5
  ) -> GateReport {
    let gate = gate ?? self.gate()
    return GateReport(
      gate: gate.name, metric: gate.metric, role: gate.role, candidate: model, verdict: verdict,
      threshold: 0.01, samples: samples)
  }

  func findings(_ reports: [GateReport], broken: Set<ModelName> = []) -> Findings {
    Findings(
      reports: reports, samples: [names.flash: 5, names.window: 5, hybrid: 5], secondsInStep: 0,
      broken: broken)
  }

  func findings(_ flash: Verdict, _ window: Verdict, _ hybrid: Verdict) -> Findings {
    findings([
      report(names.flash, flash), report(names.window, window), report(self.hybrid, hybrid),
    ])
  }

  // MARK: The rule

  @Test func `the candidate whose gate fails leaves, and its gates are not asked for again`() throws
  {
    let policy = try policy()
    let move = state(policy).next(on: findings(.pass, .fail, .pass))
    #expect(
      move
        == .drop(
          names.window, gate: "errors", because: "gate 'errors' of 'window': fails"))
    let left = state(policy, without: [names.window])
    #expect(left.next(on: findings(.pass, .fail, .pass)) == .advance(to: 1))
    #expect(
      left.next(on: findings([report(names.flash, .pass), report(hybrid, .pass)]))
        == .advance(to: 1))
    guard case .hold = left.next(on: findings(.pass, .fail, .inconclusive)) else {
      Issue.record("a candidate that is still in was not waited for")
      return
    }
  }

  @Test func `the last one to fail takes the rollout back`() throws {
    let left = state(try policy(), without: [names.window, hybrid])
    #expect(
      left.next(on: findings(.fail, .fail, .fail))
        == .rollBack(
          because: "gate 'errors' of 'flash': fails; 'flash' was the last candidate left"))
  }

  @Test(arguments: [RolloutStatus.paused, .inconclusive])
  func `harm counts while a rollout stands still`(status: RolloutStatus) throws {
    let move = state(try policy(), status: status).next(on: findings(.pass, .fail, .pass))
    guard case .drop(names.window, _, _) = move else {
      Issue.record("it stays: \(move)")
      return
    }
  }

  @Test func `a gate that takes all back is heard before one that drops`() throws {
    let (strict, lax) = (gate("latency", .rollBack, metric: .latency), gate())
    let policy = try policy(gates: [lax, strict])
    let move = state(policy).next(
      on: findings([
        report(names.flash, .fail, gate: lax), report(names.window, .fail, gate: strict),
      ]))
    #expect(move == .rollBack(because: "gate 'latency' of 'window': fails"))
  }

  @Test(arguments: [
    ([MetricGate.FailAction.drop], true), ([.rollBack], false), ([.pause], false),
    ([.drop, .rollBack], false), ([], false),
  ])
  func `a breakdown is a drop where every gate on errors says so, else a rollback`(
    actions: [MetricGate.FailAction], drops: Bool
  ) throws {
    let gates = actions.enumerated().map { gate("errors-\($0.offset)", $0.element) }
    let policy = try policy(gates: gates + [gate("latency", .drop, metric: .latency)])
    let move = state(policy).next(on: findings([], broken: [hybrid]))
    switch move {
    case .drop(hybrid, gate: nil, _): #expect(drops)
    case .rollBack: #expect(!drops)
    default: Issue.record("\(move)")
    }
    let gone = state(policy, without: [hybrid]).next(on: findings([], broken: [hybrid]))
    guard case .hold = gone else {
      Issue.record("it leaves twice: \(gone)")
      return
    }
  }

  @Test func `without candidates that were dropped an automatic rollout promotes the one left`()
    throws
  {
    var policy = try policy()
    policy.promotion = .automatic
    let all = findings(.pass, .pass, .pass)
    #expect(
      state(policy, without: [names.window], step: 1).next(on: all)
        == .hold(because: "ready: a person chooses among 2 candidates"))
    #expect(
      state(policy, without: [names.window, hybrid], step: 1).next(on: all)
        == .promote(names.flash))
  }

  // MARK: Traffic

  func table(_ state: RolloutState) -> RouteTable {
    RouteTable(names.assistant, incumbent: names.dense, rollout: state, ready: nil)
  }

  func routes(_ table: RouteTable) -> [Route] {
    (0..<6_000).map { Router.route(AssignmentUnit(id: "u\($0)"), requestID: "r\($0)", in: table) }
  }

  @Test func `when one leaves nobody but its users meets another model`() throws {
    let policy = try policy()
    let (before, after) = (
      routes(table(state(policy))), routes(table(state(policy, without: [names.window])))
    )
    for (old, new) in zip(before, after) {
      if old.serving == names.window {
        #expect(new.serving == names.dense)
        // The incumbent answers there by no draw: evidence of nobody.
        #expect(new.propensity == nil)
      } else {
        #expect(new == old)
      }
    }
    // Four standard errors of a binomial with p = 0.2, n = 6,000.
    #expect(abs(before.count { $0.serving == names.window } - 1_200) < 124)
  }

  @Test func `weights that grow later still take no user from the others`() throws {
    var policy = try policy()
    policy.steps.append(Step(.canary(weight: try .part(0.3))))
    let small = routes(table(state(policy, without: [names.window])))
    let large = routes(table(state(policy, without: [names.window], step: 1)))
    for (old, new) in zip(small, large) where old.serving != names.dense {
      #expect(new.serving == old.serving)
    }
    // Four standard errors of a binomial with p = 0.3, n = 6,000.
    #expect(abs(large.count { $0.serving == names.flash } - 1_800) < 142)
    #expect(large.allSatisfy { $0.serving != names.window })
  }

  @Test func `the incumbent's share takes in what the others leave`() throws {
    let left = state(try policy(), without: [names.window])
    #expect(left.shares[names.window] == nil)
    #expect(abs(try #require(left.shares[names.dense]).value - 0.6) < 1e-9)
    #expect(left.shares[names.flash] == Share(0.2))
  }

  @Test func `who has left is not asked aside, not drafted, and cannot be asked for by header`()
    throws
  {
    let shadowed = table(
      state(try policy(.shadow(ShadowTraffic())), without: [names.flash]))
    #expect(shadowed.shadows.map(\.model) == [names.window, hybrid])
    let drafted = table(state(try policy(.interleave(choices: 4)), without: [names.flash]))
    #expect(drafted.interleaving?.teams == [names.dense, names.window, hybrid])
    var pinned = try policy()
    pinned.allowsOverride = true
    let route = Router.route(
      AssignmentUnit(id: "ada"), requestID: "r", pinned: names.flash,
      in: table(state(pinned, without: [names.flash])))
    #expect(route.serving != names.flash)
  }

  @Test func `one that has left need not be ready`() throws {
    let policy = try policy()
    let ready: Set = [names.dense, names.window, hybrid]
    let all = RouteTable(
      names.assistant, incumbent: names.dense, rollout: state(policy), ready: ready)
    #expect(all.rollout == nil)
    let left = RouteTable(
      names.assistant, incumbent: names.dense, rollout: state(policy, without: [names.flash]),
      ready: ready)
    #expect(left.rollout != nil)
  }

  // MARK: Promotion

  func control(_ policy: RolloutPolicy, _ events: JournalEvent...) -> ControlState {
    let models = names.models + [names.model(hybrid)]
    return (models.map { .modelApplied($0) } + [.rolloutApplied(policy)] + events)
      .reduce(ControlState()) { $0.assuming($1) }
  }

  func promote(
    _ model: ModelName?, in control: ControlState, on findings: Findings, force: Bool = false
  ) throws -> [JournalEvent] {
    try control.events(
      for: .promote(names.rollout, model: model, force: force),
      reports: [names.rollout: findings.reports], findings: [names.rollout: findings],
      reason: force ? "because" : nil)
  }

  @Test func `one that has met all that the last step asks is promoted while another has not`()
    throws
  {
    let control = control(try policy())
    let found = findings(.pass, .pass, .inconclusive)
    #expect(
      try promote(names.flash, in: control, on: found) == [
        .promoted(names.rollout, model: names.flash, openGates: [], evidence: found.reports)
      ])
    let refusal = #expect(throws: CommandRefusal.self) {
      try promote(hybrid, in: control, on: found)
    }
    #expect(refusal?.message.contains("open gates: errors") == true)
    #expect(refusal?.openGates.map(\.candidate) == [hybrid])
  }

  @Test func `its own hold is in the way and named, the others' gates are not`() throws {
    var found = findings(.pass, .inconclusive, .inconclusive)
    found.reports[0].samples = 4
    let refusal = #expect(throws: CommandRefusal.self) {
      try promote(names.flash, in: control(policy()), on: found)
    }
    #expect(
      refusal?.message.contains("but gate 'errors' of 'flash' has 4 of 5 samples") == true)
  }

  @Test func `before the last step all that are in are waited for`() throws {
    var policy = try policy()
    policy.steps.append(Step(.approval(team: nil)))
    #expect(throws: CommandRefusal.self) {
      try promote(names.flash, in: control(policy), on: findings(.pass, .pass, .inconclusive))
    }
  }

  @Test func `one that has left is not promoted, by force neither, and the one left needs no name`()
    throws
  {
    let gone = { (model: ModelName) in
      JournalEvent.candidateDropped(names.rollout, model: model, gate: "errors", evidence: [])
    }
    let control = control(try policy(), gone(names.window), gone(hybrid))
    let found = findings([report(names.flash, .pass)])
    for force in [false, true] {
      let refusal = #expect(throws: CommandRefusal.self) {
        try promote(names.window, in: control, on: found, force: force)
      }
      #expect(refusal?.code == .notAllowed)
      #expect(refusal?.message.contains("'window' has left rollout") == true)
    }
    #expect(try promote(nil, in: control, on: found).count == 1)
  }

  @Test func `a drop counts as another standing of the rollout`() throws {
    let policy = try policy()
    var entries: [JournalEntry] = []
    for event: JournalEvent in [
      .rolloutApplied(policy),
      .candidateDropped(names.rollout, model: names.window, gate: "errors", evidence: []),
      .candidateDropped(names.rollout, model: names.window, gate: nil, evidence: []),
      .rolloutApplied(policy),
    ] {
      entries.append(
        JournalEntry(
          sequence: Int64(entries.count + 1),
          record: JournalRecord(
            event: event, actor: "controller", reason: "shown", atMilliseconds: 0), hash: ""))
    }
    let twice = try #require(
      ServiceState(folding: entries.prefix(3)).rollouts[names.rollout])
    #expect(twice.generation == 3)
    #expect(
      twice.dropped == [
        DroppedCandidate(model: names.window, gate: "errors", step: 0, reason: "shown")
      ])
    // Another run has all of them again.
    let anew = try #require(ServiceState(folding: entries).rollouts[names.rollout])
    #expect(anew.candidates == policy.candidates)
  }
}
