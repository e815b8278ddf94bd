/// How probable it is that each arm is the best: what Thompson sampling shares traffic by.
///
/// Thompson ("On the likelihood that one unknown probability exceeds another in view of the
/// evidence of two samples", Biometrika 25, 1933) gives each arm the probability that it is best,
/// αₖ = ∫ fₖ(x) ∏_{j≠k} Fⱼ(x) dx. It is usually left to draws; here it is integrated, so that the
/// share of traffic is a known number and not an estimate of one: whoever weighs evidence by it
/// weighs it by what was used.
package enum BestArmProbabilities {
  /// Distances from the middle of an arm, in its spreads, at which pieces of the integral end.
  private static let borders: [Double] = [
    0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 11, 16, 32, 64, 256, 1_024, 8_192,
  ]

  /// Gauss and Legendre's ten places and weights on [−1, 1]; Abramowitz and Stegun, table 25.4.
  private static let places: [(Double, Double)] = [
    (0.148874338981631211, 0.295524224714752870), (0.433395394129247191, 0.269266719309996355),
    (0.679409568299024406, 0.219086362515982044), (0.865063366688984511, 0.149451349150580593),
    (0.973906528517171720, 0.066671344308688138),
  ].flatMap { [($0.0, $0.1), (-$0.0, $0.1)] }

  /// αₖ of each arm, at least 0, summing to 1 up to rounding; empty without arms.
  ///
  /// - Complexity: O(arms³) evaluations of a distribution: each arm adds pieces, and each place
  ///   asks every arm. About 2 ms for three arms, 0.3 s for seventeen.
  package static func of(_ arms: [ArmPosterior]) -> [Double] {
    guard arms.count > 1 else { return arms.map { _ in 1 } }
    var ends: Set<Double> = []
    for arm in arms {
      let (mean, spread, support) = (arm.mean, arm.spread, arm.support)
      for border in borders {
        for end in [mean - border * spread, mean, mean + border * spread] {
          ends.insert(min(max(end, support.lowerBound), support.upperBound))
        }
      }
    }
    let pieces = ends.filter(\.isFinite).sorted()
    var sums = [Double](repeating: 0, count: arms.count)
    for (low, high) in zip(pieces, pieces.dropFirst()) {
      add(arms, from: low, to: high, to: &sums)
    }
    let total = sums.reduce(0, +)
    guard total > 0 else { return arms.map { _ in 1 / Double(arms.count) } }
    return sums.map { $0 / total }
  }

  private static func add(
    _ arms: [ArmPosterior], from low: Double, to high: Double, to sums: inout [Double]
  ) {
    let (middle, half) = ((low + high) / 2, (high - low) / 2)
    for (place, weight) in places {
      let x = middle + half * place
      let below = arms.map { $0.cumulative(x) }
      for (arm, posterior) in arms.enumerated() {
        var others = 1.0
        for other in below.indices where other != arm { others *= below[other] }
        // The density costs, and adds nothing where another arm is surely better.
        if others > 1e-18 { sums[arm] += half * weight * others * posterior.density(x) }
      }
    }
  }
}
