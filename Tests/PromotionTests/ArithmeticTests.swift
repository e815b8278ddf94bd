import Experimentation
import Statistics
import Storage
import Testing

@testable import Promotion

/// The pieces of arithmetic against their plain forms.
@Suite struct ArithmeticTests {
  let names: Names

  init() throws { names = try Names() }

  @Test func `means of members that change are those of the members`() throws {
    var generator = SeededGenerator(seed: 1)
    var moving = MovingSample()
    var values: [UInt64: Double] = [:]
    for _ in 0..<5_000 {
      let member = generator.next() % 97
      // Far from zero, where differences of large sums would lose every digit of the spread.
      let value = 1e6 + Double(member) * 1e-3 + generator.uniform()
      if let before = values[member] {
        moving.replace(before, by: value)
      } else {
        moving.insert(value)
      }
      values[member] = value
    }
    let plain = SampleSummary(values.values)
    #expect(moving.summary.count == 97)
    // Five thousand updates of numbers with an ulp of 10⁻¹⁰.
    #expect(abs(try #require(moving.summary.mean) - (try #require(plain.mean))) < 1e-7)
    let (variance, expected) = (moving.summary.variance, plain.variance)
    #expect(abs(try #require(variance) / (try #require(expected)) - 1) < 1e-6)
  }

  /// The service's evidence of errors at a canary of a fifth.
  private func errors(_ margin: MetricGate.Margin, unit: UnitKind) throws -> (
    evidence: ErrorEvidence, policy: RolloutPolicy, gate: MetricGate
  ) {
    let gate = MetricGate(
      name: "gate", metric: .errorRate, role: .guardrail, objective: .notWorse(by: margin))
    let policy = names.policy(
      [Step(.canary(weight: try .part(0.2)))], metrics: [gate], unit: unit)
    let evidence = try ErrorEvidence(
      border: GateBorder(gate), candidate: names.flash, policy: policy)
    return (evidence, policy, gate)
  }

  @Test(arguments: [MetricGate.Margin.absolute(0.02), .relative(1)])
  func `the evidence of requests is the library's, request by request`(
    margin: MetricGate.Margin
  ) throws {
    var (evidence, policy, gate) = try errors(margin, unit: .request)
    let levels = try ErrorLevels(policy, gate, trafficStep: 0)
    var betting = try BoundedMeanTest(
      claim: .notWorse(margin: 0.02), minimumDetectableEffect: 0.02,
      centring: Centring(mean: 1, variance: GateBorder.expectedErrorRate))
    var risk = try RelativeRiskTest(claim: .notWorse(margin: 1), plannedRatio: 2)
    var simulation = try Simulation(seed: 2)
    for unit in 0..<3_000 {
      let outcome = simulation.outcome(
        policy, share: 0.2, unit: UInt64(unit), errorRates: (0.02, 0.02))
      let (isCandidate, isError) = (
        outcome.model == names.flash, outcome.measurements.failure != nil
      )
      evidence.add(
        outcome, isCandidate: isCandidate, step: 0,
        shares: policy.shares(of: policy.steps[0].traffic))
      betting.append(outcome: isError ? 0 : 1, isTreatment: isCandidate, propensity: 0.2)
      risk.append(isEvent: isError, isTreatment: isCandidate, propensity: 0.2)
    }
    let judgement = evidence.judgement(
      of: names.flash, against: names.dense, in: 0, levels: levels, plannedCount: 1_000)
    let expected = margin == .relative(1) ? risk.logEvidence : betting.logEvidence
    // The same integers: equal to the bit.
    #expect(judgement.logProof == expected)
    #expect(expected > 0)
  }

  @Test(arguments: [MetricGate.Margin.absolute(0.02), .relative(1)])
  func `users count as they are, in whatever order their answers came`(
    margin: MetricGate.Margin
  ) throws {
    let (blank, policy, _) = try errors(margin, unit: .user)
    var simulation = try Simulation(seed: 3)
    let outcomes = (0..<2_000).map { index in
      simulation.outcome(
        policy, share: 0.2, unit: UInt64(index % 300), isCandidate: index % 300 % 5 == 0,
        errorRate: 0.03)
    }
    func folded(_ outcomes: [Outcome]) -> ErrorEvidence {
      outcomes.reduce(into: blank) { evidence, outcome in
        evidence.add(
          outcome, isCandidate: outcome.model == names.flash, step: 0,
          shares: policy.shares(of: policy.steps[0].traffic))
      }
    }
    var generator = SeededGenerator(seed: 4)
    let levels = try ErrorLevels(policy, policy.metrics[0], trafficStep: 0)
    func evidence(_ evidence: ErrorEvidence) -> [Double?] {
      let judgement = evidence.judgement(
        of: names.flash, against: names.dense, in: 0, levels: levels, plannedCount: 1_000)
      return [judgement.logHarm, judgement.logProof]
    }
    let expected = evidence(folded(outcomes))
    for _ in 0..<5 {
      #expect(evidence(folded(outcomes.shuffled(using: &generator))) == expected)
    }
  }

