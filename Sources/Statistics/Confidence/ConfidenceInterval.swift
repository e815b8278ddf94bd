/// What is known of a number: an estimate, and a range that holds the truth at *every* look with
/// the chosen confidence, so that people may watch it grow narrow.
package struct ConfidenceInterval: Hashable, Sendable {
  package let estimate: Double
  /// −∞ where nothing is known.
  package let lower: Double
  /// +∞ where nothing is known.
  package let upper: Double

  /// An interval; ends may be infinite.
  package init(estimate: Double, lower: Double, upper: Double) {
    self.estimate = estimate
    self.lower = lower
    self.upper = upper
  }

  /// Whether `value` is plausible; its ends are.
  package func contains(_ value: Double) -> Bool {
    lower <= value && value <= upper
  }
}

/// Which ends of a confidence interval are wanted; the other end is infinite.
package enum IntervalSides: Hashable, Sendable {
  case both
  case lower
  case upper
}
