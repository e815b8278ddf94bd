package import Experimentation

/// Counts a candidate's breakdowns in a row while it answers live traffic.
///
/// Bypasses statistics: a model that answers nobody is not a matter of evidence. Other failures
/// neither count nor end the row: clients bring them about, who shall not take a rollout back by
/// five prompts that are too long (``FailureClass/isBreakdown``).
package struct KillSwitch: Hashable, Sendable {
  /// Failures in a row that take the traffic back.
  ///
  /// A model that fails one answer in 100 does so five times in a row once in 10¹⁰ answers, one
  /// that fails one in 20 once in 3 million: hardly a chance for a false alarm in the life of a
  /// rollout. One that fails always is caught by the users of five requests.
  package static let limit = 5

  private var row = 0
  /// Whether the limit was ever reached; stays.
  package private(set) var isTripped = false

  package init() {}

  /// Takes the next answer in; `nil` is one without failure.
  package mutating func count(_ failure: FailureClass?) {
    guard let failure else {
      row = 0
      return
    }
    guard failure.isBreakdown else { return }
    row += 1
    isTripped = isTripped || row >= Self.limit
  }
}
