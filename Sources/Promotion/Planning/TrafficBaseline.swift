package import Experimentation

/// What is known of a route's traffic before a rollout: what forecasts are made from.
package struct TrafficBaseline: Hashable, Sendable {
  /// Of the route, all models together; `nil` where nobody counted them.
  package var requestsPerSecond: Double?
  /// Share of the incumbent's answers that fail, 0…1.
  package var errorRate: Double?
  /// Standard deviation of a quantity's natural logarithm, by metric.
  package var spreads: [Metric: Double] = [:]
  /// Requests seen, by the length of their prompts.
  package var requests: [PromptBand: Int] = [:]

  package init(requestsPerSecond: Double? = nil) {
    self.requestsPerSecond = requestsPerSecond
  }
}

extension TrafficBaseline {
  /// Believed until something is known: one failure in 300 answers.
  package static let usualErrorRate = GateBorder.expectedErrorRate
  /// Believed until something is known: latencies within a factor of 1.65 of their middle mostly.
  package static let usualSpread = 0.5

  /// The share of requests that a slice takes in; `nil` where it cannot be told.
  ///
  /// Counted by bands of prompt lengths; of a band that the slice takes a part of, half is taken.
  func share(of slice: SliceCondition?) -> Double? {
    guard let slice else { return 1 }
    // Nobody counts the labels and headers of requests that no policy asked for yet.
    guard slice.labels.isEmpty, slice.headers.isEmpty else { return nil }
    let known = requests.filter { $0.key != .unknown }
    let all = known.values.reduce(0, +)
    guard all > 0 else { return nil }
    let inside = known.reduce(0.0) { sum, entry in
      sum + Double(entry.value) * slice.overlap(with: entry.key)
    }
    return inside / Double(all)
  }
}

extension SliceCondition {
  /// 1 for a band that lies in the slice, 0 for one that does not, ½ for one that does in part.
  fileprivate func overlap(with band: PromptBand) -> Double {
    let tokens = band.tokens
    if promptTokens.contains(tokens.lowerBound), promptTokens.contains(tokens.upperBound) {
      return 1
    }
    return promptTokens.overlaps(tokens) ? 0.5 : 0
  }
}

extension PromptBand {
  /// The lengths that belong to the band; all of them for ``unknown``.
  fileprivate var tokens: ClosedRange<Int> {
    switch self {
    case .short: 0...255
    case .medium: 256...1_023
    case .long: 1_024...4_095
    case .veryLong: 4_096...Int.max
    case .unknown: 0...Int.max
    }
  }
}
