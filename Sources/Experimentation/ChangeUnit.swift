/// What changes of a metric, and its margins, are read in.
package enum ChangeUnit: Hashable, Sendable {
  /// Percentage points: 0.005 is `0.5pp`.
  case points
  /// Percent of the incumbent's value: 0.2 is `20%`.
  case percent
  /// 0.02 is `0.02 nats`.
  case nats
}

extension Metric {
  /// Whether values are in nats, and so are margins.
  package var isInNats: Bool { self == .klDivergence }

  /// - Parameter isRatio: whether values are compared by ratios
  package func changeUnit(isRatio: Bool) -> ChangeUnit {
    if isRatio { return .percent }
    return isInNats ? .nats : .points
  }
}

extension MetricGate {
  /// What its changes are read in.
  package var changeUnit: ChangeUnit { metric.changeUnit(isRatio: comparesRatios) }
}

extension GateReport {
  /// What its changes are read in.
  package var changeUnit: ChangeUnit { metric.changeUnit(isRatio: comparesRatios) }
}
