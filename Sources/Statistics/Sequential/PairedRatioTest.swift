/// A sequential test of the median ratio of two latencies of the same request (shadow mode).
///
/// STATISTICS 2(d): x = 1{L_treatment > (1 + margin) L_control} against a share of ½, which says
/// the same as "the median of the paired ratio is beyond 1 + margin". No unit, no range and no
/// distribution is assumed, and a prompt that is slow for both says nothing.
package struct PairedRatioTest: AdditiveTest {
  /// In shares of the latency: `.notWorse(margin: 0.1)` means "the median ratio is below 1.1".
  package let claim: Claim
  private var pairs: BernoulliTest

  /// - Parameters:
  ///   - claim: With a margin below 1 for `.better`, any for the others.
  ///   - plannedOddsRatio: How many pairs are expected on the claim's side of the margin for each
  ///     on the other, above 1.
  ///   - evidence: What an earlier test with this claim has gathered.
  /// - Throws: `invalidParameter`, or `mismatch` if the evidence is another kind of test's.
  package init(
    claim: Claim, plannedOddsRatio: Double = 1.42, resuming evidence: EvidenceSums? = nil
  ) throws(StatisticsError) {
    if case .better = claim { try claim.validate(below: 1) } else { try claim.validate(below: 1e6) }
    self.claim = claim
    pairs = try BernoulliTest(
      claim: claim.isHarm ? .above(0.5) : .below(0.5), plannedOddsRatio: plannedOddsRatio,
      resuming: evidence)
  }

  /// Takes the two latencies of one request in, both in one unit.
  ///
  /// A ratio exactly at the margin belongs to neither side and changes nothing.
  ///
  /// - Returns: Whether the pair could be used: two finite numbers above 0. If not, it moved
  ///   nothing and is counted.
  @discardableResult
  package mutating func append(control: Double, treatment: Double) -> Bool {
    guard control > 0, treatment > 0, control.isFinite, treatment.isFinite else {
      pairs.ignore()
      return false
    }
    let limit = control * (1 + claim.allowedLoss)
    if treatment == limit { pairs.appendTie() } else { pairs.append(treatment > limit) }
    return true
  }

  package var evidence: EvidenceSums { pairs.evidence }
  package var logEvidence: Double { pairs.logEvidence }

  /// Adds the evidence of other pairs about the same claim.
  package mutating func merge(_ other: PairedRatioTest) throws(StatisticsError) {
    guard claim == other.claim else {
      throw StatisticsError(.mismatch, "\(other.claim) does not add to \(claim)")
    }
    try pairs.merge(other.pairs)
  }
}
