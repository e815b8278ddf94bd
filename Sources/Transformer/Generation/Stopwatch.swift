/// Tells a job's own time from the time it waited.
struct Stopwatch: Sendable {
  private let submitted: ContinuousClock.Instant
  private var started: ContinuousClock.Instant?

  init(submitted: ContinuousClock.Instant) {
    self.submitted = submitted
  }

  /// Notes the first work; returns the seconds before it, or `nil` if it is not the first.
  mutating func start(at now: ContinuousClock.Instant) -> Double? {
    guard started == nil else { return nil }
    started = now
    return (now - submitted).seconds
  }

  /// Seconds since the first work began; 0 before.
  func elapsedSeconds(at now: ContinuousClock.Instant) -> Double {
    started.map { (now - $0).seconds } ?? 0
  }
}

extension Duration {
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
