/// The likelihood ratio of a yes-or-no observation whose odds are multiplied by eᵘ.
///
/// With probability p of a success under the null hypothesis, the alternative's is
/// t = p eᵘ / (p eᵘ + 1 − p). Relative risks, McNemar's test and sample ratios all bet with it.
enum OddsTilt {
  /// ln(t/p) for a success, ln((1 − t)/(1 − p)) otherwise.
  ///
  /// - Parameters:
  ///   - isSuccess: What was observed.
  ///   - probability: p, in (0, 1).
  ///   - logOdds: u.
  /// - Returns: u − ln(1 + p(eᵘ − 1)) or −ln(1 + p(eᵘ − 1)), without loss for small u and p.
  static func logRatio(isSuccess: Bool, probability: Double, logOdds: Double) -> Double {
    let normalizer = Double.log(onePlus: probability * .expMinusOne(logOdds))
    return isSuccess ? logOdds - normalizer : -normalizer
  }

  /// STATISTICS 2(a): the anchor |ln RR| and 24 offsets, log-uniform on [0.05, 3].
  static let offsets = geometricGrid(from: 0.05, to: 3, count: 24)

  /// eᵘ − 1 of the offsets, and of the offsets turned down.
  private static let growths = offsets.map { Double.expMinusOne($0) }
  private static let shrinkages = offsets.map { Double.expMinusOne(-$0) }

  /// Adds one observation to every bet, on ratios of the odds beyond (or, if `isDown`, below) p's.
  ///
  /// - Parameter share: y in (0, 1]: each factor f becomes 1 + y(f − 1), which is above 0.
  static func add(
    isSuccess: Bool, share: Double = 1, probability: Double, isDown: Bool, anchor: Double,
    to evidence: inout EvidenceSums
  ) {
    let factors = isDown ? shrinkages : growths
    evidence.add { component in
      let offset = offset(component, anchor: anchor)
      let logOdds = isDown ? -offset : offset
      let growth = component == 0 ? Double.expMinusOne(logOdds) : factors[component - 1]
      let normalizer = Double.log(onePlus: probability * growth)
      let logFactor = isSuccess ? logOdds - normalizer : -normalizer
      return share == 1 ? logFactor : .log(onePlus: share * .expMinusOne(logFactor))
    }
  }

  /// The number of bets: the anchor and the offsets.
  static let components = offsets.count + 1

  /// The offset of one bet.
  static func offset(_ component: Int, anchor: Double) -> Double {
    component == 0 ? anchor : offsets[component - 1]
  }

  /// Refuses an anchor that no bet can be made for.
  static func validate(anchor: Double) throws(StatisticsError) {
    try require(
      anchor > 0 && anchor <= 20, "the planned effect's log ratio must be in (0, 20], not \(anchor)"
    )
  }
}

/// `evidence` if it has the length that a test needs, or an empty start if there is none.
func resumed(
  _ evidence: EvidenceSums?, components: Int
) throws(StatisticsError) -> EvidenceSums {
  guard let evidence else { return EvidenceSums(components: components) }
  guard evidence.components == components else {
    throw StatisticsError(
      .mismatch, "stored evidence has \(evidence.components) bets, this test has \(components)")
  }
  return evidence
}
