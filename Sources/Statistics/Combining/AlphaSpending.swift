/// How a level is shared among stages that start their evidence anew.
///
/// Error rates and scores keep their evidence when the weight changes, since each observation is
/// weighted by the propensity in force. What hangs on the load does not: latencies are tested anew
/// at each weight, and stage s may spend αₛ = α vₛ with Σ vₛ = 1 (STATISTICS 2(i)).
package struct AlphaSpending: Hashable, Sendable {
  /// v, of each stage, summing to 1.
  package let shares: [Double]

  /// - Parameter stakes: Of each stage, in any unit; each above 0.
  /// - Throws: `invalidParameter` without stages, or if a stake is not a number above 0.
  package init(stakes: [Double]) throws(StatisticsError) {
    let sum = stakes.reduce(0, +)
    try require(
      !stakes.isEmpty && sum.isFinite && stakes.allSatisfy { $0 > 0 },
      "stages need stakes above 0, not \(stakes)")
    shares = stakes.map { $0 / sum }
  }

  /// Most for the last stage, where most of the traffic and the longest time are: ½, ¼, … from the
  /// last to the second, and the first as much as the second.
  ///
  /// - Parameter stages: 1 or more; the doubling ends after ten stages.
  package init(backLoadedOver stages: Int) throws(StatisticsError) {
    let stakes = (0..<max(0, stages)).map { stage in
      // Powers of two, so that the shares are exact.
      Double(sign: .plus, exponent: -min(stages - max(stage, 1), 10), significand: 1)
    }
    try self.init(stakes: stakes)
  }

  /// What `stage`, from 0, may spend of `alpha`; 0 for a stage that there is not.
  package func level(ofStage stage: Int, alpha: Double) -> Double {
    shares.indices.contains(stage) ? alpha * shares[stage] : 0
  }
}
