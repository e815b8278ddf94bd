import Experimentation
package import Logging
import ServiceLifecycle
package import Storage
import Synchronization

/// Writes outcomes and comparisons down in the order of assignment, and lets nobody wait for it.
///
/// Order is kept for each route, and for the comparisons of each candidate, since only those are
/// judged together: what is slow on one route holds nothing of another back. At most `capacity`
/// rows are promised, wait for an earlier request to end, or wait for the store. Beyond, a request
/// leaves no row and is counted; this is decided when it is assigned, before anybody knows how it
/// will end, so that what is missing is no other kind than what is there. A crash loses at most
/// what was held: the last `flushInterval`, plus rows behind an earlier, still open request.
package final class OutcomeRecorder: Service {
  private let store: any OutcomeStore
  private let capacity: Int
  private let batchSize: Int
  private let flushInterval: Duration
  private let metrics: GatewayMetrics
  private let logger: Logger
  private let state = Mutex(State())

  private struct State {
    var outcomeOrders = AssignmentOrders<RouteName, Outcome>()
    var comparisonOrders = AssignmentOrders<ModelName, Comparison>()
    /// In order, for the store to take.
    var outcomes: [Outcome] = []
    var comparisons: [Comparison] = []
    /// Taken out, and not written yet.
    var inHand = 0
    /// Whether the store refused the last batch; the log says so once, not five times a second.
    var isRefused = false
    var held: Int {
      outcomeOrders.count + comparisonOrders.count + outcomes.count + comparisons.count + inHand
    }
  }

  /// - Parameters:
  ///   - capacity: rows that may be promised or held, at least 1
  ///   - batchSize: rows of one transaction
  ///   - flushInterval: how long a row waits at most while the store keeps up
  package init(
    store: any OutcomeStore, capacity: Int = 65_536, batchSize: Int = 1_024,
    flushInterval: Duration = .milliseconds(200), metrics: GatewayMetrics, logger: Logger
  ) {
    self.store = store
    self.capacity = capacity
    self.batchSize = batchSize
    self.flushInterval = flushInterval
    self.metrics = metrics
    self.logger = logger
  }

  /// The number of an assignment made now on `route`, to be closed exactly once; `nil` when there
  /// is no room for its row.
  func openOutcome(on route: RouteName) -> UInt64? {
    open { $0.outcomeOrders.next(route) }
  }

  /// Takes what the request of `number` did.
  func closeOutcome(_ number: UInt64, with outcome: Outcome) {
    state.withLock {
      $0.outcomes += $0.outcomeOrders.close(number, of: outcome.assignment.route, with: outcome)
    }
  }

  /// The number of a comparison with `candidate` promised now, to be closed exactly once; `nil`
  /// when there is no room for its row.
  func openComparison(with candidate: ModelName) -> UInt64? {
    open { $0.comparisonOrders.next(candidate) }
  }

  /// Takes a comparison; `nil` when the shadow was not asked.
  func closeComparison(_ number: UInt64, with candidate: ModelName, _ comparison: Comparison?) {
    state.withLock {
      $0.comparisons += $0.comparisonOrders.close(number, of: candidate, with: comparison)
    }
  }

  private func open(_ next: (inout State) -> UInt64) -> UInt64? {
    let number = state.withLock { $0.held < capacity ? next(&$0) : nil }
    if number == nil { metrics.rowDropped() }
    return number
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
        let wasRefused = state.withLock { state in
          state.inHand -= batch.count
          defer { state.isRefused = false }
          return state.isRefused
        }
        metrics.rowsWritten(batch.count)
        if wasRefused { logger.notice("outcomes are written again") }
      } catch {
        // They go back in front, and the next tick tries again; the bound is what gives.
        putBack(batch)
        metrics.writeFailed()
        let wasRefused = state.withLock { state in
          defer { state.isRefused = true }
          return state.isRefused
        }
        if !wasRefused {
          logger.warning("outcomes could not be written", metadata: ["error": "\(error)"])
        }
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
      state.inHand += batch.count
      return batch.count == 0 ? nil : batch
    }
  }

  private func putBack(_ batch: Batch) {
    state.withLock { state in
      state.inHand -= batch.count
      state.outcomes.insert(contentsOf: batch.outcomes, at: 0)
      state.comparisons.insert(contentsOf: batch.comparisons, at: 0)
    }
  }
}
