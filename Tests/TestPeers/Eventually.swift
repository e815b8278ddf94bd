import Synchronization

/// Whether `condition` comes true within `limit`; looks every few milliseconds.
///
/// For what happens in other tasks and at the other end of a socket: tests say until when it must
/// have happened, never when it does.
package func eventually(
  within limit: Duration = .seconds(5), _ condition: () async throws -> Bool
) async rethrows -> Bool {
  let end = ContinuousClock.now + limit
  while true {
    if try await condition() { return true }
    if ContinuousClock.now >= end || Task.isCancelled { return false }
    try? await Task.sleep(for: .milliseconds(5))
  }
}

/// What a script waits at until the test lets it go on.
package final class Gate: Sendable {
  private let state = Mutex(false)

  package init() {}

  package var isOpen: Bool { state.withLock { $0 } }

  /// Lets everybody go on, also those who come later.
  package func open() { state.withLock { $0 = true } }
}
