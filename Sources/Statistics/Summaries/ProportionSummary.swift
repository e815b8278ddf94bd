/// How many of some trials had the property: errors of requests, thumbs-up of ratings.
///
/// Summaries of disjoint trials add up exactly, in any order.
package struct ProportionSummary: Hashable, Sendable {
  package private(set) var successes = 0
  package private(set) var trials = 0

  /// No trials.
  package init() {}

  /// Counts from a store, or `nil` unless 0 ≤ successes ≤ trials ≤ 2⁵³.
  package init?(successes: Int, trials: Int) {
    guard successes >= 0, successes <= trials, trials <= .greatestExactCount else { return nil }
    self.successes = successes
    self.trials = trials
  }

  /// A share in 0…1, or `nil` without trials.
  package var proportion: Double? {
    trials > 0 ? Double(successes) / Double(trials) : nil
  }

  /// Trials without the property.
  package var failures: Int { trials - successes }

  /// p(1 − p)/n, the estimated variance of `proportion`, or `nil` without trials.
  package var varianceOfProportion: Double? {
    proportion.map { $0 * (1 - $0) / Double(trials) }
  }

  /// Counts one more trial.
  package mutating func append(_ success: Bool) {
    guard trials < .greatestExactCount else { return }
    trials += 1
    successes += success ? 1 : 0
  }

  /// The counts of both sets of trials together.
  package static func + (left: ProportionSummary, right: ProportionSummary) -> ProportionSummary {
    var sum = ProportionSummary()
    sum.trials = left.trials.exactlyAdding(right.trials)
    sum.successes = left.successes.exactlyAdding(right.successes)
    return sum
  }
}
