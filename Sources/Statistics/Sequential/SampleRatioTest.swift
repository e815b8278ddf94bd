/// A sequential test for sample ratio mismatch: do the counts contradict the propensities?
///
/// STATISTICS 2(e), the tilt form, which bears changing weights: each bet multiplies by the
/// likelihood ratio of "this variant's odds are eᵘ times what they should be" for u in ± 16 steps
/// from 0.005 to 1.5. More than two variants: the average over one-against-the-rest.
///
/// A rejection says that assignments, exposures or outcomes get lost or doubled: freeze promotion
/// and statistical roll-back, not traffic. Use α = 0.01, at assignment, first byte, completed and
/// judged outcomes.
package struct SampleRatioTest: AdditiveTest {
  /// How many variants share the traffic, at least 2.
  package let variants: Int
  package private(set) var evidence: EvidenceSums

  private static let tilts: [Double] = {
    let sizes = geometricGrid(from: 0.005, to: 1.5, count: 16)
    return sizes + sizes.map { -$0 }
  }()
  private static let growths = tilts.map { Double.expMinusOne($0) }

  /// - Parameters:
  ///   - variants: 2…64.
  ///   - evidence: What an earlier test has gathered.
  /// - Throws: `invalidParameter`, or `mismatch` if the evidence is another kind of test's.
  package init(variants: Int = 2, resuming evidence: EvidenceSums? = nil) throws(StatisticsError) {
    try require((2...64).contains(variants), "variants must be in 2…64, not \(variants)")
    self.variants = variants
    // Of two variants one says it all: its tilt up is the other's tilt down.
    let sides = variants == 2 ? 1 : variants
    self.evidence = try resumed(evidence, components: sides * Self.tilts.count)
  }

  /// Takes one assignment between two variants in.
  ///
  /// - Parameters:
  ///   - isTreatment: Whether it went to the second variant.
  ///   - propensity: The chance of that, in (0, 1).
  /// - Returns: Whether it could be used.
  @discardableResult
  package mutating func append(isTreatment: Bool, propensity: Double) -> Bool {
    append(variant: isTreatment ? 1 : 0, propensities: [1 - propensity, propensity])
  }

  /// Takes one assignment in.
  ///
  /// - Parameters:
  ///   - variant: Which variant it went to, 0..<variants.
  ///   - propensities: `[variants]`, the chance of each; they sum to 1. One that could not be
  ///     chosen has 0.
  /// - Returns: Whether it could be used.
  @discardableResult
  package mutating func append(variant: Int, propensities: [Double]) -> Bool {
    guard propensities.count == variants, propensities.indices.contains(variant),
      propensities.allSatisfy({ $0 >= 0 && $0 <= 1 }), propensities[variant] >= 1e-12,
      abs(propensities.reduce(0, +) - 1) < 1e-6
    else {
      evidence.ignore()
      return false
    }
    guard propensities[variant] < 1 else {
      evidence.addNeutral()
      return true
    }
    let (tilts, growths, isPair) = (Self.tilts, Self.growths, variants == 2)
    evidence.add { component in
      let side = isPair ? 1 : component / tilts.count
      let tilt = component % tilts.count
      let normalizer = Double.log(onePlus: propensities[side] * growths[tilt])
      return side == variant ? tilts[tilt] - normalizer : -normalizer
    }
    return true
  }

  package var logEvidence: Double { Mixture.uniform.logEvidence(evidence) }

  /// Adds the evidence of other assignments among as many variants.
  package mutating func merge(_ other: SampleRatioTest) throws(StatisticsError) {
    guard variants == other.variants else {
      throw StatisticsError(.mismatch, "\(other.variants) variants do not add to \(variants)")
    }
    try evidence.merge(other.evidence)
  }

  /// ln E against counts alone, for shares that have never changed.
  ///
  /// The Dirichlet-multinomial Bayes factor of Lindon and Malek (NeurIPS 2022), STATISTICS 2(e).
  ///
  /// - Parameters:
  ///   - counts: `[variants]`, units seen by each.
  ///   - shares: `[variants]`, of traffic, above 0, summing to 1.
  ///   - concentration: How close to the shares a mismatch is looked for; 1000 finds 52 % instead
  ///     of 50 % in about 7 000 units.
  /// - Returns: `nil` if the parameters are out of these ranges.
  package static func logEvidence(
    counts: [Int], shares: [Double], concentration: Double = 1000
  ) -> Double? {
    guard counts.count == shares.count, counts.count > 1, concentration > 0,
      concentration.isFinite, counts.allSatisfy({ (0...Int.greatestExactCount).contains($0) }),
      shares.allSatisfy({ $0 > 0 }), abs(shares.reduce(0, +) - 1) < 1e-6
    else { return nil }
    let total = counts.reduce(0.0) { $0 + Double($1) }
    let prior = shares.reduce(0.0) { $0 + concentration * $1 }
    let start = Double.logGamma(prior) - .logGamma(prior + total)
    return zip(counts, shares).reduce(start) { sum, variant in
      let (count, expected) = (Double(variant.0), concentration * variant.1)
      return sum + .logGamma(expected + count) - .logGamma(expected) - count * .log(variant.1)
    }
  }
}
