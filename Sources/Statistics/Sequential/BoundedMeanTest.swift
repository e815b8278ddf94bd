/// A sequential test of the mean of a bounded score over split traffic: judge scores, thumbs,
/// agreement, clipped latencies. This is the form for production: its evidence adds up.
///
/// STATISTICS 2(b): betting on centred inverse-propensity scores. Exact for any propensities, any
/// drift and any dependence on the past; nothing is assumed of the scores but their range. Centring
/// and variance are frozen when a step starts (`StreamingMeanTest` learns them on the way, and
/// cannot be merged). Changing weights does not disturb the evidence.
package struct BoundedMeanTest: AdditiveTest {
  /// In score points; higher scores are better. `OutcomeScale` makes scores of raw metrics.
  package let claim: Claim
  /// δ: how far from the claim's border the effect is planned to be.
  package let minimumDetectableEffect: Double
  package private(set) var centring: Centring
  package private(set) var evidence: EvidenceSums

  /// - Parameters:
  ///   - claim: With a margin in [0, 1) score points.
  ///   - minimumDetectableEffect: Distance of the planned effect from the claim's border in (0, 1];
  ///     for `.notWorse(margin:)` of a candidate that is as good, the margin itself.
  ///   - centring: What was known before the step started.
  ///   - evidence: What an earlier test with this claim has gathered, be it in another step.
  /// - Throws: `invalidParameter`, or `mismatch` if the evidence is another kind of test's.
  package init(
    claim: Claim, minimumDetectableEffect: Double, centring: Centring,
    resuming evidence: EvidenceSums? = nil
  ) throws(StatisticsError) {
    try claim.validate(below: 1)
    try require(
      minimumDetectableEffect > 0 && minimumDetectableEffect <= 1,
      "minimumDetectableEffect must be in (0, 1], not \(minimumDetectableEffect)")
    self.claim = claim
    self.minimumDetectableEffect = minimumDetectableEffect
    self.centring = centring
    self.evidence = try resumed(evidence, components: MeanBets.components)
  }

  /// Takes one request in.
  ///
  /// - Parameters:
  ///   - outcome: The score in [0, 1].
  ///   - isTreatment: Which variant the request was assigned to.
  ///   - propensity: The chance of treatment when it was assigned, in (0, 1).
  ///   - prediction: The score in [0, 1] expected of this request, from earlier requests alone and
  ///     without knowing the variant: CUPED. Takes the centring's place; `nil` if there is none.
  /// - Returns: Whether the request could be used; if not, it moved nothing and is counted.
  @discardableResult
  package mutating func append(
    outcome: Double, isTreatment: Bool, propensity: Double, prediction: Double? = nil
  ) -> Bool {
    let mean = prediction ?? centring.mean
    guard (0...1).contains(outcome), (0...1).contains(mean), Propensity.isUsable(propensity) else {
      evidence.ignore()
      return false
    }
    let score = CentredScore(
      outcome: outcome, centring: mean, isTreatment: isTreatment, propensity: propensity)
    let bets = score.bets(
      for: claim, effect: minimumDetectableEffect,
      variance: centring.variance / (propensity * (1 - propensity)))
    evidence.add(bets.logFactor)
    return true
  }

  /// Freezes new centring for the next step; the evidence goes on.
  package mutating func startStep(centring: Centring) {
    self.centring = centring
  }

  package var logEvidence: Double { Mixture.anchored.logEvidence(evidence) }

  /// Adds evidence of the same claim; the other may have had another centring, as in another step.
  package mutating func merge(_ other: BoundedMeanTest) throws(StatisticsError) {
    guard claim == other.claim else {
      throw StatisticsError(.mismatch, "\(other.claim) does not add to \(claim)")
    }
    try evidence.merge(other.evidence)
  }

  /// Takes evidence out again that was appended or merged before, as if it had never been.
  package mutating func withdraw(_ other: BoundedMeanTest) throws(StatisticsError) {
    guard claim == other.claim else {
      throw StatisticsError(.mismatch, "\(other.claim) is no part of \(claim)")
    }
    try evidence.withdraw(other.evidence)
  }
}
