/// A confidence sequence for a share, exact for any number of trials.
///
/// The shares that the beta-binomial mixture does not reject (STATISTICS 2(a)).
package enum BernoulliConfidenceSequence {
  /// The shares that are plausible at all times with confidence 1 − α.
  ///
  /// - Parameters:
  ///   - summary: What was seen.
  ///   - alpha: In (0, 1).
  ///   - plannedTrials: Where the sequence is narrowest, above 0.
  /// - Returns: A part of [0, 1]; `nil` without trials or outside these ranges.
  package static func interval(
    _ summary: ProportionSummary, alpha: Double, plannedTrials: Int
  ) -> ConfidenceInterval? {
    guard let observed = summary.proportion, alpha > 0, alpha < 1, plannedTrials > 0 else {
      return nil
    }
    let (successes, trials) = (Double(summary.successes), Double(summary.trials))
    func isPlausible(_ share: Double) -> Bool {
      guard share > 0, share < 1 else { return false }
      // Narrowest for α = 0.05 whatever α is, as in the reference implementation.
      let mixture = BetaBinomialMixture(
        share: share, plannedCount: Double(plannedTrials), alpha: 0.05)
      return mixture.logEvidence(successes: successes, trials: trials) < -.log(alpha)
    }
    return ConfidenceInterval(
      estimate: observed,
      lower: observed > 0 ? bisect(from: observed, to: 0, while: isPlausible) : 0,
      upper: observed < 1 ? bisect(from: observed, to: 1, while: isPlausible) : 1)
  }
}
