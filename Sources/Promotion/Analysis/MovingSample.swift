import Statistics

/// Mean and spread of members that may change: of units, by the mean of what they have had so far.
///
/// O(1) for each change. For people; sums of floating-point numbers hang on their order.
struct MovingSample: Hashable, Sendable {
  private var count = 0
  private var mean = 0.0
  private var squaredDeviations = 0.0

  /// Takes a member in (Welford's update).
  mutating func insert(_ value: Double) {
    guard value.isFinite, count < 1 << 53 else { return }
    count += 1
    let before = mean
    mean += (value - before) / Double(count)
    squaredDeviations += (value - before) * (value - mean)
  }

  /// Changes a member: Σ(x − mean)² grows by (new − old)(new − new mean + old − old mean).
  mutating func replace(_ old: Double, by new: Double) {
    guard old.isFinite, new.isFinite, count > 0 else { return }
    let before = mean
    mean += (new - old) / Double(count)
    squaredDeviations += (new - old) * (new - mean + old - before)
    squaredDeviations = max(0, squaredDeviations)
  }

  /// One observation for each member.
  var summary: SampleSummary {
    SampleSummary(
      count: count, mean: mean, squaredDeviations: count > 1 ? squaredDeviations : 0)
      ?? SampleSummary()
  }
}
