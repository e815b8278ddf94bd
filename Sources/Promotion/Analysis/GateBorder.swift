import Experimentation
import Statistics

/// A gate's objective as a border between two claims: what lets it pass and what makes it fail.
///
/// Both claims meet at the policy's margin. So `fail` means what the reader of the policy expects,
/// that the objective is shown to be violated, and a candidate that is a little worse than the
/// incumbent, but within the margin, is never condemned for it.
struct GateBorder: Hashable, Sendable {
  /// c: pairs count as at most 4 times as slow or as fast; declared before any was seen.
  ///
  /// The metrics' own ranges span e¹⁵, and a bet must be small enough to survive the worst value,
  /// so they would cost all power. What is compared is the mean of the clipped logarithm.
  static let ratioLimit = Double.log(4)

  /// The share of errors that bets on them are first made for, until any is known.
  static let expectedErrorRate = 0.003

  /// The same of answers that do not pass a check, of which any model has some.
  static let expectedFailedChecks = 0.05

  /// What bets on shares of single answers are first made for.
  var expectedBadShare: Double {
    metric.isOfRareEvents ? Self.expectedErrorRate : Self.expectedFailedChecks
  }

  /// What must be shown for `pass`.
  enum Objective: Hashable, Sendable {
    case notWorse
    case better
  }

  /// How the two models are compared.
  enum Comparison: Hashable, Sendable {
    /// Shares by their difference.
    case difference
    /// Shares of rare events by their ratio.
    case risk
    /// Positive quantities by the mean of their logarithms.
    case logarithm
    /// Positive quantities by who exceeds the incumbent's quantile how often.
    case tail(quantile: Double)
  }

  let metric: Metric
  /// Where scores have the metric's value; `nil` where every answer has one.
  let score: ScoreID?
  let objective: Objective
  let comparison: Comparison
  /// The distance of the border from "the same", ≥ 0: a loss for `notWorse`, a gain for `better`;
  /// in shares, in shares of the incumbent's risk, or in logarithms of a ratio.
  let margin: Double
  /// The border as people write it, signed as an estimate is.
  let threshold: Double

  /// Why a gate has no border that can be tested.
  struct Unusable: Error, Hashable {
    var reason: String
  }

  init(_ gate: MetricGate) throws(Unusable) {
    metric = gate.metric
    score = gate.score
    let written: MetricGate.Margin
    switch gate.objective {
    case .notWorse(let by): (objective, written) = (.notWorse, by)
    case .better(let by): (objective, written) = (.better, by)
    }
    threshold = Self.threshold(of: gate)
    switch (gate.metric.scale, written) {
    case (.proportion, .absolute(let share)):
      guard (0..<1).contains(share) else {
        throw Unusable(reason: "a margin of \(share) is not a difference of shares in 0..<1")
      }
      if gate.metric == .check && gate.check == nil {
        throw Unusable(reason: "it is not said what an answer must be like")
      }
      if gate.metric.isLikeness && objective == .better {
        throw Unusable(reason: "nothing agrees with the incumbent better than itself")
      }
      (comparison, margin) = (.difference, share)
    case (.proportion, .relative(let change)) where gate.metric.isOfRareEvents:
      guard change >= 0, 1 + threshold > 0, change < 1e6 else {
        throw Unusable(reason: "a margin of \(change) is no change of a risk that can be reached")
      }
      (comparison, margin) = (.risk, change)
    case (.logarithm, .relative(let change)):
      guard change >= 0, 1 + threshold > 0 else {
        throw Unusable(reason: "a margin of \(change) is no relative change that can be reached")
      }
      margin = abs(Double.log(1 + threshold))
      guard margin < Self.ratioLimit else {
        throw Unusable(
          reason: "a margin of \(change) is beyond the ratio of 4 that pairs count for")
      }
      comparison = gate.quantile.map { .tail(quantile: $0) } ?? .logarithm
    case (.proportion, .relative):
      throw Unusable(reason: "shares are compared by differences: write the margin in points")
    case (.logarithm, .absolute):
      throw Unusable(reason: "\(gate.metric.unit) are compared by ratios: write the margin in %")
    }
    guard let quantile = gate.quantile else { return }
    guard metric.hasTail, quantile > 0, quantile < 1 else {
      throw Unusable(reason: "\(metric.rawValue) has no quantile \(quantile) to compare")
    }
  }

