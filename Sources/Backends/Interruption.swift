package import NIOCore
import NIOPosix
import Synchronization

/// Why work was called off from outside.
package enum InterruptionCause: Sendable {
  case deadlinePassed
  /// Nobody waits for the result any more.
  case clientLeft
  /// The time that the service gives to what is under way when it stops is over.
  case serviceStops
}

/// Calls work off when an instant comes, or when somebody says so.
///
/// A request waits several times, each time with a limit. Racing the work against a task that
/// sleeps and another that listens would cost three tasks and a timer of the thread pool every
/// time; this costs one task, and a timer of the event loop that the request runs on.
package final class Interruption: Sendable {
  private struct State {
    var cause: InterruptionCause?
    var work: RunningTask?
  }

  private let state = Mutex(State())

  package init() {}

  /// Runs `operation` and cancels it when `limit` comes or ``interrupt(_:)`` is called, perhaps
  /// before; returns only when it has ended. Of use once.
  ///
  /// - Returns: what `operation` returned, or the cause if it was called off, whatever it returned
  ///   then
  package func run<Value: Sendable>(
    until limit: ContinuousClock.Instant, _ operation: @escaping @Sendable () async throws -> Value
  ) async throws -> Ending<Value> {
    // Of the group of all connections: the current loop, where this runs on one.
    let loop = MultiThreadedEventLoopGroup.singleton.any()
    let remaining = max(.zero, ContinuousClock.now.duration(to: limit))
    let timer = try loop.scheduleCallback(in: TimeAmount(remaining), handler: self)
    defer { timer.cancel() }
    // A task of its own can be cancelled without the one around it, which has to tell the client.
    return try await withThrowingTaskGroup(of: Value.self) { group in
      group.addTask {
        self.begin()
        defer { self.end() }
        return try await operation()
      }
      let result = await group.nextResult()
      if let cause = self.state.withLock({ $0.cause }) { return .interrupted(cause) }
      // There is the one task.
      guard let result else { throw CancellationError() }
      return .done(try result.get())
    }
  }

  /// How work ended that could be called off.
  package enum Ending<Value: Sendable>: Sendable {
    case done(Value)
    case interrupted(InterruptionCause)
  }

  /// Calls the work off; the first cause stands.
  package func interrupt(_ cause: InterruptionCause) {
    state.withLock { state in
      guard state.cause == nil else { return }
      state.cause = cause
      state.work?.task.cancel()
    }
  }

  /// Calls the work off later, if it still runs then.
  package func interrupt(_ cause: InterruptionCause, after delay: Duration) {
    MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: TimeAmount(delay)) {
      self.interrupt(cause)
    }
  }

  private func begin() {
    withUnsafeCurrentTask { task in
      guard let task else { return }
      let work = RunningTask(task: task)
      state.withLock { state in
        state.work = work
        if state.cause != nil { task.cancel() }
      }
    }
  }

  private func end() {
    state.withLock { $0.work = nil }
  }
}

extension Interruption: NIOScheduledCallbackHandler {
  /// The instant has come.
  package func handleScheduledCallback(eventLoop: some EventLoop) {
    interrupt(.deadlinePassed)
  }
}

/// The task that runs the work, to be cancelled while it runs.
///
/// `@unchecked Sendable`: cancelling is safe from any thread as long as the task runs, and the lock
/// around this value is taken both for cancelling and for forgetting it at the task's end.
private struct RunningTask: @unchecked Sendable {
  let task: UnsafeCurrentTask
}
