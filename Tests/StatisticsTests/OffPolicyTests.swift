import Testing

@testable import Statistics

/// What a policy that was not in force would have brought.
@Suite struct OffPolicyTests {
  struct Reference: Decodable {
    let name: String
    let clip: Double
    let context: [Int]
    let action: [Int]
    let reward: [Double]
    let pscore: [Double]
    let evaluated: [[Double]]
    let q: [[Double]]
    let ips: Double
    let clipped: Double
    let snips: Double
    let dr: Double
    let ess: Double
  }

  /// A log of two actions: the second is taken with chance `propensity`, and brings `rewards`.
  private func log(
    _ count: Int, propensity: Double, means: (Double, Double), seed: UInt64,
    chance: Double = 1
  ) throws -> OffPolicyEvaluation {
    var generator = SeededGenerator(seed: seed)
    var evaluation = try OffPolicyEvaluation(greatestWeight: 1 / propensity)
    for _ in 0..<count {
      let isSecond = generator.uniform() < propensity
      let mean = isSecond ? means.1 : means.0
      evaluation.append(
        reward: generator.uniform() < mean ? 1 : 0,
        propensity: isSecond ? propensity : 1 - propensity,
        chance: isSecond ? chance : 1 - chance)
    }
    return evaluation
  }

  private func estimate(_ result: OffPolicyResult) throws -> OffPolicyEstimate {
    guard case .estimate(let estimate) = result else {
      Issue.record("refused: \(result)")
      throw StatisticsError(.mismatch, "refused")
    }
    return estimate
  }

