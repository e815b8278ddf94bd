/// A claim of non-inferiority that stays proven once it was, unless later data contradict it.
///
/// A test that is looked at for ever has proved its claim the first time its evidence reaches 1/α,
/// whatever it shows afterwards. A regression that sets in later (a leak, a cache that fills up) is
/// no contradiction to that proof, and yet must not be promoted on it; so the latch opens again
/// when the evidence of harm, restarted over and over (`RestartMixture`), passes 1/√α, or when the
/// proof is older than a stage (STATISTICS 2(i)).
package struct ClaimLatch: Hashable, Sendable {
  /// The stage in which the claim was proven; `nil` while it is not.
  package private(set) var provenInStage: Int?

  /// Nothing is proven.
  package init() {}

  /// Takes one look in.
  ///
  /// - Parameters:
  ///   - logEvidence: ln E of non-inferiority now; not a number is no evidence.
  ///   - logHarm: ln E of the restarted test of harm now, or `nil` without one.
  ///   - stage: Of the ramp, ascending.
  ///   - alpha: Of promotion, in (0, 1).
  ///   - harmAlpha: Of roll-back, in (0, 1).
  package mutating func look(
    logEvidence: Double, logHarm: Double?, stage: Int, alpha: Double, harmAlpha: Double
  ) {
    if let proven = provenInStage, stage > proven + 1 { provenInStage = nil }
    if alpha > 0, logEvidence >= -.log(alpha) { provenInStage = stage }
    if let logHarm, harmAlpha > 0, logHarm >= -.log(harmAlpha) / 2 { provenInStage = nil }
  }
}

/// Whether a candidate may be promoted: every guardrail's claim has been proven.
///
/// An intersection–union test (Berger, Technometrics 24(4), 1982; for A/B tests Schultzberg,
/// Ankargren and Frånberg 2024): a candidate that violates one guardrail is promoted with at most
/// the chance that this one is proven, so each has the whole α. No guardrails prove nothing.
package enum IntersectionGate {
  /// Whether every one of `claims`, of which there must be some, is proven.
  package static func isProven(_ claims: [ClaimLatch]) -> Bool {
    !claims.isEmpty && claims.allSatisfy { $0.provenInStage != nil }
  }

  /// The indices of claims that are still open.
  package static func open(_ claims: [ClaimLatch]) -> [Int] {
    claims.indices.filter { claims[$0].provenInStage == nil }
  }
}
