import CoreMetrics
import Synchronization

/// One name with all its series.
struct Family {
  enum Kind: String {
    case counter, gauge, histogram
  }

  let kind: Kind
  let help: String

  /// By their labels as they are written: `model="a",step="2"`.
  var series: [String: Series]

  static let histogramSuffixes = ["_bucket", "_sum", "_count"]
}

/// What names one series; the labels are written out.
struct SeriesID: Hashable, Sendable {
  let family: String
  let labels: String
}

protocol IdentifiedSeries: AnyObject, Sendable {
  var id: SeriesID { get }
}

/// One line of numbers over time.
enum Series {
  case counter(CounterSeries)
  case gauge(GaugeSeries)
  case histogram(HistogramSeries)

  var object: AnyObject {
    switch self {
    case .counter(let series): series
    case .gauge(let series): series
    case .histogram(let series): series
    }
  }
}

/// A number that only grows. Whole amounts, the usual case, cost one atomic addition.
final class CounterSeries: IdentifiedSeries, CounterHandler, FloatingPointCounterHandler {
  let id: SeriesID
  private let whole = Atomic<UInt64>(0)
  private let fractional = Mutex(0.0)

  init(id: SeriesID) {
    self.id = id
  }

  var value: Double { Double(whole.load(ordering: .relaxed)) + fractional.withLock { $0 } }

  /// Adds `amount`; a negative one is ignored.
  func increment(by amount: Int64) {
    guard let amount = UInt64(exactly: amount) else { return }
    whole.wrappingAdd(amount, ordering: .relaxed)
  }

  /// Adds `amount`; one that is negative or not finite is ignored.
  func increment(by amount: Double) {
    guard amount.isFinite, amount > 0 else { return }
    fractional.withLock { $0 += amount }
  }

  func reset() {
    whole.store(0, ordering: .relaxed)
    fractional.withLock { $0 = 0 }
  }
}

/// A number that goes up and down.
final class GaugeSeries: IdentifiedSeries, MeterHandler, RecorderHandler {
  let id: SeriesID
  private let current = Mutex(0.0)

  init(id: SeriesID) {
    self.id = id
  }

  var value: Double { current.withLock { $0 } }

  func set(_ value: Int64) { set(Double(value)) }
  func set(_ value: Double) { current.withLock { $0 = value } }
  func record(_ value: Int64) { set(Double(value)) }
  func record(_ value: Double) { set(value) }

  /// Adds `amount`; one that is not finite is ignored, since the gauge could never come back.
  func increment(by amount: Double) {
    guard amount.isFinite else { return }
    current.withLock { $0 += amount }
  }

  func decrement(by amount: Double) { increment(by: -amount) }
}

/// How often which values occurred, and their sum.
final class HistogramSeries: IdentifiedSeries, RecorderHandler, TimerHandler {
  /// What was recorded up to one moment.
  struct Snapshot {
    /// How many values fell into each bucket and into none below it; the last is beyond all bounds.
    var counts: [UInt64]
    var sum = 0.0
  }

  let id: SeriesID
  let buckets: HistogramBuckets
  private let recorded: Mutex<Snapshot>

  init(id: SeriesID, buckets: HistogramBuckets) {
    self.id = id
    self.buckets = buckets
    recorded = Mutex(Snapshot(counts: Array(repeating: 0, count: buckets.upperBounds.count + 1)))
  }

  var snapshot: Snapshot { recorded.withLock { $0 } }

  func record(_ value: Int64) { record(Double(value)) }

  /// Counts `value`; one that is not finite is ignored, since the sum could never come back.
  func record(_ value: Double) {
    guard value.isFinite else { return }
    let bucket = buckets.index(of: value)
    recorded.withLock {
      $0.counts[bucket] += 1
      $0.sum += value
    }
  }

  /// Counts a duration, in seconds; a clock that ran backwards counts as zero.
  func recordNanoseconds(_ duration: Int64) { record(Double(max(0, duration)) / 1e9) }
}
