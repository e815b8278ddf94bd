import Foundation

/// Spinnaker's automated canary judge on two series of minutes, with the defaults it comes with:
/// high if the lower bound of a 98 % Mann-Whitney interval of the shift is above a quarter of the
/// estimated shift (NetflixACAJudge; STATISTICS T5 and pitfall 6).
///
/// The bounds are roots of the rank sum's z, found by Brent's method within 10⁻⁴ of the metric's
/// unit, as Kayenta finds them: for series with many zeros the verdict hangs on that.
enum KayentaRule {
  /// Φ⁻¹(0.99).
  private static let critical = 2.3263478740408408

  /// Whether the experiment's series is judged too high.
  static func isHigh(experiment: [Double], control: [Double]) -> Bool {
    let x = experiment.sorted()
    let y = control.sorted()
    guard x != y, Set(x + y).count > 1,
      let lower = root(x, y, critical, isGuarded: true)
    else { return false }
    let estimate = root(x, y, 0, isGuarded: false) ?? .nan
    let before = y.reduce(0, +) / Double(y.count)
    let after = x.reduce(0, +) / Double(x.count)
    let effect = before != 0 && after != 0 ? after / before : .nan
    return lower > 0.25 * abs(estimate) && !(effect < 1)
  }

  /// z of the rank sum of `x` − `shift` among `y`, with ties and continuity, less `offset`.
  private static func excess(
    _ shift: Double, _ x: [Double], _ y: [Double], _ offset: Double
  ) -> Double? {
    let (n, m) = (Double(x.count), Double(y.count))
    var (i, j) = (0, 0)
    var (rank, sum, ties) = (0.0, 0.0, 0.0)
    while i < x.count || j < y.count {
      let value =
        i < x.count && (j >= y.count || x[i] - shift <= y[j]) ? x[i] - shift : y[j]
      let first = i
      let second = j
      while i < x.count, x[i] - shift == value { i += 1 }
      while j < y.count, y[j] == value { j += 1 }
      let equal = Double(i - first + j - second)
      sum += Double(i - first) * (rank + (equal + 1) / 2)
      rank += equal
      ties += equal * equal * equal - equal
    }
    let off = sum - n * (n + 1) / 2 - n * m / 2
    let variance = n * m / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1)))
    guard variance > 0 else { return nil }
    let correction = off > 0 ? 0.5 : off < 0 ? -0.5 : 0
    return (off - correction) / variance.squareRoot() - offset
  }

  private static func root(
    _ x: [Double], _ y: [Double], _ offset: Double, isGuarded: Bool
  ) -> Double? {
    guard let least = x.first, let greatest = x.last, let low = y.first, let high = y.last,
      let below = excess(least - high, x, y, offset),
      let above = excess(greatest - low, x, y, offset)
    else { return nil }
    if isGuarded {
      if below <= 0 { return least - high }
      if above >= 0 { return greatest - low }
    }
    return brent(least - high, greatest - low, below, above) { excess($0, x, y, offset) ?? .nan }
  }

  /// Brent's method (1973, chapter 4) between two points and their values.
  private static func brent(
    _ start: Double, _ end: Double, _ atStart: Double, _ atEnd: Double,
    _ function: (Double) -> Double
  ) -> Double {
    var (a, b, fa, fb) = (start, end, atStart, atEnd)
    if fa == 0 { return a }
    if fb == 0 { return b }
    var (c, fc) = (a, fa)
    for _ in 0...1_000 {
      let previous = b - a
      if abs(fc) < abs(fb) { (a, b, c, fa, fb, fc) = (b, c, b, fb, fc, fb) }
      let tolerance = 2 * Double.ulpOfOne * abs(b) + 1e-4 / 2
      var step = (c - b) / 2
      if abs(step) <= tolerance || fb == 0 { return b }
      if abs(previous) >= tolerance, abs(fa) > abs(fb) {
        step = interpolated(a, b, c, fa, fb, fc, previous, tolerance) ?? step
      }
      if abs(step) < tolerance { step = step > 0 ? tolerance : -tolerance }
      (a, fa) = (b, fb)
      b += step
      fb = function(b)
      if (fb > 0 && fc > 0) || (fb < 0 && fc < 0) { (c, fc) = (a, fa) }
    }
    return b
  }

  /// A step by the secant or the inverse parabola, if it is safe.
  private static func interpolated(
    _ a: Double, _ b: Double, _ c: Double, _ fa: Double, _ fb: Double, _ fc: Double,
    _ previous: Double, _ tolerance: Double
  ) -> Double? {
    let width = c - b
    var p: Double
    var q: Double
    if a == c {
      let s = fb / fa
      p = width * s
      q = 1 - s
    } else {
      let (r, s, t) = (fa / fc, fb / fc, fb / fa)
      p = t * (width * r * (r - s) - (b - a) * (s - 1))
      q = (r - 1) * (s - 1) * (t - 1)
    }
    if p > 0 { q = -q } else { p = -p }
    guard p < 0.75 * width * q - abs(tolerance * q) / 2, p < abs(previous * q / 2) else {
      return nil
    }
    return p / q
  }
}
