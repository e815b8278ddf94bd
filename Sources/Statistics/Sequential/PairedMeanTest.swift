/// A sequential test of the mean difference of two answers to the same request (shadow mode).
///
/// STATISTICS 2(d): betting on D = treatment's score − control's score in [−1, 1]. Pairs share the
/// prompt, so this needs a fraction of the requests that split traffic needs.
package struct PairedMeanTest: AdditiveTest {
  /// In score points; higher scores are better.
  package let claim: Claim
  /// δ: how far from the claim's border the mean difference is planned to be.
  package let minimumDetectableEffect: Double
  /// V: the mean of D², frozen when the step starts.
  package private(set) var meanSquare: Double
  package private(set) var evidence: EvidenceSums

  /// - Parameters:
  ///   - claim: With a margin in [0, 1) score points.
  ///   - minimumDetectableEffect: Distance of the planned effect from the claim's border in (0, 1].
  ///   - meanSquare: The mean of D² believed before the step started, in (0, 1]. Exactness does not
  ///     depend on it, speed does.
  ///   - evidence: What an earlier test with this claim has gathered.
  /// - Throws: `invalidParameter`, or `mismatch` if the evidence is another kind of test's.
  package init(
    claim: Claim, minimumDetectableEffect: Double, meanSquare: Double = 0.1,
    resuming evidence: EvidenceSums? = nil
  ) throws(StatisticsError) {
    try claim.validate(below: 1)
    try require(
      minimumDetectableEffect > 0 && minimumDetectableEffect <= 1,
      "minimumDetectableEffect must be in (0, 1], not \(minimumDetectableEffect)")
    try require(
      meanSquare > 0 && meanSquare <= 1, "meanSquare must be in (0, 1], not \(meanSquare)")
    self.claim = claim
    self.minimumDetectableEffect = minimumDetectableEffect
    self.meanSquare = meanSquare
    self.evidence = try resumed(evidence, components: MeanBets.components)
  }

  /// Takes one pair in.
  ///
  /// - Parameter difference: Treatment's score − control's, in [−1, 1].
  /// - Returns: Whether the pair could be used; if not, it moved nothing and is counted.
  @discardableResult
  package mutating func append(difference: Double) -> Bool {
    guard (-1...1).contains(difference) else {
      evidence.ignore()
      return false
    }
    let loss = claim.allowedLoss
    let bets = MeanBets(
      on: claim.isHarm ? -(difference + loss) : difference + loss,
      greatestLoss: claim.isHarm ? 1 + loss : 1 - loss,
      effect: minimumDetectableEffect, variance: meanSquare)
    evidence.add(bets.logFactor)
    return true
  }

  package var logEvidence: Double { Mixture.anchored.logEvidence(evidence) }

  /// Adds evidence of the same claim; the other may have had another mean square.
  package mutating func merge(_ other: PairedMeanTest) throws(StatisticsError) {
    guard claim == other.claim else {
      throw StatisticsError(.mismatch, "\(other.claim) does not add to \(claim)")
    }
    try evidence.merge(other.evidence)
  }
}
