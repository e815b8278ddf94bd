/// How the bets of a sequential test share its stake.
///
/// The evidence is E = Σⱼ wⱼ exp(sumⱼ) with Σⱼ wⱼ = 1: a weighted mean of bets, each of which is
/// fair or worse for us if the null hypothesis holds, and so is the mean.
enum Mixture: Hashable, Sendable {
  /// The first bet, made for the planned effect, has half of the stake; the others share the rest.
  ///
  /// So the anchor costs only ln 2 of evidence at the planned effect, and the rest keeps power
  /// elsewhere (STATISTICS 2(a)).
  case anchored
  /// All bets have the same stake.
  case uniform

  /// ln E. Logarithms are taken off the greatest, so that no bet over- or underflows; without data
  /// it is exactly 0.
  func logEvidence(_ evidence: EvidenceSums) -> Double {
    let greatest = evidence.greatest
    let first = evidence.components > 0 ? Double.exp(evidence[0] - greatest) : 0
    var rest = 0.0
    for component in 1..<max(1, evidence.components) {
      rest += .exp(evidence[component] - greatest)
    }
    let others = Double(evidence.components - 1)
    let mixed =
      switch self {
      case .uniform: (first + rest) / (others + 1)
      case .anchored: (first + rest / others) / 2
      }
    return greatest + .log(mixed)
  }
}

/// `count` numbers from `low` to `high` with equal ratios.
func geometricGrid(from low: Double, to high: Double, count: Int) -> [Double] {
  let step = Double.log(high / low) / Double(count - 1)
  return (0..<count).map { $0 == count - 1 ? high : low * .exp(step * Double($0)) }
}
