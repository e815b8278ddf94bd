/// A sequential test of a rare event's relative risk: errors, timeouts, slow answers.
///
/// STATISTICS 2(a), after Lindon and Malek, "Anytime-valid inference for multinomial count data"
/// (NeurIPS 2022). Given that an event happened, treatment had it with probability
/// θ(r) = πr/(πr + 1 − π) if the risk ratio is r. Each event multiplies bet j by
/// θ(rⱼ)/θ(r₀) or (1 − θ(rⱼ))/(1 − θ(r₀)); requests without the event change nothing.
///
/// Exact for any number of events, any propensities and any drift of the base rate, also when
/// control has no event at all. For events rarer than about 10 %; beyond, `BoundedMeanTest` on the
/// indicator finds more. Evidence stays valid across changes of weight.
package struct RelativeRiskTest: AdditiveTest {
  /// About the risk of the *bad* event, as shares of the control's risk: `.notWorse(margin: 1)`
  /// means "less than twice".
  package let claim: Claim
  /// ln of the planned ratio between the true relative risk and the border r₀.
  package let anchor: Double
  package private(set) var evidence: EvidenceSums

  /// - Parameters:
  ///   - claim: With border r₀ = 1 + tolerance, 1 + margin or 1 − by.
  ///   - plannedRatio: How far from r₀ the truth is expected to be, as a ratio above 1: 2 to find a
  ///     doubled error rate, or to prove "less than doubled" if nothing changed.
  ///   - evidence: What an earlier test with this claim has gathered.
  /// - Throws: `invalidParameter`, or `mismatch` if the evidence is another kind of test's.
  package init(
    claim: Claim, plannedRatio: Double, resuming evidence: EvidenceSums? = nil
  ) throws(StatisticsError) {
    if case .better = claim { try claim.validate(below: 1) } else { try claim.validate(below: 1e6) }
    try require(plannedRatio.isFinite && plannedRatio > 1, "plannedRatio must be above 1")
    self.claim = claim
    anchor = .log(plannedRatio)
    try OddsTilt.validate(anchor: anchor)
    self.evidence = try resumed(evidence, components: OddsTilt.components)
  }

  /// Takes one request in.
  ///
  /// - Parameters:
  ///   - isEvent: Whether the bad thing happened.
  ///   - isTreatment: Which variant the request was assigned to, not which one served it in the
  ///     end.
  ///   - propensity: The chance of treatment when it was assigned, in (0, 1).
  /// - Returns: Whether the request could be used.
  @discardableResult
  package mutating func append(isEvent: Bool, isTreatment: Bool, propensity: Double) -> Bool {
    guard Propensity.isUsable(propensity) else {
      evidence.ignore()
      return false
    }
    guard isEvent else {
      evidence.addNeutral()
      return true
    }
    let border = 1 + claim.allowedLoss
    let expected = propensity * border / (propensity * border + 1 - propensity)
    OddsTilt.add(
      isSuccess: isTreatment, probability: expected, isDown: !claim.isHarm, anchor: anchor,
      to: &evidence)
    return true
  }

  package var logEvidence: Double { Mixture.anchored.logEvidence(evidence) }

  /// Adds the evidence of other requests about the same claim.
  package mutating func merge(_ other: RelativeRiskTest) throws(StatisticsError) {
    guard claim == other.claim, anchor == other.anchor else {
      throw StatisticsError(.mismatch, "\(other.claim) does not add to \(claim)")
    }
    try evidence.merge(other.evidence)
  }
}
