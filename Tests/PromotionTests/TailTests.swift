import Experimentation
import Promotion
import Testing

/// Gates on a quantile: what only hurts a few.
@Suite struct TailTests {
  let names: Names

  init() throws { names = try Names() }

  func policy(
    _ traffic: StepTraffic, quantile: Double? = 0.95, unit: UnitKind = .request,
    objective: MetricGate.Objective = .notWorse(by: .relative(0.1))
  ) -> RolloutPolicy {
    names.policy(
      [Step(traffic)],
      metrics: [
        MetricGate(
          name: "gate", metric: .latency, role: .guardrail, objective: objective,
          quantile: quantile)
      ], unit: unit)
  }

  /// Latencies of 1 s in the middle, of which the candidate's slowest tenth takes `tail` times as
  /// long.
  func live(
    _ policy: RolloutPolicy, _ count: Int, tail: Double, seed: UInt64, users: Int = .max,
    share: Double = 0.5
  ) throws -> GateReport {
    var simulation = try Simulation(seed: seed)
    var evidence = RunEvidence(of: names.state(policy))
    evidence.fold(
      (0..<count).map { index in
        let user = index % users
        let isCandidate =
          users == .max ? simulation.chance(share) : Double(user) < share * Double(users)
        var outcome = simulation.outcome(
          policy, share: share, unit: UInt64(user), isCandidate: isCandidate)
        outcome.measurements = answer(&simulation, tail: isCandidate ? tail : 1)
        return outcome
      }.sequenced())
    return try #require(evidence.reports.first)
  }

  private func answer(_ simulation: inout Simulation, tail: Double) -> Measurements {
    let z = simulation.normal()
    return names.answer(seconds: .exp(0.5 * z) * (z > 1.28 ? tail : 1))
  }

  @Test func `a longer tail fails a gate on p95, and the mean does not see it`() throws {
    let canary = StepTraffic.canary(weight: try .part(0.5))
    let report = try live(policy(canary), 4_000, tail: 1.8, seed: 1)
    #expect(report.verdict == .fail)
    #expect(report.quantile == 0.95)
    // p95 of exp(0.5 z) is exp(0.82) = 2.28; 200 of 4,000 are beyond.
    #expect(abs(try #require(report.incumbentMean) - 2.28) < 0.3)
    #expect(abs(try #require(report.estimate) - 0.8) < 0.35)
    let mean = try live(policy(canary, quantile: nil), 4_000, tail: 1.8, seed: 1)
    #expect(mean.verdict != .fail)
  }

  @Test(arguments: [UnitKind.request, .user])
  func `equal tails pass`(unit: UnitKind) throws {
    let canary = StepTraffic.canary(weight: try .part(0.5))
    let policy = policy(canary, unit: unit, objective: .notWorse(by: .relative(0.4)))
    let users = unit == .user ? 1_500 : Int.max
    let report = try live(policy, 9_000, tail: 1, seed: 2, users: users)
    #expect(report.verdict == .pass)
    #expect(try #require(report.lowerBound) < 0)
    #expect(try #require(report.upperBound) > 0)
  }

  @Test func `a wanted gain of the tail is shown, and its absence too`() throws {
    let canary = StepTraffic.canary(weight: try .part(0.5))
    let policy = policy(canary, objective: .better(by: .relative(0.2)))
    #expect(try live(policy, 6_000, tail: 0.45, seed: 3).verdict == .pass)
    #expect(try live(policy, 6_000, tail: 1, seed: 4).verdict == .fail)
  }

  @Test func `until the incumbent's quantile is known nothing is compared`() throws {
    let canary = StepTraffic.canary(weight: try .part(0.5))
    let report = try live(policy(canary), 300, tail: 5, seed: 5)
    #expect(report.verdict == .inconclusive)
    #expect(try #require(report.explanation).contains("400 answers of 'dense'"))
    #expect(try #require(report.samplesMissing) > 200)
  }

  @Test func `answers that are missing count as slow in what lets pass`() throws {
    let canary = StepTraffic.canary(weight: try .part(0.5))
    let policy = policy(canary, objective: .notWorse(by: .relative(0.4)))
    var simulation = try Simulation(seed: 6)
    var evidence = RunEvidence(of: names.state(policy))
    evidence.fold(
      (0..<9_000).map { index in
        var outcome = simulation.outcome(policy, share: 0.5, unit: UInt64(index))
        outcome.measurements = answer(&simulation, tail: 1)
        // The candidate gives up what would take long.
        if outcome.model == names.flash, outcome.measurements.totalSeconds > 2 {
          outcome.measurements = names.answer(failure: .deadlineExceeded)
        }
        return outcome
      }.sequenced())
    let report = try #require(evidence.reports.first)
    #expect(report.verdict == .inconclusive)
    #expect(try #require(report.explanation).contains("count against it"))
  }

  @Test func `at the margin a tail is hardly ever judged`() throws {
    let canary = StepTraffic.canary(weight: try .part(0.5))
    let policy = policy(canary)
    let verdicts = try (0..<60).map { seed in
      var simulation = try Simulation(seed: UInt64(700 + seed))
      var evidence = RunEvidence(of: names.state(policy))
      let outcomes = (0..<2_500).map { index in
        simulation.outcome(policy, share: 0.5, unit: UInt64(index), ratio: 1.1)
      }
      evidence.fold(outcomes.sequenced())
      return try #require(evidence.reports.first).verdict
    }
    // α = 0.05 of 60 is 3; four standard deviations of a binomial more are 9.
    #expect(verdicts.count { $0 == .fail } <= 9)
    #expect(verdicts.count { $0 == .pass } <= 9)
  }

  // MARK: - In pairs

  private func shadow(tail: Double, seed: UInt64, margin: Double = 0.4) throws -> GateReport {
    let policy = policy(
      .shadow(ShadowTraffic()), objective: .notWorse(by: .relative(margin)))
    var simulation = try Simulation(seed: seed)
    var evidence = RunEvidence(of: names.state(policy))
    evidence.fold(
      (0..<3_000).map { _ in
        let prompt = simulation.normal()
        func seconds(_ tail: Double) -> Double {
          let z = 0.77 * prompt + 0.63 * simulation.normal()
          return .exp(0.5 * z) * (z > 1.28 ? tail : 1)
        }
        return names.pair(
          policy, incumbent: names.answer(seconds: seconds(1)),
          candidate: names.answer(seconds: seconds(tail)))
      }.sequenced())
    return try #require(evidence.reports.first)
  }

  @Test func `pairs are compared by who is beyond a common threshold`() throws {
    let same = try shadow(tail: 1, seed: 8)
    #expect(same.verdict == .pass)
    #expect(same.samples == 3_000)
    #expect(try shadow(tail: 2.2, seed: 9, margin: 0.1).verdict == .fail)
  }
}
