/// A quantile of control's values so far, for thresholds that must not see the future.
///
/// STATISTICS 2(c), Robbins and Monro's recursion on the logarithm:
/// q ← q + g (1{ln L > q} − (1 − p)), g = 0.2/((1 − p) k), k growing to 20 000. O(1) memory, at the
/// price of depending on the order; the frozen threshold of a step does not.
package struct RunningQuantile: Hashable, Sendable {
  private static let greatestCount = 20_000.0

  /// p, in (0, 1).
  package let quantile: Double
  private var logThreshold: Double
  private var count: Double

  /// - Parameters:
  ///   - quantile: p, in (0, 1).
  ///   - start: The quantile of control's history, above 0.
  ///   - historyCount: How many values that history had; 5 000 or more keep the recursion calm.
  /// - Throws: `invalidParameter`.
  package init(quantile: Double, start: Double, historyCount: Int) throws(StatisticsError) {
    try require(quantile > 0 && quantile < 1, "the quantile must be in (0, 1), not \(quantile)")
    try require(start > 0 && start.isFinite, "the start must be above 0, not \(start)")
    try require(historyCount > 0, "historyCount must be above 0, not \(historyCount)")
    self.quantile = quantile
    logThreshold = .log(start)
    count = min(Double(historyCount), Self.greatestCount)
  }

  /// The threshold for the next request, of whichever variant.
  package var threshold: Double { .exp(logThreshold) }

  /// Takes a value of control in; one that is not a positive number changes nothing and returns
  /// `false`.
  @discardableResult
  package mutating func append(_ value: Double) -> Bool {
    guard value > 0, value.isFinite else { return false }
    let gain = 0.2 / ((1 - quantile) * count)
    logThreshold += gain * ((.log(value) > logThreshold ? 1 : 0) - (1 - quantile))
    count = min(count + 1, Self.greatestCount)
    return true
  }
}
