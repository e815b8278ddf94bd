import Statistics

/// τ: a quantile of the incumbent's values, from those before alone (STATISTICS 2(c)).
///
/// The first values are collected; from then on the quantile runs along with those that come. Since
/// it never sees an answer before that is compared with it, a poor τ costs power, never validity.
struct TailThreshold: Hashable, Sendable {
  /// Values beyond the quantile that there should be before anything is compared: 400 values for
  /// p95, 2,000 for p99.
  private static let eventsBefore = 20.0

  private let quantile: Double
  /// How much slower or faster the border is, as a share above 0.
  private let slowdown: Double
  private var history = QuantileSketch()
  private var running: RunningQuantile?
  /// How much oftener values exceed τ that are off by the margin; known when τ is.
  private(set) var plannedRatio: Double?

  /// - Parameters:
  ///   - quantile: in (0, 1)
  ///   - ratio: at the border, above 0
  init(quantile: Double, ratio: Double) {
    self.quantile = quantile
    slowdown = max(ratio, 1 / ratio) - 1
  }

  /// Values that must come first.
  var needed: Int { Int((Self.eventsBefore / (1 - quantile)).rounded(.up)) }

  /// Values still to come before there is a threshold.
  var missing: Int { running == nil ? max(0, needed - history.count) : 0 }

  /// For the next answer, of whichever model; `nil` while there are too few values.
  var value: Double? { running?.threshold }

  /// Takes a value of the incumbent in, after it was compared.
  mutating func append(_ value: Double) {
    if running != nil {
      running?.append(value)
      return
    }
    guard value > 0, history.append(value), history.count >= needed,
      let start = history.estimate(quantile)
    else { return }
    running = try? RunningQuantile(
      quantile: quantile, start: start, historyCount: history.count)
    let planned = ExceedanceTest.plannedRatio(
      history: history, threshold: start, slowdown: slowdown)
    plannedRatio = min(max(planned ?? 1.5, 1.05), 20)
    history = QuantileSketch()
  }
}
