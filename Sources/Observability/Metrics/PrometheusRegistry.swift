package import CoreMetrics
import Synchronization

/// Every number this process tells about itself, as Prometheus reads it.
///
/// Metrics are made through swift-metrics (`Counter`, `Gauge`, `Meter`, `Recorder`, `Timer`); this
/// is their factory. Two metrics of one name and one set of labels are one series. Counters are
/// named `…_total`; timers are named `…_seconds` and are histograms, as are recorders.
///
///     let registry = PrometheusRegistry(descriptions: ["shadow.dropped": "Shadows not made."])
///     MetricsSystem.bootstrap(registry)
///     response.body = registry.render()
///
/// Labels come from requests, so their number is bounded: past `maximumSeries`, and for a name
/// that already belongs to a metric of another kind, the caller gets a metric that records
/// nothing, and `rollout_metrics_refused_total` counts it.
///
/// Making a metric looks its series up, which takes microseconds; recording takes nanoseconds. A
/// hot path makes its metrics once and keeps them.
package final class PrometheusRegistry: MetricsFactory {
  private let maximumSeries: Int
  private let descriptions: [String: String]
  private let buckets: [String: HistogramBuckets]
  private let state = Mutex(State())
  private let refusedAtLimit = CounterSeries(id: SeriesID(family: "", labels: ""))
  private let refusedByKind = CounterSeries(id: SeriesID(family: "", labels: ""))

  /// A registry without a series.
  ///
  /// - Parameters:
  ///   - maximumSeries: how many series may exist at once; a histogram counts as one
  ///   - descriptions: what a metric says, by the label it is made with; the label itself where
  ///     there is none
  ///   - buckets: the buckets of a timer or recorder, by the label it is made with; where there
  ///     are none, `HistogramBuckets.seconds` for timers and for recorders whose label ends in
  ///     `seconds`, and `HistogramBuckets.counts` for other recorders
  package init(
    maximumSeries: Int = 4096,
    descriptions: [String: String] = [:],
    buckets: [String: HistogramBuckets] = [:]
  ) {
    self.maximumSeries = maximumSeries
    self.descriptions = descriptions
    self.buckets = buckets
  }

  /// All series in the Prometheus text format, version 0.0.4: families by name, series by labels,
  /// so that equal numbers give equal bytes.
  ///
  /// The content type to serve it with is `PrometheusRegistry.contentType`. Metrics may be recorded
  /// meanwhile; each series is consistent in itself.
  package func render() -> [UInt8] {
    var families = state.withLock { $0.families }
    families[Self.refusals] = Family(
      kind: .counter, help: "Series that could not be made, by reason.",
      series: [
        "reason=\"kind\"": .counter(refusedByKind), "reason=\"limit\"": .counter(refusedAtLimit),
      ])
    var text = Exposition()
    for (name, family) in families.sorted(by: { $0.key < $1.key }) {
      text.append(family, name: name)
    }
    return text.bytes
  }

  /// What `render()` returns, for an HTTP header.
  package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  /// The counter `LABEL_total`.
  package func makeCounter(
    label: String, dimensions: [(String, String)]
  ) -> any CounterHandler {
    counter(label, dimensions) ?? NOOPMetricsHandler.instance
  }

  /// The same series that `makeCounter` gives.
  package func makeFloatingPointCounter(
    label: String, dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler {
    counter(label, dimensions) ?? DiscardedFloatingPointCounter.instance
  }

  /// The gauge `LABEL`.
  package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    gauge(label, dimensions) ?? NOOPMetricsHandler.instance
  }

  /// The histogram `LABEL`, or, where values are not to be aggregated, the gauge.
  package func makeRecorder(
    label: String, dimensions: [(String, String)], aggregate: Bool
  ) -> any RecorderHandler {
    guard aggregate else { return gauge(label, dimensions) ?? NOOPMetricsHandler.instance }
    let name = PrometheusName.metric(label)
    return histogram(
      name, label, dimensions, default: name.hasSuffix("seconds") ? .seconds : .counts)
      ?? NOOPMetricsHandler.instance
  }

  /// The histogram `LABEL_seconds`.
  package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    let name = PrometheusName.metric(label, unit: "seconds")
    return histogram(name, label, dimensions, default: .seconds) ?? NOOPMetricsHandler.instance
  }

  /// Forgets a series and makes room for another. Whoever still holds a metric of the same name
  /// and labels records into nothing from here on.
  package func destroyCounter(_ handler: any CounterHandler) { forget(handler) }

  /// As `destroyCounter`.
  package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {
    forget(handler)
  }

  /// As `destroyCounter`.
  package func destroyMeter(_ handler: any MeterHandler) { forget(handler) }

  /// As `destroyCounter`.
  package func destroyRecorder(_ handler: any RecorderHandler) { forget(handler) }

  /// As `destroyCounter`.
  package func destroyTimer(_ handler: any TimerHandler) { forget(handler) }
}

