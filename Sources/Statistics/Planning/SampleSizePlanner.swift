/// How many requests a sequential test will need: STATISTICS 2(j).
///
/// ln E is close to a random walk, so the time of decision is close to inverse Gaussian. At the
/// planned effect the forecast is within −5 %…+19 % of simulations; away from it, it is cautious.
package enum SampleSizePlanner {
  /// Requests, of both variants together, until the decision.
  package struct Forecast: Hashable, Sendable {
    /// Of each bet by itself over the level at which the mixture decides. The mixture is decided
    /// when one of them is, or sooner.
    private let passages: [InverseGaussian]

    /// Passage of a walk with `drift` and `variance` a request over the threshold of level `alpha`,
    /// for a bet that has `stake` of the mixture, and an `overshoot`; `nil` if it goes the other
    /// way.
    fileprivate init?(
      drift: Double, variance: Double, alpha: Double, stake: Double = 0.5, overshoot: Double
    ) {
      let level = -Double.log(alpha) - .log(stake) + overshoot
      guard drift > 0, variance > 0, level.isFinite else { return nil }
      passages = [InverseGaussian(mean: level / drift, shape: level * level / variance)]
    }

    /// That of whichever bet is first; `nil` if none ever decides.
    fileprivate init?(sooner forecasts: [Forecast?]) {
      passages = forecasts.flatMap { $0?.passages ?? [] }
      if passages.isEmpty { return nil }
    }

    package var mean: Double { passages.map(\.mean).min() ?? .infinity }

    /// The requests after which a `share` of runs, in (0, 1), has decided; `nil` outside.
    package func requests(forShare share: Double) -> Double? {
      share > 0 && share < 1 ? passages.map { $0.quantile(share) }.min() : nil
    }

    /// The share of runs that have decided after so many requests, 0…1.
    package func shareDecided(afterRequests requests: Double) -> Double {
      guard requests > 0 else { return 0 }
      guard requests.isFinite else { return 1 }
      return passages.map { min(max($0.cumulative(requests), 0), 1) }.max() ?? 0
    }
  }

  /// For `RelativeRiskTest` and `ExceedanceTest`.
  ///
  /// - Parameters:
  ///   - controlRisk: Control's share of events, in (0, 1).
  ///   - trueRatio: Treatment's risk as a multiple of it, above 0.
  ///   - borderRatio: r₀: 1 + tolerance to prove harm, 1 + margin to prove non-inferiority.
  ///   - anchorRatio: What the test's anchor bets on: r₀ times or divided by its `plannedRatio`.
  ///   - propensity: Treatment's share of traffic, in (0, 1).
  ///   - alpha: In (0, 1).
  /// - Returns: `nil` if that truth never proves the claim, or outside these ranges.
  package static func relativeRisk(
    controlRisk: Double, trueRatio: Double, borderRatio: Double, anchorRatio: Double,
    propensity: Double, alpha: Double
  ) -> Forecast? {
    relativeRisk(
      controlRisk: controlRisk, trueRatio: trueRatio, borderRatio: borderRatio,
      bet: (anchorRatio, 0.5), propensity: propensity, alpha: alpha)
  }

  /// The same of the whole mixture: besides the anchor, the bets of its grid, one of which is made
  /// for about what is true.
  package static func mixedRisk(
    controlRisk: Double, trueRatio: Double, borderRatio: Double, anchorRatio: Double,
    propensity: Double, alpha: Double
  ) -> Forecast? {
    Forecast(
      sooner: [(anchorRatio, 0.5), (trueRatio, gridStake)].map { bet in
        relativeRisk(
          controlRisk: controlRisk, trueRatio: trueRatio, borderRatio: borderRatio, bet: bet,
          propensity: propensity, alpha: alpha)
      })
  }

  /// What one bet of the grid beside the anchor has (`Mixture.anchored`).
  private static let gridStake = 0.5 / Double(MeanBets.components - 1)

  private static func relativeRisk(
    controlRisk: Double, trueRatio: Double, borderRatio: Double,
    bet: (ratio: Double, stake: Double), propensity: Double, alpha: Double
  ) -> Forecast? {
    let anchorRatio = bet.ratio
    guard controlRisk > 0, controlRisk < 1, trueRatio > 0, borderRatio > 0, anchorRatio > 0,
      trueRatio.isFinite, Propensity.isUsable(propensity), alpha > 0, alpha < 1
    else { return nil }
    func share(_ ratio: Double) -> Double {
      propensity * ratio / (propensity * ratio + 1 - propensity)
    }
    let rate = controlRisk * (propensity * trueRatio + 1 - propensity)
    let (truth, border, anchor) = (share(trueRatio), share(borderRatio), share(anchorRatio))
    let up = Double.log(anchor / border)
    let down = Double.log((1 - anchor) / (1 - border))
    let drift = rate * (truth * up + (1 - truth) * down)
    let variance = rate * (truth * up * up + (1 - truth) * down * down) - drift * drift
    return Forecast(
      drift: drift, variance: variance, alpha: alpha, stake: bet.stake,
      overshoot: max(up, down) / 2)
  }

  /// For `ExceedanceTest`, of values whose logarithm is normal.
  ///
  /// - Parameters:
  ///   - quantile: q, in (0, 1).
  ///   - spread: Standard deviation of the logarithm, above 0.
  ///   - trueShift: By how much treatment's logarithms lie beyond the claim's border: above 0 to
  ///     prove that it is slower, below to prove that it is faster.
  ///   - plannedShift: The same of what the test's anchor bets on.
  ///   - propensity: Treatment's share of traffic, in (0, 1).
  ///   - alpha: In (0, 1).
  /// - Returns: `nil` if that truth never proves the claim, or outside these ranges.
  package static func quantile(
    _ quantile: Double, spread: Double, trueShift: Double, plannedShift: Double,
    propensity: Double, alpha: Double
  ) -> Forecast? {
    guard quantile > 0, quantile < 1, spread > 0 else { return nil }
    let tail = Double.log(1 - quantile)
    let place = bisect(from: -40, to: 40) { Double.logNormalTail($0) > tail }
    func ratio(_ shift: Double) -> Double {
      .exp(.logNormalTail(place - shift / spread) - tail)
    }
    // As far as the test's own anchor goes.
    let anchor = min(max(ratio(plannedShift), 1.0 / 20), 20)
    return mixedRisk(
      controlRisk: 1 - quantile, trueRatio: max(ratio(trueShift), 1e-9), borderRatio: 1,
      anchorRatio: plannedShift > 0 ? max(anchor, 1.05) : min(anchor, 1 / 1.05),
      propensity: propensity, alpha: alpha)
  }

  /// For `BoundedMeanTest`, with σ²/(π(1 − π)) as variance, and for `PairedMeanTest`, with the
  /// variance of the differences.
  ///
  /// - Parameters:
  ///   - scoreVariance: Of Z or D, a request, above 0.
  ///   - trueDistance: Of the true effect from the claim's border, above 0; for non-inferiority of
  ///     an equally good candidate, the margin.
  ///   - minimumDetectableEffect: The test's, above 0.
  ///   - greatestLoss: B, above 0: about max(m, 1 − m)/min(π, 1 − π) for split traffic, 1 for
  ///     pairs. The test never bets more than 0.9/B, which slows it down where effects are great
  ///     compared with the variance; `nil` leaves this out, as the paper does.
  ///   - alpha: In (0, 1).
  /// - Returns: `nil` if that truth never proves the claim, or outside these ranges.
  package static func boundedMean(
    scoreVariance: Double, trueDistance: Double, minimumDetectableEffect: Double,
    greatestLoss: Double? = nil, alpha: Double
  ) -> Forecast? {
    guard scoreVariance > 0, scoreVariance.isFinite, minimumDetectableEffect > 0, alpha > 0,
      alpha < 1, greatestLoss.map({ $0 > 0 }) ?? true
    else { return nil }
    let bet = min(
      minimumDetectableEffect
        / (scoreVariance + minimumDetectableEffect * minimumDetectableEffect),
      greatestLoss.map { 0.9 / $0 } ?? .infinity)
    let drift = bet * trueDistance - bet * bet * (scoreVariance + trueDistance * trueDistance) / 2
    let variance = bet * bet * scoreVariance
    return Forecast(
      drift: drift, variance: variance, alpha: alpha, overshoot: 0.58 * variance.squareRoot())
  }

  /// For the whole mixture of `BoundedMeanTest` and `PairedMeanTest`: the anchor, made for a
  /// planned effect and a planned variance, and the grid beside it, which is what decides where
  /// these were wrong (`MeanBets`).
  ///
  /// - Parameters: As of `boundedMean`;
  ///   - plannedVariance: What the anchor was made for, at least 0.
  package static func mixedMean(
    scoreVariance: Double, trueDistance: Double, plannedEffect: Double, plannedVariance: Double,
    greatestLoss: Double, alpha: Double
  ) -> Forecast? {
    guard scoreVariance > 0, scoreVariance.isFinite, plannedEffect > 0, plannedVariance >= 0,
      greatestLoss > 0, alpha > 0, alpha < 1
    else { return nil }
    let anchor = plannedEffect / (plannedVariance + plannedEffect * plannedEffect)
    let grid = MeanBets.shares.map { (bet: $0 / greatestLoss, stake: gridStake) }
    let bets = [(bet: min(anchor, MeanBets.shares[0] / greatestLoss), stake: 0.5)] + grid
    let square = scoreVariance + trueDistance * trueDistance
    return Forecast(
      sooner: bets.map { bet, stake in
        Forecast(
          drift: bet * trueDistance - bet * bet * square / 2, variance: bet * bet * scoreVariance,
          alpha: alpha, stake: stake, overshoot: 0.58 * bet * scoreVariance.squareRoot())
      })
  }
}
