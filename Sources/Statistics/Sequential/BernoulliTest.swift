/// A sequential test of one share against a border: an SLO, a majority of preferences.
///
/// The one-sided e-process on a grid of log-odds of STATISTICS 2(a) and 2(d): bet j multiplies by
/// θⱼ/θ₀ for a success and (1 − θⱼ)/(1 − θ₀) otherwise, logit θⱼ = logit θ₀ ± uⱼ.
package struct BernoulliTest: AdditiveTest {
  /// What is to be proved about the share of successes.
  package enum Claim: Hashable, Sendable {
    case above(Double)
    case below(Double)

    var border: Double {
      switch self {
      case .above(let share), .below(let share): share
      }
    }

    fileprivate var isBelow: Bool {
      if case .below = self { true } else { false }
    }
  }

  package let claim: Claim
  /// ln of the planned ratio between the true odds and the border's.
  package let anchor: Double
  package private(set) var evidence: EvidenceSums

  /// - Parameters:
  ///   - claim: With a border in (0, 1).
  ///   - plannedOddsRatio: How far from the border's odds the truth is expected to be, above 1.
  ///   - evidence: What an earlier test with this claim has gathered.
  /// - Throws: `invalidParameter`, or `mismatch` if the evidence is another kind of test's.
  package init(
    claim: Claim, plannedOddsRatio: Double, resuming evidence: EvidenceSums? = nil
  ) throws(StatisticsError) {
    try require(Propensity.isUsable(claim.border), "the border must be in (0, 1)")
    try require(
      plannedOddsRatio.isFinite && plannedOddsRatio > 1, "plannedOddsRatio must be above 1")
    self.claim = claim
    anchor = .log(plannedOddsRatio)
    try OddsTilt.validate(anchor: anchor)
    self.evidence = try resumed(evidence, components: OddsTilt.components)
  }

  /// Takes one trial in.
  package mutating func append(_ isSuccess: Bool) {
    OddsTilt.add(
      isSuccess: isSuccess, probability: claim.border, isDown: claim.isBelow, anchor: anchor,
      to: &evidence)
  }

  /// Counts an observation that is no trial: a tie, a pair that agrees.
  mutating func appendTie() {
    evidence.addNeutral()
  }

  /// Counts an observation that could not be used.
  mutating func ignore() {
    evidence.ignore()
  }

  package var logEvidence: Double { Mixture.anchored.logEvidence(evidence) }

  /// Adds the evidence of other trials about the same claim.
  package mutating func merge(_ other: BernoulliTest) throws(StatisticsError) {
    guard claim == other.claim, anchor == other.anchor else {
      throw StatisticsError(.mismatch, "\(other.claim) does not add to \(claim)")
    }
    try evidence.merge(other.evidence)
  }
}
