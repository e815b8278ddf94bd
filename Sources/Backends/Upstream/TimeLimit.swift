/// An instant by which waiting ends.
enum TimeLimit {
  struct Passed: Error {}

  /// Runs `operation`, and cancels it at `limit`; returns only when it has ended.
  ///
  /// - Throws: ``Passed``, else what `operation` throws
  static func run<Value: Sendable>(
    until limit: ContinuousClock.Instant, _ operation: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    switch try await Interruption().run(until: limit, operation) {
    case .done(let value): return value
    case .interrupted: throw Passed()
    }
  }
}

extension ContinuousClock.Instant {
  func advanced(bySeconds seconds: Double) -> Self {
    advanced(by: .nanoseconds(Int64((max(0, min(seconds, 1e9)) * 1e9).rounded())))
  }
}

extension Duration {
  /// In seconds, as a number for arithmetic and reports.
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
