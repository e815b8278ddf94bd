/// Student's distribution: how far a mean of normal values may lie from the truth, in standard
/// errors that were estimated from the same values.
struct StudentDistribution: Hashable {
  /// ν, above 0.
  let degreesOfFreedom: Double

  /// The upper tail P(T > t), for t ≥ 0: ½ · I_x(ν/2, ½) with x = ν / (ν + t²). DLMF 8.17.
  func tail(_ t: Double) -> Double {
    let x = degreesOfFreedom / (degreesOfFreedom + t * t)
    return 0.5 * Self.incompleteBeta(x, degreesOfFreedom / 2, 0.5)
  }

  /// The value below which a `share` in [0.5, 1) lies.
  func quantile(_ share: Double) -> Double {
    var high = 1.0
    // With one degree of freedom the tails are as long as Cauchy's: ten million for 1 in 10⁷.
    for _ in 0..<60 where tail(high) > 1 - share { high *= 2 }
    return bisect(from: 0, to: high) { tail($0) > 1 - share }
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
    for step in 1...300 {
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
