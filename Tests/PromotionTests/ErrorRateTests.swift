import Experimentation
import Promotion
import Statistics
import Storage
import Testing

/// How often verdicts are wrong, and how soon they come, over seeds: what alpha promises.
@Suite struct ErrorRateTests {
  let names: Names

  init() throws { names = try Names() }

  func shadow(_ metric: Metric, _ objective: MetricGate.Objective) -> RolloutPolicy {
    names.policy(
      [Step(.shadow(ShadowTraffic()))],
      metrics: [
        MetricGate(name: "gate", metric: metric, role: .guardrail, objective: objective)
      ])
  }

  /// The verdict after `count` pairs; tests that are looked at after every pair remember.
  func verdict(
    _ policy: RolloutPolicy, _ count: Int, seed: Int, _ draw: (inout Simulation) -> Comparison
  ) throws -> Verdict {
    var simulation = try Simulation(seed: UInt64(seed))
    var evidence = RunEvidence(of: names.state(policy))
    evidence.fold((0..<count).map { _ in draw(&simulation) }.sequenced())
    return try #require(evidence.reports.first).verdict
  }

  @Test func `a candidate at the margin is taken back, or passes, hardly more often than alpha`()
    throws
  {
    let policy = shadow(.latency, .notWorse(by: .relative(0.1)))
    let verdicts = try (0..<120).map { seed in
      try verdict(policy, 250, seed: seed) { $0.pair(policy, ratio: 1.1) }
    }
    // α = 0.05 of 120 is 6; four standard deviations of a binomial more are 15.
    #expect(verdicts.count { $0 == .fail } <= 15)
    #expect(verdicts.count { $0 == .pass } <= 15)
  }

  @Test func `an identical candidate is not taken back, and passes in the expected time`() throws {
    let policy = shadow(.latency, .notWorse(by: .relative(0.1)))
    let verdicts = try (0..<40).map { seed in
      try verdict(policy, 400, seed: 1_000 + seed) { $0.pair(policy) }
    }
    // Nobody is at the border here, so alpha is far away.
    #expect(verdicts.count { $0 == .fail } <= 1)
    // V = 0.08, margin 0.095: ln 40 / (0.095²/(2 · 0.08)) = 65 pairs in the middle, 400 are six
    // times.
    #expect(verdicts.count { $0 == .pass } >= 38)
  }

  @Test func `a real regression is caught`() throws {
    let policy = shadow(.latency, .notWorse(by: .relative(0.1)))
    let verdicts = try (0..<40).map { seed in
      try verdict(policy, 300, seed: 2_000 + seed) { $0.pair(policy, ratio: 1.3) }
    }
    #expect(verdicts.count { $0 == .fail } >= 38)
    #expect(!verdicts.contains(.pass))
  }

  @Test func `a pass does not outlive a regression that sets in late`() throws {
    let policy = shadow(.latency, .notWorse(by: .relative(0.1)))
    for seed in 0..<4 as Range<UInt64> {
      var simulation = try Simulation(seed: 8_000 + seed)
      var evidence = RunEvidence(of: names.state(policy))
      var sequence: Int64 = 0
      func verdict(after count: Int, ratio: Double) throws -> Verdict {
        for _ in 0..<count {
          sequence += 1
          evidence.fold([
            .init(sequence: sequence, value: simulation.pair(policy, ratio: ratio))
          ])
        }
        return try #require(evidence.reports.first).verdict
      }
      #expect(try verdict(after: 4_050, ratio: 1) == .pass, "seed \(seed)")
      // The test that has watched 4,050 harmless pairs would need as many bad ones; the one that
      // started with the 4,000th finds them in some dozens.
      #expect(try verdict(after: 250, ratio: 1.3) == .fail, "seed \(seed)")
    }
  }

  @Test func `a doubled error rate at the margin rarely passes a canary`() throws {
    // STATISTICS T1: an asymptotic interval passes 65 % of these.
    let policy = names.policy(
      [Step(.canary(weight: try .part(0.05)))],
      metrics: [
        MetricGate(
          name: "gate", metric: .errorRate, role: .guardrail,
          objective: .notWorse(by: .absolute(0.01)))
      ])
    let passes = try (0..<100).count { seed in
      var simulation = try Simulation(seed: UInt64(3_000 + seed))
      var evidence = RunEvidence(of: names.state(policy))
      var sequence: Int64 = 0
      // A look each 500 requests.
      for _ in 0..<8 {
        for _ in 0..<500 {
          sequence += 1
          let outcome = simulation.outcome(
            policy, share: 0.05, unit: UInt64(sequence), errorRates: (0.01, 0.02))
          evidence.fold([.init(sequence: sequence, value: outcome)])
        }
        if evidence.reports.contains(where: { $0.verdict == .pass }) { return true }
      }
      return false
    }
    // α = 0.05 of 100 is 5; four standard deviations of a binomial more are 14.
    #expect(passes <= 14)
  }

  /// Which of the candidate's values go missing.
  enum Loss: CaseIterable, Sendable {
    case atRandom, theSlow, theFast, allButAFew
  }

  @Test(arguments: Loss.allCases)
  func `values that go missing never let a candidate pass`(loss: Loss) throws {
    let objective = MetricGate.Objective.notWorse(by: .relative(0.1))
    let policy = shadow(.timeToFirstToken, objective)
    for seed in 0..<15 {
      var chooser = try Simulation(seed: UInt64(9_000 + seed))
      let share = chooser.generator.uniform()
      let verdict = try verdict(policy, 200, seed: 4_000 + seed) { simulation in
        // Far beyond the margin: with all values it would never pass.
        var pair = simulation.pair(policy, ratio: 1.4)
        let before = pair.incumbentMeasurements.timeToFirstTokenSeconds ?? 0
        let after = pair.candidateMeasurements.timeToFirstTokenSeconds ?? 0
        let isLost =
          switch loss {
          case .atRandom: chooser.chance(share)
          case .theSlow: after > before
          case .theFast: after < before
          case .allButAFew: chooser.chance(0.98)
          }
        if isLost { pair.candidateMeasurements.timeToFirstTokenSeconds = nil }
        return pair
      }
      #expect(verdict != .pass, "seed \(seed), \(share) lost")
    }
  }

  @Test(arguments: Loss.allCases)
  func `nor do they in a canary`(loss: Loss) throws {
    let policy = names.policy(
      [Step(.canary(weight: try .part(0.5)))],
      metrics: [
        MetricGate(
          name: "gate", metric: .timeToFirstToken, role: .guardrail,
          objective: .notWorse(by: .relative(0.1)))
      ])
    for seed in 0..<8 {
      var simulation = try Simulation(seed: UInt64(5_000 + seed))
      var evidence = RunEvidence(of: names.state(policy))
      // So many that what is left would be enough to pass.
      let outcomes = (0..<2_000).map { index in
        var outcome = simulation.outcome(
          policy, share: 0.5, unit: UInt64(index), ratio: 1.4)
        let seconds = outcome.measurements.timeToFirstTokenSeconds ?? 0
        let isLost =
          switch loss {
          case .atRandom: simulation.chance(0.5)
          case .theSlow: seconds > 0.1
          case .theFast: seconds < 0.1
          case .allButAFew: simulation.chance(0.98)
          }
        if outcome.model == names.flash && isLost {
          outcome.measurements = names.answer(failure: .malformed)
        }
        return outcome
      }
      evidence.fold(outcomes.sequenced())
      #expect(try #require(evidence.reports.first).verdict != .pass, "seed \(seed)")
    }
  }
}
