import Experimentation
import Statistics

/// Puts a bandit's rewards on 0…1, where more is better.
///
/// Shares are taken as they are. Quantities are compared by ratios: their logarithms around the
/// middle of the first ones, cut off as gates on them are (``QuantityEvidence``). Those first ones
/// only set the scale.
struct RewardScale: Hashable, Sendable {
  private let metric: Metric
  /// Of logarithms, in order of coming; empty once there is a centre.
  private var first: [Double] = []
  private var centre: Double?

  /// - Parameter metric: one that is measured of an answer by itself, or said by users
  init(_ metric: Metric) {
    self.metric = metric
  }

  private var sign: Double { metric.direction == .higher ? 1 : -1 }

  /// Whether rewards are shares, rather than quantities.
  var isOfShares: Bool { metric.scale == .proportion }

  /// A margin in shares, or in ratios, as score points.
  func points(_ margin: Double) -> Double {
    isOfShares ? margin : Double.log(onePlus: margin) / (2 * QuantityEvidence.clip)
  }

  /// The score of an answer; `nil` when it has none, or sets the scale.
  mutating func score(_ reading: Reading) -> Double? {
    switch (reading, metric.scale) {
    case (.void, _): return nil
    case (.value(let value), .proportion): return sign > 0 ? value : 1 - value
    case (.missing, .proportion): return 0
    case (.missing, .logarithm):
      // As bad as four times worse than the middle: nobody gains by refusing what is slow.
      return centre.map { _ in 0.5 - GateBorder.ratioLimit / (2 * QuantityEvidence.clip) }
    case (.value(let value), .logarithm(let range)):
      let coordinate = sign * .log(min(max(value, range.lowerBound), range.upperBound))
      guard let centre else {
        first.append(coordinate)
        guard first.count >= QuantityEvidence.scalingCount else { return nil }
        self.centre = first.sorted()[first.count / 2]
        first = []
        return nil
      }
      return min(max(0.5 + (coordinate - centre) / (2 * QuantityEvidence.clip), 0), 1)
    }
  }

  /// A mean score in the metric's unit: geometric for quantities; `nil` without a scale.
  func value(ofScore score: Double) -> Double? {
    if isOfShares { return sign > 0 ? score : 1 - score }
    return centre.map { .exp(sign * ($0 + (score - 0.5) * 2 * QuantityEvidence.clip)) }
  }
}
