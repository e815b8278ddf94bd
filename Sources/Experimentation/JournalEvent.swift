/// Something that happened to the service's models and rollouts, decided or commanded.
///
/// The journal of these is the only memory of control: state is a fold over them
/// (``ServiceState``), and traffic is derived from state.
package enum JournalEvent: Hashable, Sendable, Codable {
  /// Policies were applied together; what they changed follows. Only where the files say where they
  /// come from, and something changes: documents, or who answers for them.
  case policiesApplied(PolicyOrigin)
  /// A model is known from here on, or known anew.
  case modelApplied(ModelSpecification)
  /// A rollout begins at its first step. The first one of a route makes its incumbent live.
  case rolloutApplied(RolloutPolicy)
  /// A new revision waits until what is live on its route has ended.
  case queued(RolloutPolicy)
  /// The run, or the revision that waited, of this digest gave way: to the revision of the rollout
  /// `by`, or, when that is `nil`, because another model than it was written against became live.
  case superseded(RolloutName, digest: String, by: RolloutName?)
  /// Every required gate passed; the rollout stands at step `to`, which is the number of steps when
  /// nothing but promotion is left.
  case advanced(RolloutName, to: Int, evidence: [GateReport])
  /// One of several candidates left for good: `gate` failed, or, when that is `nil`, it broke down.
  /// The others go on; the incumbent answers what it would have.
  case candidateDropped(RolloutName, model: ModelName, gate: String?, evidence: [GateReport])
  /// A bandit's shares from here on; they are in force once this is written.
  case allocated(RolloutName, BanditAllocation)
  /// A person approved the approval step at which the rollout stood.
  case approved(RolloutName, step: Int)
  /// Looks no longer move the rollout forward; its traffic stays unless they take it back.
  case paused(RolloutName, evidence: [GateReport])
  /// Looks move the rollout again.
  case resumed(RolloutName)
  /// The step ran its longest and the evidence does not decide; traffic stays until a person acts.
  case inconclusive(RolloutName, evidence: [GateReport])
  /// An analysis, a kill switch or a person took the traffic back to the incumbent.
  case rolledBack(RolloutName, evidence: [GateReport])
  /// A person stopped the rollout.
  case aborted(RolloutName)
  /// `model` is the route's incumbent from here on. `openGates` says what a force went over: the
  /// names of required gates that had not passed, then the steps that were skipped, as
  /// `step 2: approval`. Empty unless the promotion was forced (``isForced``).
  case promoted(RolloutName, model: ModelName, openGates: [String], evidence: [GateReport])
}

extension JournalEvent {
  /// The rollout concerned, or `nil` for an event of a model.
  package var rollout: RolloutName? {
    switch self {
    case .policiesApplied, .modelApplied: nil
    case .rolloutApplied(let policy), .queued(let policy): policy.name
    case .superseded(let name, _, _): name
    case .advanced(let name, _, _), .approved(let name, _), .paused(let name, _),
      .resumed(let name), .inconclusive(let name, _), .rolledBack(let name, _),
      .aborted(let name), .allocated(let name, _), .promoted(let name, _, _, _),
      .candidateDropped(let name, _, _, _):
      name
    }
  }

  /// One word for lists: `applied`, `promoted`, …
  package var title: String {
    switch self {
    case .policiesApplied: "policies applied"
    case .modelApplied: "model applied"
    case .rolloutApplied: "applied"
    case .queued: "queued"
    case .superseded: "superseded"
    case .advanced: "advanced"
    case .candidateDropped: "candidate dropped"
    case .allocated: "allocated"
    case .approved: "approved"
    case .paused: "paused"
    case .resumed: "resumed"
    case .inconclusive: "inconclusive"
    case .rolledBack: "rolled back"
    case .aborted: "aborted"
    case .promoted: "promoted"
    }
  }

  /// Whether a person promoted over something that was open.
  package var isForced: Bool {
    if case .promoted(_, _, let open, _) = self { !open.isEmpty } else { false }
  }

  /// What the decision was based on.
  package var evidence: [GateReport] {
    switch self {
    case .advanced(_, _, let evidence), .paused(_, let evidence), .inconclusive(_, let evidence),
      .rolledBack(_, let evidence), .promoted(_, _, _, let evidence),
      .candidateDropped(_, _, _, let evidence):
      evidence
    case .policiesApplied, .modelApplied, .rolloutApplied, .queued, .superseded, .allocated,
      .approved, .resumed, .aborted:
      []
    }
  }
}

/// An event with who made it happen and why: what a writer hands to the journal.
package struct JournalRecord: Hashable, Sendable {
  package var event: JournalEvent
  /// `controller`, or the name a person or a pipeline gave.
  package var actor: String
  package var reason: String?
  /// Milliseconds since 1970 by the wall clock; for people. Order is the entries' sequence.
  package var atMilliseconds: Int64

  package init(event: JournalEvent, actor: String, reason: String?, atMilliseconds: Int64) {
    self.event = event
    self.actor = actor
    self.reason = reason
    self.atMilliseconds = atMilliseconds
  }
}

/// A record as the journal keeps it, for ever.
package struct JournalEntry: Hashable, Sendable {
  /// 1 for the first, no gaps.
  package var sequence: Int64
  package var record: JournalRecord
  /// SHA-256 over the entry before and this one, lower-case hex.
  package var hash: String

  package init(sequence: Int64, record: JournalRecord, hash: String) {
    self.sequence = sequence
    self.record = record
    self.hash = hash
  }
}
