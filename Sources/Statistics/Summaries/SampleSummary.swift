/// Count, mean and spread of a sample, without the sample itself.
///
/// Summaries of disjoint samples add up, so a store may keep one per hour and merge on read.
/// Welford's update (Technometrics 4, 1962) and the pairwise merge of Chan, Golub and LeVeque
/// (1979): no difference of large sums, so neither units nor offsets cost accuracy.
///
///     let day = hours.reduce(SampleSummary(), +)
package struct SampleSummary: Hashable, Sendable {
  /// Values seen; stops at 2⁵³, beyond which a `Double` cannot count.
  package private(set) var count = 0
  /// Σ(x − mean)².
  package private(set) var squaredDeviations = 0.0
  private var center = 0.0

  /// No values.
  package init() {}

  /// The summary of `values`; those that are not finite are left out.
  package init(_ values: some Sequence<Double>) {
    for value in values { append(value) }
  }

  /// A summary from a store, or `nil` if no sample has these numbers.
  package init?(count: Int, mean: Double, squaredDeviations: Double) {
    guard (0...Int.greatestExactCount).contains(count), mean.isFinite, squaredDeviations.isFinite,
      squaredDeviations >= 0, count > 1 || squaredDeviations == 0, count > 0 || mean == 0
    else { return nil }
    self.count = count
    self.center = mean
    self.squaredDeviations = squaredDeviations
  }

  /// `nil` without values.
  package var mean: Double? {
    count > 0 ? center : nil
  }

  /// Unbiased variance, or `nil` below two values.
  package var variance: Double? {
    count > 1 ? squaredDeviations / Double(count - 1) : nil
  }

  /// Variance of the mean, or `nil` below two values.
  package var varianceOfMean: Double? {
    variance.map { $0 / Double(count) }
  }

  /// Takes one more value in. A value that is not finite, or so far out that the spread would not
  /// be finite, changes nothing and returns `false`.
  @discardableResult
  package mutating func append(_ value: Double) -> Bool {
    var one = SampleSummary()
    one.count = 1
    one.center = value
    let sum = self + one
    guard value.isFinite, sum.center.isFinite, sum.squaredDeviations.isFinite else { return false }
    self = sum
    return true
  }

  /// The summary of both samples together; order matters only to the last bits.
  package static func + (left: SampleSummary, right: SampleSummary) -> SampleSummary {
    guard left.count > 0 else { return right }
    guard right.count > 0 else { return left }
    var sum = SampleSummary()
    sum.count = left.count.exactlyAdding(right.count)
    let share = Double(right.count) / (Double(left.count) + Double(right.count))
    let difference = right.center - left.center
    sum.center = left.center + difference * share
    sum.squaredDeviations =
      left.squaredDeviations + right.squaredDeviations
      + difference * difference * share * Double(left.count)
    return sum
  }
}

extension Int {
  /// 2⁵³: up to here every count is a `Double`, too.
  static let greatestExactCount = 1 << 53

  /// The sum of two counts in 0…2⁵³, stopping at 2⁵³.
  func exactlyAdding(_ other: Int) -> Int {
    Swift.min(self + other, .greatestExactCount)
  }
}
