import Experimentation
import Promotion
import Storage
import Testing

/// Verdicts on canary and split steps.
@Suite struct LiveEvidenceTests {
  let names: Names

  init() throws { names = try Names() }

  func policy(
    _ metric: Metric, _ margin: MetricGate.Margin, share: Double = 0.5, unit: UnitKind = .request,
    slice: SliceCondition? = nil
  ) throws -> RolloutPolicy {
    names.policy(
      [Step(.canary(weight: try .part(share)))],
      metrics: [
        MetricGate(
          name: "gate", metric: metric, role: .guardrail, objective: .notWorse(by: margin),
          slice: slice)
      ], unit: unit)
  }

  func report(_ policy: RolloutPolicy, _ outcomes: [Outcome]) throws -> GateReport {
    var evidence = RunEvidence(of: names.state(policy))
    evidence.fold(outcomes.sequenced())
    return try #require(evidence.reports.first)
  }

  func outcomes(
    _ policy: RolloutPolicy, _ count: Int, seed: UInt64, share: Double = 0.5, ratio: Double = 1,
    errorRates: (incumbent: Double, candidate: Double) = (0, 0)
  ) throws -> [Outcome] {
    var simulation = try Simulation(seed: seed)
    return (0..<count).map { index in
      simulation.outcome(
        policy, share: share, unit: UInt64(index), ratio: ratio, errorRates: errorRates)
    }
  }

  @Test func `without answers there is no data`() throws {
    for metric in [Metric.latency, .errorRate] {
      let policy = try policy(metric, metric == .latency ? .relative(0.1) : .absolute(0.01))
      #expect(try report(policy, []).verdict == .noData)
      var simulation = try Simulation(seed: 1)
      let incumbentOnly = (0..<300).map { index in
        simulation.outcome(policy, share: 0.5, unit: UInt64(index), isCandidate: false)
      }
      // All of the candidate's answers are missing: that is a wrong ratio, and no pass.
      #expect(try report(policy, Array(incumbentOnly.prefix(3))).verdict == .noData)
      #expect(try report(policy, incumbentOnly).verdict == .error)
    }
  }

  @Test func `no errors at all pass a margin of half a point`() throws {
    let policy = try policy(.errorRate, .absolute(0.005))
    // What the first bet needs: (ln 20 + ln 2) / ln(1 + 0.45 · 0.005) = 1 642 units.
    let sound = try report(policy, try outcomes(policy, 1_900, seed: 2))
    #expect(sound.verdict == .pass)
    #expect(sound.estimate == 0)
    let early = try report(policy, try outcomes(policy, 500, seed: 2))
    #expect(early.verdict == .inconclusive)
    #expect(try #require(early.samplesMissing) > 100)
  }

  @Test func `errors of the candidate alone fail, though the incumbent has none`() throws {
    let policy = try policy(.errorRate, .absolute(0.005))
    let report = try report(
      policy, try outcomes(policy, 2_000, seed: 3, errorRates: (0, 0.05)))
    #expect(report.verdict == .fail)
    // The incumbent has no errors, so an interval would have no width on its side.
    #expect(report.lowerBound == nil)
  }

  @Test func `latencies are bounded for people from 100 units of each on`() throws {
    let policy = try policy(.latency, .relative(0.25))
    let few = try report(policy, try outcomes(policy, 150, seed: 4))
    #expect(few.verdict == .inconclusive)
    #expect(try #require(few.samplesMissing) > 0)
    #expect(few.lowerBound == nil)
    let same = try report(policy, try outcomes(policy, 2_000, seed: 4))
    #expect(same.verdict == .pass)
    #expect(try #require(same.upperBound) < 0.25)
    let slow = try report(policy, try outcomes(policy, 2_000, seed: 4, ratio: 1.6))
    #expect(slow.verdict == .fail)
    #expect(try #require(slow.lowerBound) > 0.25)
    #expect(try #require(slow.candidateMean) > 1.2 * (try #require(slow.incumbentMean)))
  }

  @Test func `a user is one observation, however often it comes back`() throws {
    // Two hundred users, each with a level of its own, and fifty requests each: as requests this is
    // beyond doubt, as users it is next to nothing.
    let policy = try policy(.latency, .relative(0.02), unit: .user)
    var simulation = try Simulation(seed: 5)
    var outcomes: [Outcome] = []
    for user in 0..<200 {
      let isCandidate = user % 2 == 0
      let level = Double.exp(0.5 * simulation.normal())
      for _ in 0..<50 {
        var outcome = simulation.outcome(
          policy, share: 0.5, unit: UInt64(user), isCandidate: isCandidate)
        outcome.measurements.totalSeconds = level * .exp(0.01 * simulation.normal())
        outcomes.append(outcome)
      }
    }
    let report = try report(policy, outcomes)
    #expect(report.verdict == .inconclusive)
    #expect(report.samples == 5_000)
    let width = try #require(report.upperBound) - (try #require(report.lowerBound))
    // Ten thousand independent requests would give less than 0.1.
    #expect(width > 0.2)
  }

