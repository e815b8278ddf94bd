/// Rewards of one arm, weighed: as many as they are worth, their mean and their spread.
package struct ArmSample: Hashable, Sendable {
  /// Σw, at most the number of rewards where no weight is above 1.
  package var count: Double
  /// `nil` without rewards.
  package var mean: Double?
  /// Σw(x − mean)².
  package var squaredDeviations: Double

  /// No rewards.
  package static let none = ArmSample(count: 0, mean: nil, squaredDeviations: 0)

  /// The mean square around the mean; `nil` without rewards.
  var variance: Double? { count > 0 ? squaredDeviations / count : nil }

  package init(count: Double, mean: Double?, squaredDeviations: Double) {
    (self.count, self.mean, self.squaredDeviations) = (count, mean, squaredDeviations)
  }

  /// The sample that periods of one arm add up to, each with the weight of one of its rewards.
  package init(_ periods: [(rewards: RewardSum, weight: Double)]) {
    let used = periods.filter { $0.rewards.count > 0 && $0.weight > 0 && $0.weight.isFinite }
    let weights = used.reduce(0) { $0 + $1.weight * Double($1.rewards.count) }
    guard weights > 0 else {
      self = .none
      return
    }
    let mean = used.reduce(0) { $0 + $1.weight * $1.rewards.sum } / weights
    // Within periods and between them, none of it a difference of large sums.
    let deviations = used.reduce(0) { sum, period in
      let distance = period.rewards.sum / Double(period.rewards.count) - mean
      return sum + period.weight
        * (period.rewards.squaredDeviations + Double(period.rewards.count) * distance * distance)
    }
    count = weights
    self.mean = mean
    squaredDeviations = deviations
  }
}

/// Rewards in 0…1, added up in millionths: exact, in any order, and taken out as they were put in.
package struct RewardSum: Hashable, Sendable {
  private static let scale = 1_000_000.0

  package private(set) var count = 0
  private var parts = 0
  private var squares: Int128 = 0

  /// No rewards.
  package init() {}

  /// Takes a reward in 0…1 in; others are held within.
  package mutating func insert(_ reward: Double) { change(by: 1, reward) }

  /// Takes out a reward that was taken in.
  package mutating func remove(_ reward: Double) { change(by: -1, reward) }

  private mutating func change(by sign: Int, _ reward: Double) {
    guard reward.isFinite else { return }
    let part = Int((min(max(reward, 0), 1) * Self.scale).rounded())
    count += sign
    parts += sign * part
    squares += Int128(sign) * Int128(part) * Int128(part)
  }

  /// Of all rewards.
  package var sum: Double { Double(parts) / Self.scale }

  /// Σ(x − mean)²; the difference of large sums is one of whole numbers, and exact.
  package var squaredDeviations: Double {
    guard count > 0 else { return 0 }
    let spread = squares * Int128(count) - Int128(parts) * Int128(parts)
    return Double(spread) / Double(count) / (Self.scale * Self.scale)
  }

  /// Count, mean and spread.
  package var summary: SampleSummary {
    guard count > 0 else { return SampleSummary() }
    return SampleSummary(
      count: count, mean: sum / Double(count), squaredDeviations: count > 1 ? squaredDeviations : 0)
      ?? SampleSummary()
  }

  /// Both together.
  package static func + (left: RewardSum, right: RewardSum) -> RewardSum {
    var sum = left
    sum.count += right.count
    sum.parts += right.parts
    sum.squares += right.squares
    return sum
  }
}
