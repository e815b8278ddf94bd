import Experimentation
import Promotion
import Testing

/// The rule of the game, case by case.
@Suite struct TransitionTests {
  let names: Names

  init() throws { names = try Names() }

  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var traffic: StepTraffic
    var hold = HoldConditions(minSamples: 10)
    var status = RolloutStatus.running
    var verdict: Verdict?
    var samples = 10
    var seconds = 0.0
    var onFail = MetricGate.FailAction.rollBack
    var role = MetricGate.Role.guardrail
    var approvedStep: Int?
    var isBroken = false
    var expected: Kind
  }

  /// A move without its reason.
  enum Kind: Hashable, Sendable {
    case hold, advance, pause, inconclusive, rollBack, drop, promote
  }

  func kind(_ move: Move) -> Kind {
    switch move {
    case .hold: .hold
    case .advance: .advance
    case .pause: .pause
    case .inconclusive: .inconclusive
    case .rollBack: .rollBack
    case .drop: .drop
    case .promote: .promote
    }
  }

  static let shadow = StepTraffic.shadow(ShadowTraffic())
  static let canary = StepTraffic.canary(weight: .all)

  static let verdicts: [Case] = [
    Case(
      testDescription: "a pass with its samples moves on", traffic: shadow, verdict: .pass,
      expected: .advance),
    Case(
      testDescription: "no report is no pass", traffic: shadow, verdict: nil, expected: .hold),
    Case(
      testDescription: "no data is no pass", traffic: shadow, verdict: .noData, expected: .hold),
    Case(
      testDescription: "an error is no pass", traffic: shadow, verdict: .error, expected: .hold),
    Case(
      testDescription: "inconclusive is no pass", traffic: shadow, verdict: .inconclusive,
      expected: .hold),
    Case(
      testDescription: "too few samples hold a pass", traffic: shadow, verdict: .pass, samples: 9,
      expected: .hold),
    Case(
      testDescription: "too few seconds hold a pass", traffic: shadow,
      hold: HoldConditions(minSamples: 10, minSeconds: 60), verdict: .pass, seconds: 59,
      expected: .hold),
    Case(
      testDescription: "enough seconds let a pass go", traffic: shadow,
      hold: HoldConditions(minSamples: 10, minSeconds: 60), verdict: .pass, seconds: 60,
      expected: .advance),
    Case(
      testDescription: "a time that is no number holds", traffic: shadow,
      hold: HoldConditions(minSamples: 10, minSeconds: 60), verdict: .pass, seconds: .nan,
      expected: .hold),
    Case(
      testDescription: "a fail rolls back", traffic: canary, verdict: .fail, expected: .rollBack),
    Case(
      testDescription: "a fail may pause", traffic: canary, verdict: .fail, onFail: .pause,
      expected: .pause),
    Case(
      testDescription: "a fail that only warns still holds", traffic: canary, verdict: .fail,
      onFail: .warn, expected: .hold),
    Case(
      testDescription: "a failing signal stops nothing", traffic: canary, verdict: .fail,
      role: .signal, expected: .advance),
    Case(
      testDescription: "an info without data stops nothing", traffic: canary, verdict: .noData,
      role: .info, expected: .advance),
    Case(
      testDescription: "a paused rollout does not go on", traffic: canary, status: .paused,
      verdict: .pass, expected: .hold),
    Case(
      testDescription: "a paused rollout goes back on a fail", traffic: canary, status: .paused,
      verdict: .fail, expected: .rollBack),
    Case(
      testDescription: "an inconclusive rollout does not go on", traffic: canary,
      status: .inconclusive, verdict: .pass, expected: .hold),
    Case(
      testDescription: "a promoted rollout stays", traffic: canary, status: .promoted,
      verdict: .fail, isBroken: true, expected: .hold),
    Case(
      testDescription: "a broken candidate goes back whatever the verdicts", traffic: canary,
      status: .paused, verdict: .pass, isBroken: true, expected: .rollBack),
  ]

  static let waits: [Case] = [
    Case(
      testDescription: "the longest time pauses as inconclusive", traffic: canary,
      hold: HoldConditions(minSamples: 10, maxSeconds: 60), verdict: .inconclusive, seconds: 60,
      expected: .inconclusive),
    Case(
      testDescription: "the longest time may roll back", traffic: canary,
      hold: HoldConditions(minSamples: 10, maxSeconds: 60, onInconclusive: .rollBack),
      verdict: .noData, seconds: 60, expected: .rollBack),
    Case(
      testDescription: "the longest time may hold", traffic: canary,
      hold: HoldConditions(minSamples: 10, maxSeconds: 60, onInconclusive: .hold),
      verdict: .error, seconds: 1e9, expected: .hold),
    Case(
      testDescription: "a pass at the longest time moves on", traffic: canary,
      hold: HoldConditions(minSamples: 10, maxSeconds: 60), verdict: .pass, seconds: 60,
      expected: .advance),
    Case(
      testDescription: "before the longest time nothing happens", traffic: canary,
      hold: HoldConditions(minSamples: 10, maxSeconds: 60), verdict: .inconclusive, seconds: 59,
      expected: .hold),
    Case(
      testDescription: "approval waits for a person", traffic: .approval(team: "ml"),
      verdict: .pass, expected: .hold),
    Case(
      testDescription: "approval of another step is none", traffic: .approval(team: nil),
      verdict: .pass, approvedStep: 0, expected: .hold),
    Case(
      testDescription: "approval lets go", traffic: .approval(team: nil), verdict: .pass,
      approvedStep: 1, expected: .advance),
    Case(
      testDescription: "approval does not outweigh a gate that no longer passes",
      traffic: .approval(team: nil), verdict: .inconclusive, approvedStep: 1, expected: .hold),
    Case(
      testDescription: "a pause waits its seconds", traffic: .pause(seconds: 30), verdict: .pass,
      seconds: 29, expected: .hold),
    Case(
      testDescription: "a pause ends", traffic: .pause(seconds: 30), verdict: .pass, seconds: 30,
      expected: .advance),
    Case(
      testDescription: "a fail during an approval rolls back", traffic: .approval(team: nil),
      verdict: .fail, approvedStep: 1, expected: .rollBack),
  ]

  func move(_ example: Case) throws -> Move {
    let gate = MetricGate(
      name: "errors", metric: .errorRate, role: example.role,
      objective: .notWorse(by: .absolute(0.01)), onFail: example.onFail)
    let policy = names.policy(
      [Step(.canary(weight: try .part(0.5))), Step(example.traffic, hold: example.hold)],
      metrics: [gate])
    let state = names.state(
      policy, step: 1, status: example.status, approvedStep: example.approvedStep)
    let reports = example.verdict.map {
      GateReport(
        gate: gate.name, metric: gate.metric, role: gate.role, candidate: names.flash, verdict: $0,
        threshold: 0.01, samples: example.samples)
    }
    return state.next(
      on: Findings(
        reports: reports.map { [$0] } ?? [], samples: [names.flash: example.samples],
        secondsInStep: example.seconds, broken: example.isBroken ? [names.flash] : []))
  }

  @Test(arguments: verdicts) func `verdicts move a rollout`(example: Case) throws {
    #expect(kind(try move(example)) == example.expected)
  }

  @Test(arguments: waits) func `time and people move a rollout`(example: Case) throws {
    #expect(kind(try move(example)) == example.expected)
  }

  @Test func `every candidate must pass, and one that fails takes all back`() throws {
    let gate = MetricGate(
      name: "errors", metric: .errorRate, role: .guardrail,
      objective: .notWorse(by: .absolute(0.01)))
    let policy = names.policy(
      [Step(.canary(weight: try .part(0.1)))], metrics: [gate],
      candidates: [names.flash, names.window])
    func reports(_ flash: Verdict, _ window: Verdict) -> Findings {
      Findings(
        reports: [(names.flash, flash), (names.window, window)].map {
          GateReport(
            gate: "errors", metric: .errorRate, role: .guardrail, candidate: $0.0, verdict: $0.1,
            threshold: 0.01, samples: 5)
        },
        samples: [names.flash: 5, names.window: 5], secondsInStep: 0)
    }
    let state = names.state(policy)
    #expect(kind(state.next(on: reports(.pass, .inconclusive))) == .hold)
    #expect(kind(state.next(on: reports(.pass, .fail))) == .rollBack)
    #expect(state.next(on: reports(.pass, .pass)) == .advance(to: 1))
  }

  @Test func `a candidate that is not ready goes back but not on`() throws {
    let hold = HoldConditions(minSamples: 1, maxSeconds: 60)
    let policy = names.policy(
      [Step(.canary(weight: try .part(0.1)), hold: hold)], promotion: .automatic)
    func findings(_ ready: Set<ModelName>, seconds: Double = 0, isBroken: Bool = false) -> Findings
    {
      Findings(
        samples: [names.flash: 5], secondsInStep: seconds, broken: isBroken ? [names.flash] : [],
        ready: ready)
    }
    let (first, last) = (names.state(policy), names.state(policy, step: 1))
    #expect(kind(first.next(on: findings([names.dense]))) == .hold)
    #expect(kind(first.next(on: findings([names.dense], seconds: 60))) == .inconclusive)
    #expect(kind(first.next(on: findings([names.dense], isBroken: true))) == .rollBack)
    #expect(first.next(on: findings([names.dense, names.flash])) == .advance(to: 1))
    #expect(kind(last.next(on: findings([names.dense]))) == .hold)
    #expect(last.next(on: findings([names.flash])) == .promote(names.flash))
  }

  @Test func `a policy without gates does not pass a step without traffic`() throws {
    let state = names.state(names.policy([Step(.canary(weight: try .part(0.1)))]))
    #expect(kind(state.next(on: Findings(secondsInStep: 1e6))) == .hold)
    #expect(
      state.next(on: Findings(samples: [names.flash: 1], secondsInStep: 0)) == .advance(to: 1))
  }

  @Test func `gates of pairs are judged in shadow steps, and never vanish`() throws {
    let gate = MetricGate(
      name: "fidelity", metric: .tokenAgreement, role: .guardrail,
      objective: .notWorse(by: .absolute(0.02)))
    let canary = Step(.canary(weight: try .part(0.1)))
    let both = names.policy([Step(Self.shadow), canary], metrics: [gate])
    #expect(both.gates(judgedAt: 0) == [gate])
    #expect(both.gates(judgedAt: 1) == [])
    let alone = names.policy([canary], metrics: [gate])
    #expect(alone.gates(judgedAt: 0) == [gate])
    #expect(
      kind(
        names.state(alone).next(
          on: Findings(samples: [names.flash: 1_000], secondsInStep: 1e6))) == .hold)
  }

  @Test func `after the last step an automatic promotion needs one candidate that passes`() throws {
    let gate = MetricGate(
      name: "errors", metric: .errorRate, role: .guardrail,
      objective: .notWorse(by: .absolute(0.01)))
    let step = Step(.canary(weight: try .part(0.1)))
    func move(_ mode: PromotionMode, _ candidates: [ModelName], _ verdict: Verdict) -> Move {
      let policy = names.policy(
        [step], metrics: [gate], candidates: candidates, promotion: mode)
      return names.state(policy, step: 1).next(
        on: Findings(
          reports: candidates.map {
            GateReport(
              gate: "errors", metric: .errorRate, role: .guardrail, candidate: $0,
              verdict: verdict, threshold: 0.01, samples: 50)
          }, secondsInStep: 0))
    }
    #expect(move(.automatic, [names.flash], .pass) == .promote(names.flash))
    #expect(kind(move(.automatic, [names.flash], .inconclusive)) == .hold)
    #expect(kind(move(.automatic, [names.flash, names.window], .pass)) == .hold)
    #expect(kind(move(.manual, [names.flash], .pass)) == .hold)
    #expect(kind(move(.manual, [names.flash], .fail)) == .rollBack)
  }
}

/// Which gates a step judges.
@Suite struct JudgedGatesTests {
  @Test func `a shadow is asked with tools, so that gates on calls are judged there too`() {
    let calls = MetricGate(
      name: "tool", metric: .check, role: .guardrail, objective: .notWorse(by: .absolute(0.01)),
      check: AnswerCheck(name: "tool", rule: .calls("find")))
    let words = MetricGate(
      name: "words", metric: .check, role: .guardrail, objective: .notWorse(by: .absolute(0.01)),
      check: AnswerCheck(name: "words", rule: .contains("yes")))
    let shadow = StepTraffic.shadow(ShadowTraffic())
    let equality = MetricGate(
      name: "same", metric: .callEquality, role: .guardrail,
      objective: .notWorse(by: .absolute(0.01)))
    #expect(shadow.measures(calls) && shadow.measures(words) && shadow.measures(equality))
    let canary = StepTraffic.canary(weight: .all)
    #expect(canary.measures(calls) && canary.measures(words) && !canary.measures(equality))
  }
}
