import Synchronization

/// A clock that goes only when everybody waits.
///
/// Its time is what the scheduler says: whoever sleeps is woken in the order of deadlines, those of
/// one deadline in the order in which they fell asleep.
package final class VirtualClock: Clock {
  /// Time since the world began.
  package struct Instant: InstantProtocol {
    package var elapsed: Duration

    /// This instant, later.
    package func advanced(by duration: Duration) -> Instant {
      Instant(elapsed: elapsed + duration)
    }

    /// How long until `other`.
    package func duration(to other: Instant) -> Duration { other.elapsed - elapsed }

    package static func < (left: Instant, right: Instant) -> Bool { left.elapsed < right.elapsed }
  }

  private struct Sleeper {
    var deadline: Duration
    var order: UInt64
    var continuation: CheckedContinuation<Void, any Error>
  }

  private struct State {
    var elapsed = Duration.zero
    var nextOrder: UInt64 = 0
    var sleepers: [UInt64: Sleeper] = [:]
    /// Sleepers whose task was cancelled before they fell asleep.
    var cancelled: Set<UInt64> = []
  }

  private let state = Mutex(State())

  package init() {}

  package var now: Instant { Instant(elapsed: state.withLock { $0.elapsed }) }

  package var minimumResolution: Duration { .nanoseconds(1) }

  /// Waits until the scheduler has brought the clock to `deadline`.
  ///
  /// - Throws: `CancellationError` as soon as the task is cancelled.
  package func sleep(until deadline: Instant, tolerance: Duration?) async throws {
    let order = state.withLock { state in
      defer { state.nextOrder += 1 }
      return state.nextOrder
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let isCancelled = state.withLock { state in
          if state.cancelled.remove(order) != nil { return true }
          state.sleepers[order] = Sleeper(
            deadline: deadline.elapsed, order: order, continuation: continuation)
          return false
        }
        if isCancelled { continuation.resume(throwing: CancellationError()) }
      }
    } onCancel: {
      let sleeper = state.withLock { state -> Sleeper? in
        let sleeper = state.sleepers.removeValue(forKey: order)
        if sleeper == nil { state.cancelled.insert(order) }
        return sleeper
      }
      sleeper?.continuation.resume(throwing: CancellationError())
    }
  }

  /// Wakes whoever sleeps until the earliest deadline, and brings the clock there.
  ///
  /// - Returns: `false` when nobody sleeps
  func wakeNext() -> Bool {
    let sleeper = state.withLock { state -> Sleeper? in
      let next = state.sleepers.values.min {
        ($0.deadline, $0.order) < ($1.deadline, $1.order)
      }
      guard let next else { return nil }
      state.sleepers[next.order] = nil
      state.elapsed = max(state.elapsed, next.deadline)
      return next
    }
    sleeper?.continuation.resume()
    return sleeper != nil
  }
}
