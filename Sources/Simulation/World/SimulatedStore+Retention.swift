package import Experimentation
package import Storage

/// What a store is asked for beyond rows: summaries, audits, and to forget.
extension SimulatedStore {
  /// Recomputes the chain of everything that the disk holds; no anchor is kept.
  package func audit() async throws(StorageError) -> JournalAudit {
    await latency()
    let entries = try disk.entries(after: 0, process: process)
    var (head, findings) = (JournalHead.empty, [String]())
    var previous = ""
    for entry in entries {
      let hash = JournalChain.hash(entry.record, sequence: entry.sequence, previous: previous)
      if hash != entry.hash || entry.sequence != head.sequence + 1 {
        findings.append("entry \(entry.sequence) is not the one that was written")
        break
      }
      head = JournalHead(sequence: entry.sequence, hash: entry.hash)
      previous = entry.hash
    }
    return JournalAudit(head: head, anchor: nil, findings: findings)
  }

  /// None: only people read them, and nobody looks at a simulated store.
  package func rollups(
    of rollout: RolloutName, run: Int
  ) async throws(StorageError) -> [OutcomeRollup.Key: OutcomeRollup] {
    [:]
  }

  /// None, as there are no rollups.
  package func runs() async throws(StorageError) -> [StoredRun] { [] }

  /// Keeps everything: a simulated world ends before its disk is full.
  package func prune(
    _ retention: Retention, nowMilliseconds: Int64, keeping: Set<RunID>, limit: Int
  ) async throws(StorageError) -> Int { 0 }
}
