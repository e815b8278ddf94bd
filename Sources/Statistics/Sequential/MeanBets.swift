/// The bets on X, a number with X ≥ −B whose mean is at most 0 under the null hypothesis.
///
/// Bet j multiplies by 1 + λⱼX with 0 ≤ λⱼ ≤ 0.9/B, so that no factor is below 0.1 and each is
/// expected to be at most 1 (Waudby-Smith and Ramdas, "Estimating means of bounded random variables
/// by betting", JRSS-B 2024). STATISTICS 2(b): the anchor λ₀ = min(0.9/B, δ/(V + δ²)), near the
/// best bet for effect δ and variance V, and λⱼ = 0.9 · 2^(−(j−1)/2)/B for j = 1…20.
struct MeanBets {
  static let components = 21
  /// λⱼB for j = 1…20.
  static let shares = (0..<20).map { 0.9 * .exp(-0.5 * Double($0) * .log(2)) }

  /// X, as observed.
  let value: Double
  /// B.
  let greatestLoss: Double
  /// λ₀.
  private let anchor: Double

  /// - Parameters:
  ///   - value: X ≥ −greatestLoss.
  ///   - greatestLoss: B, known before X was observed.
  ///   - effect: δ > 0, the mean of X if things are as planned.
  ///   - variance: V ≥ 0, known before X was observed.
  init(on value: Double, greatestLoss: Double, effect: Double, variance: Double) {
    self.value = value
    self.greatestLoss = max(greatestLoss, 1e-9)
    anchor = min(Self.shares[0] / self.greatestLoss, effect / (variance + effect * effect))
  }

  /// ln(1 + λⱼX).
  func logFactor(_ component: Int) -> Double {
    let bet = component == 0 ? anchor : Self.shares[component - 1] / greatestLoss
    return .log(onePlus: bet * value)
  }
}

/// The centred inverse-propensity score Z = (Y − m)(A − π)/(π(1 − π)), whose mean is the effect of
/// treatment whatever the centring m, the propensity and any drift (STATISTICS 2(b)).
struct CentredScore {
  let value: Double
  let least: Double
  let greatest: Double

  /// - Parameters:
  ///   - outcome: Y in [0, 1].
  ///   - centring: m in [0, 1], known before Y.
  ///   - isTreatment: A.
  ///   - propensity: π in (0, 1).
  init(outcome: Double, centring: Double, isTreatment: Bool, propensity: Double) {
    let share = isTreatment ? propensity : propensity - 1
    value = (outcome - centring) / share
    greatest = max((1 - centring) / propensity, centring / (1 - propensity))
    least = -max(centring / propensity, (1 - centring) / (1 - propensity))
  }

  /// The bets for `claim` on this score: X = Z + loss to prove a loss below `allowedLoss`, and
  /// X = −(Z + loss) to prove harm beyond it.
  func bets(for claim: Claim, effect: Double, variance: Double) -> MeanBets {
    let loss = claim.allowedLoss
    return claim.isHarm
      ? MeanBets(
        on: -(value + loss), greatestLoss: greatest + loss, effect: effect, variance: variance)
      : MeanBets(
        on: value + loss, greatestLoss: -(least + loss), effect: effect, variance: variance)
  }
}
