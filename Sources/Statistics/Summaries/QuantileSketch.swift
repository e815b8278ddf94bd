/// Quantiles of a sample within 1 %, without the sample.
///
/// DDSketch (Masson, Rim and Lee, VLDB 2019): values fall into buckets whose edges grow by
/// γ = (1 + a)/(1 − a), so that a bucket's middle is within `relativeAccuracy` a of each value in
/// it. Unlike DDSketch's collapsing store the range of magnitudes is fixed, so that
///
/// - memory is bounded: at most 4 839 buckets, in practice some hundred;
/// - a sketch is integer counts alone, and merging is exact, associative and commutative.
///
/// Values nearer to zero than `smallestMagnitude` count as zero; those beyond `largestMagnitude`
/// keep their rank but not their size. Negative values have mirrored buckets.
package struct QuantileSketch: Hashable, Sendable {
  /// a: |estimate − value| ≤ a · |value|.
  package static let relativeAccuracy = 0.01
  package static let smallestMagnitude = 1e-9
  package static let largestMagnitude = 1e12

  /// The count of values in (lower(key), upper(key)].
  struct Bucket: Hashable {
    /// Grows with the values: negative for negative ones, 0 around zero.
    var key: Int
    var count: Int
  }

  /// By ascending key; counts are positive.
  private(set) var buckets: [Bucket] = []
  /// Values seen; stops at 2⁵³.
  package private(set) var count = 0

  /// No values.
  package init() {}

  /// The sketch of `values`; those that are not finite are left out.
  package init(_ values: some Sequence<Double>) {
    for value in values { append(value) }
  }

  /// Trusts its caller: keys ascend within bounds, counts are positive.
  init(trusted buckets: [Bucket], count: Int) {
    self.buckets = buckets
    self.count = count
  }

  /// Takes one more value in; one that is not finite changes nothing and returns `false`.
  ///
  /// - Complexity: O(log buckets), O(buckets) for the first value of a bucket.
  @discardableResult
  package mutating func append(_ value: Double) -> Bool {
    guard value.isFinite, count < .greatestExactCount else { return false }
    let key = Self.key(of: value)
    let place = buckets.partitioningIndex { $0.key >= key }
    if place < buckets.count, buckets[place].key == key {
      buckets[place].count += 1
    } else {
      buckets.insert(Bucket(key: key, count: 1), at: place)
    }
    count += 1
    return true
  }

  /// The sketch of both samples together, exactly as if one had seen all values.
  package static func + (left: QuantileSketch, right: QuantileSketch) -> QuantileSketch {
    var merged: [Bucket] = []
    merged.reserveCapacity(max(left.buckets.count, right.buckets.count))
    var (i, j) = (0, 0)
    while i < left.buckets.count || j < right.buckets.count {
      if j == right.buckets.count
        || i < left.buckets.count && left.buckets[i].key < right.buckets[j].key
      {
        merged.append(left.buckets[i])
        i += 1
      } else if i == left.buckets.count || right.buckets[j].key < left.buckets[i].key {
        merged.append(right.buckets[j])
        j += 1
      } else {
        let sum = left.buckets[i].count.exactlyAdding(right.buckets[j].count)
        merged.append(Bucket(key: left.buckets[i].key, count: sum))
        i += 1
        j += 1
      }
    }
    return QuantileSketch(trusted: merged, count: left.count.exactlyAdding(right.count))
  }
}

// MARK: - Reading

extension QuantileSketch {
  /// The `quantile` of the sample, within 1 %, or `nil` without values.
  ///
  /// - Parameter quantile: A share in 0…1; 0.95 for p95. The value of rank ⌈q · n⌉ is meant.
  /// - Returns: A value whose size is capped at `largestMagnitude`.
  package func estimate(_ quantile: Double) -> Double? {
    guard count > 0, quantile >= 0, quantile <= 1 else { return nil }
    let rank = (quantile * Double(count)).rounded(.up)
    return orderStatistic(Int(min(max(rank, 1), Double(count)))).map { Self.middle(of: $0) }
  }

  /// What is known of the `rank`-th smallest value (1…count), or `nil` beyond.
  ///
  /// - Parameter rank: 1 is the least value's.
  /// - Returns: The value lies in this range for certain; ±∞ beyond `largestMagnitude`.
  package func bounds(ofRank rank: Int) -> ClosedRange<Double>? {
    orderStatistic(rank).map { Self.edges(of: $0) }
  }

  /// The share of values above `threshold`, or `nil` without values.
  ///
  /// Values in the threshold's own bucket count as not above: the share is exact for a threshold
  /// within 2 % of the given one.
  package func share(above threshold: Double) -> Double? {
    guard count > 0, threshold.isFinite else { return nil }
    let key = Self.key(of: threshold)
    let above = buckets.reversed().prefix { $0.key > key }.reduce(0.0) { $0 + Double($1.count) }
    return above / Double(count)
  }

  private func orderStatistic(_ rank: Int) -> Int? {
    guard rank > 0 else { return nil }
    var seen = 0
    for bucket in buckets {
      seen = seen.exactlyAdding(bucket.count)
      if seen >= rank { return bucket.key }
    }
    return nil
  }
}

// MARK: - Buckets

extension QuantileSketch {
  /// ln γ.
  private static let logGrowth = Double.log((1 + relativeAccuracy) / (1 - relativeAccuracy))
  /// The key of the magnitude 10⁻⁹ · γⁱ is i + 1; this one holds all beyond the greatest.
  static let greatestKey =
    Int((Double.log(largestMagnitude / smallestMagnitude) / logGrowth).rounded(.up)) + 1

  private static func key(of value: Double) -> Int {
    let magnitude = value.magnitude
    guard magnitude > smallestMagnitude else { return 0 }
    let steps = Double.log(magnitude / smallestMagnitude) / logGrowth
    let key = magnitude > largestMagnitude ? greatestKey : max(1, Int(steps.rounded(.up)))
    return value < 0 ? -key : key
  }

  /// The upper edge of the bucket with a positive `key`.
  private static func edge(_ key: Int) -> Double {
    smallestMagnitude * .exp(logGrowth * Double(key))
  }

  private static func middle(of key: Int) -> Double {
    guard key != 0 else { return 0 }
    let magnitude =
      key.magnitude == greatestKey
      ? largestMagnitude : edge(Int(key.magnitude)) * (1 - relativeAccuracy)
    return key < 0 ? -magnitude : magnitude
  }

  /// Widened by 10⁻¹², since logarithms are rounded.
  private static func edges(of key: Int) -> ClosedRange<Double> {
    guard key != 0 else { return -smallestMagnitude...smallestMagnitude }
    let lower =
      key.magnitude == greatestKey
      ? largestMagnitude : edge(Int(key.magnitude) - 1) * (1 - 1e-12)
    let upper = key.magnitude == greatestKey ? .infinity : edge(Int(key.magnitude)) * (1 + 1e-12)
    return key < 0 ? -upper...(-lower) : lower...upper
  }
}

extension Array {
  /// The first index whose element `isRight`, given that all such stand at the end.
  fileprivate func partitioningIndex(where isRight: (Element) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if isRight(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
