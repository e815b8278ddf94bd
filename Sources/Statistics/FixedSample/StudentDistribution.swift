/// Student's distribution: how far a mean of normal values may lie from the truth, in standard
/// errors that were estimated from the same values.
struct StudentDistribution: Hashable {
  /// ν, above 0.
  let degreesOfFreedom: Double

  /// The upper tail P(T > t), for t ≥ 0: ½ · I_x(ν/2, ½) with x = ν / (ν + t²). DLMF 8.17.
  func tail(_ t: Double) -> Double {
    let x = degreesOfFreedom / (degreesOfFreedom + t * t)
    return 0.5 * BetaDistribution.incompleteBeta(x, degreesOfFreedom / 2, 0.5)
  }

  /// The value below which a `share` in [0.5, 1) lies.
  func quantile(_ share: Double) -> Double {
    var high = 1.0
    // With one degree of freedom the tails are as long as Cauchy's: ten million for 1 in 10⁷.
    for _ in 0..<60 where tail(high) > 1 - share { high *= 2 }
    return bisect(from: 0, to: high) { tail($0) > 1 - share }
  }
}
