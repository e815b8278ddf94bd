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
}

/// A stored value with its place in the order of assignment.
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
