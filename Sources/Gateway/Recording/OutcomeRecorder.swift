import Experimentation
package import Logging
import ServiceLifecycle
package import Storage
import Synchronization

/// Writes outcomes and comparisons down in the order of assignment, and lets nobody wait for it.
///
/// Rows wait in a queue of at most `capacity`; when the store is slow or its disk full, rows beyond
/// that are dropped and counted. A crash loses at most what waited: the last `flushInterval`, plus
/// rows that an earlier, still open request held back.
package final class OutcomeRecorder: Service {
  private let store: any OutcomeStore
  private let capacity: Int
  private let batchSize: Int
  private let flushInterval: Duration
  private let metrics: GatewayMetrics
  private let logger: Logger
  private let state = Mutex(State())

  private struct State {
    var outcomeOrder = AssignmentOrder<Outcome>()
    var comparisonOrder = AssignmentOrder<Comparison>()
    var outcomes: [Outcome] = []
    var comparisons: [Comparison] = []
    var waiting: Int { outcomes.count + comparisons.count }
  }

  /// - Parameters:
  ///   - capacity: rows that may wait, at least 1
  ///   - batchSize: rows of one transaction
  ///   - flushInterval: how long a row waits at most while the store keeps up
  package init(
    store: any OutcomeStore, capacity: Int = 16_384, batchSize: Int = 1_024,
    flushInterval: Duration = .milliseconds(200), metrics: GatewayMetrics, logger: Logger
  ) {
    self.store = store
    self.capacity = capacity
    self.batchSize = batchSize
    self.flushInterval = flushInterval
    self.metrics = metrics
    self.logger = logger
  }

  /// The number of an assignment made now; must be closed exactly once.
  func openOutcome() -> UInt64 { state.withLock { $0.outcomeOrder.open() } }

  /// Takes what the request of `number` did; `nil` when it leaves nothing to be counted.
  func closeOutcome(_ number: UInt64, with outcome: Outcome?) {
    let dropped = state.withLock { state in
      let room = capacity - state.waiting
      let released = state.outcomeOrder.close(number, with: outcome)
      state.outcomes.append(contentsOf: released.prefix(max(0, room)))
      return released.count - min(released.count, max(0, room))
    }
    metrics.rowsDropped(dropped)
  }

  /// The number of a comparison that was promised now; must be closed exactly once.
  func openComparison() -> UInt64 { state.withLock { $0.comparisonOrder.open() } }

  /// Takes a comparison; `nil` when the shadow was not asked or did not answer in time.
  func closeComparison(_ number: UInt64, with comparison: Comparison?) {
    let dropped = state.withLock { state in
      let room = capacity - state.waiting
      let released = state.comparisonOrder.close(number, with: comparison)
      state.comparisons.append(contentsOf: released.prefix(max(0, room)))
      return released.count - min(released.count, max(0, room))
    }
    metrics.rowsDropped(dropped)
  }

  /// Writes until the service shuts down, and then what is left.
  package func run() async throws {
    try? await cancelWhenGracefulShutdown { [self] in
      while true {
        try await Task.sleep(for: flushInterval)
        await flush()
      }
    }
    await flush()
  }

  /// Writes down whatever is in order now.
  package func flush() async {
    while let batch = takeBatch() {
      do {
        try await store.append(outcomes: batch.outcomes, comparisons: batch.comparisons)
        metrics.rowsWritten(batch.count)
      } catch {
        // They go back in front, and the next tick tries again; the queue's bound is what gives.
        putBack(batch)
        metrics.writeFailed()
        logger.warning("outcomes could not be written", metadata: ["error": "\(error)"])
        return
      }
    }
  }

  private struct Batch {
    var outcomes: [Outcome]
    var comparisons: [Comparison]
    var count: Int { outcomes.count + comparisons.count }
  }

  private func takeBatch() -> Batch? {
    state.withLock { state in
      let outcomes = Array(state.outcomes.prefix(batchSize))
      let comparisons = Array(state.comparisons.prefix(batchSize - outcomes.count))
      state.outcomes.removeFirst(outcomes.count)
      state.comparisons.removeFirst(comparisons.count)
      let batch = Batch(outcomes: outcomes, comparisons: comparisons)
      return batch.count == 0 ? nil : batch
    }
  }

  private func putBack(_ batch: Batch) {
    state.withLock { state in
      state.outcomes.insert(contentsOf: batch.outcomes, at: 0)
      state.comparisons.insert(contentsOf: batch.comparisons, at: 0)
    }
  }
}
