/// A sequential test of a quantile of a latency, by who exceeds control's quantile how often.
///
/// STATISTICS 2(c): with a threshold τ set from control's *past* alone, "slower than τ" is a rare
/// event like an error, and P(L₁ > τ) > 1 − q says the same as "treatment's q-quantile is above
/// control's". A poor τ costs power, never validity. What is tested is the ratio of the tails
/// beyond τ; say so, and show the difference of quantiles beside it.
///
/// For p95, p99 and fixed SLOs. For p50 use `BoundedMeanTest` on the indicator. Higher is worse:
/// turn rates into times. Timeouts enter as the timeout, never as missing.
package struct ExceedanceTest: AdditiveTest {
  /// In shares of the latency: `.notWorse(margin: 0.1)` means "not 10 % slower".
  package let claim: Claim
  /// τ, in the unit of the values, frozen when a step starts.
  package private(set) var threshold: Double
  private var tails: RelativeRiskTest

  /// - Parameters: - claim: With a margin below 1 for `.better`, any for the others. - threshold: τ
  ///   > 0: control's quantile before the step started, or an SLO. - plannedRatio: As for
  ///   `RelativeRiskTest`; `plannedRatio(history:threshold:slowdown:)` reads it
  ///     off control's history.
  ///   - evidence: What an earlier test with this claim has gathered.
  /// - Throws: `invalidParameter`, or `mismatch` if the evidence is another kind of test's.
  package init(
    claim: Claim, threshold: Double, plannedRatio: Double, resuming evidence: EvidenceSums? = nil
  ) throws(StatisticsError) {
    if case .better = claim { try claim.validate(below: 1) } else { try claim.validate(below: 1e6) }
    try require(
      threshold > 0 && threshold.isFinite, "the threshold must be above 0, not \(threshold)")
    self.claim = claim
    self.threshold = threshold
    // The margin is in the treatment's threshold; the tails' risks are then compared with 1.
    tails = try RelativeRiskTest(
      claim: claim.isHarm ? .worse() : .notWorse(margin: 0), plannedRatio: plannedRatio,
      resuming: evidence)
  }

  /// Takes one request in.
  ///
  /// - Parameters:
  ///   - value: The latency.
  ///   - isTreatment: Which variant the request was assigned to.
  ///   - propensity: The chance of treatment when it was assigned, in (0, 1).
  ///   - threshold: Takes τ's place: known before this request and the same for both variants, as
  ///     `RunningQuantile` gives it. `nil` for the frozen one.
  /// - Returns: Whether the request could be used; if not, it moved nothing and is counted.
  @discardableResult
  package mutating func append(
    value: Double, isTreatment: Bool, propensity: Double, threshold: Double? = nil
  ) -> Bool {
    let control = threshold ?? self.threshold
    // An unusable propensity makes `tails` count the request as ignored.
    let isUsable = value.isFinite && control.isFinite
    let limit = isTreatment ? control * (1 + claim.allowedLoss) : control
    return tails.append(
      isEvent: value > limit, isTreatment: isTreatment, propensity: isUsable ? propensity : .nan)
  }

  /// Freezes a new threshold for the next step; the evidence goes on.
  package mutating func startStep(threshold: Double) throws(StatisticsError) {
    try require(
      threshold > 0 && threshold.isFinite, "the threshold must be above 0, not \(threshold)")
    self.threshold = threshold
  }

  package var evidence: EvidenceSums { tails.evidence }
  package var logEvidence: Double { tails.logEvidence }

  /// Adds evidence of the same claim; the other may have had another threshold.
  package mutating func merge(_ other: ExceedanceTest) throws(StatisticsError) {
    guard claim == other.claim else {
      throw StatisticsError(.mismatch, "\(other.claim) does not add to \(claim)")
    }
    try tails.merge(other.tails)
  }

  /// How much oftener control's own history would exceed τ if it were slower by a share:
  /// P(L(1 + slowdown) > τ)/P(L > τ). What to plan for, with the margin as slowdown.
  ///
  /// - Parameters:
  ///   - history: Control's values before the step.
  ///   - threshold: τ > 0.
  ///   - slowdown: The planned shift of the latency as a share above 0, 0.1 for 10 %.
  /// - Returns: Above 1; `nil` if the history has too little beyond τ to tell.
  package static func plannedRatio(
    history: QuantileSketch, threshold: Double, slowdown: Double
  ) -> Double? {
    guard slowdown > 0, let tail = history.share(above: threshold), tail > 0,
      let shifted = history.share(above: threshold / (1 + slowdown)), shifted > tail
    else { return nil }
    return shifted / tail
  }
}
