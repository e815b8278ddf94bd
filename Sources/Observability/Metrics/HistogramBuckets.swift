/// The upper bounds, each included, that a histogram sorts its values by.
package struct HistogramBuckets: Hashable, Sendable {
  /// Finite and ascending, at most `maximumCount`.
  package let upperBounds: [Double]

  /// Each bucket is a series to whoever scrapes it.
  package static let maximumCount = 64

  /// The given bounds without what is not finite, sorted, each once, at most `maximumCount`.
  package init(upTo bounds: [Double]) {
    upperBounds = Array(Set(bounds.filter(\.isFinite)).sorted().prefix(Self.maximumCount))
  }

  /// From what a gateway adds to a request up to a long generation.
  package static let seconds = HistogramBuckets(upTo: [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
    10, 30, 60, 120,
  ])

  /// Powers of two up to 65,536: tokens, bytes, queue lengths.
  package static let counts = HistogramBuckets(upTo: (0...16).map { Double(1 << $0) })

  /// The first bucket that holds `value`; `upperBounds.count` where none does.
  func index(of value: Double) -> Int {
    var low = 0
    var high = upperBounds.count
    while low < high {
      let middle = (low + high) / 2
      if value <= upperBounds[middle] { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