  @Test func `estimates are those of obp`() throws {
    let cases = try Fixture.decode([Reference].self, from: "off_policy.json")
    #expect(cases.count == 3)
    for reference in cases {
      var evaluation = try OffPolicyEvaluation(greatestWeight: 20, clip: reference.clip)
      for (index, action) in reference.action.enumerated() {
        let context = reference.context[index]
        let (chances, q) = (reference.evaluated[context], reference.q[context])
        evaluation.append(
          reward: reference.reward[index], propensity: reference.pscore[index],
          chance: chances[action],
          prediction: RewardPrediction(
            ofAction: q[action], ofPolicy: zip(chances, q).reduce(0) { $0 + $1.0 * $1.1 }))
      }
      let estimate = try estimate(evaluation.result)
      // Sums of some hundred terms, in another order.
      #expect(isClose(estimate.importance, reference.ips, relative: 1e-12), "\(reference.name)")
      #expect(isClose(estimate.clipped, reference.clipped, relative: 1e-12), "\(reference.name)")
      #expect(
        isClose(estimate.selfNormalised, reference.snips, relative: 1e-12), "\(reference.name)")
      #expect(isClose(estimate.doublyRobust, reference.dr, relative: 1e-12), "\(reference.name)")
      #expect(isClose(estimate.effectiveCount, reference.ess, relative: 1e-12), "\(reference.name)")
      #expect(estimate.interval.contains(reference.ips))
    }
  }

  @Test func `the interval holds the truth at every look, with a twentieth of the logs to miss it`()
    throws
  {
    var misses = 0
    for seed in 1...60 {
      var generator = SeededGenerator(seed: UInt64(seed))
      var evaluation = try OffPolicyEvaluation(greatestWeight: 5)
      var hasMissed = false
      for round in 1...2_000 {
        let isSecond = generator.uniform() < 0.2
        evaluation.append(
          reward: generator.uniform() < (isSecond ? 0.3 : 0.6) ? 1 : 0,
          propensity: isSecond ? 0.2 : 0.8, chance: isSecond ? 1 : 0)
        if round.isMultiple(of: 250), case .estimate(let found) = evaluation.result {
          hasMissed = hasMissed || !found.interval.contains(0.3)
        }
      }
      if hasMissed { misses += 1 }
    }
    // Expected are at most 3 of 60; more than 7 come with a chance of 1 in 100.
    #expect(misses <= 7)
  }

  @Test func `more decisions make the interval narrow around the truth`() throws {
    let few = try estimate(
      log(2_000, propensity: 0.5, means: (0.2, 0.4), seed: 3).result)
    let many = try estimate(
      log(50_000, propensity: 0.5, means: (0.2, 0.4), seed: 3).result)
    #expect(many.interval.contains(0.4))
    let widths = [few, many].map { $0.interval.upper - $0.interval.lower }
    #expect(widths[1] < widths[0] / 2)
    // Scores at a propensity of a half have a standard deviation of 0.7; 10 standard errors, 5 to
    // each side.
    #expect(widths[1] < 0.032)
    #expect(abs(many.selfNormalised - 0.4) < 0.02)
  }

  @Test func `too small an effective sample is refused, with how many are missing`() throws {
    let evaluation = try log(1_000, propensity: 0.02, means: (0.5, 0.5), seed: 4)
    guard case .refused(.fewEffective(let effective, let missing)) = evaluation.result
    else {
      Issue.record("not refused: \(evaluation.result)")
      return
    }
    #expect(effective < 100)
    // With so many more of the kind the effective sample is 100.
    let needed = try #require(missing)
    #expect(abs(Double(1_000 + needed) * effective / 1_000 - 100) < 1)
    let more = try log(1_000 + 3 * needed, propensity: 0.02, means: (0.5, 0.5), seed: 4)
    _ = try estimate(more.result)
  }

  @Test func `what the log never tried is refused`() throws {
    var evaluation = try OffPolicyEvaluation(greatestWeight: 1_000)
    #expect(evaluation.result == .refused(.unsupported))
    for _ in 0..<500 { evaluation.append(reward: 1, propensity: 1, chance: 0) }
    #expect(evaluation.result == .refused(.unsupported))
  }

  @Test func `one decision that outweighs the others is refused`() throws {
    var evaluation = try OffPolicyEvaluation(greatestWeight: 1_000)
    for _ in 0..<5_000 { evaluation.append(reward: 1, propensity: 0.5, chance: 0.5) }
    evaluation.append(reward: 1, propensity: 0.001, chance: 0.8)
    // A weight of 800 against 5,000.
    guard case .refused(.fewEffective(let effective, _)) = evaluation.result else {
      Issue.record("not refused")
      return
    }
    #expect(isClose(effective, 5_800 * 5_800 / (5_000 + 800 * 800), relative: 1e-9))
  }

  @Test func `propensities that were not drawn from are refused`() throws {
    var evaluation = try OffPolicyEvaluation(greatestWeight: 1_000)
    for round in 0..<4_000 {
      // Every second decision takes the action that is said to be taken in one of five.
      evaluation.append(
        reward: 1, propensity: round.isMultiple(of: 2) ? 0.2 : 0.8,
        chance: round.isMultiple(of: 2) ? 1 : 0)
    }
    guard case .refused(.implausible(let mean)) = evaluation.result else {
      Issue.record("not refused")
      return
    }
    #expect(isClose(mean, 2.5, relative: 1e-9))
  }

  @Test func `what is no decision moves nothing`() throws {
    var evaluation = try OffPolicyEvaluation(greatestWeight: 100)
    for (reward, propensity, chance) in [
      (2.0, 0.5, 0.5), (.nan, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 1.5, 0.5), (0.5, 0.5, -1),
    ] {
      let isTaken = evaluation.append(reward: reward, propensity: propensity, chance: chance)
      #expect(!isTaken)
    }
    evaluation.append(reward: 1, propensity: 0.001, chance: 0.5)
    #expect(evaluation.count == 0 && evaluation.ignored == 6)
    #expect(throws: StatisticsError.self) { try OffPolicyEvaluation(greatestWeight: 2, clip: 0) }
  }

  @Test func `the bound is that of confseq where numbers are in 0…1`() throws {
    struct Golden: Decodable {
      struct Sample: Decodable {
        let x: [Double]
        let l: Double
      }
      let predmix_eb: Sample
    }
    let sample = try Fixture.decode(Golden.self, from: "golden_ref.json").predmix_eb
    var bound = EmpiricalBernsteinBound(greatestLoss: 0, alpha: 0.025)
    #expect(bound.lowerBound == -.infinity)
    for value in sample.x { bound.append(value) }
    #expect(isClose(bound.lowerBound, sample.l, relative: 1e-12))
  }

  @Test func `predictions are of the other half`() {
    var table = RewardTable(contexts: 2, actions: 2)
    for _ in 0..<100 { table.add(context: 0, action: 1, isOdd: false, reward: 1) }
    #expect(table.prediction(context: 0, action: 1, isOdd: true) == 1)
    #expect(table.prediction(context: 0, action: 1, isOdd: false) == 0)
    // A context without decisions is expected to be like the others.
    #expect(table.prediction(context: 1, action: 1, isOdd: true) == 1)
    #expect(table.prediction(context: 9, action: 1, isOdd: true) == 0)
  }

  @Test func `a good prediction makes the doubly robust estimate the steadiest`() throws {
    var spread = (importance: 0.0, robust: 0.0)
    for seed in 1...40 {
      var generator = SeededGenerator(seed: UInt64(seed))
      var evaluation = try OffPolicyEvaluation(greatestWeight: 1_000)
      for _ in 0..<500 {
        let isSecond = generator.uniform() < 0.4
        evaluation.append(
          reward: 0.8 + 0.1 * generator.uniform(), propensity: isSecond ? 0.4 : 0.6,
          chance: isSecond ? 1 : 0, prediction: RewardPrediction(ofAction: 0.85, ofPolicy: 0.85))
      }
      let estimate = try estimate(evaluation.result)
      spread.importance += (estimate.importance - 0.85) * (estimate.importance - 0.85)
      spread.robust += (estimate.doublyRobust - 0.85) * (estimate.doublyRobust - 0.85)
    }
    // Rewards hardly vary, so that all of the spread of IPS is the weights': some 300 times that
    // of DR.
    #expect(spread.robust < spread.importance / 50)
  }
}
