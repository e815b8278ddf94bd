import Experimentation
import Statistics

/// A gate's objective as a border between two claims: what lets it pass and what makes it fail.
///
/// Both claims meet at the policy's margin. So `fail` means what the reader of the policy expects,
/// that the objective is shown to be violated, and a candidate that is a little worse than the
/// incumbent, but within the margin, is never condemned for it. Values are turned so that up is
/// good, and put on the scale −1…1 of the tests: shares by their difference, positive quantities by
/// the logarithm of their ratio over ``ratioLimit``.
struct GateBorder: Hashable, Sendable {
  /// c: pairs count as at most 4 times as slow or as fast; declared before any was seen.
  ///
  /// The metrics' own ranges span e¹⁵, and a bet must be small enough to survive the worst value,
  /// so they would cost all power. What is compared is the mean of the clipped logarithm.
  static let ratioLimit = Double.log(4)

  /// What must be shown for `pass`.
  enum Objective: Hashable, Sendable {
    case notWorse
    case better
  }

  let metric: Metric
  let objective: Objective
  /// The distance of the border from "the same", ≥ 0: a loss for `notWorse`, a gain for `better`;
  /// in shares, or in logarithms of a ratio.
  let margin: Double
  /// The border as people write it, signed as an estimate is.
  let threshold: Double

  /// Why a gate has no border that can be tested.
  struct Unusable: Error, Hashable {
    var reason: String
  }

  init(_ gate: MetricGate) throws(Unusable) {
    metric = gate.metric
    let isLower = gate.metric.direction == .lower
    let written: MetricGate.Margin
    switch gate.objective {
    case .notWorse(let by): (objective, written) = (.notWorse, by)
    case .better(let by): (objective, written) = (.better, by)
    }
    // A loss raises what should be low and lowers what should be high; a gain the other way round.
    let sign: Double = (objective == .notWorse) == isLower ? 1 : -1
    switch (gate.metric.scale, written) {
    case (.proportion, .absolute(let share)):
      guard (0..<1).contains(share) else {
        throw Unusable(reason: "a margin of \(share) is not a difference of shares in 0..<1")
      }
      if gate.metric.isOfPair && objective == .better {
        throw Unusable(reason: "nothing agrees with the incumbent better than itself")
      }
      (margin, threshold) = (share, sign * share)
    case (.logarithm, .relative(let change)):
      guard change >= 0, 1 + sign * change > 0 else {
        throw Unusable(reason: "a margin of \(change) is no relative change that can be reached")
      }
      threshold = sign * change
      margin = abs(Double.log(1 + threshold))
      guard margin < Self.ratioLimit else {
        throw Unusable(
          reason: "a margin of \(change) is beyond the ratio of 4 that pairs count for")
      }
    case (.proportion, .relative):
      throw Unusable(reason: "shares are compared by differences: write the margin in points")
    case (.logarithm, .absolute):
      throw Unusable(reason: "\(gate.metric.unit) are compared by ratios: write the margin in %")
    }
  }

  /// The border as the reader of a policy wrote it, whether or not it can be tested.
  static func threshold(of gate: MetricGate) -> Double {
    let isLower = gate.metric.direction == .lower
    return switch gate.objective {
    case .notWorse(.absolute(let margin)), .notWorse(.relative(let margin)):
      isLower ? margin : -margin
    case .better(.absolute(let margin)), .better(.relative(let margin)):
      isLower ? -margin : margin
    }
  }

  /// What a difference of 1 on the tests' scale is in the margin's scale.
  var unit: Double {
    switch metric.scale {
    case .proportion: 1
    case .logarithm: Self.ratioLimit
    }
  }

  /// Turns "up is good" into "up is more", and back.
  var orientation: Double { metric.direction == .higher ? 1 : -1 }

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

  /// A difference of coordinates, candidate − incumbent, as estimates are written.
  func estimate(_ difference: Double) -> Double {
    switch metric.scale {
    case .proportion: difference
    case .logarithm: .expMinusOne(difference)
    }
  }

  /// Where a difference of coordinates, candidate − incumbent, stands at the border.
  var borderDifference: Double {
    (objective == .notWorse ? -margin : margin) * orientation
  }

  /// The claim that lets the gate pass, on goodness.
  var passClaim: Claim {
    objective == .notWorse ? .notWorse(margin: margin / unit) : .better(by: margin / unit)
  }

  /// The claim that makes the gate fail, and the sign that goodness takes for it.
  ///
  /// "Gains less than g" is the harm of `better`; a tolerance cannot be negative, but it is the
  /// same as "the incumbent, against the candidate, loses less than g".
  var failClaim: (claim: Claim, sign: Double) {
    objective == .notWorse
      ? (.worse(tolerance: margin / unit), 1) : (.notWorse(margin: margin / unit), -1)
  }

  /// How far from the border the truth is planned to be: where the tests are fastest. A candidate
  /// that is as good as the incumbent is a margin away from losing one; without a margin, 5 % of
  /// the scale is as good a guess as any.
  var plannedEffect: Double { margin > 0 ? margin / unit : 0.05 }
}
