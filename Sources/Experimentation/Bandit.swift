/// A step in which traffic moves to the model that does best, while it is found out which that is.
///
/// Shares are computed anew every update period and are fixed within it: a table like any other
/// strategy's, so that the chance of every answer is a known number.
package struct BanditTraffic: Hashable, Sendable, Codable {
  /// What shall be as good as possible.
  package var reward: BanditReward
  package var algorithm: Algorithm
  /// What of a request the shares hang on; there for `linearThompson`, and for no other.
  package var context: BanditContext?
  /// What each model gets at least, the incumbent too; above 0, and all of them below the whole.
  package var minShare: Share
  /// Seconds between two allocations, at least 10.
  package var updateSeconds: Double
  /// Seconds of update periods after which what was seen counts half; `nil` forgets nothing.
  package var halfLifeSeconds: Double?
  /// How much worse than another a model may be and still count as good; 0 asks for the best. In
  /// shares for a reward that is one, else in ratios.
  package var margin: Double
  package var onTie: TieRule

  package init(
    reward: BanditReward, algorithm: Algorithm = .thompson, context: BanditContext? = nil,
    minShare: Share,
    updateSeconds: Double = 600, halfLifeSeconds: Double? = nil, margin: Double = 0,
    onTie: TieRule = .incumbent
  ) {
    self.reward = reward
    self.algorithm = algorithm
    self.context = context
    self.minShare = minShare
    self.updateSeconds = updateSeconds
    self.halfLifeSeconds = halfLifeSeconds
    self.margin = margin
    self.onTie = onTie
  }

  /// How shares follow from how probable it is that each model is the best.
  package enum Algorithm: String, Hashable, Sendable, Codable, CaseIterable {
    /// Shares are these probabilities: users lose least meanwhile.
    case thompson
    /// The two that are ahead get more: it is known sooner.
    case topTwo
    /// In each cell of the context, the probabilities of there being the best, of arms whose
    /// rewards are linear in its features.
    case linearThompson
  }

  /// Who is taken of models that are as good as each other, within the margin.
  package enum TieRule: String, Hashable, Sendable, Codable, CaseIterable {
    case incumbent
    /// By the mean cost of an answer; the incumbent while one of the costs is not known.
    case cheapest
  }
}

extension StepTraffic {
  /// What of a request the shares of a bandit step hang on; `nil` where they are those of all.
  package var context: BanditContext? {
    if case .bandit(let bandit) = self { bandit.context } else { nil }
  }
}

/// What a bandit maximises.
package enum BanditReward: Hashable, Sendable, Codable {
  /// In its direction: of two error rates the lower is the better reward.
  case metric(Metric)
  /// What users said of the answer under a name of its own.
  case feedback(FeedbackName)

  /// What is measured.
  package var metric: Metric {
    switch self {
    case .metric(let metric): metric
    case .feedback: .feedback
    }
  }

  /// The name under which users say it; `nil` for what is measured of the answer itself.
  package var feedbackName: FeedbackName? {
    switch self {
    case .metric(let metric): metric.isFromUsers ? .standard : nil
    case .feedback(let name): name
    }
  }
}

extension BanditReward: CustomStringConvertible {
  /// As policies write it.
  package var description: String {
    switch self {
    case .metric(let metric): metric.rawValue
    case .feedback(let name): "feedback:\(name)"
    }
  }
}

/// Who answers how much from one update of a bandit to the next, and why: what the journal keeps.
package struct BanditAllocation: Hashable, Sendable, Codable {
  /// Counts a run's allocations from 1; 0 is the even one that a bandit begins with. Where there
  /// are cells, outcomes name the table of one: the number times the cells, plus the cell's place.
  package var number: Int
  /// The incumbent first, then the candidates in the policy's order; shares sum to exactly 1.
  package var arms: [Arm]
  /// The model that was shown to be best, or close to it; shares stay as they are from here on.
  package var winner: ModelName?
  /// Who answers how much in each cell of the context; shares of `arms` are then those of all
  /// traffic, as it has been. `nil` without a context.
  package var cells: [Cell]?

  package init(number: Int, arms: [Arm], winner: ModelName? = nil, cells: [Cell]? = nil) {
    self.number = number
    self.arms = arms
    self.winner = winner
    self.cells = cells
  }

  /// The requests that are alike.
  package struct Cell: Hashable, Sendable, Codable {
    /// For people.
    package var name: String
    /// In the order of the arms; they sum to exactly 1.
    package var shares: [Share]
    /// Rewards of all arms, whose time to come was over.
    package var rewards: Int
    /// How probable it was that each arm is the best here.
    package var bestProbabilities: [Double]

    package init(name: String, shares: [Share], rewards: Int, bestProbabilities: [Double]) {
      self.name = name
      self.shares = shares
      self.rewards = rewards
      self.bestProbabilities = bestProbabilities
    }
  }

  /// Who answers how much in a cell; `nil` where there is none of that place.
  package func shares(in cell: Int) -> [ModelName: Share]? {
    guard let cells, cells.indices.contains(cell) else { return nil }
    return Dictionary(
      zip(arms.map(\.model), cells[cell].shares), uniquingKeysWith: { first, _ in first })
  }

  /// One model's part, with what was known of it when it was given.
  package struct Arm: Hashable, Sendable, Codable {
    package var model: ModelName
    package var share: Share
    /// Rewards whose time to come was over.
    package var rewards: Int
    /// The mean that its share follows from, in the unit of the reward: of units where these stay
    /// on their model, and older ones less where a half-life says so. `nil` without a reward.
    package var mean: Double?
    /// How probable it was that the model is the best.
    package var bestProbability: Double
    /// How far the proof that it is has come, 0…1.
    package var progress: Double

    package init(
      model: ModelName, share: Share, rewards: Int = 0, mean: Double? = nil,
      bestProbability: Double, progress: Double = 0
    ) {
      self.model = model
      self.share = share
      self.rewards = rewards
      self.mean = mean
      self.bestProbability = bestProbability
      self.progress = progress
    }
  }

  /// Who answers how much.
  package var shares: [ModelName: Share] {
    Dictionary(arms.map { ($0.model, $0.share) }, uniquingKeysWith: { first, _ in first })
  }
}
