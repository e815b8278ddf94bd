import Backends

/// The deadline passed before the work was done.
struct DeadlineExceeded: Error {}

/// How long work may go on: until a deadline, and as long as somebody waits for it.
struct Patience: Sendable {
  var deadline: ContinuousClock.Instant
  /// `nil` for work that nobody waits for.
  var client: ClientPresence?

  init(until deadline: ContinuousClock.Instant, client: ClientPresence? = nil) {
    self.deadline = deadline
    self.client = client
  }

  /// Runs `operation`, and cancels it when patience ends; returns only when it has ended.
  ///
  /// - Throws: ``DeadlineExceeded``, `CancellationError` when the client left or the task around is
  ///   cancelled, else what `operation` throws.
  func run<Value: Sendable>(
    _ operation: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    let interruption = Interruption()
    client?.onDeparture(interruption)
    defer { client?.onDeparture(nil) }
    switch try await interruption.run(until: deadline, operation) {
    case .done(let value): return value
    case .interrupted(.deadlinePassed): throw DeadlineExceeded()
    case .interrupted(.clientLeft): throw CancellationError()
    }
  }
}

extension Duration {
  /// In seconds, as a number for arithmetic and reports.
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
