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
/// Making a metric looks its series up, which takes a microsecond; recording takes a fiftieth.
/// A hot path makes its metrics once and keeps them.
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
    return histogram(Spelling(.recorder, label, dimensions)) ?? NOOPMetricsHandler.instance
  }

  /// The histogram `LABEL_seconds`.
  package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    histogram(Spelling(.timer, label, dimensions)) ?? NOOPMetricsHandler.instance
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

    /// Series by how they were asked for, so that asking again makes no names; at most one for
    /// each series that may exist.
    var known: [Spelling: Series] = [:]
  }

  private func counter(_ label: String, _ dimensions: [(String, String)]) -> CounterSeries? {
    guard case .counter(let series)? = series(Spelling(.counter, label, dimensions)) else {
      return nil
    }
    return series
  }

  private func gauge(_ label: String, _ dimensions: [(String, String)]) -> GaugeSeries? {
    guard case .gauge(let series)? = series(Spelling(.gauge, label, dimensions)) else {
      return nil
    }
    return series
  }

  private func histogram(_ spelling: Spelling) -> HistogramSeries? {
    guard case .histogram(let series)? = series(spelling) else { return nil }
    return series
  }

  /// The series that is asked for, made where there is none yet, or `nil` where it may not be made.
  private func series(_ spelling: Spelling) -> Series? {
    if let known = state.withLock({ $0.known[spelling] }) { return known }
    let id = SeriesID(family: spelling.name, labels: spelling.labels)
    return state.withLock { state in
      guard let series = series(id, spelling, in: &state) else { return nil }
      if state.known.count < maximumSeries { state.known[spelling] = series }
      return series
    }
  }

  private func series(_ id: SeriesID, _ spelling: Spelling, in state: inout State) -> Series? {
    let kind = spelling.kind
    if let family = state.families[id.family], family.kind == kind {
      if let series = family.series[id.labels] { return series }
    } else if !state.families.isFree(id.family, for: kind) {
      refusedByKind.increment(by: Int64(1))
      return nil
    }
    guard state.seriesCount < maximumSeries else {
      refusedAtLimit.increment(by: Int64(1))
      return nil
    }
    let series = spelling.makeSeries(id, buckets: buckets[spelling.label])
    let help = descriptions[spelling.label] ?? spelling.label
    state.families[id.family, default: Family(kind: kind, help: help, series: [:])]
      .series[id.labels] = series
    state.seriesCount += 1
    return series
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
      state.known = state.known.filter { $0.value.object !== handler }
    }
  }
}

/// A metric as somebody asks for it.
private struct Spelling: Hashable {
  enum Instrument {
    case counter, gauge, recorder, timer
  }

  let instrument: Instrument
  let label: String
  private let dimensions: [String]

  init(_ instrument: Instrument, _ label: String, _ dimensions: [(String, String)]) {
    self.instrument = instrument
    self.label = label
    self.dimensions = dimensions.flatMap { [$0.0, $0.1] }
  }

  var kind: Family.Kind {
    switch instrument {
    case .counter: .counter
    case .gauge: .gauge
    case .recorder, .timer: .histogram
    }
  }

  /// The name of the family it belongs to, with its unit.
  var name: String {
    switch instrument {
    case .counter: PrometheusName.metric(label, unit: "total")
    case .gauge, .recorder: PrometheusName.metric(label)
    case .timer: PrometheusName.metric(label, unit: "seconds")
    }
  }

  /// The dimensions, written out.
  var labels: String {
    PrometheusName.labels(
      stride(from: 0, to: dimensions.count, by: 2).map { (dimensions[$0], dimensions[$0 + 1]) })
  }

  func makeSeries(_ id: SeriesID, buckets: HistogramBuckets?) -> Series {
    switch instrument {
    case .counter: .counter(CounterSeries(id: id))
    case .gauge: .gauge(GaugeSeries(id: id))
    case .recorder, .timer:
      .histogram(
        HistogramSeries(
          id: id, buckets: buckets ?? (id.family.hasSuffix("seconds") ? .seconds : .counts)))
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
