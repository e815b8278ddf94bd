package import Experimentation
import Foundation
import GRDB
package import Storage
import Synchronization

/// Outcomes, comparisons and feedback in `metrics.sqlite`, with the rollups beside them.
///
/// A batch is one transaction, rollups included, so that it costs one pass through the write-ahead
/// log however long it is. Writes and reads take turns on one connection: read in pages of some
/// thousand. A batch is on the disk when `append` returns: what a crash or a loss of power takes is
/// what was not handed over yet.
package final class SQLiteOutcomeStore: OutcomeStore {
  /// Bounds on the disk.
  package struct Limits: Sendable {
    /// The file grows no larger; beyond, batches are refused until rows went.
    package var maximumBytes = 4 << 30
    /// What is left free for the journal: a batch that finds less free space is refused.
    package var reservedBytes = 64 << 20
    /// Free bytes on the disk of a path, or `nil` when nobody knows.
    package var freeBytes: @Sendable (String) -> Int? = SQLiteOutcomeStore.freeBytes

    package init() {}
  }

  let file: DatabaseFile
  private let limits: Limits
  /// As of the last transaction that stands.
  let names: Mutex<NameTable>

  init(path: String, lock: FolderLock, limits: Limits = Limits()) throws(StorageError) {
    self.limits = limits
    file = try DatabaseFile(
      path: path, purpose: .metrics, migrator: OutcomeSchema.migrator, lock: lock,
      maximumBytes: limits.maximumBytes)
    do {
      let read = try file.queue.write { db in
        var names = try NameTable(db)
        try Self.rebuildRollups(&names, db)
        return names
      }
      names = Mutex(read)
    } catch {
      throw StorageError(error, path: path)
    }
  }

  package func append(
    outcomes: [Outcome], comparisons: [Comparison]
  ) async throws(StorageError) {
    if outcomes.isEmpty && comparisons.isEmpty { return }
    try checkSpace()
    _ = try await file.write { [self] db in
      var writer = RowWriter(names: names.withLock { $0 }, db)
      try Self.insert(outcomes, &writer, in: db)
      try Self.insert(comparisons, &writer, in: db)
      var names = writer.names
      try RollupRows.add(RollupRows.growth(outcomes, comparisons), &names, db)
      return names
    } committed: { [self] written in
      names.withLock { $0 = written }
    }
  }

  package func outcomes(
    of rollout: RolloutName, run: Int, after sequence: Int64, limit: Int
  ) async throws(StorageError) -> [Sequenced<Outcome>] {
    try await rows(of: RunID(rollout: rollout, run: run), after: sequence, limit)
  }

  package func comparisons(
    of rollout: RolloutName, run: Int, after sequence: Int64, limit: Int
  ) async throws(StorageError) -> [Sequenced<Comparison>] {
    try await rows(of: RunID(rollout: rollout, run: run), after: sequence, limit)
  }

  package func record(
    _ feedback: [Feedback]
  ) async throws(StorageError) -> [FeedbackReceipt] {
    if feedback.isEmpty { return [] }
    try checkSpace()
    return try await file.write { [self] db in
      var writer = RowWriter(names: names.withLock { $0 }, db)
      var receipts: [FeedbackReceipt] = []
      for one in feedback {
        let receipt = try FeedbackRows.makeWay(for: one, &writer, in: db)
        if receipt == .replaced { try Self.count(-1, of: one, writer.names, db) }
        if receipt == .replaced || receipt == .recorded {
          try Self.insert([one], &writer, in: db)
        }
        receipts.append(receipt)
      }
      return (receipts, writer.names)
    } committed: { [self] written in
      names.withLock { $0 = written.1 }
    }.0
  }

  package func feedback(
    of rollout: RolloutName, run: Int, after sequence: Int64, limit: Int
  ) async throws(StorageError) -> [Sequenced<Feedback>] {
    try await rows(of: RunID(rollout: rollout, run: run), after: sequence, limit)
  }

  package func rollups(
    of rollout: RolloutName, run: Int
  ) async throws(StorageError) -> [OutcomeRollup.Key: OutcomeRollup] {
    try await file.read { [self] db in
      let names = names.withLock { $0 }
      guard let run = names.run(RunID(rollout: rollout, run: run)) else { return [:] }
      return try RollupRows.rollups(of: run, names, db)
    }
  }

  package func runs() async throws(StorageError) -> [StoredRun] {
    try await file.read { db in try Self.runs(db).map(\.run) }
  }

  /// Closes the file: for who opened it without its database, ``SQLiteDatabase/outcomes(folder:)``.
  package func close() throws(StorageError) { try file.close() }
}

