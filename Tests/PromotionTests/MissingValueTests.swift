import Experimentation
import Promotion
import Testing

/// Answers without a value: who is to blame, and what follows for the verdicts.
@Suite struct MissingValueTests {
  let names: Names

  init() throws { names = try Names() }

  func policy(_ metric: Metric, _ margin: MetricGate.Margin, _ traffic: StepTraffic? = nil) throws
    -> RolloutPolicy
  {
    names.policy(
      [Step(try traffic ?? .canary(weight: .part(0.5)))],
      metrics: [
        MetricGate(
          name: "gate", metric: metric, role: .guardrail, objective: .notWorse(by: margin))
      ])
  }

  /// 1 000 answers of each model, of which every `period`th is replaced.
  func live(
    _ policy: RolloutPolicy, every period: Int, incumbent: Measurements? = nil,
    candidate: Measurements? = nil, seed: UInt64
  ) throws -> GateReport {
    var simulation = try Simulation(seed: seed)
    let outcomes = (0..<2_000).map { index in
      let isCandidate = index % 2 == 1
      var outcome = simulation.outcome(
        policy, share: 0.5, unit: UInt64(index), isCandidate: isCandidate)
      if let other = isCandidate ? candidate : incumbent, index / 2 % period == 0 {
        outcome.measurements = other
      }
      return outcome
    }
    var evidence = RunEvidence(of: names.state(policy))
    evidence.fold(outcomes.sequenced())
    return try #require(evidence.reports.first)
  }

  func shadow(
    _ policy: RolloutPolicy, incumbent: Measurements? = nil, candidate: Measurements? = nil
  ) throws -> GateReport {
    let pair = names.pair(
      policy, incumbent: incumbent, candidate: candidate, tokenAgreement: nil)
    var evidence = RunEvidence(of: names.state(policy))
    evidence.fold(Array(repeating: pair, count: 400).sequenced())
    return try #require(evidence.reports.first)
  }

  /// A client that left after `seconds`, before the first token or after it.
  func departure(after seconds: Double, firstToken: Double? = nil) -> Measurements {
    Measurements(
      timeToFirstTokenSeconds: firstToken, totalSeconds: seconds, failure: .cancelled)
  }

  // MARK: - In pairs

  @Test(arguments: [FailureClass.invalidRequest, .rejected, .unavailable])
  func `a shadow that refuses what the incumbent answers fails`(failure: FailureClass) throws {
    let shadowing = StepTraffic.shadow(ShadowTraffic())
    let refusal = names.answer(failure: failure)
    let errors = try shadow(policy(.errorRate, .absolute(0.02), shadowing), candidate: refusal)
    #expect(errors.verdict == .fail)
    #expect(errors.candidateMean == 1)
    for metric in [Metric.latency, .timeToFirstToken, .outputTokens] {
      let report = try shadow(policy(metric, .relative(0.1), shadowing), candidate: refusal)
      #expect(report.verdict == .error, "\(metric)")
    }
    let agreement = try shadow(
      policy(.prefixAgreement, .absolute(0.1), shadowing), candidate: refusal)
    #expect(agreement.verdict == .error)
  }

  @Test func `a pair says nothing when the service or the client is the reason`() throws {
    let policy = try policy(.errorRate, .absolute(0.02), .shadow(ShadowTraffic()))
    for failure in [FailureClass.overloaded, .cancelled] {
      let given = Measurements(totalSeconds: 60, failure: failure)
      #expect(try shadow(policy, candidate: given).verdict == .noData)
    }
    // Both were asked the same nonsense: no evidence that they are alike.
    let nonsense = names.answer(failure: .invalidRequest)
    #expect(try shadow(policy, incumbent: nonsense, candidate: nonsense).verdict == .noData)
  }

  // MARK: - In live traffic

  @Test(arguments: [FailureClass.invalidRequest, .rejected])
  func `refusals are errors of both models, so that clients' mistakes cancel`(
    failure: FailureClass
  ) throws {
    let policy = try policy(.errorRate, .absolute(0.05))
    let refusal = names.answer(failure: failure)
    let picky = try live(policy, every: 5, candidate: refusal, seed: 1)
    #expect(picky.verdict == .fail)
    // Means are updated one by one; a thousand roundings.
    #expect(abs(try #require(picky.candidateMean) - 0.2) < 1e-12)
    let both = try live(policy, every: 50, incumbent: refusal, candidate: refusal, seed: 2)
    #expect(both.verdict == .pass)
    #expect(abs(try #require(both.incumbentMean) - 0.02) < 1e-12)
  }

  @Test func `missing latencies of both models cancel, of the candidate alone they do not`() throws
  {
    let policy = try policy(.latency, .relative(0.25))
    let refusal = names.answer(failure: .invalidRequest)
    let both = try live(policy, every: 5, incumbent: refusal, candidate: refusal, seed: 3)
    #expect(both.verdict == .pass)
    // What is measured is alike; a fifth that is not is ln(4)/5 = 0.28 worse, beyond the margin.
    let alone = try live(policy, every: 5, candidate: refusal, seed: 3)
    #expect(alone.verdict == .inconclusive)
    #expect(try #require(alone.explanation).contains("200 values of 'flash' are missing"))
    // A broken incumbent makes no slow candidate good.
    var simulation = try Simulation(seed: 4)
    let slow = (0..<2_000).map { index in
      let isCandidate = index % 2 == 1
      var outcome = simulation.outcome(
        policy, share: 0.5, unit: UInt64(index), isCandidate: isCandidate, ratio: 1.25)
      if !isCandidate && index % 4 == 0 { outcome.measurements = refusal }
      return outcome
    }
    var evidence = RunEvidence(of: names.state(policy))
    evidence.fold(slow.sequenced())
    #expect(try #require(evidence.reports.first).verdict == .inconclusive)
  }

  @Test func `who waits ten seconds for nothing and leaves has seen an error`() throws {
    let errors = try policy(.errorRate, .absolute(0.05))
    let latency = try policy(.latency, .relative(0.25))
    let late = departure(after: 10)
    #expect(try live(errors, every: 5, candidate: late, seed: 5).verdict == .fail)
    #expect(try live(errors, every: 50, incumbent: late, candidate: late, seed: 6).verdict == .pass)
    #expect(try live(latency, every: 5, candidate: late, seed: 7).verdict != .pass)
    for other in [departure(after: 9.9), departure(after: 60, firstToken: 2)] {
      let report = try live(errors, every: 5, candidate: other, seed: 8)
      #expect(report.candidateMean == 0)
      #expect(try live(latency, every: 5, candidate: other, seed: 9).verdict == .pass)
    }
  }

  @Test(arguments: [Metric.timeToFirstToken, .timePerOutputToken])
  func `answers that nobody wanted streamed say nothing of a stream`(metric: Metric) throws {
    var whole = names.answer()
    whole.timeToFirstTokenSeconds = nil
    whole.timePerOutputTokenSeconds = nil
    let policy = try policy(metric, .relative(0.25))
    let some = try live(policy, every: 2, incumbent: whole, candidate: whole, seed: 10)
    #expect(some.verdict == .pass)
    #expect(some.samples == 500)
    #expect(
      try live(policy, every: 1, incumbent: whole, candidate: whole, seed: 11).verdict == .noData)
    // A shadow is always streamed: one that does not tell is not measured.
    let shadowing = try self.policy(metric, .relative(0.25), .shadow(ShadowTraffic()))
    #expect(try shadow(shadowing, candidate: whole).verdict == .error)
    #expect(try shadow(shadowing, incumbent: whole).verdict == .noData)
  }
}
