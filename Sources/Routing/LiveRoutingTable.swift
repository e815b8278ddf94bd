import Synchronization

/// The table in force. Promotion publishes, requests read.
///
/// The only thing that requests and promotions share; both hold the lock for as long as it takes to
/// copy a reference.
package final class LiveRoutingTable: Sendable {
  private let table: Mutex<RoutingTable>

  package init(_ table: RoutingTable = RoutingTable()) {
    self.table = Mutex(table)
  }

  /// The table in force now; a request takes it once.
  package var snapshot: RoutingTable { table.withLock { $0 } }

  /// Puts `next` in force for every request that begins from here on.
  package func publish(_ next: RoutingTable) { table.withLock { $0 = next } }
}
