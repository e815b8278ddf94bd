import Experimentation
import Statistics

/// What the answers of a bandit step show of its models' rewards, and what follows for the shares.
///
/// Two uses, kept apart. *Shares* come from posteriors over everything seen, since what they get
/// wrong costs a few answers and nothing else. *The end* comes from betting tests that are weighted
/// by the propensity in force when each request was assigned (``BestArmTest``), since shares that
/// follow the evidence would make any pooled comparison lie.
///
/// Where units stay on their model a unit is one observation. For the end it is the mean of its
/// rewards from the model that it had first in this step, weighed by the chance of that: shares
/// that move take some units to another model, and their place was not drawn anew. For the shares
/// it counts for each model that it has had, when it came last (``UnitRewards``).
struct BanditEvidence: Hashable, Sendable {
  /// The most tables of a run; shares then stay as they are: two months of ten minutes each. With
  /// cells, of which each allocation has a table, there are fewer allocations, but at least
  /// ``leastAllocations``.
  static let greatestTableCount = 10_000
  static let leastAllocations = 1_000
  /// How far apart models are planned to be, where the proof is fastest.
  private static let plannedShare = 0.05
  private static let plannedRatio = 0.1

  /// What happened under one table.
  struct Period: Hashable, Sendable {
    /// By arm.
    var shares: [Double]
    /// What the shares are made of, by arm: of a unit that comes again, under its last table.
    var rewards: [RewardSum]
    /// From the periods before, fixed with the first reward of this one.
    var centring: Centring
  }

  /// A unit's rewards from its first model, in millionths: what the end is shown by.
  private struct Unit: Hashable, Sendable {
    var arm: Int
    var allocation: Int
    var sum = 0
    var count = 0

    var mean: Double { Double(sum) / Double(max(1, count)) / 1_000_000 }
  }

  let arms: [ModelName]
  let traffic: BanditTraffic
  /// How many tables an allocation has.
  let cellCount: Int
  private let alpha: Double
  private let isSticky: Bool
  /// Of a reward's worth in an update period: its logarithm falls by so much.
  private let loss: Double
  private var scale: RewardScale
  private(set) var periods: [Int: Period] = [:]
  /// Empty where every answer is a unit of its own and tells its reward itself.
  private var units: [UInt64: Unit] = [:]
  private var unitRewards = UnitRewards()
  private var test: BestArmTest
  /// Rewards, by arm, and by cell.
  private var counts: [Int]
  private(set) var cellCounts: [Int]
  private var costs: [SampleSummary]

  /// `nil` for a policy without a bandit step.
  init?(_ policy: RolloutPolicy) {
    let found = policy.steps.lazy.compactMap { step -> BanditTraffic? in
      if case .bandit(let traffic) = step.traffic { traffic } else { nil }
    }
    guard let traffic = found.first else { return nil }
    arms = policy.arms
    self.traffic = traffic
    cellCount = max(traffic.context?.cellCount ?? 1, 1)
    alpha = policy.analysis.alpha
    scale = RewardScale(traffic.reward.metric)
    isSticky = policy.assignment.unit != .request
    let halfLife = traffic.halfLifeSeconds.flatMap { $0 > 0 ? $0 : nil }
    loss = halfLife.map { .log(2) * traffic.updateSeconds / $0 } ?? 0
    counts = arms.map { _ in 0 }
    cellCounts = Array(repeating: 0, count: cellCount)
    costs = arms.map { _ in SampleSummary() }
    let planned = scale.points(scale.isOfShares ? Self.plannedShare : Self.plannedRatio)
    guard
      let test = try? BestArmTest(
        arms: arms.count, margin: scale.points(traffic.margin), plannedEffect: planned,
        mayClose: policy.mayDrop)
    else { return nil }
    self.test = test
  }

  /// Whether users give the rewards.
  var isFromUsers: Bool { traffic.reward.feedbackName != nil }

  /// Whether `feedback` is one: said in time, under the reward's name, of an answer that chance
  /// gave to its model.
  func isReward(_ feedback: Feedback) -> Bool {
    !feedback.isLate && feedback.metric == traffic.reward.feedbackName
      && feedback.assignment.rollout != nil && feedback.assignment.propensity != nil
  }

