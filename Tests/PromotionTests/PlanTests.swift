import Experimentation
import Promotion
import Routing
import Statistics
import Storage
import Testing

/// What a policy will do and need, told before it runs.
@Suite struct PlanTests {
  let names: Names

  init() throws { names = try Names() }

  func gate(
    _ name: String = "errors", _ metric: Metric = .errorRate,
    _ objective: MetricGate.Objective = .notWorse(by: .absolute(0.01)), quantile: Double? = nil,
    slice: SliceCondition? = nil
  ) -> MetricGate {
    MetricGate(
      name: name, metric: metric, role: .guardrail, objective: objective, quantile: quantile,
      slice: slice)
  }

  func baseline(_ rate: Double? = 1, errors: Double? = nil) -> TrafficBaseline {
    var baseline = TrafficBaseline(requestsPerSecond: rate)
    baseline.errorRate = errors
    return baseline
  }

  func canary(
    _ weight: Double, maxSeconds: Double? = nil, minSamples: Int = 1, minSeconds: Double = 0
  ) throws -> Step {
    Step(
      .canary(weight: try .part(weight)),
      hold: HoldConditions(
        minSamples: minSamples, minSeconds: minSeconds, maxSeconds: maxSeconds))
  }

  func forecasts(
    _ steps: [Step], _ gates: [MetricGate], _ baseline: TrafficBaseline
  ) -> [GateForecast] {
    StepPlan.steps(of: names.policy(steps, metrics: gates), after: nil, baseline: baseline)
      .flatMap(\.gates)
  }

  func forecast(
    _ step: Step, _ gate: MetricGate, _ baseline: TrafficBaseline
  ) throws -> GateForecast {
    try #require(forecasts([step], [gate], baseline).first)
  }

  @Test func `each step says who answers and how many move`() throws {
    let steps = [
      Step(.shadow(ShadowTraffic(share: try .part(0.5)))), try canary(0.05), try canary(0.25),
      Step(.approval(team: nil)),
    ]
    let units = (0..<10_000).map { AssignmentUnit(id: "user-\($0)") }
    let plans = StepPlan.steps(
      of: names.policy(steps, unit: .user), after: nil, baseline: baseline(), units: units)
    #expect(plans.map(\.step) == [0, 1, 2])
    #expect(plans.map(\.movedShare).map { ($0 * 1e9).rounded() / 1e9 } == [0, 0.05, 0.2])
    #expect(plans[0].shadows.map { "\($0.model) \($0.share)" } == ["flash 50%"])
    #expect(plans[2].serving.map { "\($0.model) \($0.share)" } == ["dense 75%", "flash 25%"])
    let moved = plans.compactMap(\.movedUnits)
    #expect(moved.count == 3 && moved[0] == 0)
    // Five standard errors.
    #expect(abs(moved[1] - 500) < 110 && abs(moved[2] - 2_000) < 200, "\(moved)")
  }

