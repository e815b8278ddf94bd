import Statistics

/// A world in which which model is best hangs on the kind of request.
struct ContextualWorld: Sendable {
  var name: String
  /// The chance of a good answer, by model and cell; cells are lengths times labels.
  var chances: [[Double]]

  static let lengths = 4
  static let labels = 3
  static let cells = lengths * labels

  static let situations = [
    ContextualWorld(
      name: "2, by length",
      chances: [
        (0..<cells).map { _ in 0.7 }, (0..<cells).map { 0.82 - 0.08 * Double($0 / labels) },
      ]),
    ContextualWorld(
      name: "3, by length and label",
      chances: [
        (0..<cells).map { _ in 0.6 },
        (0..<cells).map { 0.66 - 0.04 * Double($0 / labels) + 0.04 * Double($0 % labels) },
        (0..<cells).map { 0.52 + 0.05 * Double($0 / labels) },
      ]),
    ContextualWorld(
      name: "2, apart in each cell, equal overall",
      chances: [
        (0..<cells).map { $0 % 2 == 0 ? 0.8 : 0.6 }, (0..<cells).map { $0 % 2 == 0 ? 0.6 : 0.8 },
      ]),
  ]

  /// How the traffic is shared.
  enum Sharing: String, CaseIterable {
    /// By cell.
    case linearThompson
    /// Alike in all cells.
    case thompson
    /// All to the model that is best over all requests.
    case bestModel
  }

  /// The model that is best over all requests, if there is one alone.
  var best: Int? {
    let means = chances.map { $0.reduce(0, +) }
    guard let most = means.max(), means.count(where: { most - $0 < 1e-9 }) == 1 else { return nil }
    return means.firstIndex(of: most)
  }

  /// One life, until a model is named or the answers end; the rest of them is the named model's.
  func run(
    _ sharing: Sharing, seed: UInt64, answers: Int, alpha: Double
  ) throws -> (named: Int?, answers: Int, regret: Double) {
    var generator = SeededGenerator(seed: seed)
    var test = try BestArmTest(arms: chances.count, margin: 0, plannedEffect: 0.05)
    var rewards = chances.map { $0.map { _ in RewardSum() } }
    var shares = shares(sharing, of: rewards)
    var centring = (0..<Self.cells).map { _ in Centring.unknown }
    var regret = 0.0
    for index in 0..<answers {
      if index > 0, index % BanditWorld.period == 0 {
        shares = self.shares(sharing, of: rewards)
        centring = (0..<Self.cells).map { cell in
          Centring(history: rewards.map { $0[cell] }.reduce(RewardSum(), +).summary)
        }
      }
      let cell = Int(generator.uniform() * Double(Self.cells))
      var place = generator.uniform()
      let arm =
        shares[cell].firstIndex { share in
          place -= share
          return place < 0
        } ?? 0
      let reward = generator.uniform() < chances[arm][cell] ? 1.0 : 0
      rewards[arm][cell].insert(reward)
      regret += lost(by: arm, in: cell)
      if sharing == .bestModel { continue }
      test.append(
        .init(reward: reward, arm: arm, shares: shares[cell], centring: centring[cell]))
      if let named = test.best(alpha: alpha) {
        let left = Double(answers - index - 1) / Double(Self.cells)
        let after = (0..<Self.cells).reduce(0.0) { $0 + lost(by: named, in: $1) }
        return (named, index + 1, regret + left * after)
      }
    }
    return (nil, answers, regret)
  }

  private func lost(by arm: Int, in cell: Int) -> Double {
    (chances.map { $0[cell] }.max() ?? 0) - chances[arm][cell]
  }

  /// By cell and arm.
  private func shares(_ sharing: Sharing, of rewards: [[RewardSum]]) -> [[Double]] {
    switch sharing {
    case .linearThompson:
      let samples = rewards.map { $0.map { ArmSample([($0, 1)]) } }
      let posteriors = LinearArms.posteriors(
        samples, levels: (0..<Self.cells).map { [$0 / Self.labels, $0 % Self.labels] })
      return (0..<Self.cells).map { cell in
        WholeShares.of(
          BestArmProbabilities.of(posteriors.map { $0[cell] }), floor: BanditWorld.floor)
      }
    case .thompson:
      let posteriors = rewards.map { cells in
        ArmPosterior(shareOf: ArmSample([(cells.reduce(RewardSum(), +), 1)]))
      }
      let whole = WholeShares.of(BestArmProbabilities.of(posteriors), floor: BanditWorld.floor)
      return (0..<Self.cells).map { _ in whole }
    case .bestModel:
      let means = chances.map { $0.reduce(0, +) }
      let best = means.indices.max { means[$0] < means[$1] } ?? 0
      return (0..<Self.cells).map { _ in means.indices.map { $0 == best ? 1 : 0 } }
    }
  }
}
