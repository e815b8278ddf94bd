import Experimentation
import Storage

/// Traffic that goes back to the incumbent at once, whether or not the journal can say so yet: all
/// of a rollout's, or that of one candidate which leaves it.
///
/// The one exception from writing down before acting: a table that is safe may be ahead of the
/// journal, one that is not may never be. A retreat binds the routing table from the moment it is
/// decided until its entry is written; it dies with the process, whose successor finds the rollout
/// live and the evidence that condemned it in the store.
struct Retreat: Hashable, Sendable {
  enum Kind: Hashable, Sendable {
    case abort, rollBack
    /// One of several candidates; `gate` failed, or it broke down.
    case drop(ModelName, gate: String?)

    /// Whether the whole rollout ends.
    var endsRollout: Bool {
      switch self {
      case .abort, .rollBack: true
      case .drop: false
      }
    }
  }

  var rollout: RolloutName
  var run: Int
  var kind: Kind
  var evidence: [GateReport] = []
  var actor: String
  var reason: String?
  /// Of the command that asked for it, if it had one.
  var key: IdempotencyKey?

  /// What is still to be written in `state`; `nil` when the rollout has ended otherwise.
  ///
  /// A rollout that was promoted while its abort was under way is rolled back: going back beats
  /// going on, whichever was written first. So is one that was promoted to the candidate that
  /// leaves, and one in which no other is left.
  func event(in state: ServiceState) -> JournalEvent? {
    guard let standing = state.rollouts[rollout], standing.run == run else { return nil }
    if case .drop(let model, let gate) = kind {
      return departure(of: model, gate, from: standing, in: state)
    }
    return switch standing.status {
    case .promoted: .rolledBack(rollout, evidence: evidence)
    case .running, .paused, .inconclusive:
      kind == .abort ? .aborted(rollout) : .rolledBack(rollout, evidence: evidence)
    case .pending, .rolledBack, .aborted, .superseded: nil
    }
  }

  private func departure(
    of model: ModelName, _ gate: String?, from standing: RolloutState, in state: ServiceState
  ) -> JournalEvent? {
    if standing.hasDropped(model) { return nil }
    if standing.status == .promoted {
      return state.incumbents[standing.policy.route] == model
        ? .rolledBack(rollout, evidence: evidence) : nil
    }
    guard standing.status.isLive else { return nil }
    return standing.contenders.allSatisfy { $0 == model }
      ? .rolledBack(rollout, evidence: evidence)
      : .candidateDropped(rollout, model: model, gate: gate, evidence: evidence)
  }

  /// What the health says of it until it is written down.
  var unwritten: String {
    let who =
      if case .drop(let model, _) = kind {
        "'\(model)' of rollout '\(rollout)'"
      } else {
        "rollout '\(rollout)'"
      }
    return "\(who) has no traffic any more, but the journal does not say so yet"
  }
}
