import ArgumentParser
import Statistics

/// `rollout bench bandits`: how often a bandit ends wrongly, how soon, and what it loses meanwhile.
struct BenchBanditsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bandits",
    abstract: "How often a bandit names a wrong model, how soon a right one, and at what regret.",
    discussion: """
      Lets seeded worlds of zeros and ones run through what a bandit step runs on: shares of the \
      traffic computed anew every 500 answers, and a look at the proof after every answer. "No \
      best" names any of equal models, which no end should. Regret is what choosing the best model \
      for every answer would have gained. The last situations have 12 kinds of requests: \
      "linearThompson" has shares for each, "bestModel" is the one model that is best over all of \
      them, known from the start.

      EXAMPLES:
        rollout bench bandits --runs 400
      """)

  @Option(help: "Where all draws come from; the same seed gives the same report.")
  var seed: UInt64 = 20_240_607

  @Option(help: "Worlds of each situation.")
  var runs = 400

  @Option(help: "Answers in each world, at most.")
  var answers = 6_000

  @Flag(help: "Answer in JSON, for programs.")
  var json = false

  func validate() throws {
    guard (1...100_000).contains(runs), (1...10_000_000).contains(answers) else {
      throw ValidationError("--runs is in 1...100000 and --answers in 1...10000000.")
    }
  }

  /// What came of one situation.
  struct Row: Encodable {
    var situation: String
    var algorithm: String
    var runs: Int
    /// Shares of all runs.
    var wrong: Double
    var right: Double
    /// Answers until the right model was named, among the runs in which it was.
    var median: Int?
    /// Mean over all runs, in rewards.
    var regret: Double
  }

  func run() async throws {
    var rows: [Row] = []
    for situation in BanditWorld.situations {
      for (name, algorithm) in [
        ("thompson", BanditAlgorithm.thompson), ("topTwo", .topTwo),
      ] {
        rows.append(
          try row(situation.name, name, best: situation.best) { seed in
            try situation.run(algorithm, seed: seed, answers: answers, alpha: 0.05)
          })
      }
    }
    for situation in ContextualWorld.situations {
      for sharing in ContextualWorld.Sharing.allCases {
        rows.append(
          try row(situation.name, sharing.rawValue, best: situation.best) { seed in
            try situation.run(sharing, seed: seed, answers: answers, alpha: 0.05)
          })
      }
    }
    if json { return Output.write(try Output.json(rows)) }
    var table = Table([
      ("SITUATION", .left), ("ALGORITHM", .left), ("WRONG", .right), ("RIGHT", .right),
      ("ANSWERS p50", .right), ("REGRET", .right),
    ])
    for row in rows {
      table.add([
        .init(row.situation), .init(row.algorithm), .init(Numbers.share(row.wrong)),
        .init(Numbers.share(row.right)), .init(row.median.map(Numbers.count) ?? Numbers.unknown),
        .init("\(Int(row.regret.rounded()))"),
      ])
    }
    Output.write(table.lines(.standardOutput).joined(separator: "\n") + "\n")
  }

  private func row(
    _ situation: String, _ name: String, best: Int?,
    run: (UInt64) throws -> (named: Int?, answers: Int, regret: Double)
  ) throws -> Row {
    var (wrong, regret) = (0, 0.0)
    var times: [Int] = []
    for index in 0..<runs {
      let end = try run(seed &+ UInt64(index))
      regret += end.regret
      guard let named = end.named else { continue }
      if named == best { times.append(end.answers) } else { wrong += 1 }
    }
    times.sort()
    return Row(
      situation: situation, algorithm: name, runs: runs,
      wrong: Double(wrong) / Double(runs), right: Double(times.count) / Double(runs),
      median: times.isEmpty ? nil : times[times.count / 2], regret: regret / Double(runs))
  }
}

/// A world of models whose answers are good or not.
struct BanditWorld: Sendable {
  var name: String
  /// The chance of a good answer, by model.
  var chances: [Double]
  /// By how much all of them change from the first answer to the last.
  var drift = 0.0

  /// The best model, if there is one alone.
  var best: Int? {
    guard let most = chances.max(), chances.count(where: { $0 == most }) == 1 else { return nil }
    return chances.firstIndex(of: most)
  }

  static let situations = [
    BanditWorld(name: "2 equal, drifting down", chances: [0.7, 0.7], drift: -0.2),
    BanditWorld(name: "3 equal, drifting up", chances: [0.5, 0.5, 0.5], drift: 0.2),
    BanditWorld(name: "2, 5 points apart", chances: [0.7, 0.75]),
    BanditWorld(name: "3, 10 points apart", chances: [0.6, 0.6, 0.7]),
  ]

  /// The answers between two allocations, and the least share of a model.
  static let period = 500
  static let floor = 0.05

  /// One life, until a model is named or the answers end; the rest of them is the named model's.
  func run(
    _ algorithm: BanditAlgorithm, seed: UInt64, answers: Int, alpha: Double
  ) throws -> (named: Int?, answers: Int, regret: Double) {
    var generator = SeededGenerator(seed: seed)
    var test = try BestArmTest(arms: chances.count, margin: 0, plannedEffect: 0.05)
    var rewards = chances.map { _ in RewardSum() }
    var centring = Centring.unknown
    var shares = WholeShares.of(chances.map { _ in 1 }, floor: Self.floor)
    let most = chances.max() ?? 0
    var regret = 0.0
    for index in 0..<answers {
      if index > 0, index % Self.period == 0 {
        centring = Centring(history: rewards.reduce(RewardSum(), +).summary)
        let posteriors = rewards.map { ArmPosterior(shareOf: ArmSample([($0, 1)])) }
        shares = WholeShares.of(
          algorithm.weights(best: BestArmProbabilities.of(posteriors)), floor: Self.floor)
      }
      var place = generator.uniform()
      let arm =
        shares.firstIndex { share in
          place -= share
          return place < 0
        } ?? 0
      let chance = chances[arm] + drift * Double(index) / Double(answers)
      let reward = generator.uniform() < chance ? 1.0 : 0
      test.append(.init(reward: reward, arm: arm, shares: shares, centring: centring))
      rewards[arm].insert(reward)
      regret += most - chances[arm]
      if let named = test.best(alpha: alpha) {
        let left = Double(answers - index - 1)
        return (named, index + 1, regret + left * (most - chances[named]))
      }
    }
    return (nil, answers, regret)
  }
}
