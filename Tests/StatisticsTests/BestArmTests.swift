import Testing

@testable import Statistics

/// When a bandit may stop, in seeded worlds with shares that follow the evidence.
@Suite struct BestArmTests {
  /// A bandit's life: Thompson sampling in batches, a look at every answer.
  struct World {
    /// By arm, at a time from 0 to 1.
    var chance: (_ arm: Int, _ time: Double) -> Double
    var arms: Int
    var margin = 0.0
    var horizon = 4_000
    var batch = 250
    var floor = 0.05

    /// The arm that was named, if one was, and after how many answers.
    func run(seed: UInt64, alpha: Double = 0.05) throws -> (arm: Int, isTie: Bool, after: Int)? {
      var generator = SeededGenerator(seed: seed)
      var test = try BestArmTest(arms: arms, margin: margin, plannedEffect: 0.1)
      var good = [Double](repeating: 0, count: arms)
      var all = [Double](repeating: 0, count: arms)
      var centring = Centring.unknown
      var shares = WholeShares.of(good, floor: floor)
      for index in 0..<horizon {
        if index > 0, index % batch == 0 {
          let known = all.reduce(0, +), mean = good.reduce(0, +) / known
          centring = try Centring(mean: mean, variance: max(mean * (1 - mean), 0.01))
          let posteriors = all.indices.map {
            ArmPosterior.beta(successes: 1 + good[$0], failures: 1 + all[$0] - good[$0])
          }
          shares = WholeShares.of(BestArmProbabilities.of(posteriors), floor: floor)
        }
        var place = generator.uniform()
        let arm =
          shares.firstIndex { share in
            place -= share
            return place < 0
          } ?? 0
        let reward = generator.uniform() < chance(arm, Double(index) / Double(horizon)) ? 1.0 : 0
        test.append(.init(reward: reward, arm: arm, shares: shares, centring: centring))
        good[arm] += reward
        all[arm] += 1
        guard index % 25 == 24 else { continue }
        if let best = test.best(alpha: alpha) { return (best, false, index) }
        if test.isClose(0, alpha: alpha) { return (0, true, index) }
      }
      return nil
    }
  }

  @Test func `equal arms are rarely told apart, and drift that meets all tells nothing`() throws {
    // A wrong stop here names any arm: α is 5 %, of 60 worlds 3 are expected at most and more than
    // 8 leave less than 1 % of the chance to a sound test.
    let drifting = World(chance: { _, time in 0.5 + 0.2 * time }, arms: 2, horizon: 2_000)
    let named = try (1...60).count { try drifting.run(seed: $0) != nil }
    #expect(named <= 8, "\(named) of 60")
  }

  @Test func `the best arm is named, and hardly ever another one`() throws {
    let world = World(chance: { arm, _ in [0.5, 0.5, 0.65][arm] }, arms: 3)
    let ends = try (1...20).map { try world.run(seed: UInt64($0)) }
    #expect(ends.count { $0?.arm == 2 } >= 15)
    #expect(ends.count { $0 != nil && $0?.arm != 2 } <= 3)
  }

  @Test func `arms that are as good end in a tie within the margin`() throws {
    let world = World(chance: { _, _ in 0.9 }, arms: 2, margin: 0.1)
    let ends = try (1...20).compactMap { try world.run(seed: UInt64($0)) }
    #expect(ends.count { $0.isTie } >= 15)
    // At the margin the preferred arm is one that must not be taken: α/2 of the worlds may.
    let worse = World(
      chance: { arm, _ in arm == 0 ? 0.6 : 0.7 }, arms: 2, margin: 0.1, horizon: 2_000)
    let wrong = try (1...40).compactMap { try worse.run(seed: UInt64($0)) }.count { $0.isTie }
    #expect(wrong <= 4, "\(wrong) of 40")
  }

  @Test func `what is taken out leaves nothing, and half a test is half the evidence`() throws {
    var test = try BestArmTest(arms: 3, margin: 0.02, plannedEffect: 0.05)
    let empty = test
    let trials = (0..<40).map { index in
      BestArmTest.Trial(
        reward: Double(index % 5) / 4, arm: index % 3, shares: [0.5, 0.25, 0.25],
        centring: .unknown)
    }
    for trial in trials { test.append(trial) }
    var other = try BestArmTest(arms: 3, margin: 0.02, plannedEffect: 0.05)
    for trial in trials.reversed() { other.append(trial) }
    #expect(test == other)
    for trial in trials { test.withdraw(trial) }
    for arm in 0..<3 {
      #expect(test.progress(arm, alpha: 0.05) == empty.progress(arm, alpha: 0.05))
    }
    #expect(test.progress(0, alpha: 0.05) == 0)
  }

  @Test func `an arm that cannot be chosen, and shares of another table, move nothing`() throws {
    var test = try BestArmTest(arms: 2, margin: 0, plannedEffect: 0.05)
    let before = test
    test.append(.init(reward: 1, arm: 0, shares: [1, 0], centring: .unknown))
    test.append(.init(reward: 1, arm: 0, shares: [0.5, 0.25, 0.25], centring: .unknown))
    test.append(.init(reward: 1, arm: 2, shares: [0.5, 0.5], centring: .unknown))
    #expect(test.progress(0, alpha: 0.05) == before.progress(0, alpha: 0.05))
    #expect(throws: StatisticsError.self) {
      try BestArmTest(arms: 1, margin: 0, plannedEffect: 0.05)
    }
  }
}
