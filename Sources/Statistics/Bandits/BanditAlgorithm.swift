/// How traffic is shared among arms, given how probable it is that each is the best.
package enum BanditAlgorithm: Hashable, Sendable {
  /// Thompson sampling: each arm gets αₖ. Least regret while it learns.
  case thompson
  /// Top-two Thompson sampling: half of the traffic goes to a draw of the best arm, half to the
  /// best of another draw in which a different arm is best. Tells sooner which arm it is.
  ///
  /// Russo ("Simple Bayesian algorithms for best-arm identification", Operations Research 68(6),
  /// 2020, section 3.3) with β = ½, in closed form: ψₖ = αₖ (β + (1 − β) Σ_{j≠k} αⱼ/(1 − αⱼ)).
  case topTwo

  /// Each arm's share before any floor; sums to 1 up to rounding.
  ///
  /// - Parameter best: αₖ, at least 0, summing to 1 up to rounding
  package func weights(best: [Double]) -> [Double] {
    guard self == .topTwo, best.count > 1 else { return best }
    var weights = best.map { $0 / 2 }
    for (leader, probability) in best.enumerated() {
      // 1 − αⱼ as the sum that it is: of a leader that is all but certain the difference would be
      // rounding.
      let others = best.indices.filter { $0 != leader }
      let rest = others.reduce(0) { $0 + best[$1] }
      for other in others {
        weights[other] +=
          probability / 2 * (rest > 0 ? best[other] / rest : 1 / Double(others.count))
      }
    }
    return weights
  }
}

/// Shares of traffic as whole numbers of 2⁻³⁰ parts.
///
/// They sum to exactly 1, in whatever order they are added, and are written and read without loss:
/// the propensity that an outcome carries is the one that its table had, to the bit.
package enum WholeShares {
  private static let whole = 1 << 30

  /// πₖ = f + (1 − K f) wₖ, rounded to parts; none is below f.
  ///
  /// Added, not clipped and scaled: clipping moves what the algorithm asked for (STATISTICS 2(g)
  /// and pitfall 19). What rounding leaves goes to the largest remainders, the first of equal ones.
  ///
  /// - Parameters:
  ///   - weights: wₖ at least 0, with a sum above 0, by which they are divided; else all are even
  ///   - floor: f in [0, 1/K]; held within
  package static func of(_ weights: [Double], floor: Double) -> [Double] {
    let count = weights.count
    guard count > 0 else { return [] }
    let total = weights.reduce(0, +)
    let isUsable = total > 0 && total.isFinite && weights.allSatisfy { $0 >= 0 }
    let even = 1 / Double(count)
    let least = min(Int((min(max(floor, 0), even) * Double(whole)).rounded(.up)), whole / count)
    let free = whole - least * count
    let wanted = weights.map { (isUsable ? $0 / total : even) * Double(free) }
    var parts = wanted.map { Int($0.rounded(.down)) }
    let order = weights.indices.sorted {
      let (left, right) = (wanted[$0] - Double(parts[$0]), wanted[$1] - Double(parts[$1]))
      return left == right ? $0 < $1 : left > right
    }
    var left = free - parts.reduce(0, +)
    for arm in order where left > 0 {
      parts[arm] += 1
      left -= 1
    }
    return parts.map { Double($0 + least) / Double(whole) }
  }
}
