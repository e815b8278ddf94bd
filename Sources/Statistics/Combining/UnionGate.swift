/// Evidence that at least one of several guardrails is violated: what may take a rollout back.
///
/// STATISTICS 2(i): E = Σ vᵢEᵢ with Σ vᵢ = 1. A weighted mean of e-processes is one, however they
/// depend on each other, so looking at it for ever raises a false alarm with a chance of at most α;
/// and it is never below the weighted Bonferroni rule's "some Eᵢ ≥ 1/(α vᵢ)" (Vovk and Wang,
/// "E-values: calibration, combination and applications", Annals of Statistics 49(3), 2021).
package struct UnionGate: Hashable, Sendable {
  /// v, of each guardrail, summing to 1.
  package let weights: [Double]

  /// - Parameter stakes: What share of α each guardrail may spend, in any unit; each above 0.
  /// - Throws: `invalidParameter` without stakes, or if one is not a number above 0.
  package init(stakes: [Double]) throws(StatisticsError) {
    let sum = stakes.reduce(0, +)
    try require(
      !stakes.isEmpty && sum.isFinite && stakes.allSatisfy { $0 > 0 },
      "a union needs guardrails with stakes above 0, not \(stakes)")
    weights = stakes.map { $0 / sum }
  }

  /// The gate of `count` guardrails, 1 or more, with equal stakes.
  package init(count: Int) throws(StatisticsError) {
    try self.init(stakes: [Double](repeating: 1, count: max(0, count)))
  }

  /// ln Σ vᵢEᵢ.
  ///
  /// - Parameter logs: `[weights.count]`, ln Eᵢ; one that is not a number is no evidence, 0.
  /// - Returns: 0 if there are not as many as weights: what was not measured moves nothing.
  package func logEvidence(_ logs: [Double]) -> Double {
    guard logs.count == weights.count else { return 0 }
    return logMean(zip(weights, logs.map(Self.usable)).map { ($0, $1) })
  }

  /// Whether some guardrail is violated, at level `alpha` in 0…1.
  package func isRejected(_ logs: [Double], alpha: Double) -> Bool {
    alpha > 0 && logEvidence(logs) >= -.log(alpha)
  }

  /// Which guardrails are violated: each of them at level `alpha`, all of them together.
  ///
  /// Closed testing: i is named if every weighted mean of guardrails with i among them has reached
  /// 1/α. The least such mean takes in, from the least evidence up, whatever lowers it (Vovk and
  /// Wang 2021, algorithm 1).
  ///
  /// - Returns: Indices, ascending; none may be named although the union is rejected.
  package func culprits(_ logs: [Double], alpha: Double) -> [Int] {
    guard logs.count == weights.count, alpha > 0 else { return [] }
    let logs = logs.map(Self.usable)
    let ascending = logs.indices.sorted { logs[$0] < logs[$1] }
    return logs.indices.filter { suspect in
      var members = [(weights[suspect], logs[suspect])]
      var least = logs[suspect]
      for other in ascending where other != suspect {
        guard logs[other] < least else { break }
        members.append((weights[other], logs[other]))
        least = logMean(members)
      }
      return least >= -.log(alpha)
    }
  }

  private static func usable(_ log: Double) -> Double { log.isNaN ? 0 : log }

  /// ln(Σ vᵢEᵢ / Σ vᵢ), taken off the greatest.
  private func logMean(_ members: [(weight: Double, log: Double)]) -> Double {
    let greatest = members.reduce(-.infinity) { max($0, $1.log) }
    guard greatest.isFinite else { return greatest }
    let weight = members.reduce(0) { $0 + $1.weight }
    let sum = members.reduce(0) { $0 + $1.weight * .exp($1.log - greatest) }
    return greatest + .log(sum / weight)
  }
}
