import Experimentation
import Promotion
import Routing
import SQLiteStorage
import Statistics
import Storage
import Testing

/// A bandit step: what moves its shares, what ends it, and what guards it meanwhile.
@Suite struct BanditStepTests {
  let names: Names

  init() throws { names = try Names() }

  func policy(
    reward: BanditReward = .metric(.errorRate), margin: Double = 0, unit: UnitKind = .request,
    metrics: [MetricGate] = [], candidates: [ModelName]? = nil, hold: HoldConditions? = nil,
    onTie: BanditTraffic.TieRule = .incumbent, halfLife: Double? = nil, alpha: Double = 0.05
  ) throws -> RolloutPolicy {
    let traffic = BanditTraffic(
      reward: reward, minShare: try .part(0.1), updateSeconds: 60, halfLifeSeconds: halfLife,
      margin: margin, onTie: onTie)
    return names.policy(
      [Step(.bandit(traffic), hold: hold ?? HoldConditions())], metrics: metrics,
      candidates: candidates, unit: unit, alpha: alpha)
  }

  static let errors = MetricGate(
    name: "errors", metric: .errorRate, role: .guardrail,
    objective: .notWorse(by: .absolute(0.1)))

  /// A service's life without the service: answers under the shares in force, allocations as they
  /// fall due.
  struct Life {
    let names: Names
    let policy: RolloutPolicy
    var state: RolloutState
    var evidence: RunEvidence
    var generator: SeededGenerator
    /// By model; 0 for those that are not named.
    var errorRates: [ModelName: Double]
    var rows: [Sequenced<Outcome>] = []

    init(_ policy: RolloutPolicy, seed: UInt64, errorRates: [ModelName: Double]) throws {
      names = try Names()
      self.policy = policy
      state = names.state(policy)
      evidence = RunEvidence(of: state)
      generator = SeededGenerator(seed: seed)
      self.errorRates = errorRates
    }

    mutating func answer(_ count: Int, units: UInt64? = nil) throws {
      let shares = state.drawnShares.filter { $0.value > .none }
      let serving = policy.arms.compactMap { model in
        shares[model].map { WeightedModel(model: model, share: $0) }
      }
      var batch: [Sequenced<Outcome>] = []
      for _ in 0..<count {
        let sequence = Int64(rows.count + batch.count + 1)
        let unit = units.map { generator.next() % $0 } ?? UInt64(sequence)
        let chosen = try #require(
          WeightedRendezvous.choose(
            unit: AssignmentUnit(id: "\(unit)"), salt: "\(policy.digest)", among: serving))
        // Who draws a model that has left gets the incumbent, outside of the draw.
        let isVacant = state.hasDropped(chosen.model)
        let model = isVacant ? policy.incumbent : chosen.model
        var place = names.assignment(
          policy, step: 0, unit: unit, propensity: isVacant ? nil : chosen.share.value)
        place.rollout = state.position
        let isError = generator.uniform() < errorRates[model, default: 0]
        batch.append(
          Sequenced(
            sequence: sequence,
            value: Outcome(
              requestID: "r\(sequence)", assignment: place, model: model,
              measurements: names.answer(failure: isError ? .rejected : nil))))
      }
      rows += batch
      evidence.fold(batch)
    }

