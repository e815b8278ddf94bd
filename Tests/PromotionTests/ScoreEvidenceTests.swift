import Experimentation
import Promotion
import Testing

/// Gates on what only policies that ask for it have: checks of answers, texts of pairs.
@Suite struct ScoreEvidenceTests {
  let names: Names
  private let check = AnswerCheck(name: "parses", rule: .json(AnswerSchema()))

  init() throws { names = try Names() }

  private func policy(
    _ metric: Metric, _ traffic: StepTraffic, margin: Double, unit: UnitKind = .request,
    objective: MetricGate.Objective? = nil
  ) -> RolloutPolicy {
    names.policy(
      [Step(traffic)],
      metrics: [
        MetricGate(
          name: "gate", metric: metric, role: .guardrail,
          objective: objective ?? .notWorse(by: .absolute(margin)),
          check: metric == .check ? check : nil)
      ], unit: unit)
  }

  /// Answers of both models, of whose every hundred so many do not pass.
  private func live(
    incumbent: Int, candidate: Int, count: Int = 4_000, unit: UnitKind = .request
  ) throws -> GateReport {
    let policy = try policy(.check, .canary(weight: .part(0.5)), margin: 0.05, unit: unit)
    let outcomes = (0..<count).map { index in
      let isCandidate = index % 2 == 1
      var answer = names.answer()
      let failing = isCandidate ? candidate : incumbent
      // Spread evenly, 37 having no divisor in common with 100.
      answer.scores[ScoreID(check: "parses")] = index / 2 * 37 % 100 < failing ? 0 : 1
      return Outcome(
        requestID: "r",
        assignment: names.assignment(
          policy, step: 0, unit: UInt64(index), propensity: 0.5),
        model: isCandidate ? names.flash : names.dense, measurements: answer)
    }
    var evidence = RunEvidence(of: names.state(policy))
    evidence.fold(outcomes.sequenced())
    return try #require(evidence.reports.first)
  }

  @Test(arguments: [UnitKind.request, .user])
  func `a candidate that passes as often goes on, one that passes less is taken back`(
    unit: UnitKind
  ) throws {
    let same = try live(incumbent: 5, candidate: 5, unit: unit)
    #expect(same.verdict == .pass)
    #expect(abs((same.candidateMean ?? 0) - 0.95) < 1e-9, "the share that passes, as people say it")
    let worse = try live(incumbent: 5, candidate: 30, unit: unit)
    #expect(worse.verdict == .fail)
    #expect((worse.estimate ?? 0) < -0.2)
    #expect(try live(incumbent: 30, candidate: 5, unit: unit).verdict == .pass)
  }

  @Test func `within the margin few answers decide nothing`() throws {
    #expect(try live(incumbent: 5, candidate: 8, count: 400).verdict == .inconclusive)
  }

  @Test func `answers that were not checked are no data, and failed ones count against a pass`()
    throws
  {
    let policy = try policy(.check, .canary(weight: .part(0.5)), margin: 0.05)
    func report(_ change: (inout Measurements, Bool) -> Void) throws -> GateReport {
      let outcomes = (0..<4_000).map { index in
        var answer = names.answer()
        change(&answer, index % 2 == 1)
        return Outcome(
          requestID: "r",
          assignment: names.assignment(
            policy, step: 0, unit: UInt64(index), propensity: 0.5),
          model: index % 2 == 1 ? names.flash : names.dense, measurements: answer)
      }
      var evidence = RunEvidence(of: names.state(policy))
      evidence.fold(outcomes.sequenced())
      return try #require(evidence.reports.first)
    }
    #expect(try report { _, _ in }.verdict == .noData)
    var number = 0
    let failing = try report { answer, isCandidate in
      number += 1
      if isCandidate, number % 4 == 0 {
        answer = names.answer(failure: .malformed)
      } else {
        answer.scores[ScoreID(check: "parses")] = 1
      }
    }
    #expect(failing.verdict == .inconclusive, "what is missing condemns nobody, and passes nobody")
  }

  @Test(arguments: [Metric.exactMatch, .tokenF1, .rougeL, .lengthRatio])
  func `texts that are alike pass, others do not`(metric: Metric) throws {
    let policy = policy(metric, .shadow(ShadowTraffic()), margin: 0.2)
    func verdict(_ value: Double?) throws -> Verdict {
      var pair = names.pair(policy)
      pair.scores[ScoreID(metric)] = value
      var evidence = RunEvidence(of: names.state(policy))
      evidence.fold(Array(repeating: pair, count: 500).sequenced())
      return try #require(evidence.reports.first).verdict
    }
    #expect(try verdict(0.95) == .pass)
    #expect(try verdict(0.5) == .fail)
    #expect(try verdict(nil) == .error, "none of them could be compared")
  }

