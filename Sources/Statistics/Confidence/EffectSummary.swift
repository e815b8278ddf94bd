/// The mean effect of treatment over split traffic, whatever the weights did: for display.
///
/// A summary of centred inverse-propensity scores (STATISTICS 2(b)); its mean estimates the running
/// average of the effect, in score points, without bias under any ramp or bandit. Summaries of
/// disjoint requests add up. `BoundedMeanTest` decides.
package struct EffectSummary: Hashable, Sendable {
  package private(set) var scores = SampleSummary()
  package private(set) var controlCount = 0
  package private(set) var treatmentCount = 0

  /// No requests.
  package init() {}

  /// Counts and scores from a store, or `nil` if the counts do not fit together.
  package init?(scores: SampleSummary, controlCount: Int, treatmentCount: Int) {
    guard controlCount >= 0, treatmentCount >= 0,
      controlCount.addingReportingOverflow(treatmentCount) == (scores.count, false)
    else { return nil }
    self.scores = scores
    self.controlCount = controlCount
    self.treatmentCount = treatmentCount
  }

  /// Takes one request in; parameters as for `BoundedMeanTest.append`.
  ///
  /// - Parameters:
  ///   - outcome: The score in [0, 1].
  ///   - isTreatment: Which variant the request was assigned to.
  ///   - propensity: The chance of treatment when it was assigned, in (0, 1).
  ///   - centring: A score in [0, 1] expected before the outcome was known.
  /// - Returns: Whether the request could be used; if not, it moved nothing.
  @discardableResult
  package mutating func append(
    outcome: Double, isTreatment: Bool, propensity: Double, centring: Double
  ) -> Bool {
    guard (0...1).contains(outcome), (0...1).contains(centring), Propensity.isUsable(propensity)
    else { return false }
    let score = CentredScore(
      outcome: outcome, centring: centring, isTreatment: isTreatment, propensity: propensity)
    guard scores.count < .greatestExactCount, scores.append(score.value) else { return false }
    if isTreatment { treatmentCount += 1 } else { controlCount += 1 }
    return true
  }

  /// The mean effect in score points, above 0 if treatment is better, or `nil` below 100 requests
  /// of either variant.
  package func interval(
    alpha: Double, plannedCount: Int, sides: IntervalSides = .both
  ) -> ConfidenceInterval? {
    guard min(controlCount, treatmentCount) >= AsymptoticConfidenceSequence.leastCount else {
      return nil
    }
    return AsymptoticConfidenceSequence.mean(
      of: scores, alpha: alpha, plannedCount: plannedCount, sides: sides)
  }

  /// The summary of both sets of requests together.
  package static func + (left: EffectSummary, right: EffectSummary) -> EffectSummary {
    var sum = EffectSummary()
    sum.scores = left.scores + right.scores
    sum.controlCount = left.controlCount.exactlyAdding(right.controlCount)
    sum.treatmentCount = left.treatmentCount.exactlyAdding(right.treatmentCount)
    return sum
  }
}