  /// Takes an answer in.
  ///
  /// - Parameter shares: in force when it was assigned
  mutating func add(_ outcome: Outcome, shares: [ModelName: Share]) {
    guard let arm = arms.firstIndex(of: outcome.model) else { return }
    if let cost = outcome.measurements.cost { costs[arm].append(cost) }
    guard !isFromUsers,
      let score = scale.score(outcome.measurements.reading(of: traffic.reward.metric))
    else { return }
    enter(score, of: arm, outcome.assignment, shares, isUnit: isSticky)
  }

  /// Takes in what somebody said, whose window has closed.
  ///
  /// - Parameter shares: in force when the answer was assigned
  mutating func add(_ feedback: Feedback, shares: [ModelName: Share]) {
    guard isReward(feedback), let arm = arms.firstIndex(of: feedback.model),
      (0...1).contains(feedback.value), let score = scale.score(.value(feedback.value))
    else { return }
    enter(score, of: arm, feedback.assignment, shares, isUnit: true)
  }

  private mutating func enter(
    _ score: Double, of arm: Int, _ assignment: Assignment, _ shares: [ModelName: Share],
    isUnit: Bool
  ) {
    let allocation = assignment.rollout?.allocation ?? 0
    if periods[allocation] == nil {
      periods[allocation] = Period(
        shares: arms.map { shares[$0]?.value ?? 0 }, rewards: arms.map { _ in RewardSum() },
        centring: Centring(history: history(before: allocation)))
    }
    counts[arm] += 1
    cellCounts[allocation % cellCount] += 1
    guard isUnit else {
      periods[allocation]?.rewards[arm].insert(score)
      return count(Unit(arm: arm, allocation: allocation), reward: score)
    }
    observe(score, of: arm, assignment.unitHash, under: allocation)
    let before = units[assignment.unitHash]
    guard before != nil || units.count < UnitEvidence.capacity else { return }
    var unit = before ?? Unit(arm: arm, allocation: allocation)
    // A unit is of the model that it had first.
    guard unit.arm == arm else { return }
    unit.sum += Int((score * 1_000_000).rounded())
    unit.count += 1
    units[assignment.unitHash] = unit
    if let before { discount(before) }
    count(unit, reward: unit.mean)
  }

  /// Has the shares see a unit's reward.
  private mutating func observe(
    _ score: Double, of arm: Int, _ unit: UInt64, under allocation: Int
  ) {
    let (loss, cells) = (loss, cellCount)
    let observation = unitRewards.add(score, of: unit, arm: arm, under: allocation) {
      .exp(-loss * Double($1 / cells - $0 / cells))
    }
    guard let (before, now) = observation else { return }
    if let before { periods[before.table]?.rewards[arm].remove(before.mean) }
    periods[now.table]?.rewards[arm].insert(now.mean)
  }

  private mutating func count(_ unit: Unit, reward: Double) {
    if let trial = trial(unit, reward: reward) { test.append(trial) }
  }

  private mutating func discount(_ unit: Unit) {
    if let trial = trial(unit, reward: unit.mean) { test.withdraw(trial) }
  }

  private func trial(_ unit: Unit, reward: Double) -> BestArmTest.Trial? {
    periods[unit.allocation].map { period in
      BestArmTest.Trial(
        reward: reward, arm: unit.arm, shares: period.shares, centring: period.centring)
    }
  }

  /// Rewards of all arms under the tables before `number`, of its cell: what is usual there.
  private func history(before number: Int) -> SampleSummary {
    periods.filter { $0.key < number && ($0.key - number).isMultiple(of: cellCount) }
      .values.flatMap(\.rewards).reduce(RewardSum(), +).summary
  }
}

// MARK: - Allocating

extension BanditEvidence {
  /// The allocation that follows on `last`; `nil` while nothing new is to be said.
  ///
  /// - Parameters:
  ///   - isDue: whether shares may move; a winner is named whenever it is shown, and what a model
  ///     has that has left is given to the others at once
  ///   - closed: models that have left: they get nothing and are compared with nobody
  func allocation(
    after last: BanditAllocation?, isDue: Bool, closed: Set<ModelName> = []
  ) -> BanditAllocation? {
    let number = (last?.number ?? 0) + 1
    let greatest = max(Self.greatestTableCount / cellCount, Self.leastAllocations)
    guard number <= greatest else { return nil }
    let isOpen = arms.map { !closed.contains($0) }
    let winner = winner(isOpen)
    let known = last?.arms.reduce(0) { $0 + $1.rewards } ?? 0
    // The even shares before the first allocation are of all arms.
    let hasVacancy = arms.indices.contains { arm in
      !isOpen[arm] && last?.arms.first { $0.model == arms[arm] }?.share != Share.none
    }
    guard winner != nil || hasVacancy || (isDue && counts.reduce(0, +) > known) else { return nil }
    if let context = traffic.context {
      return allocation(number, of: context, winner: winner, isOpen: isOpen)
    }
    let samples = arms.indices.map { sample(of: $0, at: number) }
    let best = chances(posteriors(samples, at: number), isOpen)
    let algorithm = traffic.algorithm == .topTwo ? BanditAlgorithm.topTwo : .thompson
    let weights =
      winner.map { winner in arms.indices.map { $0 == winner ? 1.0 : 0 } }
      ?? spread(isOpen) { open in algorithm.weights(best: open.map { best[$0] }) }
    return BanditAllocation(
      number: number, arms: parts(shares(weights, isOpen), samples, best: best, isOpen),
      winner: winner.map { arms[$0] })
  }

