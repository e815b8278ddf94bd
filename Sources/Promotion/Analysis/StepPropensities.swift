import Experimentation

/// The chance that a unit has the candidate in a step, given what it had in the steps before.
///
/// Where units stay on their model, one that comes back is dealt no new card. Rendezvous hashing
/// moves nobody away from a model whose share grows, so a unit that had the candidate has it for
/// certain and says nothing new; one that had the incumbent moves over with the chance that the
/// candidate's share grew by. Counting either like a new unit would count one draw twice, which is
/// how sessions take harmless candidates back (STATISTICS T7).
struct StepPropensities: Hashable, Sendable {
  /// The shares of all traffic that the two models have in a step.
  private struct Shares: Hashable, Sendable {
    var candidate: Double
    var incumbent: Double
    /// Whether all candidates have as much.
    var areEven: Bool

    /// `nil` where the two do not share the traffic.
    init?(
      _ table: [ModelName: Share], _ candidate: ModelName, _ incumbent: ModelName,
      among candidates: [ModelName]
    ) {
      guard let own = table[candidate]?.value, let rest = table[incumbent]?.value, rest > 0 else {
        return nil
      }
      (self.candidate, self.incumbent) = (own, rest)
      areEven = candidates.allSatisfy { abs((table[$0]?.value ?? 0) - own) < 1e-9 }
    }

    /// Of the candidate among the two.
    var propensity: Double { candidate / (candidate + incumbent) }
  }

  private let shares: [Int: Shares]
  private let candidate: ModelName
  private let incumbent: ModelName
  private let candidates: [ModelName]

  init(of candidate: ModelName, in policy: RolloutPolicy) {
    (self.candidate, incumbent, candidates) = (candidate, policy.incumbent, policy.candidates)
    var shares: [Int: Shares] = [:]
    for (index, step) in policy.steps.enumerated()
    where step.traffic.sharesTraffic && !step.traffic.isShadow {
      shares[index] = Shares(
        policy.shares(of: step.traffic), candidate, policy.incumbent, among: policy.candidates)
    }
    self.shares = shares
  }

  /// The chance of the candidate for a unit that is new; `nil` where the two models do not share
  /// the step's traffic. In a bandit step, that at its beginning.
  func propensity(in step: Int) -> Double? { shares[step]?.propensity }

  /// The chance of the candidate for a unit that is new under `table`, which may be one of many
  /// that a bandit step had; `nil` where the two models do not share it.
  func propensity(under table: [ModelName: Share]) -> Double? {
    Shares(table, candidate, incumbent, among: candidates)?.propensity
  }

  /// The chance of the candidate under `table` for a unit that had the incumbent in all of the
  /// steps `earlier`, of which there is one.
  ///
  /// - Returns: `nil` where it stays for certain, or where it cannot be told: candidates whose
  ///   shares do not grow together take units from one another
  func propensity(under table: [ModelName: Share], incumbentIn earlier: [Int]) -> Double? {
    guard let now = Shares(table, candidate, incumbent, among: candidates),
      let before = earlier.compactMap({ shares[$0] }).max(by: { $0.candidate < $1.candidate }),
      now.areEven, before.areEven
    else { return nil }
    let grown = now.candidate - before.candidate
    guard grown > 1e-9 else { return nil }
    // Of those that had the incumbent: who moved over, against who stayed.
    return grown / (grown + now.incumbent)
  }
}
