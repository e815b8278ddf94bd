import Experimentation
import Statistics
import Storage
import Testing

@testable import Promotion

/// The pieces of arithmetic against their plain forms.
@Suite struct ArithmeticTests {
  let names: Names

  init() throws { names = try Names() }

  @Test func `means by unit are those of the units' means`() throws {
    var generator = SeededGenerator(seed: 1)
    var means = UnitMeans(isSticky: true)
    var values: [UInt64: [Double]] = [:]
    for _ in 0..<5_000 {
      let unit = generator.next() % 97
      // Far from zero, where differences of large sums would lose every digit of the spread.
      let value = 1e6 + Double(unit) * 1e-3 + generator.uniform()
      values[unit, default: []].append(value)
      means.add(value, of: unit)
    }
    let plain = SampleSummary(values.values.map { $0.reduce(0, +) / Double($0.count) })
    #expect(means.summary.count == 97)
    #expect(means.values == 5_000)
    // Five thousand updates of numbers with an ulp of 10⁻¹⁰.
    #expect(abs(try #require(means.summary.mean) - (try #require(plain.mean))) < 1e-7)
    let (variance, expected) = (means.summary.variance, plain.variance)
    #expect(abs(try #require(variance) / (try #require(expected)) - 1) < 1e-6)
  }

  @Test func `evidence by counts is the evidence unit by unit`() throws {
    let policy = names.policy([Step(.canary(weight: try .part(0.2)))])
    let gate = MetricGate(
      name: "gate", metric: .errorRate, role: .guardrail,
      objective: .notWorse(by: .absolute(0.02)))
    let border = try GateBorder(gate)
    var counted = try ErrorEvidence(
      border: border, levels: ErrorLevels(policy, trafficStep: 0), isSticky: false, propensity: 0.2)
    var plain = try BoundedMeanTest(
      claim: .notWorse(margin: 0.02), minimumDetectableEffect: 0.02,
      centring: Centring(mean: 1, variance: ErrorEvidence.expectedErrorRate))
    var simulation = try Simulation(seed: 2)
    var firstPass: (plain: Int?, counted: Int?)
    for unit in 0..<3_000 {
      let outcome = simulation.outcome(
        policy, share: 0.2, unit: UInt64(unit), errorRates: (0.003, 0.003))
      let isCandidate = outcome.model == names.flash
      counted.add(outcome, isCandidate: isCandidate)
      plain.append(
        outcome: outcome.measurements.failure == nil ? 1 : 0, isTreatment: isCandidate,
        propensity: 0.2)
      if firstPass.plain == nil, plain.isRejected(alpha: 0.05) { firstPass.plain = unit }
      let judgement = counted.judgement(of: names.flash, against: names.dense, plannedCount: 1_000)
      if firstPass.counted == nil, judgement.verdict == .pass { firstPass.counted = unit }
    }
    #expect(firstPass.plain != nil)
    #expect(firstPass.counted == firstPass.plain)
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
    let levels = try [0, 1, 3].map { try ErrorLevels(policy, trafficStep: $0) }
    #expect(levels.map(\.pass) == [0.07, 0.07, 0.07])
    // A quarter, a quarter and a half for the three steps that judge.
    #expect(levels.map(\.step) == [0.07 * 0.25, 0.07 * 0.25, 0.07 * 0.5])
    // Two gates, three in the shadow step, for two candidates.
    #expect(levels.map(\.fail) == [0.07 * 0.25 / 6, 0.07 * 0.25 / 4, 0.07 * 0.5 / 4])
  }

  @Test(arguments: [
    (Metric.latency, MetricGate.Objective.notWorse(by: .relative(0.1)), 0.1, 1.1),
    (.latency, .better(by: .relative(0.2)), -0.2, 0.8),
    (.errorRate, .notWorse(by: .absolute(0.01)), 0.01, 0.01),
    (.errorRate, .better(by: .absolute(0.01)), -0.01, -0.01),
    (.prefixAgreement, .notWorse(by: .absolute(0.02)), -0.02, -0.02),
  ])
  func `a border stands where the policy says`(
    metric: Metric, objective: MetricGate.Objective, threshold: Double, border: Double
  ) throws {
    let gate = MetricGate(name: "g", metric: metric, role: .guardrail, objective: objective)
    let made = try GateBorder(gate)
    #expect(made.threshold == threshold)
    #expect(GateBorder.threshold(of: gate) == threshold)
    // A logarithm and back.
    #expect(abs(made.estimate(made.borderDifference) - threshold) < 1e-12)
    if case .logarithm = metric.scale {
      #expect(abs(Double.exp(made.borderDifference) - border) < 1e-12)
    } else {
      #expect(made.borderDifference == border)
    }
  }
}
