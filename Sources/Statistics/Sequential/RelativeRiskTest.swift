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
    append(share: isEvent ? 1 : 0, isTreatment: isTreatment, propensity: propensity)
  }

  /// Takes one unit of several requests in, by the share of them that had the event.
  ///
  /// A share y multiplies bet j by 1 + y(fⱼ − 1), where fⱼ is what a whole event multiplies it by.
  /// Over the assignment fⱼ is expected to be 1 at the border, so this is, too: 1 + πμ₁(f − 1) +
  /// (1 − π)μ₀(f′ − 1) = 1 if μ₁ = r₀μ₀. So the ratio of mean shares is tested as exactly as the
  /// ratio of risks, which is the case y ∈ {0, 1}.
  ///
  /// - Parameters:
  ///   - share: y, in 0…1.
  ///   - isTreatment: Which variant the unit was assigned to.
  ///   - propensity: The chance of treatment when it was assigned, in (0, 1).
  /// - Returns: Whether the unit could be used.
  @discardableResult
  package mutating func append(share: Double, isTreatment: Bool, propensity: Double) -> Bool {
    guard (0...1).contains(share), Propensity.isUsable(propensity) else {
      evidence.ignore()
      return false
    }
    guard share > 0 else {
      evidence.addNeutral()
      return true
    }
    let border = 1 + claim.allowedLoss
    let expected = propensity * border / (propensity * border + 1 - propensity)
    OddsTilt.add(
      isSuccess: isTreatment, share: share, probability: expected, isDown: !claim.isHarm,
      anchor: anchor, to: &evidence)
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

  /// Takes evidence out again that was appended or merged before, as if it had never been.
  package mutating func withdraw(_ other: RelativeRiskTest) throws(StatisticsError) {
    guard claim == other.claim, anchor == other.anchor else {
      throw StatisticsError(.mismatch, "\(other.claim) is no part of \(claim)")
    }
    try evidence.withdraw(other.evidence)
  }
}
