import Experimentation
import Promotion
import Testing

/// What commands become: pure decisions.
@Suite struct CommandTests {
  let names: Names

  init() throws { names = try Names() }

  func policy(
    name: String = "assistant", incumbent: ModelName? = nil, candidates: [ModelName]? = nil,
    digest: String = "p1"
  ) throws -> RolloutPolicy {
    var policy = names.policy(
      [Step(.canary(weight: try .part(0.1))), Step(.approval(team: nil))],
      metrics: [
        MetricGate(
          name: "errors", metric: .errorRate, role: .guardrail,
          objective: .notWorse(by: .absolute(0.01))),
        MetricGate(
          name: "tokens", metric: .outputTokens, role: .signal,
          objective: .notWorse(by: .relative(0.1))),
      ], candidates: candidates, digest: digest)
    policy.name = try #require(RolloutName(name))
    policy.incumbent = incumbent ?? names.dense
    return policy
  }

  func control(_ events: JournalEvent...) -> ControlState {
    (names.models.map { .modelApplied($0) } + events).reduce(ControlState()) { $0.assuming($1) }
  }

  func refusal(
    _ command: Command, in control: ControlState, reports: [GateReport] = [],
    reason: String? = nil
  ) throws -> CommandRefusal {
    try #require(
      #expect(throws: CommandRefusal.self) {
        try control.events(
          for: command, reports: [names.rollout: reports], reason: reason)
      })
  }

  func report(_ verdict: Verdict) -> GateReport {
    GateReport(
      gate: "errors", metric: .errorRate, role: .guardrail, candidate: names.flash,
      verdict: verdict, threshold: 0.01, samples: 10, samplesMissing: 90)
  }

  @Test func `applying the same again is no event, however the run ended`() throws {
    let policy = try policy()
    let command = Command.apply(models: names.models, rollouts: [policy])
    let endings: [[JournalEvent]] = [
      [], [.aborted(policy.name)], [.rolledBack(policy.name, evidence: [])],
      [.promoted(policy.name, model: names.flash, openGates: [], evidence: [])],
    ]
    for ending in endings {
      let control = ending.reduce(control(.rolloutApplied(policy))) { $0.assuming($1) }
      #expect(try control.events(for: command) == [])
    }
    #expect(try ControlState().events(for: command).count == 4)
  }

  @Test func `a stale incumbent is refused with the patch that mends it`() throws {
    let control = control(
      .rolloutApplied(try policy()),
      .promoted(names.rollout, model: names.flash, openGates: [], evidence: []))
    let next = try policy(candidates: [names.window], digest: "p2")
    let refusal = try refusal(.apply(models: [], rollouts: [next]), in: control)
    #expect(refusal.code == .staleIncumbent)
    #expect(refusal.remedy == "-incumbent: dense\n+incumbent: flash")
    let mended = try policy(incumbent: names.flash, candidates: [names.window], digest: "p3")
    #expect(
      try control.events(for: .apply(models: [], rollouts: [mended])) == [.rolloutApplied(mended)])
  }

  @Test func `a route has one rollout at a time`() throws {
    let control = control(.rolloutApplied(try policy()))
    for other in [try policy(name: "other", digest: "p2"), try policy(digest: "p2")] {
      let refusal = try refusal(.apply(models: [], rollouts: [other]), in: control)
      #expect(refusal.code == .rolloutUnderWay)
    }
    let both = Command.apply(
      models: names.models,
      rollouts: [try policy(), try policy(name: "other", digest: "p2")])
    #expect(try refusal(both, in: ControlState()).code == .rolloutUnderWay)
  }

  @Test func `unknown models and rollouts are not found`() throws {
    let command = Command.apply(models: [names.model(names.dense)], rollouts: [try policy()])
    #expect(try refusal(command, in: ControlState()).code == .notFound)
    for command in [
      Command.abort(names.rollout), .rollBack(names.rollout), .pause(names.rollout),
      .resume(names.rollout), .approve(names.rollout),
      .promote(names.rollout, model: nil, force: false),
    ] {
      #expect(try refusal(command, in: ControlState()).code == .notFound)
    }
  }

  @Test func `a model does not change while evidence is gathered with it`() throws {
    let changed = names.model(names.flash, digest: "m2")
    let live = control(.rolloutApplied(try policy()))
    let refusal = try refusal(.apply(models: [changed], rollouts: []), in: live)
    #expect(refusal.code == .notAllowed)
    #expect(refusal.message.contains("stale"))
    let ended = live.assuming(.aborted(names.rollout))
    #expect(
      try ended.events(for: .apply(models: [changed], rollouts: [])) == [.modelApplied(changed)])
  }

  @Test func `a promotion is refused with its open gates, unless forced with a reason`() throws {
    let control = control(.rolloutApplied(try policy()))
    let promote = { Command.promote(names.rollout, model: nil, force: $0) }
    let open = try refusal(promote(false), in: control, reports: [report(.inconclusive)])
    #expect(open.code == .gatesOpen)
    #expect(open.openGates.map(\.samplesMissing) == [90])
    // A gate that passes does not make up for steps that are left.
    let early = try refusal(promote(false), in: control, reports: [report(.pass)])
    #expect(early.code == .gatesOpen)
    #expect(early.openGates.isEmpty)
    for reason in [nil, "", " \n"] {
      #expect(try refusal(promote(true), in: control, reason: reason).code == .invalid)
    }
    let forced = try control.events(
      for: promote(true), reports: [names.rollout: [report(.inconclusive)]], reason: "outage")
    #expect(
      forced == [
        .promoted(
          names.rollout, model: names.flash,
          openGates: ["errors", "step 1: canary", "step 2: approval"],
          evidence: [report(.inconclusive)])
      ])
    // Steps that were skipped show although every gate passes.
    let skipping = try control.assuming(.advanced(names.rollout, to: 1, evidence: [])).events(
      for: promote(true), reports: [names.rollout: [report(.pass)]], reason: "outage")
    #expect(
      skipping == [
        .promoted(
          names.rollout, model: names.flash, openGates: ["step 2: approval"],
          evidence: [report(.pass)])
      ])
    #expect(skipping.map(\.isForced) == [true])
  }

  @Test func `a gate that passes now is not called open where later steps judge it anew`() throws {
    let steps = try [5, 50].map { Step(.canary(weight: try .part($0 / 100))) }
    let gate = try #require(try policy().metrics.first)
    let control = control(.rolloutApplied(names.policy(steps, metrics: [gate])))
    let promote = Command.promote(names.rollout, model: nil, force: false)
    let passing = try refusal(promote, in: control, reports: [report(.pass)])
    #expect(passing.message.contains("; still to be judged in later steps: errors"))
    #expect(!passing.message.contains("open gates"))
    #expect(passing.openGates.isEmpty)
    let open = try refusal(promote, in: control, reports: [report(.inconclusive)])
    #expect(open.message.contains("open gates: errors"))
    #expect(!open.message.contains("later steps"))
  }

  @Test func `after the last step a promotion needs a look that finds no open gate`() throws {
    let control = control(
      .rolloutApplied(try policy()), .advanced(names.rollout, to: 2, evidence: []))
    let promote = Command.promote(names.rollout, model: nil, force: false)
    for verdict in [Verdict.pass, .inconclusive] {
      let events = try control.events(
        for: promote, reports: [names.rollout: [report(verdict)]])
      #expect(
        events == [
          .promoted(
            names.rollout, model: names.flash, openGates: [], evidence: [report(verdict)])
        ])
      #expect(events.map(\.isForced) == [false])
    }
    for verdict in [Verdict.fail, .error, .noData] {
      let refusal = try refusal(promote, in: control, reports: [report(verdict)])
      #expect(refusal.code == .gatesOpen)
      #expect(refusal.openGates == [report(verdict)])
    }
    // A look that says nothing of a required gate.
    #expect(try refusal(promote, in: control, reports: []).code == .gatesOpen)
    let early = try #require(
      #expect(throws: CommandRefusal.self) { try control.events(for: promote) })
    #expect(early.code == .gatesOpen)
    #expect(early.message.contains("no look has been made yet"))
    #expect(early.remedy == "try again in 1 s")
    let forced = try control.events(
      for: .promote(names.rollout, model: nil, force: true), reason: "outage")
    #expect(
      forced == [.promoted(names.rollout, model: names.flash, openGates: ["errors"], evidence: [])])
  }

  @Test func `traffic goes to no model that is not ready, by force neither`() throws {
    let policy = try policy()
    let live = control(.rolloutApplied(policy))
    let promote = Command.promote(names.rollout, model: nil, force: true)
    let refusal = #expect(throws: CommandRefusal.self) {
      try live.events(for: promote, ready: [names.dense], reason: "outage")
    }
    #expect(refusal?.code == .notAllowed)
    #expect(try live.events(for: promote, ready: [names.flash], reason: "outage").count == 1)
    let promoted = live.assuming(
      .promoted(policy.name, model: names.flash, openGates: [], evidence: []))
    let back = Command.rollBack(names.rollout)
    let stranded = #expect(throws: CommandRefusal.self) {
      try promoted.events(for: back, ready: [names.flash])
    }
    #expect(stranded?.code == .notAllowed)
    #expect(try promoted.events(for: back, ready: [names.dense]).count == 1)
    // A live rollout's route does not change its incumbent.
    #expect(try live.events(for: back, ready: [names.flash]).count == 1)
  }

  @Test func `who is promoted is a candidate, and named among several`() throws {
    let control = control(
      .rolloutApplied(try policy(candidates: [names.flash, names.window])),
      .advanced(names.rollout, to: 2, evidence: []))
    func promote(_ model: ModelName?) -> Command {
      .promote(names.rollout, model: model, force: false)
    }
    #expect(try refusal(promote(nil), in: control).code == .invalid)
    #expect(try refusal(promote(names.dense), in: control).code == .invalid)
    var report = report(.pass)
    report.candidate = names.window
    let reports = [names.rollout: [report]]
    #expect(try control.events(for: promote(names.window), reports: reports).count == 1)
    #expect(throws: CommandRefusal.self) {
      try control.events(for: promote(names.flash), reports: reports)
    }
  }

  @Test func `a promoted rollout is rolled back unless its route has gone on`() throws {
    let second = try policy(
      name: "second", incumbent: names.flash, candidates: [names.window], digest: "p2")
    let promoted = control(
      .rolloutApplied(try policy()),
      .promoted(names.rollout, model: names.flash, openGates: [], evidence: []))
    let rollBack = Command.rollBack(names.rollout)
    #expect(try promoted.events(for: rollBack) == [.rolledBack(names.rollout, evidence: [])])
    let live = promoted.assuming(.rolloutApplied(second))
    #expect(try refusal(rollBack, in: live).code == .notAllowed)
    let over = live.assuming(
      .promoted(second.name, model: names.window, openGates: [], evidence: []))
    let refusal = try refusal(rollBack, in: over)
    #expect(refusal.remedy == "rollout rollback second")
    let undone = over.assuming(.rolledBack(second.name, evidence: []))
    #expect(undone.service.incumbents[names.assistant] == names.flash)
    #expect(try undone.events(for: rollBack).count == 1)
    #expect(
      undone.assuming(.rolledBack(names.rollout, evidence: []))
        .service.incumbents[names.assistant] == names.dense)
  }

  @Test func `people pause, resume and approve what can be`() throws {
    let running = control(.rolloutApplied(try policy()))
    let paused = running.assuming(.paused(names.rollout, evidence: []))
    let atApproval = running.assuming(.advanced(names.rollout, to: 1, evidence: []))
    let ended = running.assuming(.aborted(names.rollout))
    #expect(try running.events(for: .pause(names.rollout)).count == 1)
    #expect(try paused.events(for: .pause(names.rollout)).isEmpty)
    #expect(try paused.events(for: .resume(names.rollout)) == [.resumed(names.rollout)])
    #expect(try running.events(for: .resume(names.rollout)).isEmpty)
    #expect(try refusal(.approve(names.rollout), in: running).code == .notAllowed)
    #expect(
      try atApproval.events(for: .approve(names.rollout)) == [.approved(names.rollout, step: 1)])
    #expect(
      try atApproval.assuming(.approved(names.rollout, step: 1))
        .events(for: .approve(names.rollout)).isEmpty)
    for command in [
      Command.abort(names.rollout), .rollBack(names.rollout), .pause(names.rollout),
      .resume(names.rollout), .approve(names.rollout),
      .promote(names.rollout, model: nil, force: true),
    ] {
      #expect(try refusal(command, in: ended, reason: "r").code == .notAllowed)
    }
  }

  @Test func `a rollback is taken from every live state`() throws {
    let running = control(.rolloutApplied(try policy()))
    let states = [
      running, running.assuming(.paused(names.rollout, evidence: [])),
      running.assuming(.inconclusive(names.rollout, evidence: [])),
      running.assuming(.advanced(names.rollout, to: 2, evidence: [])),
    ]
    for state in states {
      #expect(try state.events(for: .rollBack(names.rollout)).count == 1)
      #expect(try state.events(for: .abort(names.rollout)).count == 1)
    }
  }
}
