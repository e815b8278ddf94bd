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
  }

  private let shares: [Int: Shares]

  init(of candidate: ModelName, in policy: RolloutPolicy) {
    var shares: [Int: Shares] = [:]
    for (index, step) in policy.steps.enumerated() {
      let all = policy.shares(of: step.traffic)
      guard step.traffic.sharesTraffic, !step.traffic.isShadow, let own = all[candidate]?.value,
        let rest = all[policy.incumbent]?.value, rest > 0
      else { continue }
      let areEven = policy.candidates.allSatisfy { abs((all[$0]?.value ?? 0) - own) < 1e-9 }
      shares[index] = Shares(candidate: own, incumbent: rest, areEven: areEven)
    }
    self.shares = shares
  }

  /// The chance of the candidate for a unit that is new; `nil` where the two models do not share
  /// the step's traffic.
  func propensity(in step: Int) -> Double? {
    shares[step].map { $0.candidate / ($0.candidate + $0.incumbent) }
  }

  /// The chance of the candidate for a unit that had the incumbent in all of `earlier`, of which
  /// there is one.
  ///
  /// - Returns: `nil` where it stays for certain, or where it cannot be told: candidates whose
  ///   shares do not grow together take units from one another
  func propensity(in step: Int, incumbentIn earlier: [Int]) -> Double? {
    guard let now = shares[step],
      let before = earlier.compactMap({ shares[$0] }).max(by: { $0.candidate < $1.candidate }),
      now.areEven, before.areEven
    else { return nil }
    let grown = now.candidate - before.candidate
    guard grown > 1e-9 else { return nil }
    // Of those that had the incumbent: who moved over, against who stayed.
    return grown / (grown + now.incumbent)
  }
}