  @Test func `another salt deals everybody anew`() throws {
    var policy = names.policy([try canary(0.5)], unit: .user)
    let current = try #require(
      StepPlan.steps(of: policy, after: nil, baseline: baseline()).first)
    #expect(current.movedShare == 0.5)
    let before = RouteTable(
      policy.route, incumbent: names.dense, rollout: names.state(policy), ready: nil)
    policy.assignment.salt = "another"
    let after = StepPlan.steps(of: policy, after: before, baseline: baseline())
    #expect(after.first?.movedShare == 0.5)
    policy.assignment.salt = "s"
    #expect(StepPlan.steps(of: policy, after: before, baseline: baseline()).first?.movedShare == 0)
  }

  @Test func `more traffic, a larger margin and a larger share decide sooner`() throws {
    let hours = try forecast(canary(0.05), gate(), baseline(1))
    let quick = try forecast(canary(0.05), gate(), baseline(10))
    let few = try #require(hours.hoursForMost)
    #expect(abs(few - 10 * (try #require(quick.hoursForMost))) < 1e-6 * few)
    #expect(hours.samplesForMost == quick.samplesForMost)
    let lax = try forecast(
      canary(0.05), gate("errors", .errorRate, .notWorse(by: .absolute(0.02))), baseline(1))
    #expect(try #require(lax.samplesForMost) < #require(hours.samplesForMost))
    let half = try forecast(canary(0.5), gate(), baseline(1))
    #expect(try #require(half.samplesForMost) < #require(hours.samplesForMost) / 3)
    #expect(try #require(hours.samplesForHalf) < #require(hours.samplesForMost))
  }

  @Test func `what the hold asks for is never undercut`() throws {
    let step = try canary(0.1, minSamples: 100_000, minSeconds: 3_600 * 100)
    let plan = try forecast(step, gate(), baseline(1_000))
    // Of the model with fewer, which has a tenth.
    #expect(try #require(plan.samplesForHalf) >= 1_000_000)
    #expect(try #require(plan.hoursForHalf) >= 100)
  }

  @Test func `labels that are too few to bear a judge out are said`() throws {
    func warning(_ labels: Int?, margin: Double) throws -> String? {
      let judged = gate("judged", .judgePreference, .notWorse(by: .absolute(margin)))
      var policy = names.policy([Step(.shadow(ShadowTraffic()))], metrics: [judged])
      policy.judge = JudgePolicy(
        model: try #require(ModelName("judge")), rubric: "better",
        labels: labels.map { LabelPlan(limit: $0, share: .all) })
      let plans = StepPlan.steps(of: policy, after: nil, baseline: baseline(100))
      return try #require(plans.first?.gates.first).warning
    }
    #expect(try warning(nil, margin: 0.1) == nil)
    #expect(try warning(300, margin: 0.1) == nil)
    #expect(try warning(200, margin: 0.1)?.contains("by about 275 labels") == true)
    #expect(try warning(1_000, margin: 0.05)?.contains("the policy keeps 1000") == true)
  }

  @Test func `a time that is too short is said, with what would help`() throws {
    let short = try forecast(canary(0.05, maxSeconds: 60), gate(), baseline(1))
    #expect(try #require(short.decided) < 0.01)
    #expect(short.warning?.contains("before maxTime") == true)
    let long = try forecast(canary(0.05, maxSeconds: 30 * 86_400), gate(), baseline(1))
    #expect(try #require(long.decided) > 0.99)
    #expect(long.warning == nil)
    let never = try forecast(
      canary(0.05), gate("errors", .errorRate, .notWorse(by: .absolute(0))), baseline(1))
    #expect(never.samplesForHalf == nil)
    #expect(never.warning?.contains("margin is too small") == true)
  }

  @Test func `a slice has its part of the traffic, and an unknown one no hours`() throws {
    var known = baseline(2)
    known.requests = [.short: 900, .long: 100]
    let slice = SliceCondition(promptTokens: 1_024...Int.max)
    let sliced = gate("long", slice: slice)
    #expect(try forecast(canary(0.5), sliced, known).countedPerSecond == 0.2)
    #expect(try forecast(canary(0.5), sliced, baseline(2)).countedPerSecond == nil)
    let label = SliceCondition(labels: [RequestLabel(key: "tier", value: "gold")])
    let unknown = try forecast(canary(0.5), gate("gold", slice: label), known)
    #expect(unknown.hoursForHalf == nil && unknown.samplesForHalf != nil)
  }

  /// Metrics, objectives and kinds of step: every one has an answer, and the smallest effect that
  /// is seen shrinks as there is more time.
  @Test func `every kind of gate has a forecast and an effect that it can see`() throws {
    let gates: [MetricGate] = [
      gate(), gate("risk", .errorRate, .notWorse(by: .relative(0.5))),
      gate("fewer", .errorRate, .better(by: .relative(0.2))),
      gate("slow", .latency, .notWorse(by: .relative(0.1))),
      gate("fast", .latency, .better(by: .relative(0.1))),
      gate("p95", .timeToFirstToken, .notWorse(by: .relative(0.2)), quantile: 0.95),
      gate("p99", .latency, .better(by: .relative(0.2)), quantile: 0.99),
      gate("tokens", .tokensPerSecond, .notWorse(by: .relative(0.1))),
    ]
    let agreement = gate("same", .tokenAgreement, .notWorse(by: .absolute(0.02)))
    let times: [Double] = [86_400, 30 * 86_400]
    for seconds in times {
      let shadow = Step(.shadow(ShadowTraffic()), hold: HoldConditions(maxSeconds: seconds))
      let small: Step = try canary(0.1, maxSeconds: seconds)
      let plans: [GateForecast] = forecasts(
        [shadow, small], gates + [agreement], baseline(5, errors: 0.01))
      #expect(plans.count == 2 * gates.count + 1)
      for plan in plans {
        let samples: Double = try #require(plan.samplesForMost, "\(plan.gate)")
        #expect(samples > 1)
        let effect: Double = try #require(plan.smallestEffect, "\(plan.gate)")
        let isLoss = plan.gate != "fewer" && plan.gate != "fast" && plan.gate != "p99"
        let isLower = plan.metric.direction == .lower
        #expect((effect > 0) == (isLower == isLoss), "\(plan.gate): \(effect)")
      }
    }
    func effect(_ days: Double) throws -> Double {
      let step = try canary(0.1, maxSeconds: days * 86_400)
      return try #require(try forecast(step, gates[3], baseline(5)).smallestEffect)
    }
    #expect(try effect(30) < effect(1))
    #expect(try effect(30) > 0.1)
  }

  /// Of rollouts with a harmless candidate, judged by the service's own evidence after each block
  /// of answers, the middle one passes about when the forecast says.
  @Test func `forecasts of errors are near what the evidence then takes`() throws {
    let policy = names.policy([try canary(0.5)], metrics: [gate()])
    let plan = try #require(
      StepPlan.steps(of: policy, after: nil, baseline: baseline(1, errors: 0.02)).first?.gates
        .first)
    var times: [Int] = []
    for seed in 0..<21 {
      var generator = SeededGenerator(seed: UInt64(seed))
      var evidence = RunEvidence(of: names.state(policy))
      var count = 0
      while count < 20_000, times.count == seed {
        let rows = (0..<100).map { index -> Sequenced<Outcome> in
          let isCandidate = generator.uniform() < 0.5
          let failure: FailureClass? = generator.uniform() < 0.02 ? .unavailable : nil
          return Sequenced(
            sequence: Int64(count + index + 1),
            value: Outcome(
              requestID: "r",
              assignment: names.assignment(
                policy, step: 0, unit: UInt64(count + index), propensity: 0.5),
              model: isCandidate ? names.flash : names.dense,
              measurements: names.answer(failure: failure)))
        }
        evidence.fold(rows)
        count += 100
        if evidence.reports.first?.verdict == .pass { times.append(count) }
      }
      if times.count == seed { times.append(count) }
    }
    let middle = Double(times.sorted()[10])
    let forecast = try #require(plan.samplesForHalf)
    #expect(middle > forecast / 1.6 && middle < forecast * 1.6, "\(middle) for \(forecast)")
  }
}
