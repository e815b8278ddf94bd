import Experimentation
import Promotion
import Testing

/// Verdicts on pairs of answers.
@Suite struct ShadowEvidenceTests {
  let names: Names

  init() throws { names = try Names() }

  func gate(
    _ metric: Metric, _ objective: MetricGate.Objective, slice: SliceCondition? = nil
  ) -> MetricGate {
    MetricGate(
      name: "gate", metric: metric, role: .guardrail, objective: objective, slice: slice)
  }

  func policy(_ gate: MetricGate, minSamples: Int = 1) -> RolloutPolicy {
    names.policy(
      [Step(.shadow(ShadowTraffic()), hold: HoldConditions(minSamples: minSamples))],
      metrics: [gate])
  }

  func report(_ policy: RolloutPolicy, _ pairs: [Comparison]) throws -> GateReport {
    var evidence = RunEvidence(of: names.state(policy))
    evidence.fold(pairs.sequenced())
    return try #require(evidence.reports.first)
  }

  let latency = MetricGate.Objective.notWorse(by: .relative(0.1))

  @Test func `without pairs there is no data`() throws {
    let report = try report(policy(gate(.latency, latency), minSamples: 300), [])
    #expect(report.verdict == .noData)
    #expect(report.estimate == nil)
    #expect(report.samplesMissing == 300)
    #expect(report.explanation != nil)
  }

  @Test func `a candidate as fast as the incumbent passes a margin of 10 percent`() throws {
    var simulation = try Simulation(seed: 1)
    let policy = policy(gate(.latency, latency))
    let report = try report(policy, (0..<400).map { _ in simulation.pair(policy) })
    #expect(report.verdict == .pass)
    #expect(report.samples == 400)
    // σ of a difference is 0.28, so of the mean of 400 it is 0.014; five of them.
    #expect(abs(try #require(report.estimate)) < 0.07)
    #expect(try #require(report.lowerBound) < 0)
    #expect(try #require(report.upperBound) > 0)
    #expect(report.threshold == 0.1)
  }

  @Test func `a candidate a third slower fails`() throws {
    var simulation = try Simulation(seed: 2)
    let policy = policy(gate(.latency, latency))
    let report = try report(policy, (0..<400).map { _ in simulation.pair(policy, ratio: 1.33) })
    #expect(report.verdict == .fail)
    // As above, around ln 1.33 of which a little is clipped at ln 4.
    #expect(abs(try #require(report.estimate) - 0.33) < 0.1)
    #expect(report.explanation != nil)
  }

  @Test func `a few pairs decide nothing, and say how many are missing`() throws {
    var simulation = try Simulation(seed: 3)
    let policy = policy(gate(.latency, latency), minSamples: 300)
    let report = try report(policy, (0..<40).map { _ in simulation.pair(policy) })
    #expect(report.verdict == .inconclusive)
    #expect(try #require(report.samplesMissing) >= 260)
    #expect(report.lowerBound == nil)
  }

  @Test func `a harm within the margin is no harm`() throws {
    var simulation = try Simulation(seed: 4)
    let policy = policy(gate(.latency, .notWorse(by: .relative(0.25))))
    let report = try report(policy, (0..<2_000).map { _ in simulation.pair(policy, ratio: 1.1) })
    #expect(report.verdict == .pass)
  }

  @Test func `a goal passes when the gain is shown and fails when it is shown not to be`() throws {
    var simulation = try Simulation(seed: 5)
    let policy = policy(gate(.latency, .better(by: .relative(0.2))))
    let faster = try report(policy, (0..<800).map { _ in simulation.pair(policy, ratio: 0.6) })
    #expect(faster.verdict == .pass)
    #expect(faster.threshold == -0.2)
    let same = try report(policy, (0..<800).map { _ in simulation.pair(policy) })
    #expect(same.verdict == .fail)
  }

  @Test func `errors are compared by differences`() throws {
    var simulation = try Simulation(seed: 6)
    let policy = policy(gate(.errorRate, .notWorse(by: .absolute(0.02))))
    let sound = try report(policy, (0..<600).map { _ in simulation.pair(policy) })
    #expect(sound.verdict == .pass)
    #expect(sound.candidateMean == 0)
    let broken = try report(
      policy, (0..<600).map { _ in simulation.pair(policy, errorRate: 0.15) })
    #expect(broken.verdict == .fail)
    // Five standard deviations of a binomial with p = 0.15, n = 600.
    #expect(abs(try #require(broken.estimate) - 0.15) < 0.073)
  }

