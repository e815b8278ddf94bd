import Experimentation
import Storage
import Synchronization

/// A store for one run that is read once, in order: rows that were read and asked beyond are gone.
///
/// So a million requests take the room of those between two looks.
final class PassingStore: OutcomeStore {
  private struct Rows<Value: Sendable> {
    var rows: [Sequenced<Value>] = []

    /// Drops what is read and gives what is next.
    mutating func next(after sequence: Int64, limit: Int) -> [Sequenced<Value>] {
      let read = rows.firstIndex { $0.sequence > sequence } ?? rows.count
      if read > 0 { rows.removeFirst(read) }
      return Array(rows.prefix(limit))
    }
  }

  private struct State {
    var outcomes = Rows<Outcome>()
    var comparisons = Rows<Comparison>()
    var sequence: Int64 = 0
  }

  private let state = Mutex(State())

  func append(outcomes: [Outcome], comparisons: [Comparison]) async throws(StorageError) {
    state.withLock { state in
      for outcome in outcomes {
        state.sequence += 1
        state.outcomes.rows.append(Sequenced(sequence: state.sequence, value: outcome))
      }
      for comparison in comparisons {
        state.sequence += 1
        state.comparisons.rows.append(Sequenced(sequence: state.sequence, value: comparison))
      }
    }
  }

  func outcomes(
    of rollout: RolloutName, run: Int, after sequence: Int64, limit: Int
  ) async throws(StorageError) -> [Sequenced<Outcome>] {
    state.withLock { $0.outcomes.next(after: sequence, limit: limit) }
  }

  func comparisons(
    of rollout: RolloutName, run: Int, after sequence: Int64, limit: Int
  ) async throws(StorageError) -> [Sequenced<Comparison>] {
    state.withLock { $0.comparisons.next(after: sequence, limit: limit) }
  }

  func record(_ feedback: [Feedback]) async throws(StorageError) -> [FeedbackReceipt] {
    throw StorageError(.unavailable, "a trace holds no feedback")
  }

  func feedback(
    of rollout: RolloutName, run: Int, after sequence: Int64, limit: Int
  ) async throws(StorageError) -> [Sequenced<Feedback>] { [] }

  func rollups(
    of rollout: RolloutName, run: Int
  ) async throws(StorageError) -> [OutcomeRollup.Key: OutcomeRollup] { [:] }

  func runs() async throws(StorageError) -> [StoredRun] { [] }

  func prune(
    _ retention: Retention, nowMilliseconds: Int64, keeping: Set<RunID>, limit: Int
  ) async throws(StorageError) -> Int { 0 }
}
