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