  @Test func `a user's errors count as that user's share`() throws {
    let policy = try policy(.errorRate, .absolute(0.1), unit: .user)
    var simulation = try Simulation(seed: 6)
    // One user of the candidate in a hundred, whose every request of a thousand fails.
    let outcomes = (0..<400).flatMap { user in
      (0..<(user == 0 ? 1_000 : 1)).map { _ in
        simulation.outcome(
          policy, share: 0.5, unit: UInt64(user), isCandidate: user % 2 == 0,
          errorRate: user == 0 ? 1 : 0)
      }
    }
    let report = try report(policy, outcomes)
    #expect(report.verdict != .fail)
    // A mean that moved a thousand times, to the rounding of its steps.
    #expect(abs(try #require(report.candidateMean) - 1.0 / 200) < 1e-12)
  }

  @Test func `pinned requests and those routed by other shares count for nothing`() throws {
    let policy = try policy(.errorRate, .absolute(0.01))
    var outcomes = try outcomes(policy, 200, seed: 7)
    for index in outcomes.indices {
      outcomes[index].assignment.propensity = index % 2 == 0 ? nil : 0.3
    }
    #expect(try report(policy, outcomes).verdict == .noData)
  }

  @Test func `each weight starts anew, and waiting steps go on`() throws {
    let canary = { (weight: Double) throws in Step(.canary(weight: try .part(weight))) }
    let gate = MetricGate(
      name: "gate", metric: .latency, role: .guardrail, objective: .notWorse(by: .relative(0.1)))
    let policy = names.policy(
      [try canary(0.25), Step(.approval(team: nil)), try canary(0.5)], metrics: [gate])
    var simulation = try Simulation(seed: 8)
    var sequence: Int64 = 0
    var evidence = RunEvidence(of: names.state(policy))
    func fold(step: Int, share: Double, count: Int) {
      for _ in 0..<count {
        sequence += 1
        let outcome = simulation.outcome(policy, step: step, share: share, unit: UInt64(sequence))
        evidence.fold([.init(sequence: sequence, value: outcome)])
      }
    }
    fold(step: 0, share: 0.25, count: 400)
    let first = try #require(evidence.reports.first).samples
    #expect(first > 50)
    evidence.follow(names.state(policy, step: 1))
    fold(step: 1, share: 0.25, count: 400)
    // A straggler of the step before is under the same traffic.
    fold(step: 0, share: 0.25, count: 40)
    #expect(try #require(evidence.reports.first).samples > first + 50)
    evidence.follow(names.state(policy, step: 2))
    #expect(try #require(evidence.reports.first).verdict == .noData)
    fold(step: 1, share: 0.25, count: 40)
    #expect(try #require(evidence.reports.first).verdict == .noData)
    fold(step: 2, share: 0.5, count: 100)
    let last = try #require(evidence.reports.first).samples
    #expect(last > 20)
    // After the last step its traffic goes on, and so does its evidence.
    evidence.follow(names.state(policy, step: 3))
    fold(step: 3, share: 0.5, count: 100)
    #expect(try #require(evidence.reports.first).samples > last)
  }

  @Test func `answers that get lost let nothing pass`() throws {
    let policy = try policy(.errorRate, .absolute(0.005))
    var lost = 0
    let outcomes = try outcomes(policy, 4_000, seed: 9).filter { outcome in
      guard outcome.model == names.flash else { return true }
      lost += 1
      return lost % 4 != 0
    }
    let report = try report(policy, outcomes)
    #expect(report.verdict == .error)
    #expect(try #require(report.explanation).contains("shares"))
  }

