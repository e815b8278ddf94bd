package import Experimentation

/// What people say of pairs that a judge looked at, and, until they have said it, the texts.
///
/// The only place in which a text of a client is ever kept, and only for policies that ask for it.
/// A text goes when its pair is labelled, when its run is over, and when it is older than
/// ``LabelPlan/textMilliseconds``; it is in no copy and in no export.
package protocol LabelStore: Sendable {
  /// Keeps a pair until it is labelled, unless its candidate has as many in its run.
  ///
  /// - Parameter limit: pairs of one candidate in one run, waiting and labelled
  /// - Returns: whether it was kept; of a pair that belongs to no run nothing is
  func keep(_ pair: PairToLabel, limit: Int) async throws(StorageError) -> Bool

  /// Pairs of one run that wait for a label, by number from `number` on, at most `limit`.
  func waiting(
    of rollout: RolloutName, run: Int, after number: Int64, limit: Int
  ) async throws(StorageError) -> [Sequenced<PairToLabel>]

  /// Takes what somebody says of a pair, once, and forgets its texts.
  ///
  /// - Parameters:
  ///   - number: as ``waiting(of:run:after:limit:)`` gave it
  ///   - now: milliseconds since 1970
  func label(
    _ number: Int64, of rollout: RolloutName, run: Int, as choice: LabelChoice, by actor: String,
    atMilliseconds now: Int64
  ) async throws(StorageError) -> LabelReceipt

  /// Labels of one run after `sequence`, in the order in which they were given, at most `limit`.
  func labels(
    of rollout: RolloutName, run: Int, after sequence: Int64, limit: Int
  ) async throws(StorageError) -> [Sequenced<PairLabel>]

  /// How many pairs of a run wait and how many are labelled.
  func labelCounts(
    of rollout: RolloutName, run: Int
  ) async throws(StorageError) -> LabelCounts

  /// Forgets texts that are older than ``LabelPlan/textMilliseconds``, or of runs that are not
  /// under way.
  ///
  /// - Returns: how many pairs went
  @discardableResult
  func forgetTexts(
    nowMilliseconds: Int64, keeping: Set<RunID>
  ) async throws(StorageError) -> Int

  /// Forgets the texts of pairs of candidates that have left a run: nobody waits for a word on
  /// them.
  ///
  /// - Returns: how many pairs went
  @discardableResult
  func forgetTexts(
    of candidates: [ModelName], in run: RunID
  ) async throws(StorageError) -> Int
}

/// What became of a label.
package enum LabelReceipt: Hashable, Sendable {
  case recorded
  /// The same person has said the same of it before.
  case unchanged
  /// Somebody has said something of it before, which stands.
  case taken(by: String)
  /// No such pair waits in this run: there was none, or its texts are forgotten.
  case unknown
}

/// How far a run's labels are.
package struct LabelCounts: Hashable, Sendable {
  package var waiting: Int
  package var labelled: Int

  package init(waiting: Int = 0, labelled: Int = 0) {
    self.waiting = waiting
    self.labelled = labelled
  }
}

/// Keeps nothing and knows of nothing: for worlds without people, such as recorded ones.
package struct NoLabels: LabelStore {
  package init() {}

  package func keep(_: PairToLabel, limit _: Int) async throws(StorageError) -> Bool { false }

  package func waiting(
    of _: RolloutName, run _: Int, after _: Int64, limit _: Int
  ) async throws(StorageError) -> [Sequenced<PairToLabel>] { [] }

  package func label(
    _: Int64, of _: RolloutName, run _: Int, as _: LabelChoice, by _: String,
    atMilliseconds _: Int64
  ) async throws(StorageError) -> LabelReceipt { .unknown }

  package func labels(
    of _: RolloutName, run _: Int, after _: Int64, limit _: Int
  ) async throws(StorageError) -> [Sequenced<PairLabel>] { [] }

  package func labelCounts(
    of _: RolloutName, run _: Int
  ) async throws(StorageError) -> LabelCounts { LabelCounts() }

  package func forgetTexts(
    nowMilliseconds _: Int64, keeping _: Set<RunID>
  ) async throws(StorageError) -> Int { 0 }

  package func forgetTexts(
    of _: [ModelName], in _: RunID
  ) async throws(StorageError) -> Int { 0 }
}
