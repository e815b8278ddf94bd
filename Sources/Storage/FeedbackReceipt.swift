/// What became of feedback that a store was given.
///
/// A person has one say on one choice of one answer under one name: sent again it is the same, and
/// changed it takes the earlier one's place, counted once.
package enum FeedbackReceipt: String, Hashable, Sendable {
  /// The first of its kind.
  case recorded
  /// Took the place of another value.
  case replaced
  /// The same stood there already.
  case unchanged
  /// Came late, and what was said in time stands.
  case outlived
  /// Kept nowhere: the answer has all that one answer may have, ``mostOfAnswer``.
  case full

  /// Rows of one answer, over its choices and all names: who holds a token rates one answer, and
  /// shall not be able to fill the file with it.
  package static let mostOfAnswer = 64
}