// MARK: - Rows

extension SQLiteOutcomeStore {
  private static func insert<Value: TableRow>(
    _ values: [Value], _ writer: inout RowWriter, in db: Database
  ) throws {
    let statement = try db.cachedStatement(sql: Value.insertion)
    var counts: [RunID: Int] = [:]
    for value in values {
      writer.begin()
      try value.write(&writer)
      statement.setUncheckedArguments(StatementArguments(writer.values))
      try statement.execute()
      if let run = value.assignment.run { counts[run, default: 0] += 1 }
    }
    for (run, count) in counts { try Self.count(count, of: run, Value.table, writer.names, db) }
  }

  private static func count(
    _ change: Int, of value: some TableRow, _ names: NameTable, _ db: Database
  ) throws {
    guard let run = value.assignment.run else { return }
    try count(change, of: run, type(of: value).table, names, db)
  }

  private static func count(
    _ change: Int, of run: RunID, _ table: String, _ names: NameTable, _ db: Database
  ) throws {
    guard let id = names.run(run) else { return }
    try db.cachedStatement(sql: "UPDATE runs SET \(table) = \(table) + ? WHERE id = ?")
      .execute(arguments: [change, id])
  }

  func rows<Value: TableRow>(
    of run: RunID, after sequence: Int64, _ limit: Int
  ) async throws(StorageError) -> [Sequenced<Value>] {
    // SQLite takes a negative limit for none.
    if limit <= 0 { return [] }
    return try await file.read { [self] db in
      let names = names.withLock { $0 }
      guard let run = names.run(run) else { return [] }
      return try Self.rows(of: run, after: sequence, limit, names, db)
    }
  }

  private static func rows<Value: TableRow>(
    of run: Int64, after sequence: Int64, _ limit: Int, _ names: NameTable, _ db: Database
  ) throws -> [Sequenced<Value>] {
    let statement = try db.cachedStatement(sql: Value.selection)
    let rows = try Row.fetchCursor(statement, arguments: [run, sequence, limit])
    var values: [Sequenced<Value>] = []
    while let row = try rows.next() {
      var reader = RowReader(row, names: names)
      values.append(Sequenced(sequence: try reader.next(), value: try Value(from: &reader)))
    }
    return values
  }

  /// Rollups of rows that were written before there were rollups.
  private static func rebuildRollups(_ names: inout NameTable, _ db: Database) throws {
    let exist = try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT * FROM rollups)")
    guard exist == false else { return }
    for (id, _) in try runs(db) {
      var outcome: Int64 = 0
      var comparison: Int64 = 0
      while true {
        let outcomes: [Sequenced<Outcome>] = try rows(of: id, after: outcome, 5_000, names, db)
        let comparisons: [Sequenced<Comparison>] = try rows(
          of: id, after: comparison, 5_000, names, db)
        if outcomes.isEmpty && comparisons.isEmpty { break }
        let growth = RollupRows.growth(outcomes.map(\.value), comparisons.map(\.value))
        try RollupRows.add(growth, &names, db)
        outcome = outcomes.last?.sequence ?? outcome
        comparison = comparisons.last?.sequence ?? comparison
      }
    }
  }

  private static func runs(_ db: Database) throws -> [(id: Int64, run: StoredRun)] {
    try Row.fetchAll(
      db, sql: "SELECT id, rollout, run, outcomes, comparisons, feedback FROM runs ORDER BY id"
    ).map { row in
      var columns = ColumnReader(row)
      let id: Int64 = try columns.next()
      let run = RunID(rollout: try columns.nextName(), run: try columns.next())
      return (
        id,
        StoredRun(
          id: run, outcomes: try columns.next(), comparisons: try columns.next(),
          feedback: try columns.next())
      )
    }
  }
}

