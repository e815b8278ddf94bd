/// A sequential McNemar test: two answers to the same request, each bad or not (shadow mode).
///
/// STATISTICS 2(d): only pairs that disagree count, and if neither variant is worse each of them
/// goes either way with probability 1/2. For "not worse by a margin" use `PairedMeanTest` on the
/// difference of the indicators: in odds of disagreement a margin would depend on the agreement.
package struct McNemarTest: AdditiveTest {
  /// Which variant is to be proved worse.
  package enum Claim: Hashable, Sendable {
    case treatmentIsWorse
    case treatmentIsBetter
  }

  package let claim: Claim
  private var pairs: BernoulliTest

  /// - Parameters:
  ///   - claim: What to prove.
  ///   - plannedOddsRatio: How many pairs are expected to disagree one way for each that disagrees
  ///     the other way, above 1.
  ///   - evidence: What an earlier test with this claim has gathered.
  /// - Throws: `invalidParameter`, or `mismatch` if the evidence is another kind of test's.
  package init(
    claim: Claim, plannedOddsRatio: Double, resuming evidence: EvidenceSums? = nil
  ) throws(StatisticsError) {
    self.claim = claim
    pairs = try BernoulliTest(
      claim: claim == .treatmentIsWorse ? .above(0.5) : .below(0.5),
      plannedOddsRatio: plannedOddsRatio, resuming: evidence)
  }

  /// Takes the two answers to one request in; if they agree, they change nothing.
  package mutating func append(controlIsBad: Bool, treatmentIsBad: Bool) {
    if controlIsBad == treatmentIsBad {
      pairs.appendTie()
    } else {
      pairs.append(treatmentIsBad)
    }
  }

  package var evidence: EvidenceSums { pairs.evidence }
  package var logEvidence: Double { pairs.logEvidence }

  /// Adds the evidence of other pairs about the same claim.
  package mutating func merge(_ other: McNemarTest) throws(StatisticsError) {
    try pairs.merge(other.pairs)
  }
}
