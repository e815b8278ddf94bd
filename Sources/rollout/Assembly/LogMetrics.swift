import CoreMetrics
import Observability
import Synchronization

/// How many lines the log has lost, counted when somebody asks for the metrics.
final class LogMetrics: Sendable {
  private let destination: LogDestination
  private let dropped: any CounterHandler
  private let counted = Mutex(0)

  init(_ destination: LogDestination, factory: any MetricsFactory) {
    self.destination = destination
    dropped = factory.makeCounter(label: "rollout_log_lines_dropped_total", dimensions: [])
  }

  func observe() {
    counted.withLock { counted in
      let now = destination.droppedLines
      dropped.increment(by: Int64(now - counted))
      counted = now
    }
  }
}