// MARK: - Space

extension SQLiteOutcomeStore {
  package func prune(
    _ retention: Retention, nowMilliseconds: Int64, keeping: Set<RunID>, limit: Int
  ) async throws(StorageError) -> Int {
    let age = max(0, retention.maximumAge / .milliseconds(1))
    let oldest = nowMilliseconds - Int64(min(age, 1e15))
    return try await file.write { db in
      let outcomes = try Self.prune(
        "outcomes", \.outcomes, retention, before: oldest, keeping, limit, db)
      let comparisons = try Self.prune(
        "comparisons", \.comparisons, retention, before: oldest, keeping, limit, db)
      let feedback = try Self.prune(
        Feedback.table, \.feedback, retention, before: oldest, keeping, limit, db)
      try LabelRows.prune(before: oldest, keeping, limit, db)
      return max(outcomes, comparisons, feedback)
    }
  }

  private static func prune(
    _ table: String, _ count: KeyPath<StoredRun, Int>, _ retention: Retention,
    before oldest: Int64, _ keeping: Set<RunID>, _ limit: Int, _ db: Database
  ) throws -> Int {
    let runs = try runs(db).filter { $0.run[keyPath: count] > 0 }
    let ended = runs.filter { !keeping.contains($0.run.id) }
    var left = limit
    var excess = runs.reduce(0) { $0 + $1.run[keyPath: count] } - max(1, retention.maximumRows)
    func remove(_ limit: Int, of run: Int64, before milliseconds: Int64) throws {
      let gone = try Self.remove(limit, from: table, of: run, before: milliseconds, db)
      left -= gone
      excess -= gone
    }
    for (id, _) in ended { try remove(left, of: id, before: oldest) }
    // A test that begins later is as sound as one that began earlier, so that runs under way may
    // lose their oldest rows when nothing else is left.
    for (id, _) in ended + runs.filter({ keeping.contains($0.run.id) }) {
      try remove(min(left, excess), of: id, before: .max)
    }
    return limit - left
  }

  private static func remove(
    _ limit: Int, from table: String, of run: Int64, before milliseconds: Int64, _ db: Database
  ) throws -> Int {
    if limit <= 0 { return 0 }
    try db.cachedStatement(
      sql: """
        DELETE FROM \(table) WHERE sequence IN
          (SELECT sequence FROM \(table) WHERE run_id = ? ORDER BY sequence LIMIT ?)
          AND at_milliseconds < ?
        """
    ).execute(arguments: [run, limit, milliseconds])
    let removed = db.changesCount
    try db.cachedStatement(sql: "UPDATE runs SET \(table) = \(table) - ? WHERE id = ?")
      .execute(arguments: [removed, run])
    return removed
  }

  /// Metrics give way first: the journal needs room for what is decided next.
  func checkSpace() throws(StorageError) {
    guard let free = limits.freeBytes(file.path), free < limits.reservedBytes else { return }
    throw StorageError(
      .unavailable,
      "only \(free >> 20) MiB are free on the disk of '\(file.path)': outcomes are not kept, so "
        + "that decisions can be; make room")
  }

  private static func freeBytes(_ path: String) -> Int? {
    let attributes = try? FileManager.default.attributesOfFileSystem(forPath: path)
    return (attributes?[.systemFreeSize] as? NSNumber)?.intValue
  }
}
