/// A candidate that has left a rollout of several for good.
///
/// It gets no traffic and is not asked aside, its gates are not judged, and this run does not
/// promote it. The others go on with the weights they have.
package struct DroppedCandidate: Hashable, Sendable {
  package var model: ModelName
  /// Whose failure it was; `nil` for one that broke down.
  package var gate: String?
  /// Index of the step in which it left.
  package var step: Int
  /// Number of a bandit's allocation that was in force; 0 before the first, and without one.
  package var allocation: Int
  /// What was shown, in a sentence.
  package var reason: String?

  package init(
    model: ModelName, gate: String?, step: Int, allocation: Int = 0, reason: String? = nil
  ) {
    self.model = model
    self.gate = gate
    self.step = step
    self.allocation = allocation
    self.reason = reason
  }
}

extension RolloutState {
  /// Whether `model` has left the rollout.
  package func hasDropped(_ model: ModelName) -> Bool {
    dropped.contains { $0.model == model }
  }

  /// Who has left since the rollout has had this salt. Each model once, since none that is barred
  /// is taken back as a candidate.
  package var allDropped: [DroppedCandidate] { barred + dropped }

  /// Candidates that are still in, in the policy's order.
  package var candidates: [ModelName] { policy.candidates.filter { !hasDropped($0) } }
}

extension RolloutPolicy {
  /// Whether a gate may have a single candidate leave.
  package var mayDrop: Bool { metrics.contains { $0.role.isRequired && $0.onFail == .drop } }

  /// Whether a candidate that breaks down leaves by itself, or takes the whole rollout back.
  ///
  /// A breakdown is the worst of error rates, so that what the gates on `errorRate` say of a
  /// failure holds for it, too. Where one of them says otherwise, or nobody has said, it is a
  /// rollback: that is what a policy gets that has not asked for anything else.
  package var dropsWhatBreaks: Bool {
    let gates = metrics.filter { $0.metric == .errorRate && $0.role.isRequired }
    return !gates.isEmpty && gates.allSatisfy { $0.onFail == .drop }
  }
}