  @Test func `what condemns is shared by all that could, what lets pass is not`() throws {
    func gate(
      _ name: String, _ metric: Metric, _ role: MetricGate.Role, _ onFail: MetricGate.FailAction
    ) -> MetricGate {
      MetricGate(
        name: name, metric: metric, role: role, objective: .notWorse(by: .absolute(0.01)),
        onFail: onFail)
    }
    let policy = names.policy(
      [
        Step(.shadow(ShadowTraffic())), Step(.canary(weight: try .part(0.1))),
        Step(.approval(team: nil)), Step(.canary(weight: try .part(0.2))),
      ],
      metrics: [
        gate("a", .errorRate, .guardrail, .rollBack), gate("b", .latency, .goal, .pause),
        gate("c", .tokenAgreement, .guardrail, .rollBack),
        gate("d", .outputTokens, .guardrail, .warn), gate("e", .latency, .signal, .rollBack),
      ], candidates: [names.flash, names.window], alpha: 0.07)
    func levels(_ gate: Int) throws -> [ErrorLevels] {
      try [0, 1, 3].map { try ErrorLevels(policy, policy.metrics[gate], trafficStep: $0) }
    }
    #expect(try levels(0).map(\.pass) == [0.07, 0.07, 0.07])
    #expect(try levels(0).map(\.rollBack) == [0.07, 0.07, 0.07])
    // Three gates act, for two candidates. Errors have a shadow stage and one of all canaries.
    #expect(try levels(0).map(\.share) == [0.25 / 6, 0.75 / 6, 0.75 / 6])
    // Latency starts anew with each of the three steps that judge it: ¼, ¼, ½.
    #expect(try levels(1).map(\.share) == [0.25 / 6, 0.25 / 6, 0.5 / 6])
    // What is of pairs has the shadow step alone.
    #expect(try levels(2)[0].share == 1.0 / 6)
    #expect(try levels(1)[2].fail == 0.07 * (0.5 / 6))
  }

  @Test func `whatever is sliced, what may be spent sums to alpha`() throws {
    let metrics = [Metric.errorRate, .latency, .timeToFirstToken].flatMap { metric in
      [0...255, 256...1_023, 1_024...Int.max].map { band in
        MetricGate(
          name: "\(metric) \(band.lowerBound)", metric: metric, role: .guardrail,
          objective: .notWorse(by: metric == .errorRate ? .absolute(0.01) : .relative(0.1)),
          slice: SliceCondition(promptTokens: band))
      }
    }
    let policy = names.policy(
      [
        Step(.shadow(ShadowTraffic())), Step(.canary(weight: try .part(0.1))),
        Step(.canary(weight: try .part(0.4))),
      ], metrics: metrics, candidates: [names.flash, names.window])
    var sum = 0.0
    for gate in metrics {
      for (place, index) in policy.steps(judging: gate).enumerated() {
        let earlier = policy.steps(judging: gate).prefix(place)
        if earlier.contains(where: { policy.isOneStage($0, index, of: gate) }) { continue }
        sum += 2 * (try ErrorLevels(policy, gate, trafficStep: index).share)
      }
    }
    // Nine gates of two candidates; sums of some dozens of eighteenths.
    #expect(abs(sum - 1) < 1e-12)
  }

  @Test(arguments: [
    (Metric.latency, MetricGate.Objective.notWorse(by: .relative(0.1)), 0.1, 1.1),
    (.latency, .better(by: .relative(0.2)), -0.2, 0.8),
    (.errorRate, .notWorse(by: .absolute(0.01)), 0.01, 0.01),
    (.errorRate, .better(by: .absolute(0.01)), -0.01, -0.01),
    (.errorRate, .notWorse(by: .relative(0.5)), 0.5, 0.5),
    (.errorRate, .better(by: .relative(0.5)), -0.5, -0.5),
    (.prefixAgreement, .notWorse(by: .absolute(0.02)), -0.02, -0.02),
  ])
  func `a border stands where the policy says`(
    metric: Metric, objective: MetricGate.Objective, threshold: Double, border: Double
  ) throws {
    let gate = MetricGate(name: "g", metric: metric, role: .guardrail, objective: objective)
    let made = try GateBorder(gate)
    #expect(made.threshold == threshold)
    #expect(GateBorder.threshold(of: gate) == threshold)
    let isLogarithm = made.comparison == .logarithm
    // A logarithm and back.
    #expect(abs((isLogarithm ? made.ratio : made.threshold) - border) < 1e-12)
    #expect(abs(made.margin - abs(isLogarithm ? .log(border) : border)) < 1e-12)
  }
}
