import Experimentation
import Statistics

/// Turns a gate, its traffic and what is known of it into the planner's terms (STATISTICS 2(j)).
struct GatePlanner: Hashable, Sendable {
  let border: GateBorder
  let sample: GateSample
  let baseline: TrafficBaseline

  /// What is true of the candidate.
  enum Truth: Hashable, Sendable {
    /// As good as the incumbent, or gaining twice what is asked for.
    case expected
    /// So far beyond the border, above 0, in what the border's margin is in.
    case beyond(Double)
  }

  private var errorRate: Double {
    min(max(baseline.errorRate ?? TrafficBaseline.usualErrorRate, 1e-6), 0.5)
  }

  /// σ of logarithms.
  private var spread: Double {
    max(baseline.spreads[border.metric] ?? TrafficBaseline.usualSpread, 0.01)
  }

  /// Requests until the gate's claim to pass is proven; `nil` if that truth never proves it.
  func forecast(_ truth: Truth, alpha: Double) -> SampleSizePlanner.Forecast? {
    switch border.comparison {
    case .risk: riskForecast(truth, alpha: alpha)
    case .tail(let quantile): tailForecast(truth, quantile: quantile, alpha: alpha)
    case .difference, .logarithm: meanForecast(truth, alpha: alpha)
    }
  }

  /// The distance of a truth from the border, in what the margin is in.
  private func distance(_ truth: Truth) -> Double {
    switch truth {
    case .expected: border.margin
    case .beyond(let distance): distance
    }
  }

  private func meanForecast(_ truth: Truth, alpha: Double) -> SampleSizePlanner.Forecast? {
    let scale = scoreScale
    let planned = max(border.margin / scale.unit, scale.leastEffect)
    return SampleSizePlanner.mixedMean(
      scoreVariance: scale.variance, trueDistance: distance(truth) / scale.unit,
      plannedEffect: planned, plannedVariance: scale.plannedVariance,
      greatestLoss: scale.greatestLoss, alpha: alpha)
  }

  private struct ScoreScale {
    /// What one score point is, in what the margin is in.
    var unit: Double
    var variance: Double
    /// What the test's first bet is made for.
    var plannedVariance: Double
    var greatestLoss: Double
    var leastEffect: Double
  }

  /// As ``PairEvidence``, ``ErrorEvidence`` and ``QuantityEvidence`` put values on their scales.
  private var scoreScale: ScoreScale {
    let dealt = sample.propensity * (1 - sample.propensity)
    let isLogarithm = border.comparison == .logarithm
    if sample.isPaired {
      let unit = border.pairUnit
      // Answers to one prompt are alike: about half of the variance is the prompt's.
      let variance = isLogarithm ? spread * spread / (unit * unit) : pairedShareVariance
      return ScoreScale(
        unit: unit, variance: max(variance, 1e-6),
        plannedVariance: PairEvidence.expectedMeanSquare, greatestLoss: 1, leastEffect: 1e-6)
    }
    let loss = 1 / min(sample.propensity, 1 - sample.propensity)
    if isLogarithm {
      let width = 2 * QuantityEvidence.clip
      // The first answers tell the test how scattered they are.
      let variance = spread * spread / (width * width) / dealt
      return ScoreScale(
        unit: width, variance: variance, plannedVariance: variance, greatestLoss: loss / 2,
        leastEffect: 0.05 / width)
    }
    let planned = border.metric.isOfRareEvents ? GateBorder.expectedErrorRate : shareVariance
    return ScoreScale(
      unit: 1, variance: shareVariance / dealt, plannedVariance: planned / dealt,
      greatestLoss: loss, leastEffect: 1e-6)
  }

  private var shareVariance: Double {
    border.metric.isOfRareEvents ? errorRate * (1 - errorRate) : 0.25
  }

  private var pairedShareVariance: Double {
    border.metric.isOfRareEvents ? 2 * errorRate * (1 - errorRate) : 0.02
  }

  private func riskForecast(_ truth: Truth, alpha: Double) -> SampleSizePlanner.Forecast? {
    let ratio: Double
    switch truth {
    case .expected: ratio = border.objective == .notWorse ? 1 : border.ratio * border.ratio
    case .beyond(let distance): ratio = border.ratio + distance * (isHarm(truth) ? 1 : -1)
    }
    guard ratio > 0 else { return nil }
    if sample.isPaired {
      // D = r₀·Y₀ − Y₁, over a scale of max(1, r₀).
      let unit = border.pairUnit
      let square = border.ratio * border.ratio
      return SampleSizePlanner.mixedMean(
        scoreVariance: max(errorRate * (square + ratio) / (unit * unit), 1e-9),
        trueDistance: errorRate * abs(border.ratio - ratio) / unit,
        plannedEffect: border.plannedPairEffect,
        plannedVariance: PairEvidence.expectedMeanSquare, greatestLoss: 1, alpha: alpha)
    }
    let planned = border.plannedRiskRatio
    return SampleSizePlanner.mixedRisk(
      controlRisk: errorRate, trueRatio: ratio, borderRatio: border.ratio,
      anchorRatio: isHarm(truth) ? border.ratio * planned : border.ratio / planned,
      propensity: sample.propensity, alpha: alpha)
  }

  private func tailForecast(
    _ truth: Truth, quantile: Double, alpha: Double
  ) -> SampleSizePlanner.Forecast? {
    let side: Double = isHarm(truth) ? 1 : -1
    return SampleSizePlanner.quantile(
      quantile, spread: spread, trueShift: side * distance(truth),
      plannedShift: side * max(border.margin, 0.01), propensity: sample.propensity, alpha: alpha)
  }

  /// Whether a truth is on the bad side of the border.
  private func isHarm(_ truth: Truth) -> Bool {
    if case .beyond = truth { border.objective == .notWorse } else { false }
  }

  /// How far a true change must be from "the same" for most rollouts to be shown it within so many
  /// requests: harm beyond a tolerated loss, or a gain beyond what is asked for. Signed and scaled
  /// as estimates are; `nil` where nothing short of the scale's end is.
  func smallestEffect(within requests: Double, levels: ErrorLevels) -> Double? {
    let alpha = border.objective == .notWorse ? levels.fail : levels.pass
    func isSeen(_ distance: Double) -> Bool {
      guard let forecast = forecast(.beyond(distance), alpha: alpha) else { return false }
      return forecast.shareDecided(afterRequests: requests) >= GateForecast.most
    }
    let greatest: Double =
      switch border.comparison {
      case .difference: 1 - min(border.margin, 0.99)
      case .risk: border.objective == .better ? border.ratio : 20
      case .logarithm, .tail: GateBorder.ratioLimit
      }
    guard isSeen(greatest * 0.999) else { return nil }
    let distance = bisect(from: 0, to: greatest) { !isSeen($0) }
    return border.reading(atDistance: distance)
  }
}

extension GateBorder {
  /// The reading of a true change that lies `distance` beyond the border, on the side that a
  /// violation of `notWorse`, or a gain, is on.
  fileprivate func reading(atDistance distance: Double) -> Double {
    let away = margin + distance
    // Worse for a tolerated loss, better for a wanted gain.
    let sign = objective == .notWorse ? -orientation : orientation
    switch comparison {
    case .difference, .risk: return sign * away
    case .logarithm, .tail: return .expMinusOne(sign * away)
    }
  }
}