    /// What a look does with shares.
    mutating func allocate(isDue: Bool = true) {
      guard let next = evidence.allocation(of: state, isDue: isDue) else { return }
      state.allocations.append(next)
      evidence.follow(state)
    }
  }

  // MARK: Shares

  @Test func `a bandit begins even, and learns nothing from nothing`() throws {
    let policy = try policy(candidates: [names.flash, names.window])
    let state = names.state(policy)
    #expect(state.shares.values.reduce(0) { $0 + $1.value } == 1)
    #expect(state.shares.values.allSatisfy { abs($0.value - 1.0 / 3) < 1e-8 })
    #expect(RunEvidence(of: state).allocation(of: state, isDue: true) == nil)
  }

  @Test func `traffic moves to the better model, and every model keeps its floor`() throws {
    let policy = try policy(candidates: [names.flash, names.window])
    var life = try Life(
      policy, seed: 3,
      errorRates: [names.dense: 0.2, names.flash: 0.1, names.window: 0.2])
    for period in 1...5 {
      try life.answer(60)
      life.allocate(isDue: false)
      #expect(life.state.allocations.count == period - 1, "shares moved before their time")
      life.allocate()
    }
    let last = try #require(life.state.allocations.last)
    #expect(last.winner == nil, "the test needs a world that is not decided yet")
    #expect(last.arms.map(\.model) == policy.arms)
    #expect(last.arms.reduce(0) { $0 + $1.share.value } == 1)
    #expect(last.arms.allSatisfy { $0.share.value >= 0.1 })
    #expect(last.arms[1].share.value > 0.5)
    #expect(last.arms.reduce(0) { $0 + $1.rewards } == life.rows.count)
    let mean = try #require(last.arms[0].mean)
    // In the metric's own unit: errors, not successes.
    #expect(mean > 0.05 && mean < 0.4)
  }

  @Test func `the same rows give the same shares, however they are batched`() throws {
    let policy = try policy()
    var life = try Life(policy, seed: 4, errorRates: [names.dense: 0.2, names.flash: 0.15])
    for _ in 0..<4 {
      try life.answer(150)
      life.allocate()
    }
    var anew = RunEvidence(of: life.state)
    for start in stride(from: 0, to: life.rows.count, by: 7) {
      anew.fold(Array(life.rows[start..<min(start + 7, life.rows.count)]))
    }
    try life.answer(50)
    anew.fold(life.rows)
    #expect(
      anew.allocation(of: life.state, isDue: true)
        == life.evidence.allocation(of: life.state, isDue: true))
  }

  @Test func `answers under shares that nobody wrote down say nothing`() throws {
    let policy = try policy()
    var life = try Life(policy, seed: 5, errorRates: [:])
    life.state.allocations = [
      BanditAllocation(
        number: 7,
        arms: [
          .init(model: names.dense, share: try .part(0.75), bestProbability: 0.5),
          .init(model: names.flash, share: try .part(0.25), bestProbability: 0.5),
        ])
    ]
    try life.answer(100)
    #expect(life.evidence.allocation(of: life.state, isDue: true) == nil)
    #expect(life.evidence.samples.isEmpty)
    life.evidence.follow(life.state)
    try life.answer(100)
    #expect(life.evidence.samples.values.reduce(0, +) == 100)
  }

  @Test func `a user who is moved counts for both models in the shares`() throws {
    let policy = try policy(unit: .user, metrics: [Self.errors])
    var life = try Life(
      policy, seed: 6, errorRates: [names.dense: 0.4, names.flash: 0.3])
    for _ in 0..<3 {
      try life.answer(300, units: 60)
      life.allocate()
    }
    let moved = Dictionary(grouping: life.rows.map(\.value), by: \.assignment.unitHash)
      .values.filter { Set($0.map(\.model)).count > 1 }
    #expect(!moved.isEmpty, "nobody was moved, so that nothing is tested")
    let last = try #require(life.state.allocations.last)
    #expect(last.winner == nil, "the test needs a world that is not decided yet")
    // For the shares all of it counts.
    #expect(last.arms.reduce(0) { $0 + $1.rewards } == life.rows.count)
    // Growing shares move nobody away: who has flash keeps it while its share grows.
    let shares = life.state.allocations.map { $0.shares[names.flash] ?? .none }
    if zip(shares, shares.dropFirst()).allSatisfy({ $0 <= $1 }) {
      #expect(moved.allSatisfy { $0.last?.model == names.flash })
    }
  }

  /// A world in which two models change places.
  struct Swap: CustomTestStringConvertible {
    var unit: UnitKind
    var users: UInt64?
    /// Answers of a period before and after.
    var answers = (before: 200, after: 200)
    /// What the better model shall have four half-lives later.
    var least: Double

    var testDescription: String {
      "\(unit), \(users ?? 0) users, \(answers.before) then \(answers.after) answers"
    }
  }

  /// The share of the model that is better, a mean over worlds and over the last periods.
  func shareOfTheBetter(_ swap: Swap, halfLife: Double?) throws -> Double {
    let worlds = 6
    var sum = 0.0
    for seed in 0..<worlds {
      // Nothing is to end before its time.
      let policy = try policy(unit: swap.unit, halfLife: halfLife, alpha: 1e-300)
      var life = try Life(
        policy, seed: UInt64(200 + seed), errorRates: [names.dense: 0.3, names.flash: 0.1])
      for period in 0..<16 {
        if period == 8 { life.errorRates = [names.dense: 0.1, names.flash: 0.3] }
        try life.answer(
          period < 8 ? swap.answers.before : swap.answers.after, units: swap.users)
        life.allocate()
        let last = try #require(life.state.allocations.last)
        #expect(last.number == period + 1 && last.winner == nil)
        if period == 7 { #expect(last.arms[1].share.value > 0.8, "nothing was learned before") }
        if period >= 12 { sum += last.arms[0].share.value / 4 }
      }
    }
    return sum / Double(worlds)
  }

  @Test(arguments: [
    Swap(unit: .request, least: 0.85),
    Swap(unit: .user, users: 400, least: 0.85),
    Swap(unit: .user, users: 50, least: 0.75),
    // The few who come later say what is so now, however much was said before.
    Swap(unit: .user, users: 400, answers: (before: 2_000, after: 100), least: 0.75),
  ])
  func `a half-life follows models that change places`(swap: Swap) throws {
    let forgetting = try shareOfTheBetter(swap, halfLife: 120)
    let remembering = try shareOfTheBetter(swap, halfLife: nil)
    #expect(forgetting > swap.least)
    #expect(forgetting > remembering + 0.15)
  }

  // MARK: The end

  @Test func `a winner is named at once, keeps the floor for the others, and stays`() throws {
    let policy = try policy(metrics: [Self.errors])
    var life = try Life(policy, seed: 7, errorRates: [names.dense: 0.3])
    for _ in 0..<20 where life.state.winner == nil {
      try life.answer(50)
      life.allocate(isDue: false)
    }
    let last = try #require(life.state.allocations.last)
    #expect(last.winner == names.flash && life.state.contenders == [names.flash])
    #expect(abs(last.arms[0].share.value - 0.1) < 1e-8)
    try life.answer(50)
    life.allocate()
    #expect(life.state.allocations.last == last)
  }

  @Test func `the step passes with the winner's gates, and goes back if the incumbent wins`() throws
  {
    let other = MetricGate(
      name: "errors", metric: .errorRate, role: .guardrail,
      objective: .notWorse(by: .absolute(0.1)))
    let policy = try policy(metrics: [other], candidates: [names.flash, names.window])
    var state = names.state(policy)
    let report = { (model: ModelName, verdict: Verdict) in
      GateReport(
        gate: "errors", metric: .errorRate, role: .guardrail, candidate: model, verdict: verdict,
        threshold: 0.1, samples: 10)
    }
    var findings = Findings(
      reports: [report(names.flash, .pass), report(names.window, .inconclusive)],
      samples: [names.flash: 10], secondsInStep: 5)
    guard case .hold(let reason) = state.next(on: findings) else {
      Issue.record("it went on without a winner")
      return
    }
    #expect(reason == "no model is shown to be best yet")
    let arms = policy.arms.map {
      BanditAllocation.Arm(model: $0, share: .none, bestProbability: 0)
    }
    state.allocations = [BanditAllocation(number: 1, arms: arms, winner: names.flash)]
    #expect(state.next(on: findings) == .advance(to: 1))
    findings.reports[0].verdict = .inconclusive
    guard case .hold = state.next(on: findings) else {
      Issue.record("it went on although the winner's gate is open")
      return
    }
    findings.reports[1].verdict = .fail
    guard case .rollBack = state.next(on: findings) else {
      Issue.record("harm by another model was passed over")
      return
    }
    state.allocations = [BanditAllocation(number: 1, arms: arms, winner: names.dense)]
    findings.reports = []
    #expect(
      state.next(on: findings)
        == .rollBack(because: "'dense' is shown to be the one to keep, and it is live"))
  }

  @Test func `models within the margin end in a tie, at the cheaper one where that is asked for`()
    throws
  {
    for (rule, expected) in [
      (BanditTraffic.TieRule.incumbent, names.dense), (.cheapest, names.flash),
    ] {
      let policy = try policy(margin: 0.15, onTie: rule)
      var life = try Life(policy, seed: 8, errorRates: [names.dense: 0.05, names.flash: 0.05])
      for _ in 0..<30 where life.state.winner == nil {
        let before = life.rows.count
        try life.answer(50)
        // Told of once more, with what they cost: rows are passed over by their place.
        var priced = Array(life.rows[before...])
        for index in priced.indices {
          priced[index].value.measurements.cost = priced[index].value.model == names.dense ? 2 : 1
        }
        var evidence = RunEvidence(of: life.state)
        evidence.fold(Array(life.rows[..<before]) + priced)
        life.rows.replaceSubrange(before..., with: priced)
        life.evidence = evidence
        life.allocate()
      }
      #expect(life.state.winner == expected)
    }
  }

  // MARK: Guardrails

  @Test func `gates judge equal models fairly while shares move`() throws {
    // Rewards are times, of which flash's look better, so that it gets most of the traffic; errors
    // come in a drift that meets both. Pooled, the model with late traffic would look worse.
    var wrong = 0
    for seed in UInt64(1)...40 {
      let policy = try policy(reward: .metric(.latency), metrics: [Self.errors])
      var life = try Life(policy, seed: seed, errorRates: [:])
      for period in 0..<6 {
        life.errorRates = [
          names.dense: 0.05 + 0.05 * Double(period), names.flash: 0.05 + 0.05 * Double(period),
        ]
        try life.answer(120)
        life.state.allocations.append(
          BanditAllocation(
            number: period + 1,
            arms: [
              .init(
                model: names.dense, share: try .part(0.5 - 0.0625 * Double(period + 1)),
                bestProbability: 0.5),
              .init(
                model: names.flash, share: try .part(0.5 + 0.0625 * Double(period + 1)),
                bestProbability: 0.5),
            ]))
        life.evidence.follow(life.state)
      }
      let report = try #require(life.evidence.reports.first)
      #expect(report.verdict != .error, "\(report.explanation ?? "")")
      if report.verdict == .fail { wrong += 1 }
    }
    // α is 5 %: 2 of 40 are expected at most, and 6 leave less than 1 % to a sound test.
    #expect(wrong <= 6)
  }

  @Test func `a model that breaks answers is taken back although its reward is better`() throws {
    let policy = try policy(reward: .metric(.outputTokens), metrics: [Self.errors])
    var life = try Life(policy, seed: 9, errorRates: [names.flash: 0.6])
    for _ in 0..<6 {
      try life.answer(100)
      life.allocate()
    }
    #expect(life.evidence.reports.first?.verdict == .fail)
  }
}
