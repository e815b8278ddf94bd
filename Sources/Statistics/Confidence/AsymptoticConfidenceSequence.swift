/// Confidence sequences from means and variances alone, valid once there are enough data: for
/// display. Decisions use the exact sequential tests.
///
/// Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and
/// asymptotic confidence sequences", Annals of Statistics 52(6), 2024; STATISTICS 2(b).
package enum AsymptoticConfidenceSequence {
  /// Below this many units of a variant nothing is said (STATISTICS, principle 6).
  package static let leastCount = 100
  /// Below this many events, or this many non-events, of a variant nothing is said of proportions.
  package static let leastEvents = 10

  /// The half width w: the truth is within estimate ± w at all times, with confidence 1 − α.
  ///
  ///     both: sqrt(2(nρ² + 1)/(nρ)² · s² · ln(sqrt(nρ² + 1)/α))
  ///     one:  sqrt(2(nρ² + 1)/(nρ)² · s² · ln(1 + sqrt(nρ² + 1)/(2α)))
  ///     ρ = sqrt((−2 ln a + ln(1 − 2 ln a))/n*), a = α for both sides, 2α for one
  ///
  /// - Parameters:
  ///   - variance: s², of one observation; of a difference, n times the variance of the difference.
  ///   - count: n, above 0.
  ///   - alpha: In (0, ½).
  ///   - plannedCount: n*, above 0: where the sequence is narrowest compared with others.
  ///   - sides: Both, or one.
  /// - Returns: `nil` outside these ranges.
  package static func halfWidth(
    variance: Double, count: Int, alpha: Double, plannedCount: Int, sides: IntervalSides
  ) -> Double? {
    guard variance >= 0, variance.isFinite, count > 0, plannedCount > 0, alpha > 0, alpha < 0.5
    else { return nil }
    let count = Double(count)
    let level = -2 * Double.log(sides == .both ? alpha : 2 * alpha)
    let rhoSquared = (level + .log(onePlus: level)) / Double(plannedCount)
    let scale = count * rhoSquared + 1
    let boundary =
      sides == .both
      ? Double.log(scale.squareRoot() / alpha)
      : .log(onePlus: scale.squareRoot() / (2 * alpha))
    return (2 * scale / (count * count * rhoSquared) * variance * boundary).squareRoot()
  }

  /// The mean of one sample, or `nil` below `leastCount` values.
  package static func mean(
    of sample: SampleSummary, alpha: Double, plannedCount: Int, sides: IntervalSides = .both
  ) -> ConfidenceInterval? {
    guard sample.count >= leastCount, let mean = sample.mean, let variance = sample.variance,
      let width = halfWidth(
        variance: variance, count: sample.count, alpha: alpha, plannedCount: plannedCount,
        sides: sides)
    else { return nil }
    return interval(around: mean, width: width, sides: sides)
  }

  /// Treatment's mean − control's, or `nil` below `leastCount` values of either.
  ///
  /// For a split whose weights never changed while the samples were drawn; across changing weights
  /// pooled means lie (Simpson's paradox), and `EffectSummary` does not.
  package static func difference(
    control: SampleSummary, treatment: SampleSummary, alpha: Double, plannedCount: Int,
    sides: IntervalSides = .both
  ) -> ConfidenceInterval? {
    guard control.count >= leastCount, treatment.count >= leastCount,
      let before = control.mean, let after = treatment.mean,
      let controlVariance = control.varianceOfMean,
      let treatmentVariance = treatment.varianceOfMean
    else { return nil }
    return difference(
      after - before, variance: controlVariance + treatmentVariance,
      count: control.count.exactlyAdding(treatment.count), alpha: alpha,
      plannedCount: plannedCount, sides: sides)
  }

  /// Treatment's proportion − control's, or `nil` below `leastCount` trials or `leastEvents` events
  /// or non-events of either; the caution above holds here, too.
  package static func difference(
    control: ProportionSummary, treatment: ProportionSummary, alpha: Double, plannedCount: Int,
    sides: IntervalSides = .both
  ) -> ConfidenceInterval? {
    guard isEnough(control), isEnough(treatment), let before = control.proportion,
      let after = treatment.proportion, let controlVariance = control.varianceOfProportion,
      let treatmentVariance = treatment.varianceOfProportion
    else { return nil }
    return difference(
      after - before, variance: controlVariance + treatmentVariance,
      count: control.trials.exactlyAdding(treatment.trials), alpha: alpha,
      plannedCount: plannedCount, sides: sides)
  }

  private static func isEnough(_ summary: ProportionSummary) -> Bool {
    summary.trials >= leastCount && min(summary.successes, summary.failures) >= leastEvents
  }

  private static func difference(
    _ estimate: Double, variance: Double, count: Int, alpha: Double, plannedCount: Int,
    sides: IntervalSides
  ) -> ConfidenceInterval? {
    halfWidth(
      variance: variance * Double(count), count: count, alpha: alpha, plannedCount: plannedCount,
      sides: sides
    ).map { interval(around: estimate, width: $0, sides: sides) }
  }

  private static func interval(
    around estimate: Double, width: Double, sides: IntervalSides
  ) -> ConfidenceInterval {
    ConfidenceInterval(
      estimate: estimate, lower: sides == .upper ? -.infinity : estimate - width,
      upper: sides == .lower ? .infinity : estimate + width)
  }
}