  /// What the journal says of each arm.
  func parts(
    _ shares: [Double], _ samples: [ArmSample], best: [Double], _ isOpen: [Bool]
  ) -> [BanditAllocation.Arm] {
    let closed = Set(arms.indices.filter { !isOpen[$0] })
    return arms.indices.map { arm in
      BanditAllocation.Arm(
        model: arms[arm], share: Share(shares[arm]) ?? .none, rewards: counts[arm],
        mean: samples[arm].mean.flatMap { scale.value(ofScore: $0) },
        bestProbability: best[arm],
        progress: test.progress(arm, alpha: alpha, without: closed))
    }
  }

  /// How probable it is that each arm is the best of those that are open.
  func chances(_ posteriors: [ArmPosterior], _ isOpen: [Bool]) -> [Double] {
    spread(isOpen) { open in BestArmProbabilities.of(open.map { posteriors[$0] }) }
  }

  /// Shares by weights, with the floor for each arm that is open.
  func shares(_ weights: [Double], _ isOpen: [Bool]) -> [Double] {
    spread(isOpen) { open in
      WholeShares.of(open.map { weights[$0] }, floor: traffic.minShare.value)
    }
  }

  /// What is computed of the arms that are open, given their places; 0 of the others.
  private func spread(_ isOpen: [Bool], _ body: ([Int]) -> [Double]) -> [Double] {
    let open = arms.indices.filter { isOpen[$0] }
    var all = arms.map { _ in 0.0 }
    for (arm, value) in zip(open, body(open)) { all[arm] = value }
    return all
  }

  /// What is worth something of an arm's rewards when allocation `number` is made: older periods
  /// less, where a half-life says so (Raj and Kalyani, "Taming non-stationary bandits", 2017).
  private func sample(of arm: Int, at number: Int) -> ArmSample {
    ArmSample(
      periods.sorted { $0.key < $1.key }.map { key, period in
        (rewards: period.rewards[arm], weight: weight(of: key, at: number))
      })
  }

  /// - Parameter table: the number that outcomes carry
  func weight(of table: Int, at number: Int) -> Double {
    .exp(-loss * Double(max(0, number - 1 - table / cellCount)))
  }

  private func posteriors(_ samples: [ArmSample], at number: Int) -> [ArmPosterior] {
    if scale.isOfShares { return samples.map { ArmPosterior(shareOf: $0) } }
    let pooled = ArmSample(
      periods.sorted { $0.key < $1.key }.map { key, period in
        (rewards: period.rewards.reduce(RewardSum(), +), weight: weight(of: key, at: number))
      })
    return samples.map { ArmPosterior(meanOf: $0, among: pooled) }
  }

  /// The arm to take of those that are open, once that is shown.
  private func winner(_ isOpen: [Bool]) -> Int? {
    let closed = Set(arms.indices.filter { !isOpen[$0] })
    if let best = test.best(alpha: alpha, without: closed) { return best }
    let preferred = traffic.onTie == .cheapest ? cheapest(isOpen) : 0
    return test.isClose(preferred, alpha: alpha, without: closed) ? preferred : nil
  }

  /// The incumbent while one of the costs is not known.
  private func cheapest(_ isOpen: [Bool]) -> Int {
    let open = arms.indices.filter { isOpen[$0] }
    let means = open.compactMap { arm in costs[arm].mean.map { (arm: arm, mean: $0) } }
    guard means.count == open.count else { return 0 }
    return means.min { $0.mean < $1.mean }?.arm ?? 0
  }
}
