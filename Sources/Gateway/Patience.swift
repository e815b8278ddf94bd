import ServiceLifecycle

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

  init(
    until deadline: ContinuousClock.Instant, client: ClientPresence? = nil,
    shutdownGrace: Duration? = nil
  ) {
    self.deadline = deadline
    self.client = client
    self.shutdownGrace = shutdownGrace
  }

  private enum End<Value: Sendable>: Sendable {
    case done(Value)
    case deadlinePassed
    case clientLeft
    case serviceStops
  }

  /// Runs `operation`, and cancels it when patience ends; returns only when it has ended.
  ///
  /// - Throws: ``DeadlineExceeded``, ``ShutdownReached``, `CancellationError` when the client left
  ///   or the task around is cancelled, else what `operation` throws.
  func run<Value: Sendable>(
    _ operation: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    try await withThrowingTaskGroup(of: End<Value>.self) { group in
      group.addTask { .done(try await operation()) }
      group.addTask {
        try await Task.sleep(until: deadline, clock: .continuous)
        return .deadlinePassed
      }
      if let client {
        group.addTask {
          for await _ in client.departure() {}
          return .clientLeft
        }
      }
      if let shutdownGrace {
        group.addTask {
          try await gracefulShutdown()
          try await Task.sleep(for: shutdownGrace)
          return .serviceStops
        }
      }
      defer { group.cancelAll() }
      switch try await group.next() {
      case .done(let value): return value
      case .deadlinePassed: throw DeadlineExceeded()
      case .serviceStops: throw ShutdownReached()
      case .clientLeft, nil: throw CancellationError()
      }
    }
  }
}

extension Duration {
  /// In seconds, as a number for arithmetic and reports.
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
