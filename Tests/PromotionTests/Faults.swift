import Experimentation
import Storage
import Synchronization

/// A switch that a test and what it tests share.
final class Flag: Sendable {
  private let state: Mutex<Bool>

  init(_ value: Bool = false) { state = Mutex(value) }

  var value: Bool {
    get { state.withLock { $0 } }
    set { state.withLock { $0 = newValue } }
  }
}

/// A journal whose disk can be taken away: faults that a real one has, but not on command.
struct FaultyJournal: Journal {
  let real: any Journal
  /// Nothing is written and nothing read.
  let isGone = Flag()
  /// What is written arrives, but its writer is told that it did not.
  let losesAnswers = Flag()

  private var unavailable: StorageError { StorageError(.unavailable, "the disk is gone") }

  func entries(after sequence: Int64) async throws(StorageError) -> [JournalEntry] {
    if isGone.value { throw unavailable }
    return try await real.entries(after: sequence)
  }

  func entries(ofKey text: String) async throws(StorageError) -> KeyedEntries? {
    if isGone.value { throw unavailable }
    return try await real.entries(ofKey: text)
  }

  func append(
    _ records: [JournalRecord], after sequence: Int64, keys: [KeyedRecords]
  ) async throws(StorageError) -> [JournalEntry] {
    if isGone.value { throw unavailable }
    let entries = try await real.append(records, after: sequence, keys: keys)
    if losesAnswers.value { throw unavailable }
    return entries
  }

  func audit() async throws(StorageError) -> JournalAudit {
    if isGone.value { throw unavailable }
    return try await real.audit()
  }
}

/// An outcome store whose disk is gone.
struct FailingStore: OutcomeStore {
  private var unavailable: StorageError { StorageError(.unavailable, "the disk is gone") }

  func append(outcomes: [Outcome], comparisons: [Comparison]) async throws(StorageError) {
    throw unavailable
  }

  func outcomes(
    of rollout: RolloutName, run: Int, after sequence: Int64, limit: Int
  ) async throws(StorageError) -> [Sequenced<Outcome>] {
    throw unavailable
  }

  func comparisons(
    of rollout: RolloutName, run: Int, after sequence: Int64, limit: Int
  ) async throws(StorageError) -> [Sequenced<Comparison>] {
    throw unavailable
  }

  func record(_ feedback: [Feedback]) async throws(StorageError) -> [FeedbackReceipt] {
    throw unavailable
  }

  func feedback(
    of rollout: RolloutName, run: Int, after sequence: Int64, limit: Int
  ) async throws(StorageError) -> [Sequenced<Feedback>] {
    throw unavailable
  }

  func rollups(
    of rollout: RolloutName, run: Int
  ) async throws(StorageError) -> [OutcomeRollup.Key: OutcomeRollup] {
    throw unavailable
  }

  func runs() async throws(StorageError) -> [StoredRun] { throw unavailable }

  func prune(
    _ retention: Retention, nowMilliseconds: Int64, keeping: Set<RunID>, limit: Int
  ) async throws(StorageError) -> Int {
    throw unavailable
  }
}
