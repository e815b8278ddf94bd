/// The distribution of a share: of scores between 0 and 1, or of what remains of a stick.
package struct BetaDistribution: Hashable, Sendable {
  /// a and b, above 0.
  private let a: Double
  private let b: Double

  /// - Parameters:
  ///   - mean: a/(a + b), in (0, 1)
  ///   - concentration: a + b, above 0; a judge's scores around 0.8 have about 3
  /// - Throws: `invalidParameter` outside these ranges.
  package init(mean: Double, concentration: Double) throws(StatisticsError) {
    try require(mean > 0 && mean < 1, "the mean must be in (0, 1), not \(mean)")
    try require(
      concentration > 0 && concentration.isFinite,
      "the concentration must be above 0, not \(concentration)")
    (a, b) = (mean * concentration, (1 - mean) * concentration)
  }

  /// P(X ≤ x).
  package func cumulative(_ x: Double) -> Double { Self.incompleteBeta(x, a, b) }

  /// The value below which a `share` in (0, 1) lies; 0 below, 1 above that.
  package func quantile(_ share: Double) -> Double {
    guard share > 0 else { return 0 }
    guard share < 1 else { return 1 }
    return bisect(from: 0, to: 1) { cumulative($0) < share }
  }

  /// I_x(a, b), the regularised incomplete beta function; x in [0, 1], a and b above 0.
  ///
  /// The continued fraction of DLMF 8.17.22, evaluated forwards after Lentz (1976); it converges
  /// fast below (a + 1) / (a + b + 2), and above it I_x(a, b) = 1 − I_{1−x}(b, a).
  static func incompleteBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
    guard x > 0 else { return 0 }
    guard x < 1 else { return 1 }
    guard x <= (a + 1) / (a + b + 2) else { return 1 - incompleteBeta(1 - x, b, a) }
    let front = Double.exp(a * .log(x) + b * .log(onePlus: -x) - .logBeta(a, b)) / a
    let least = 1e-300
    func away(_ value: Double) -> Double { abs(value) < least ? least : value }
    var (c, d) = (1.0, 1 / away(1 - (a + b) * x / (a + 1)))
    var fraction = d
    // About √max(a, b) steps are needed where both are large.
    for step in 1...4_000 {
      let m = Double(step)
      for numerator in [
        m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
        -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
      ] {
        d = 1 / away(1 + numerator * d)
        c = away(1 + numerator / c)
        fraction *= c * d
      }
      if abs(c * d - 1) < 1e-15 { break }
    }
    return front * fraction
  }
}
