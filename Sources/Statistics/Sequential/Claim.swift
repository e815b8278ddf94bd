/// What a test sets out to prove about treatment against control.
///
/// Margins are in the unit of the test: score points for means, shares of the control's risk for
/// relative risks. The null hypothesis is the opposite, and its border belongs to it.
package enum Claim: Hashable, Sendable {
  /// Harm: worse by more than `tolerance`. Proves that a candidate must be rolled back.
  case worse(tolerance: Double = 0)
  /// Non-inferiority: not worse by `margin` or more. Lets a guardrail pass.
  case notWorse(margin: Double)
  /// Superiority: better by more than `by`. Lets a goal pass.
  case better(by: Double = 0)

  /// How much treatment may lose at the border of the null hypothesis; negative if it must win.
  var allowedLoss: Double {
    switch self {
    case .worse(let tolerance): tolerance
    case .notWorse(let margin): margin
    case .better(let gain): -gain
    }
  }

  var isHarm: Bool {
    if case .worse = self { true } else { false }
  }

  /// Refuses a margin that is not finite, negative, or not below `limit`.
  func validate(below limit: Double) throws(StatisticsError) {
    let margin = allowedLoss.magnitude
    let isNegative =
      switch self {
      case .worse, .notWorse: allowedLoss < 0
      case .better: allowedLoss > 0
      }
    try require(
      margin.isFinite && !isNegative && margin < limit,
      "the margin of \(self) must be at least 0 and below \(limit)")
  }
}

/// The chance with which an observation was assigned to the treatment.
enum Propensity {
  /// Whether a request with this chance of treatment can be weighed: it could have gone either way,
  /// and 1/π stays a number that arithmetic can bear.
  static func isUsable(_ propensity: Double) -> Bool {
    propensity >= 1e-12 && propensity <= 1 - 1e-12
  }
}
