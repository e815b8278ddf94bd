/// Which signed sets of policies were applied, and under which revision each document was changed
/// last: what an older signature, though it is right, may not take back. Folded from the journal.
///
/// A set may have a name (``PolicySeal/set``), so that several who sign for one service count for
/// themselves. Each set has its own high-water mark. Where sets share a document, which may also
/// move from one to the other, the marks alone would let the newest revision of one, applied again,
/// undo what the other has changed since; so a document, too, is changed by no revision below the
/// one that changed it last.
package struct SignedSets: Hashable, Sendable {
  /// A revision of a set.
  package struct Revision: Hashable, Sendable {
    /// Empty for the set that has no name.
    package var set: String
    package var number: Int
    /// Of its documents: ``PolicyOrigin/digest``.
    package var digest: String
  }

  /// An application whose documents follow it in the journal.
  private struct Application: Hashable, Sendable {
    var revision: Revision
    var actor: String
    var atMilliseconds: Int64
  }

  /// The newest revision of each set that was applied, by the set's name.
  package private(set) var newest: [String: Revision] = [:]
  private var changes: [String: Revision] = [:]
  private var current: Application?

  package init() {}

  /// Takes a record in; one that has nothing to do with signed policies changes nothing.
  mutating func fold(_ record: JournalRecord) {
    guard case .policiesApplied(let origin) = record.event else {
      // What begins later, from the queue, was stamped when it was applied.
      guard let document = record.event.document, let current, current.actor == record.actor,
        current.atMilliseconds == record.atMilliseconds
      else { return }
      changes[document] = current.revision
      return
    }
    current = origin.revision.map {
      Application(revision: $0, actor: record.actor, atMilliseconds: record.atMilliseconds)
    }
    if let revision = origin.revision, revision.number > newest[revision.set]?.number ?? 0 {
      newest[revision.set] = revision
    }
  }

  /// The revision that changed what `event` changes, where that is newer than `revision`: of a
  /// higher number, or of the same number and another set.
  package func later(than revision: Revision, changing event: JournalEvent) -> Revision? {
    guard let last = event.document.flatMap({ changes[$0] }), last.set != revision.set,
      last.number >= revision.number
    else { return nil }
    return last
  }
}

extension SignedSets.Revision: CustomStringConvertible {
  /// `revision 7`, or `revision 7 of the set 'search'`.
  package var description: String {
    "revision \(number)" + (set.isEmpty ? "" : " of the set '\(set)'")
  }
}

extension PolicyOrigin {
  /// `nil` for unsigned ones.
  package var revision: SignedSets.Revision? {
    seal.map { SignedSets.Revision(set: $0.set ?? "", number: $0.revision, digest: digest) }
  }
}

extension JournalEvent {
  /// The document that it brings into force, or into the queue: `model 'flash'`.
  package var document: String? {
    switch self {
    case .modelApplied(let model): "model '\(model.name)'"
    case .rolloutApplied(let policy), .queued(let policy): "rollout '\(policy.name)'"
    default: nil
    }
  }
}
