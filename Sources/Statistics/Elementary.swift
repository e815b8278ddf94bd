#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The C library's functions under one roof, so that no other file asks which C library it is.
extension Double {
  /// eˣ.
  package static func exp(_ x: Double) -> Double { _exp(x) }
  /// eˣ − 1, without loss near 0.
  package static func expMinusOne(_ x: Double) -> Double { expm1(x) }
  /// ln x; −∞ at 0, not a number below.
  package static func log(_ x: Double) -> Double { _log(x) }
  /// ln(1 + x), without loss near 0.
  package static func log(onePlus x: Double) -> Double { log1p(x) }

  /// ln |Γ(x)|, thread-safe where C's `lgamma` is not.
  static func logGamma(_ x: Double) -> Double {
    var sign: Int32 = 0
    return lgamma_r(x, &sign)
  }

  /// ln B(a, b).
  static func logBeta(_ a: Double, _ b: Double) -> Double {
    logGamma(a) + logGamma(b) - logGamma(a + b)
  }

  /// ln(1 − Φ(z)), the upper tail of the standard normal distribution; exact far out, too.
  static func logNormalTail(_ z: Double) -> Double {
    if z < 25 { return log(erfc(z * 0.5.squareRoot()) / 2) }
    // erfc underflows from about 38 on. Abramowitz and Stegun 26.2.12; the next term is below
    // 15/z⁶ < 7 · 10⁻⁸.
    let inverse = 1 / (z * z)
    return -z * z / 2 - log(z * (2 * .pi).squareRoot())
      + log(onePlus: -inverse + 3 * inverse * inverse)
  }
}

// Outside `Double`, where the bare names would find the functions above.
private func _exp(_ x: Double) -> Double { exp(x) }
private func _log(_ x: Double) -> Double { log(x) }
