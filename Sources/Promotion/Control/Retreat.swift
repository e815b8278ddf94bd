import Experimentation
import Storage

/// Traffic that goes back to the incumbent at once, whether or not the journal can say so yet.
///
/// The one exception from writing down before acting: a table that is safe may be ahead of the
/// journal, one that is not may never be. A retreat binds the routing table from the moment it is
/// decided until its entry is written; it dies with the process, whose successor finds the rollout
/// live and the evidence that condemned it in the store.
struct Retreat: Hashable, Sendable {
  enum Kind: Hashable, Sendable {
    case abort, rollBack
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
  /// going on, whichever was written first.
  func event(in state: ServiceState) -> JournalEvent? {
    guard let standing = state.rollouts[rollout], standing.run == run else { return nil }
    return switch standing.status {
    case .promoted: .rolledBack(rollout, evidence: evidence)
    case .running, .paused, .inconclusive:
      kind == .abort ? .aborted(rollout) : .rolledBack(rollout, evidence: evidence)
    case .pending, .rolledBack, .aborted, .superseded: nil
    }
  }
}