extension PrometheusRegistry {
  private static let refusals = "rollout_metrics_refused_total"

  private struct State {
    var families: [String: Family] = [:]
    var seriesCount = 0
  }

  private func counter(_ label: String, _ dimensions: [(String, String)]) -> CounterSeries? {
    let name = PrometheusName.metric(label, unit: "total")
    let made = series(name, .counter, label, dimensions) { .counter(CounterSeries(id: $0)) }
    guard case .counter(let series)? = made else { return nil }
    return series
  }

  private func gauge(_ label: String, _ dimensions: [(String, String)]) -> GaugeSeries? {
    let name = PrometheusName.metric(label)
    let made = series(name, .gauge, label, dimensions) { .gauge(GaugeSeries(id: $0)) }
    guard case .gauge(let series)? = made else { return nil }
    return series
  }

  private func histogram(
    _ name: String, _ label: String, _ dimensions: [(String, String)],
    default defaultBuckets: HistogramBuckets
  ) -> HistogramSeries? {
    let bounds = buckets[label] ?? defaultBuckets
    let made = series(name, .histogram, label, dimensions) {
      .histogram(HistogramSeries(id: $0, buckets: bounds))
    }
    guard case .histogram(let series)? = made else { return nil }
    return series
  }

  /// The series of this name and these labels, made where there is none yet, or `nil` where it may
  /// not be made.
  private func series(
    _ name: String, _ kind: Family.Kind, _ label: String, _ dimensions: [(String, String)],
    make: (SeriesID) -> Series
  ) -> Series? {
    let id = SeriesID(family: name, labels: PrometheusName.labels(dimensions))
    let help = descriptions[label] ?? label
    return state.withLock { state in
      if let family = state.families[name], family.kind == kind {
        if let series = family.series[id.labels] { return series }
      } else if !state.families.isFree(name, for: kind) {
        refusedByKind.increment(by: Int64(1))
        return nil
      }
      guard state.seriesCount < maximumSeries else {
        refusedAtLimit.increment(by: Int64(1))
        return nil
      }
      let series = make(id)
      state.families[name, default: Family(kind: kind, help: help, series: [:])]
        .series[id.labels] = series
      state.seriesCount += 1
      return series
    }
  }

  private func forget(_ handler: AnyObject) {
    guard let identified = handler as? any IdentifiedSeries else { return }
    let id = identified.id
    state.withLock { state in
      guard let series = state.families[id.family]?.series[id.labels], series.object === handler
      else { return }
      state.families[id.family]?.series[id.labels] = nil
      if state.families[id.family]?.series.isEmpty == true { state.families[id.family] = nil }
      state.seriesCount -= 1
    }
  }
}

extension [String: Family] {
  /// Whether a family of this name and kind would share no line's name with one that exists.
  /// A histogram writes lines named `…_bucket`, `…_sum` and `…_count`.
  fileprivate func isFree(_ name: String, for kind: Family.Kind) -> Bool {
    guard self[name] == nil else { return false }
    return Family.histogramSuffixes.allSatisfy { suffix in
      if kind == .histogram, self[name + suffix] != nil { return false }
      guard name.hasSuffix(suffix) else { return true }
      return self[String(name.dropLast(suffix.count))]?.kind != .histogram
    }
  }
}

/// swift-metrics has no such handler of its own.
private final class DiscardedFloatingPointCounter: FloatingPointCounterHandler {
  static let instance = DiscardedFloatingPointCounter()
  func increment(by _: Double) {}
  func reset() {}
}
