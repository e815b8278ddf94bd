import Backends
import ServiceLifecycle
import Synchronization

/// The deadline passed before the work was done.
struct DeadlineExceeded: Error {}

/// The service was told to stop, and the time that answers under way had is over.
struct ShutdownReached: Error {}

/// How long work may go on: until a deadline, as long as somebody waits for it, and for a while
/// after the service was told to stop.
struct Patience: Sendable {
  var deadline: ContinuousClock.Instant
  /// `nil` for work that nobody waits for.
  var client: ClientPresence?
  /// How long it goes on while the service stops; `nil` for work that has an end of its own soon.
  var shutdownGrace: Duration?
  /// Shared by all waits of one request, so that their time is one.
  private let shutdown = ShutdownNotice()

  init(
    until deadline: ContinuousClock.Instant, client: ClientPresence? = nil,
    shutdownGrace: Duration? = nil
  ) {
    self.deadline = deadline
    self.client = client
    self.shutdownGrace = shutdownGrace
  }

  /// Runs `operation`, and cancels it when patience ends; returns only when it has ended.
  ///
  /// - Throws: ``DeadlineExceeded``, ``ShutdownReached``, `CancellationError` when the client left
  ///   or the task around is cancelled, else what `operation` throws.
  func run<Value: Sendable>(
    _ operation: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    let interruption = Interruption()
    client?.onDeparture(interruption)
    defer { client?.onDeparture(nil) }
    switch try await run(operation, interruption) {
    case .done(let value): return value
    case .interrupted(.deadlinePassed): throw DeadlineExceeded()
    case .interrupted(.clientLeft): throw CancellationError()
    case .interrupted(.serviceStops): throw ShutdownReached()
    }
  }

  private func run<Value: Sendable>(
    _ operation: @escaping @Sendable () async throws -> Value, _ interruption: Interruption
  ) async throws -> Interruption.Ending<Value> {
    guard let shutdownGrace else { return try await interruption.run(until: deadline, operation) }
    return try await withGracefulShutdownHandler {
      try await interruption.run(until: deadline, operation)
    } onGracefulShutdown: {
      interruption.interrupt(.serviceStops, after: shutdown.remaining(of: shutdownGrace))
    }
  }
}

/// When the service was first seen to stop.
private final class ShutdownNotice: Sendable {
  private let since = Mutex<ContinuousClock.Instant?>(nil)

  func remaining(of grace: Duration) -> Duration {
    let start = since.withLock { since in
      let start = since ?? ContinuousClock.now
      since = start
      return start
    }
    return max(.zero, ContinuousClock.now.duration(to: start + grace))
  }
}

extension Duration {
  /// In seconds, as a number for arithmetic and reports.
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