  @Test(arguments: [Metric.embeddingSimilarity, .callEquality, .tokenAgreement])
  func `pairs that have nothing to compare say nothing, and failed ones pass nobody`(
    metric: Metric
  ) throws {
    let policy = policy(metric, .shadow(ShadowTraffic()), margin: 0.2)
    /// Of each four pairs as many have the value; the others have none.
    func verdict(_ value: Double, of four: Int, failing: Bool = false) throws -> Verdict {
      let pairs = (0..<1_000).map { index in
        var pair = names.pair(policy, tokenAgreement: nil)
        if index % 4 < four {
          if metric == .tokenAgreement {
            pair.tokenAgreement = value
          } else {
            pair.scores[ScoreID(metric)] = value
          }
        } else if failing {
          pair.candidateMeasurements = names.answer(failure: .malformed)
        }
        return pair
      }
      var evidence = RunEvidence(of: names.state(policy))
      evidence.fold(pairs.sequenced())
      return try #require(evidence.reports.first).verdict
    }
    #expect(try verdict(0.95, of: 4) == .pass && verdict(0.95, of: 1) == .pass)
    #expect(try verdict(0.5, of: 1) == .fail)
    #expect(try verdict(0.95, of: 0) == .noData)
    #expect(try verdict(0.95, of: 2, failing: true) == .inconclusive)
  }

  @Test(arguments: [Metric.klDivergence, .answerPerplexity, .tokenAgreement])
  func `whole answers that nobody could read are none of the candidate's faults`(
    metric: Metric
  ) throws {
    let margin: MetricGate.Margin =
      metric == .answerPerplexity ? .relative(0.2) : .absolute(0.2)
    let policy = policy(
      metric, .shadow(ShadowTraffic()), margin: 0.2, objective: .notWorse(by: margin))
    var evidence = RunEvidence(of: names.state(policy))
    evidence.fold(Array(repeating: names.pair(policy), count: 50).sequenced())
    let report = try #require(evidence.reports.first)
    #expect(report.verdict == .noData)
    #expect(report.explanation?.contains("no answer was read by both") == true)
    // One that gave no answer is another matter.
    var failed = names.pair(policy)
    failed.candidateMeasurements = names.answer(failure: .malformed)
    var others = RunEvidence(of: names.state(policy))
    others.fold(Array(repeating: failed, count: 50).sequenced())
    #expect(others.reports.first?.verdict == .error)
  }

  @Test func `where no pair called a function, failed answers make no error of it`() throws {
    let policy = policy(.callEquality, .shadow(ShadowTraffic()), margin: 0.2)
    for failure in [nil, FailureClass.malformed] {
      var pair = names.pair(policy)
      if let failure { pair.candidateMeasurements = names.answer(failure: failure) }
      var evidence = RunEvidence(of: names.state(policy))
      evidence.fold(Array(repeating: pair, count: 50).sequenced())
      let report = try #require(evidence.reports.first)
      #expect(report.verdict == .noData)
      #expect(report.explanation == "no pair called a function")
    }
  }

  @Test func `pairs are checked one by one, too`() throws {
    let policy = policy(.check, .shadow(ShadowTraffic()), margin: 0.05)
    var pair = names.pair(policy)
    pair.incumbentMeasurements.scores[ScoreID(check: "parses")] = 1
    pair.candidateMeasurements.scores[ScoreID(check: "parses")] = 0
    var evidence = RunEvidence(of: names.state(policy))
    evidence.fold(Array(repeating: pair, count: 200).sequenced())
    #expect(evidence.reports.first?.verdict == .fail)
  }

  @Test func `a check without a rule can never pass`() throws {
    var policy = policy(.check, .shadow(ShadowTraffic()), margin: 0.05)
    policy.metrics[0].check = nil
    var evidence = RunEvidence(of: names.state(policy))
    evidence.fold(Array(repeating: names.pair(policy), count: 10).sequenced())
    #expect(evidence.reports.first?.verdict == .error)
  }

  @Test func `a table asks for what the policy's gates do, each once`() throws {
    var policy = policy(.check, .shadow(ShadowTraffic()), margin: 0.05)
    policy.metrics.append(policy.metrics[0])
    policy.metrics[1].slice = SliceCondition(promptTokens: 0...255)
    policy.metrics += [Metric.rougeL, .rougeL, .latency].map {
      MetricGate(name: "m", metric: $0, role: .info, objective: .notWorse(by: .absolute(0)))
    }
    let plan = ScorePlan(policy)
    #expect(plan.checks == [check] && plan.texts == [.rougeL])
    #expect(plan.embeddings == nil && !plan.comparesCalls)
    let embeddings = EmbeddingPolicy(model: names.dense, concurrency: 2)
    policy.embeddings = embeddings
    #expect(ScorePlan(policy).embeddings == nil, "no gate looks at it")
    policy.metrics += [Metric.embeddingSimilarity, .callEquality].map {
      MetricGate(name: "m", metric: $0, role: .info, objective: .notWorse(by: .absolute(0)))
    }
    #expect(ScorePlan(policy).embeddings == embeddings && ScorePlan(policy).comparesCalls)
    #expect(policy.models == [names.dense, names.flash], "who embeds is one of them already")
  }
}