  @Test func `five failures in a row break a candidate, the client's do not count`() throws {
    let policy = try policy(.errorRate, .absolute(0.01))
    var simulation = try Simulation(seed: 10)
    func broken(_ failures: [FailureClass?], of model: ModelName, step: Int = 0) -> Bool {
      var evidence = RunEvidence(of: names.state(policy))
      let outcomes = failures.map { failure in
        var outcome = simulation.outcome(
          policy, step: step, share: 0.5, unit: 0, isCandidate: model == names.flash)
        outcome.measurements = names.answer(failure: failure)
        return outcome
      }
      evidence.fold(outcomes.sequenced())
      return evidence.broken == [names.flash]
    }
    let five = Array(repeating: FailureClass?.some(.unavailable), count: 5)
    #expect(broken(five, of: names.flash))
    #expect(!broken(Array(five.dropLast()), of: names.flash))
    #expect(!broken(five, of: names.dense))
    #expect(!broken(five.dropLast() + [nil, .malformed], of: names.flash))
    // A client that went away says nothing either way.
    #expect(broken(five.dropLast() + [.cancelled, .malformed], of: names.flash))
    #expect(!broken(Array(repeating: .cancelled, count: 9), of: names.flash))
    // Nor does a client whose prompts are too long or make no sense.
    for refusal in [FailureClass.invalidRequest, .rejected, .overloaded] {
      #expect(!broken(Array(repeating: refusal, count: 9), of: names.flash))
    }
  }

  @Test func `a gate on a label looks at requests that have it, whatever their length`() throws {
    let slice = SliceCondition(labels: [RequestLabel(key: "tier", value: "gold")])
    let policy = try policy(.errorRate, .absolute(0.1), slice: slice)
    var outcomes = try outcomes(policy, 1_200, seed: 12)
    for index in outcomes.indices {
      outcomes[index].assignment.labels = ["tier": index % 3 == 0 ? "gold" : "free"]
      outcomes[index].measurements.promptTokens = nil
      // What others see must not matter.
      if index % 3 != 0 { outcomes[index].measurements.failure = .malformed }
    }
    let report = try report(policy, outcomes)
    #expect(report.verdict == .pass)
    #expect((100...200).contains(report.samples), "a third of 1,200, of the model with fewer")
    #expect(slice.description == "tier=gold")
  }

  @Test func `failures, which tell no length, count in every slice`() throws {
    let slice = SliceCondition(promptTokens: 1...1_000)
    let policy = try policy(.errorRate, .absolute(0.05), slice: slice)
    var outcomes = try outcomes(policy, 1_200, seed: 14, errorRates: (0, 0.3))
    for index in outcomes.indices {
      outcomes[index].measurements.promptTokens =
        outcomes[index].measurements.failure == nil ? 100 : nil
    }
    #expect(try report(policy, outcomes).verdict == .fail)
  }

  @Test(arguments: [Metric.tokensPerSecond, .cost])
  func `speed and cost are compared by ratios`(metric: Metric) throws {
    let policy = try policy(metric, .relative(0.3))
    func changed(_ factor: Double) throws -> [Outcome] {
      try outcomes(policy, 4_000, seed: 13).map { outcome in
        var outcome = outcome
        let isCandidate = outcome.model == names.flash
        let seconds = outcome.measurements.totalSeconds
        outcome.measurements.outputTokens = isCandidate ? Int(100 * factor) : 100
        outcome.measurements.cost = seconds * (isCandidate ? 0.01 * factor : 0.01)
        return outcome
      }
    }
    #expect(try report(policy, changed(1)).verdict == .pass)
    let worse = metric == .cost ? 2.0 : 0.5
    let report = try report(policy, changed(worse))
    #expect(report.verdict == .fail)
    // Four standard errors of a difference of means of 2,000 logarithms each, with spread 0.5:
    // 0.064, on a ratio of at most 2.
    #expect(abs(try #require(report.estimate) - (worse - 1)) < 0.13)
  }

  @Test func `people see each model at each length of prompt`() throws {
    let policy = try policy(.latency, .relative(0.1))
    var outcomes = try outcomes(policy, 400, seed: 11, errorRates: (0, 0.5))
    for index in outcomes.indices {
      outcomes[index].measurements.promptTokens = [100, 5_000, nil][index % 3]
    }
    var rollups: [OutcomeRollup.Key: OutcomeRollup] = [:]
    for outcome in outcomes {
      let key = try #require(OutcomeRollup.Key(outcome))
      rollups[key, default: OutcomeRollup()].add(outcome.measurements)
    }
    let lines = ComparisonTable(rollups).lines
    #expect(
      lines.map(\.band) == [.short, .veryLong, .unknown, .short, .veryLong, .unknown])
    #expect(lines.prefix(3).allSatisfy { $0.model == names.dense && $0.failures == 0 })
    #expect(lines.suffix(3).allSatisfy { $0.model == names.flash && $0.failures > 0 })
    #expect(lines.reduce(0) { $0 + $1.answers } == 400)
    for line in lines {
      let (p50, p95) = (line.totalSeconds.p50, line.totalSeconds.p95)
      #expect(try #require(p50) < (try #require(p95)))
      #expect(line.tokenAgreement == nil)
    }
  }
}
