/// A test that may be looked at after every request, for as long as one likes.
///
/// It turns outcomes into evidence E ≥ 0 against its null hypothesis, such that E, started at 1,
/// is not expected to grow at any stopping time while the null hypothesis holds (an e-process). By
/// Ville's inequality the chance that E *ever* reaches 1/α is then at most α. Peek, stop, extend
/// and change weights at will.
///
/// Rejecting proves the test's claim. Not rejecting proves nothing, and a test without data has
/// evidence 1: no data never passes and never fails.
package protocol SequentialTest: Hashable, Sendable {
  /// What to store; give it back to the initializer to go on.
  var evidence: EvidenceSums { get }
  /// ln E now; 0 without data.
  var logEvidence: Double { get }
}

extension SequentialTest {
  /// Whether the evidence at this look proves the claim at level `alpha` in 0…1.
  ///
  /// A proof of an earlier look stays one; `EvidencePeak` remembers it.
  package func isRejected(alpha: Double) -> Bool {
    guard alpha > 0 else { return false }
    let limit = -Double.log(alpha)
    // A mean is at most the greatest of its members, which is cheap to know: looks are many. The
    // slack covers what rounding may add to the mean.
    return evidence.greatest >= limit - 1e-9 && logEvidence >= limit
  }
}

/// A sequential test whose evidence of disjoint sets of requests adds up, exactly and in any order.
package protocol AdditiveTest: SequentialTest {
  /// Adds the evidence of a disjoint set of requests.
  ///
  /// - Parameter other: A test of the same claim.
  /// - Throws: `mismatch` if the claims differ; `self` stays as it was.
  mutating func merge(_ other: Self) throws(StatisticsError)
}

/// The strongest evidence that any look has seen.
///
/// It is kept apart from the test: the peak of a merged stream cannot be known from its parts'
/// peaks, and taking the greatest of several shards' peaks would be a test of many chances.
package struct EvidencePeak: Hashable, Sendable {
  /// The greatest ln E so far, at least 0.
  package private(set) var maximumLogEvidence = 0.0

  /// No look yet: no evidence.
  package init() {}

  /// Goes on from a stored peak; one that is not a number, or negative, is 0.
  package init(maximumLogEvidence: Double) {
    look(at: maximumLogEvidence)
  }

  /// Takes the evidence of one more look; NaN changes nothing.
  package mutating func look(at logEvidence: Double) {
    if logEvidence > maximumLogEvidence { maximumLogEvidence = logEvidence }
  }

  /// exp(−max ln E): a p-value that is valid whenever one looks.
  package var alwaysValidPValue: Double {
    .exp(-maximumLogEvidence)
  }

  /// Whether any look so far has proved the claim at level `alpha` in 0…1.
  package func isRejected(alpha: Double) -> Bool {
    alpha > 0 && maximumLogEvidence >= -.log(alpha)
  }
}
