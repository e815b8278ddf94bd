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

  private func logWeight(of component: Int, components: Int) -> Double {
    switch self {
    case .uniform: -.log(Double(components))
    case .anchored: component == 0 ? .log(0.5) : .log(0.5 / Double(components - 1))
    }
  }

  /// ln E, by log-sum-exp, so that no bet over- or underflows.
  func logEvidence(_ evidence: EvidenceSums) -> Double {
    let components = evidence.components
    // Two weights at most are different.
    let first = logWeight(of: 0, components: components)
    let others = logWeight(of: 1, components: components)
    var terms = [first + evidence[0]]
    for component in 1..<components { terms.append(others + evidence[component]) }
    let greatest = terms.reduce(-.infinity, max)
    return greatest + .log(terms.reduce(0) { $0 + .exp($1 - greatest) })
  }
}

/// `count` numbers from `low` to `high` with equal ratios.
func geometricGrid(from low: Double, to high: Double, count: Int) -> [Double] {
  let step = Double.log(high / low) / Double(count - 1)
  return (0..<count).map { $0 == count - 1 ? high : low * .exp(step * Double($0)) }
}