  /// The border as the reader of a policy wrote it, whether or not it can be tested.
  static func threshold(of gate: MetricGate) -> Double {
    // A loss raises what should be low and lowers what should be high; a gain the other way round.
    let isLower = gate.metric.direction == .lower
    return switch gate.objective {
    case .notWorse(.absolute(let margin)), .notWorse(.relative(let margin)):
      isLower ? margin : -margin
    case .better(.absolute(let margin)), .better(.relative(let margin)):
      isLower ? -margin : margin
    }
  }

  /// Turns "up is good" into "up is more", and back.
  var orientation: Double { metric.direction == .higher ? 1 : -1 }

  /// The ratio that stands at the border: of risks, or of quantities.
  var ratio: Double { 1 + threshold }
}

// MARK: - Claims

extension GateBorder {
  /// What lets the gate pass and what makes it fail.
  struct Claims: Hashable, Sendable {
    var pass: Claim
    var fail: Claim
    /// Whether the incumbent takes the candidate's part in `fail`.
    ///
    /// "Gains less than g" is the harm of `better`; a tolerance cannot be negative, but it is the
    /// same as "the incumbent, against the candidate, loses less than g".
    var isFailSwapped = false
  }

  /// The claims about differences of scores, up is good, with the margin in score points.
  func meanClaims(margin: Double) -> Claims {
    switch objective {
    case .notWorse: Claims(pass: .notWorse(margin: margin), fail: .worse(tolerance: margin))
    case .better:
      Claims(
        pass: .better(by: margin), fail: .notWorse(margin: margin), isFailSwapped: true)
    }
  }

  /// The claims about the ratio of risks.
  var riskClaims: Claims {
    switch objective {
    case .notWorse: Claims(pass: .notWorse(margin: margin), fail: .worse(tolerance: margin))
    case .better:
      Claims(
        pass: .better(by: margin), fail: .notWorse(margin: 1 / (1 - margin) - 1),
        isFailSwapped: true)
    }
  }

  /// The ratio between the border's risk and the one that is planned for: a candidate that is as
  /// good as the incumbent is the whole margin away from losing it.
  var plannedRiskRatio: Double {
    margin > 0 ? max(1.05, objective == .notWorse ? 1 + margin : 1 / (1 - margin)) : 2
  }
}

// MARK: - For people

extension GateBorder {
  /// A value on the scale on which differences are taken: itself, or its logarithm within the
  /// metric's range.
  func coordinate(_ value: Double) -> Double {
    switch metric.scale {
    case .proportion: value
    case .logarithm(let range): .log(min(max(value, range.lowerBound), range.upperBound))
    }
  }

  /// A mean of coordinates in the metric's unit.
  func value(ofCoordinate mean: Double) -> Double {
    switch metric.scale {
    case .proportion: mean
    case .logarithm: .exp(mean)
    }
  }

  /// A difference of coordinates, candidate − incumbent, as estimates are written. Ratios of risks
  /// are given as they are written, since they are no differences of coordinates.
  func estimate(_ difference: Double) -> Double {
    switch comparison {
    case .difference, .risk: difference
    case .logarithm, .tail: .expMinusOne(difference)
    }
  }
}

// MARK: - Pairs

extension GateBorder {
  /// What a goodness of 1 in a pair is in coordinates.
  var pairUnit: Double {
    switch comparison {
    case .difference: 1
    case .risk: max(1, ratio)
    case .logarithm, .tail: Self.ratioLimit
    }
  }

  /// The claims about the mean goodness of pairs.
  var pairClaims: Claims {
    comparison == .risk
      ? Claims(pass: .better(), fail: .worse()) : meanClaims(margin: margin / pairUnit)
  }

  /// How much better the candidate's answer was, in −1…1, from two coordinates.
  ///
  /// Of risks it is r₀·Y₀ − Y₁, whose mean is above 0 exactly if the risk is below r₀ times the
  /// incumbent's: linear in both, so it needs no base rate.
  func pairGoodness(incumbent: Double, candidate: Double) -> Double {
    let gain =
      comparison == .risk
      ? ratio * incumbent - candidate : (candidate - incumbent) * orientation
    return min(max(gain / pairUnit, -1), 1)
  }

  /// How far from the border pairs are planned to be: where the tests are fastest. A candidate that
  /// is as good as the incumbent is a margin away from losing one; without a margin, 5 % of the
  /// scale is as good a guess as any.
  var plannedPairEffect: Double {
    guard margin > 0 else { return 0.05 }
    return comparison == .risk ? margin * Self.expectedErrorRate / pairUnit : margin / pairUnit
  }
}
