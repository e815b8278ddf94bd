import Experimentation
import Statistics

/// Whether the answers of a canary or split step come in the shares in which they were asked for.
///
/// If they do not, some are lost or counted twice, and rarely at random: what is left cannot be
/// compared, so nothing passes (STATISTICS 2(e)). Violations stay violations, and traffic stays.
struct SampleRatio: Hashable, Sendable {
  /// The chance of ever crying wolf over a sound step.
  private static let alpha = 0.01

  private let isSticky: Bool
  private var units: [ModelName: Set<UInt64>] = [:]
  private var counts: [ModelName: Int] = [:]

  init(isSticky: Bool) {
    self.isSticky = isSticky
  }

  /// Takes an answer in, whether it failed or not; a unit counts once.
  mutating func count(_ outcome: Outcome) {
    let (model, unit) = (outcome.model, outcome.assignment.unitHash)
    if isSticky {
      guard units[model, default: []].count < UnitEvidence.capacity,
        units[model, default: []].insert(unit).inserted
      else { return }
    }
    counts[model, default: 0] += 1
  }

  /// What is wrong, in a sentence, or `nil` while nothing is shown to be.
  func mismatch(with shares: [ModelName: Share]) -> String? {
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
