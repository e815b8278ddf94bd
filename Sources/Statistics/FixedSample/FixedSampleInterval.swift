/// What one finished measurement says of a number: an estimate and a range that holds the truth
/// with the chosen confidence, *once*.
///
/// Not for numbers that are looked at again and again while they grow: those need a
/// `ConfidenceInterval`, which is wider.
package struct FixedSampleInterval: Hashable, Sendable {
  package let estimate: Double
  package let lower: Double
  package let upper: Double

  /// An interval.
  package init(estimate: Double, lower: Double, upper: Double) {
    self.estimate = estimate
    self.lower = lower
    self.upper = upper
  }

  /// Student's interval for a mean: x̄ ± t · s / √n with n − 1 degrees of freedom ("Student" 1908).
  ///
  /// The values are to be independent. Means of long enough blocks of a dependent series nearly
  /// are: then this is the method of batch means (Law and Carson 1979).
  ///
  /// - Parameters:
  ///   - values: at least two, or what they say of themselves is unknown
  ///   - confidence: in (0, 1)
  /// - Returns: `nil` below two values, for a value that is not finite, and outside these ranges.
  package init?(meanOf values: [Double], confidence: Double = 0.95) {
    let summary = SampleSummary(values)
    guard confidence > 0, confidence < 1, summary.count == values.count, let mean = summary.mean,
      let variance = summary.varianceOfMean
    else { return nil }
    let radius =
      StudentDistribution(degreesOfFreedom: Double(values.count - 1))
      .quantile((1 + confidence) / 2) * variance.squareRoot()
    self.init(estimate: mean, lower: mean - radius, upper: mean + radius)
  }

  /// Wilson's score interval for a proportion (Wilson 1927, equation 9): honest for few trials and
  /// for none or all of them found.
  ///
  /// - Parameter confidence: in (0, 1)
  /// - Returns: `nil` without trials, and for a confidence outside its range.
  package init?(_ proportion: ProportionSummary, confidence: Double = 0.95) {
    guard confidence > 0, confidence < 1, let share = proportion.proportion else { return nil }
    let trials = Double(proportion.trials)
    let tail = Double.log((1 - confidence) / 2)
    // Φ(z) = (1 + confidence) / 2; beyond 40 lies less than any Double says.
    let z = bisect(from: 0, to: 40) { Double.logNormalTail($0) > tail }
    let square = z * z / trials
    let center = (share + square / 2) / (1 + square)
    let radius =
      z / (1 + square) * (share * (1 - share) / trials + square / trials / 4).squareRoot()
    // Rounding may leave 0 or 1 by a hair, where the interval ends exactly.
    self.init(
      estimate: share, lower: proportion.successes == 0 ? 0 : max(0, center - radius),
      upper: proportion.failures == 0 ? 1 : min(1, center + radius))
  }
}
