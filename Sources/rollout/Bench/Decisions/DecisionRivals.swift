import Foundation
import Simulation
import Statistics

/// What others decide by, as simply as it is meant: fixed-sample tests that are looked at again and
/// again, and GrowthBook's sequential interval.
///
/// Peeking rules look every 100 requests from the 500th on (STATISTICS 3), all at one-sided 5 %.
enum RivalRules {
  typealias Method = DecisionMethod<TrialRequest>

  /// Φ⁻¹(0.95).
  private static let critical = 1.6448536269514722

  // MARK: Means

  static let errors: [Method] = [
    peeking("two-proportion z, peeking", .rollback, margin: 0) { $0.errorValue },
    sequential("asymptotic interval (GrowthBook)", .rollback, margin: 0, planned: 5_000) {
      $0.errorValue
    },
    peeking("two-proportion z, peeking", .promotion, margin: 0.01) { $0.errorValue },
    sequential("asymptotic interval (GrowthBook)", .promotion, margin: 0.01, planned: 5_000) {
      $0.errorValue
    },
  ]

  static let quality: [Method] = [
    peeking("t-test on quality, peeking", .rollback, margin: 0) { -$0.score },
    sequential("asymptotic interval on quality (GrowthBook)", .rollback, margin: 0, planned: 5_000)
    { -$0.score },
    peeking("t-test on quality, peeking", .promotion, margin: 0.02) { -$0.score },
  ]

  static let latency: [Method] = [
    peeking("t-test on milliseconds, peeking", .rollback, margin: 0) { exp($0.logSeconds) },
    sequential(
      "asymptotic interval on log latency", .rollback, margin: 0, planned: 2_000, start: 200
    ) { $0.logSeconds },
    mannWhitney, tailProportion,
  ]

  /// Sums for a comparison of two means; high is bad.
  private struct Arms {
    private var counts = (0.0, 0.0)
    private var sums = (0.0, 0.0)
    private var squares = (0.0, 0.0)

    var count: Int { Int(counts.0 + counts.1) }

    mutating func add(_ value: Double, isTreatment: Bool) {
      if isTreatment {
        counts.1 += 1
        sums.1 += value
        squares.1 += value * value
      } else {
        counts.0 += 1
        sums.0 += value
        squares.0 += value * value
      }
    }

    /// Treatment's mean − control's, and the variance of that; `nil` while nothing can be said.
    var difference: (mean: Double, variance: Double)? {
      guard counts.0 > 1, counts.1 > 1 else { return nil }
      let (control, treatment) = (sums.0 / counts.0, sums.1 / counts.1)
      let variance =
        (squares.1 / counts.1 - treatment * treatment) / counts.1
        + (squares.0 / counts.0 - control * control) / counts.0
      return variance > 0 ? (treatment - control, variance) : nil
    }
  }

  /// Welch's z at every hundredth request, as if it were the only look.
  private static func peeking(
    _ name: String, _ purpose: Method.Purpose, margin: Double,
    _ value: @escaping @Sendable (TrialRequest) -> Double
  ) -> Method {
    Method(name, purpose, isOurs: false) { _ in
      var arms = Arms()
      let sign: Double = purpose == .rollback ? 1 : -1
      return { request in
        arms.add(value(request), isTreatment: request.isTreatment)
        guard arms.count >= 500, arms.count % 100 == 0, let shown = arms.difference else {
          return false
        }
        return sign * (shown.mean - margin) > critical * shown.variance.squareRoot()
      }
    }
  }

  /// GrowthBook's one-sided asymptotic confidence sequence, at every request.
  private static func sequential(
    _ name: String, _ purpose: Method.Purpose, margin: Double, planned: Int, start: Int = 500,
    _ value: @escaping @Sendable (TrialRequest) -> Double
  ) -> Method {
    Method(name, purpose, isOurs: false) { _ in
      var arms = Arms()
      let sign: Double = purpose == .rollback ? 1 : -1
      return { request in
        arms.add(value(request), isTreatment: request.isTreatment)
        guard arms.count >= start, let shown = arms.difference,
          let width = AsymptoticConfidenceSequence.halfWidth(
            variance: shown.variance * Double(arms.count), count: arms.count,
            alpha: decisionAlpha, plannedCount: planned, sides: .lower)
        else { return false }
        return sign * (shown.mean - margin) > width
      }
    }
  }

  // MARK: Distributions

