/// Turns a raw metric into a score in [0, 1], 0 the worst and 1 the best, for tests of means.
///
/// Values beyond the range are clipped, for both variants alike; the tested mean is then the
/// clipped one. The range must be declared before the data are seen.
///
///     let latency = try OutcomeScale(worst: 30, best: 0.05, isLogarithmic: true)  // seconds
package struct OutcomeScale: Hashable, Sendable {
  private let worst: Double
  private let best: Double
  /// Whether equal ratios, not equal differences, are equal steps of the score.
  package let isLogarithmic: Bool

  /// - Parameters:
  ///   - worst: What gets 0; may be above or below `best`.
  ///   - best: What gets 1.
  ///   - isLogarithmic: For latencies and other sizes; both ends must then be above 0.
  /// - Throws: `invalidParameter`.
  package init(
    worst: Double, best: Double, isLogarithmic: Bool = false
  ) throws(StatisticsError) {
    try require(
      worst.isFinite && best.isFinite && worst != best && (best - worst).isFinite,
      "a scale from \(worst) to \(best) has no width")
    try require(
      !isLogarithmic || worst > 0 && best > 0, "a logarithmic scale must be above 0")
    self.isLogarithmic = isLogarithmic
    self.worst = isLogarithmic ? .log(worst) : worst
    self.best = isLogarithmic ? .log(best) : best
  }

  /// The score of `value`, or `nil` if it is not a number or infinite, which is missing data.
  package func score(_ value: Double) -> Double? {
    guard value.isFinite else { return nil }
    let place = isLogarithmic ? Double.log(max(value, .leastNonzeroMagnitude)) : value
    return min(max((place - worst) / (best - worst), 0), 1)
  }

  /// The score points that a change of the metric is worth.
  ///
  /// - Parameter change: In the metric's unit, or a share if the scale is logarithmic: 0.1 for 10 %
  ///   more. At least 0.
  /// - Returns: At least 0; for claims' margins and for planned effects.
  package func points(of change: Double) -> Double {
    (isLogarithmic ? Double.log(onePlus: change) : change) / (best - worst).magnitude
  }
}