  @Test func `agreement is held against what the margin leaves of one`() throws {
    var simulation = try Simulation(seed: 7)
    let policy = policy(gate(.tokenAgreement, .notWorse(by: .absolute(0.05))))
    let same = try report(
      policy, (0..<300).map { _ in simulation.pair(policy, agreement: 1) })
    #expect(same.verdict == .pass)
    #expect(same.threshold == -0.05)
    #expect(same.candidateMean == 1)
    let other = try report(
      policy, (0..<300).map { _ in simulation.pair(policy, agreement: 0.8) })
    #expect(other.verdict == .fail)
    // Every value is the same.
    #expect(abs(try #require(other.estimate) + 0.2) < 1e-9)
  }

  @Test func `answers that nobody could read say nothing of a candidate`() throws {
    let policy = policy(gate(.tokenAgreement, .notWorse(by: .absolute(0.05))))
    let report = try report(
      policy, (0..<50).map { _ in names.pair(policy, tokenAgreement: nil) })
    #expect(report.verdict == .noData)
    #expect(try #require(report.explanation).contains("no answer was read by both"))
    #expect(report.samples == 0)
  }

  @Test(arguments: [
    (Metric.latency, MetricGate.Margin.absolute(0.1)), (.tokenAgreement, .relative(0.1)),
    (.latency, .relative(9)), (.errorRate, .absolute(1.5)), (.latency, .relative(-0.5)),
  ])
  func `a margin on the wrong scale is an error, not a verdict`(
    metric: Metric, margin: MetricGate.Margin
  ) throws {
    let policy = policy(gate(metric, .notWorse(by: margin)))
    let report = try report(policy, Array(repeating: names.pair(policy), count: 500))
    #expect(report.verdict == .error)
    #expect(report.explanation != nil)
  }

  @Test func `nothing can agree with the incumbent better than itself`() throws {
    let policy = policy(gate(.prefixAgreement, .better(by: .absolute(0))))
    let report = try report(
      policy, Array(repeating: names.pair(policy, prefixAgreement: 1), count: 500))
    #expect(report.verdict == .error)
  }

  @Test func `a slice counts the incumbent's prompt tokens`() throws {
    let slice = SliceCondition(promptTokens: 2_048...Int.max)
    let policy = policy(gate(.latency, latency, slice: slice))
    func pairs(_ tokens: Int?, _ count: Int) -> [Comparison] {
      Array(
        repeating: names.pair(policy, incumbent: names.answer(promptTokens: tokens)), count: count)
    }
    #expect(try report(policy, pairs(100, 50)).verdict == .noData)
    #expect(try report(policy, pairs(100, 50) + pairs(4_000, 7)).samples == 7)
    let unknown = try report(policy, pairs(nil, 50))
    #expect(unknown.verdict == .error)
    #expect(try #require(unknown.explanation).contains("how long the prompt was"))
  }

  @Test func `pairs of another step, run, policy or of a pinned request count for nothing`() throws
  {
    let policy = policy(gate(.latency, latency))
    var strangers = (0..<4).map { _ in names.pair(policy) }
    strangers[0].assignment.rollout?.run = 2
    strangers[1].assignment.rollout?.digest = "other"
    strangers[2].assignment.rollout?.rollout = try #require(RolloutName("other"))
    strangers[3].assignment.propensity = nil
    #expect(try report(policy, strangers).verdict == .noData)
  }

  @Test func `the same rows give the same evidence however they come in`() throws {
    var simulation = try Simulation(seed: 8)
    let policy = policy(gate(.latency, latency))
    let rows = (0..<300).map { _ in simulation.pair(policy, scatter: 0.4) }.sequenced()
    var whole = RunEvidence(of: names.state(policy))
    whole.fold(rows)
    var parts = RunEvidence(of: names.state(policy))
    for start in stride(from: 0, to: 300, by: 7) {
      parts.fold(Array(rows[start..<min(start + 7, 300)]))
      // A batch that was read twice.
      parts.fold(Array(rows[max(0, start - 3)..<start]))
    }
    #expect(parts == whole)
  }
}
