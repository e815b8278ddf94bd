/// A confidence sequence for a quantile, without any assumption on the distribution.
///
/// Howard and Ramdas, "Sequential estimation of quantiles with applications to A/B testing and
/// best-arm identification" (Bernoulli 28(3), 2022); STATISTICS 2(c): the order statistics of ranks
/// ⌊t(p − l)⌋ + 1 and ⌈t(p + u)⌉. An end whose rank would lie outside the sample is infinite, so
/// that a p99 of few values is not given a bound it does not have.
package enum QuantileConfidenceSequence {
  /// The ranks (1…count) between which the quantile lies at all times with confidence 1 − α.
  ///
  /// - Parameters:
  ///   - quantile: p, in (0, 1).
  ///   - count: t, above 0.
  ///   - alpha: In (0, 1).
  ///   - plannedCount: Where the sequence is narrowest, above 0.
  /// - Returns: `nil` for an end where nothing is known yet; both `nil` outside these ranges.
  package static func ranks(
    quantile: Double, count: Int, alpha: Double, plannedCount: Int
  ) -> (lower: Int?, upper: Int?) {
    guard quantile > 0, quantile < 1, count > 0, alpha > 0, alpha < 1, plannedCount > 0 else {
      return (nil, nil)
    }
    let trials = Double(count)
    func radius(_ share: Double) -> Double? {
      BetaBinomialMixture(share: share, plannedCount: Double(plannedCount), alpha: alpha)
        .upperRadius(trials: trials, alpha: alpha)
    }
    let lower = radius(1 - quantile).map { Int((trials * (quantile - $0)).rounded(.down)) + 1 }
    let upper = radius(quantile).map { Int((trials * (quantile + $0)).rounded(.up)) }
    return (lower.map { max(1, $0) }, upper.map { min(count, $0) })
  }

  /// The `quantile` of the sketched sample; ends are widened to bucket edges, so that the sketch's
  /// error never costs confidence.
  ///
  /// - Returns: `nil` without values or outside the ranges of `ranks`.
  package static func interval(
    _ sketch: QuantileSketch, quantile: Double, alpha: Double, plannedCount: Int
  ) -> ConfidenceInterval? {
    guard quantile > 0, quantile < 1, alpha > 0, alpha < 1, plannedCount > 0,
      let estimate = sketch.estimate(quantile)
    else { return nil }
    let ends = ranks(
      quantile: quantile, count: sketch.count, alpha: alpha, plannedCount: plannedCount)
    return ConfidenceInterval(
      estimate: estimate,
      lower: ends.lower.flatMap { sketch.bounds(ofRank: $0)?.lowerBound } ?? -.infinity,
      upper: ends.upper.flatMap { sketch.bounds(ofRank: $0)?.upperBound } ?? .infinity)
  }

  /// Treatment's quantile − control's: each at α/2, so that both hold together with 1 − α.
  ///
  /// - Returns: `nil` if either side has no values, or outside the ranges of `ranks`.
  package static func difference(
    control: QuantileSketch, treatment: QuantileSketch, quantile: Double, alpha: Double,
    plannedCount: Int
  ) -> ConfidenceInterval? {
    guard
      let before = interval(
        control, quantile: quantile, alpha: alpha / 2, plannedCount: plannedCount),
      let after = interval(
        treatment, quantile: quantile, alpha: alpha / 2, plannedCount: plannedCount)
    else { return nil }
    return ConfidenceInterval(
      estimate: after.estimate - before.estimate, lower: after.lower - before.upper,
      upper: after.upper - before.lower)
  }
}
