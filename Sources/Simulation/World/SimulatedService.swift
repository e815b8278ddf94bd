import Experimentation
import Logging
package import Promotion
package import Routing
package import Storage

/// One life of the service: the production controller on a simulated disk, from start to crash.
package struct SimulatedService: Sendable {
  package let store: SimulatedStore
  package let table: LiveRoutingTable
  package let controller: Controller

  /// Starts a process that resumes from what the disk has.
  ///
  /// - Parameters:
  ///   - latency: how long each operation of the disk takes
  /// - Throws: when the disk cannot be read, or the process dies while it starts
  package init(
    _ disk: SimulatedDisk, clock: VirtualClock, latency: @escaping @Sendable () async -> Void = {}
  ) async throws(StorageError) {
    store = disk.open().taking(latency)
    table = LiveRoutingTable()
    controller = Controller(
      journal: store, outcomes: store, table: table, prepare: { _ in {} },
      wallClock: { Int64(clock.now.elapsed / .milliseconds(1)) }, clock: clock,
      logger: Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() })
    try await controller.resume()
  }
}
