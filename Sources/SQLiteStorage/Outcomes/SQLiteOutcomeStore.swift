package import Experimentation
import GRDB
package import Storage

/// Outcomes and comparisons in `metrics.sqlite`.
///
/// A batch is one transaction, so that it costs one pass through the write-ahead log however long
/// it is. Writes and reads take turns on one connection: read in pages of some thousand.
package struct SQLiteOutcomeStore: OutcomeStore {
  let file: DatabaseFile

  init(path: String, lock: FolderLock) throws(StorageError) {
    file = try DatabaseFile(
      path: path, purpose: .metrics, durability: .normal, migrator: OutcomeSchema.migrator,
      lock: lock)
  }

  package func append(
    outcomes: [Outcome], comparisons: [Comparison]
  ) async throws(StorageError) {
    if outcomes.isEmpty && comparisons.isEmpty { return }
    try await file.write { db in
      try Self.insert(outcomes, in: db)
      try Self.insert(comparisons, in: db)
    }
  }

  package func outcomes(
    of rollout: RolloutName, run: Int, after sequence: Int64, limit: Int
  ) async throws(StorageError) -> [Sequenced<Outcome>] {
    try await rows(of: rollout, run, after: sequence, limit)
  }

  package func comparisons(
    of rollout: RolloutName, run: Int, after sequence: Int64, limit: Int
  ) async throws(StorageError) -> [Sequenced<Comparison>] {
    try await rows(of: rollout, run, after: sequence, limit)
  }

  func close() throws(StorageError) { try file.close() }

  private static func insert<Value: TableRow>(_ values: [Value], in db: Database) throws {
    let statement = try db.cachedStatement(sql: Value.insertion)
    for value in values { try statement.execute(arguments: StatementArguments(value.arguments)) }
  }

  private func rows<Value: TableRow>(
    of rollout: RolloutName, _ run: Int, after sequence: Int64, _ limit: Int
  ) async throws(StorageError) -> [Sequenced<Value>] {
    // SQLite takes a negative limit for none.
    if limit <= 0 { return [] }
    return try await file.read { db in
      let statement = try db.cachedStatement(sql: Value.selection)
      let rows = try Row.fetchCursor(statement, arguments: [rollout.text, run, sequence, limit])
      var values: [Sequenced<Value>] = []
      while let row = try rows.next() {
        var columns = ColumnReader(row)
        values.append(Sequenced(sequence: try columns.next(), value: try Value(from: &columns)))
      }
      return values
    }
  }
}