  /// Mann and Whitney's U, kept up to date over 4,096 bins of the rank.
  private static let mannWhitney = Method(
    "Mann-Whitney, peeking", .rollback, isOurs: false
  ) { _ in
    var control = CountTree(bins: 1 << 12)
    var treatment = CountTree(bins: 1 << 12)
    var wins = 0.0
    return { request in
      let bin = rank(request, bins: 1 << 12)
      if request.isTreatment {
        let (below, upTo) = (control.count(below: bin), control.count(below: bin + 1))
        wins += below + (upTo - below) / 2
        treatment.add(bin)
      } else {
        let (below, upTo) = (treatment.count(below: bin), treatment.count(below: bin + 1))
        wins += treatment.total - upTo + (upTo - below) / 2
        control.add(bin)
      }
      let (n, m) = (treatment.total, control.total)
      guard n + m >= 500, Int(n + m) % 100 == 0, n > 0, m > 0 else { return false }
      return wins - n * m / 2 > critical * (n * m * (n + m + 1) / 12).squareRoot()
    }
  }

  /// Two proportions beyond the pooled p99.
  private static let tailProportion = Method(
    "two-proportion z at the pooled p99, peeking", .rollback, isOurs: false
  ) { _ in
    let bins = 1 << 13
    var counts = [[Double]](repeating: [Double](repeating: 0, count: bins), count: 2)
    var totals = [0.0, 0.0]
    return { request in
      let arm = request.isTreatment ? 1 : 0
      counts[arm][rank(request, bins: bins)] += 1
      totals[arm] += 1
      let total = totals[0] + totals[1]
      guard total >= 500, Int(total) % 100 == 0, totals[0] > 0, totals[1] > 0 else { return false }
      var beyond = [0.0, 0.0]
      for bin in (0..<bins).reversed() {
        beyond[0] += counts[0][bin]
        beyond[1] += counts[1][bin]
        if beyond[0] + beyond[1] >= 0.01 * total { break }
      }
      let pooled = (beyond[0] + beyond[1]) / total
      let variance = pooled * (1 - pooled) * (1 / totals[0] + 1 / totals[1])
      return variance > 0
        && beyond[1] / totals[1] - beyond[0] / totals[0] > critical * variance.squareRoot()
    }
  }

  private static func rank(_ request: TrialRequest, bins: Int) -> Int {
    let z = (request.logSeconds - DecisionTruth.middleLogSeconds) / DecisionTruth.logDeviation
    return min(bins - 1, Int(normalShare(below: z) * Double(bins)))
  }

  // MARK: Shares

  /// χ² of the counts at every hundredth assignment.
  static func sampleRatio(_ share: Double) -> [Method] {
    [(0.001, 10.827566170662733), (0.01, 6.6348966010212145)].map { level, limit in
      Method("chi² p < \(level), peeking", .rollback, isOurs: false) { _ in
        var (total, treatment) = (0.0, 0.0)
        return { request in
          total += 1
          treatment += request.isTreatment ? 1 : 0
          guard total >= 500, Int(total) % 100 == 0 else { return false }
          let off = treatment - share * total
          return off * off / (share * total) + off * off / ((1 - share) * total) > limit
        }
      }
    }
  }

  /// A paired t-test every 50 pairs from the 250th on.
  static let pairedQuality = DecisionMethod<TrialPair>(
    "paired t-test on quality, peeking", .rollback, isOurs: false
  ) { _ in
    var (count, sum, square) = (0.0, 0.0, 0.0)
    return { pair in
      let difference = pair.treatment.score - pair.control.score
      count += 1
      sum += difference
      square += difference * difference
      guard count >= 250, Int(count) % 50 == 0 else { return false }
      let mean = sum / count
      let variance = (square / count - mean * mean) / count
      return variance > 0 && -mean > critical * variance.squareRoot()
    }
  }
}

/// Counts by bin with sums of prefixes in O(log bins) (Fenwick 1994).
private struct CountTree {
  private var nodes: [Double]
  private(set) var total = 0.0

  init(bins: Int) { nodes = [Double](repeating: 0, count: bins + 1) }

  mutating func add(_ bin: Int) {
    total += 1
    var node = bin + 1
    while node < nodes.count {
      nodes[node] += 1
      node += node & -node
    }
  }

  func count(below bin: Int) -> Double {
    var node = bin
    var sum = 0.0
    while node > 0 {
      sum += nodes[node]
      node -= node & -node
    }
    return sum
  }
}
