package import Experimentation

/// The memory of what requests did: many writes, of which a crash may lose the last moment's.
///
/// Rows get their sequence in the order in which they are appended, which is the order in which the
/// requests were assigned: the statistics rely on it (a test over outcomes in order of arrival is
/// biased towards what finishes early).
package protocol OutcomeStore: Sendable {
  /// Appends a batch, all or nothing.
  func append(outcomes: [Outcome], comparisons: [Comparison]) async throws(StorageError)

  /// Outcomes of one run of a rollout after `sequence`, oldest first, at most `limit`.
  func outcomes(
    of rollout: RolloutName, run: Int, after sequence: Int64, limit: Int
  ) async throws(StorageError) -> [Sequenced<Outcome>]

  /// Comparisons of one run of a rollout after `sequence`, oldest first, at most `limit`.
  func comparisons(
    of rollout: RolloutName, run: Int, after sequence: Int64, limit: Int
  ) async throws(StorageError) -> [Sequenced<Comparison>]

  /// Keeps what people said, all or nothing.
  ///
  /// Of one request (its name and the moment it was assigned), choice and metric one value stands:
  /// another one replaces it, and gets a sequence of its own so that readers see it. What comes
  /// late replaces only what came late.
  ///
  /// - Returns: what became of each, in order
  func record(_ feedback: [Feedback]) async throws(StorageError) -> [FeedbackReceipt]

  /// Feedback on one run of a rollout after `sequence`, in the order in which it came, at most
  /// `limit`.
  func feedback(
    of rollout: RolloutName, run: Int, after sequence: Int64, limit: Int
  ) async throws(StorageError) -> [Sequenced<Feedback>]

  /// What all outcomes and comparisons of a run were like, whether or not their rows are still
  /// there: kept up to date with every `append`, so that this reads no raw row.
  func rollups(
    of rollout: RolloutName, run: Int
  ) async throws(StorageError) -> [OutcomeRollup.Key: OutcomeRollup]

  /// The runs that anything is known of, in the order in which they were first seen.
  func runs() async throws(StorageError) -> [StoredRun]

  /// Removes at most `limit` raw rows of each kind that `retention` does not keep, oldest runs
  /// first.
  ///
  /// - Parameters:
  ///   - nowMilliseconds: the wall clock, milliseconds since 1970
  ///   - keeping: runs under way, whose evidence is folded from raw rows: they lose nothing to age,
  ///     and to number only when no other row is left
  /// - Returns: how many went; when it is `limit` or more there may be others
  func prune(
    _ retention: Retention, nowMilliseconds: Int64, keeping: Set<RunID>, limit: Int
  ) async throws(StorageError) -> Int
}

/// A stored value with its place in the order of assignment; of feedback, in the order of arrival.
package struct Sequenced<Value: Sendable>: Sendable {
  /// Ascending, with gaps.
  package var sequence: Int64
  package var value: Value

  package init(sequence: Int64, value: Value) {
    self.sequence = sequence
    self.value = value
  }
}

extension Sequenced: Equatable where Value: Equatable {}
