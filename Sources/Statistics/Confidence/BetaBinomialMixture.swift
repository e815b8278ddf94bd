/// The two-sided beta-binomial mixture: evidence against a share p₀, for display intervals.
///
/// Robbins's mixture with a Beta(a, b) prior around p₀; Howard, Ramdas, McAuliffe and Sekhon,
/// "Time-uniform, nonparametric, nonasymptotic confidence sequences" (Annals of Statistics 49(2),
/// 2021), proposition 7. With g = p₀ and h = 1 − p₀: a = r/h, b = r/g, r = max(ρ − gh, gh/1000),
/// ρ = v*/(2 ln(1/α) + ln(1 + 2 ln(1/α))), v* = n* g h.
struct BetaBinomialMixture {
  private let share: Double
  let priorSuccesses: Double
  let priorFailures: Double

  /// - Parameters:
  ///   - share: p₀, in (0, 1).
  ///   - plannedCount: n* > 0, where the mixture is sharpest.
  ///   - alpha: In (0, 1), the level it is sharpest for.
  init(share: Double, plannedCount: Double, alpha: Double) {
    let product = share * (1 - share)
    let level = -2 * Double.log(alpha)
    let rho = plannedCount * product / (level + .log(onePlus: level))
    let spread = max(rho - product, product / 1000)
    self.share = share
    priorSuccesses = spread / (1 - share)
    priorFailures = spread / share
  }

  /// ln of the mixture's likelihood ratio for `successes` (any real number in 0…trials).
  func logEvidence(successes: Double, trials: Double) -> Double {
    .logBeta(priorSuccesses + successes, priorFailures + trials - successes)
      - .logBeta(priorSuccesses, priorFailures)
      - successes * .log(share) - (trials - successes) * .log(onePlus: -share)
  }

  /// The least radius u such that p₀ + u as observed share of `trials` has evidence 1/α; `nil` if
  /// no observed share has, that is if p₀ + u would pass 1.
  func upperRadius(trials: Double, alpha: Double) -> Double? {
    let threshold = -Double.log(alpha)
    guard logEvidence(successes: trials, trials: trials) >= threshold else { return nil }
    let root = bisect(from: 0, to: 1 - share) { radius in
      logEvidence(successes: trials * (share + radius), trials: trials) < threshold
    }
    return root
  }
}

/// The border between where `isBefore` holds, at `low`, and where it does not, at `high`, to the
/// last bits.
package func bisect(from low: Double, to high: Double, while isBefore: (Double) -> Bool) -> Double {
  var (low, high) = (low, high)
  for _ in 0..<200 {
    let middle = low + (high - low) / 2
    guard middle > min(low, high), middle < max(low, high) else { break }
    if isBefore(middle) { low = middle } else { high = middle }
  }
  return high
}
