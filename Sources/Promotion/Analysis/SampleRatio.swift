import Experimentation
import Statistics

/// Whether the answers of a canary or split step come in the shares in which they were asked for.
///
/// If they do not, some are lost or counted twice, and rarely at random: what is left cannot be
/// compared, so nothing passes (STATISTICS 2(e)). Violations stay violations, and traffic stays.
///
/// Where shares move, as a bandit's do, each unit is held against those under which it first came.
struct SampleRatio: Hashable, Sendable {
  /// The chance of ever crying wolf over a sound step.
  private static let alpha = 0.01

  private let isSticky: Bool
  private var units: [ModelName: Set<UInt64>] = [:]
  private var counts: [ModelName: Int] = [:]
  /// Of units under shares that move; `nil` where they do not.
  private var moving: SampleRatioTest?
  private var models: [ModelName] = []
  private var dealt: Set<UInt64> = []

  init(isSticky: Bool) {
    self.isSticky = isSticky
  }

  /// - Parameter arms: of a bandit
  init(isSticky: Bool, arms: [ModelName]) {
    self.init(isSticky: isSticky)
    models = arms
    moving = try? SampleRatioTest(variants: arms.count)
  }

  /// Takes an answer in, whether it failed or not; a unit counts once.
  ///
  /// - Parameter shares: in force when it was assigned
  mutating func count(_ outcome: Outcome, under shares: [ModelName: Share]) {
    guard moving != nil else { return count(outcome) }
    if isSticky {
      guard dealt.count < UnitEvidence.capacity,
        dealt.insert(outcome.assignment.unitHash).inserted
      else { return }
    }
    guard let variant = models.firstIndex(of: outcome.model) else { return }
    counts[outcome.model, default: 0] += 1
    moving?.append(variant: variant, propensities: models.map { shares[$0]?.value ?? 0 })
  }

  /// Takes an answer in, whether it failed or not; a unit counts once.
  private mutating func count(_ outcome: Outcome) {
    let (model, unit) = (outcome.model, outcome.assignment.unitHash)
    if isSticky {
      guard units[model, default: []].count < UnitEvidence.capacity,
        units[model, default: []].insert(unit).inserted
      else { return }
    }
    counts[model, default: 0] += 1
  }

  /// What is wrong, in a sentence, or `nil` while nothing is shown to be.
  ///
  /// - Parameter shares: of the models whose answers are compared; of those that are left where a
  ///   candidate has gone, whose answers are then in the same shares to each other as ever
  func mismatch(with shares: [ModelName: Share]) -> String? {
    if let moving {
      guard moving.logEvidence >= -Double.log(Self.alpha) else { return nil }
      let seen = models.map { "\(counts[$0] ?? 0) of '\($0)'" }
      return "answers do not come in the shares that were in force: " + seen.joined(separator: ", ")
    }
    let models = shares.filter { $0.value > .none }.keys.sorted()
    let total = models.reduce(0.0) { $0 + (shares[$1]?.value ?? 0) }
    guard models.count > 1, total > 0,
      let evidence = SampleRatioTest.logEvidence(
        counts: models.map { counts[$0] ?? 0 },
        shares: models.map { (shares[$0]?.value ?? 0) / total }),
      evidence >= -Double.log(Self.alpha)
    else { return nil }
    let seen = models.map { model in
      "\(counts[model] ?? 0) of '\(model)' at \(shares[model] ?? .none)"
    }
    return "answers do not come in the step's shares: " + seen.joined(separator: ", ")
  }
}
