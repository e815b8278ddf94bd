import GRDB
import GRDBSQLite
import Storage

/// A copy of a database that is written to meanwhile, by SQLite's backup interface.
///
/// The source's own connection reads, a few pages at a time and between its writes: pages that are
/// written after they were copied are copied again by SQLite itself, so that the end is the file as
/// it is at the last step, and no second connection touches the source.
final class OnlineCopy: @unchecked Sendable {
  // @unchecked: the pointers are used by `step` and `end`, which the source's queue calls one after
  // the other, and when nobody is left.
  private let path: String
  /// A table that is emptied in the copy.
  private let omitted: String?
  private var destination: OpaquePointer?
  private var backup: OpaquePointer?

  /// - Parameters:
  ///   - path: of the file to make
  ///   - table: one whose rows are not to be in the copy, not even as bytes that are free
  init(to path: String, without table: String?) throws(StorageError) {
    self.path = path
    omitted = table
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
    guard sqlite3_open_v2(path, &destination, flags, nil) == SQLITE_OK,
      // It is read once and thrown away: what a crash leaves of it is of no use.
      sqlite3_exec(
        destination, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", nil, nil, nil)
        == SQLITE_OK
    else {
      let failure = failure
      sqlite3_close_v2(destination)
      throw StorageError(failure, path: path)
    }
  }

  deinit { end() }

  /// Copies at most `pages` pages; whether that was all. It has ended then, and when this throws.
  func step(_ source: Database, pages: Int) throws -> Bool {
    if backup == nil {
      backup = sqlite3_backup_init(destination, "main", source.sqliteConnection, "main")
    }
    guard let backup else { throw failure }
    let code = sqlite3_backup_step(backup, CInt(pages))
    if code == SQLITE_OK { return false }
    defer { end() }
    guard code == SQLITE_DONE else {
      throw DatabaseError(resultCode: ResultCode(rawValue: code), message: "copying '\(path)'")
    }
    try omit()
    return true
  }

  /// Empties the table that the copy is to be without. The copy says of itself that it has a log,
  /// as the source has: it is one file again when this returns.
  private func omit() throws {
    guard let omitted else { return }
    sqlite3_backup_finish(backup)
    backup = nil
    let sql = """
      PRAGMA locking_mode = EXCLUSIVE; PRAGMA secure_delete = ON;
      DELETE FROM \(omitted);
      PRAGMA wal_checkpoint(TRUNCATE)
      """
    guard sqlite3_exec(destination, sql, nil, nil, nil) == SQLITE_OK else { throw failure }
  }

  private var failure: DatabaseError {
    DatabaseError(
      resultCode: ResultCode(rawValue: sqlite3_errcode(destination)),
      message: String(cString: sqlite3_errmsg(destination)))
  }

  /// Takes the copy off the source's list of copies. On the source's queue, once a step was made:
  /// the list has no lock of its own.
  func end() {
    sqlite3_backup_finish(backup)
    backup = nil
    sqlite3_close_v2(destination)
    destination = nil
  }
}

extension DatabaseFile {
  /// Copies the file to a new one at `path`, and lets writes in between.
  ///
  /// - Parameters:
  ///   - table: one that is empty in the copy
  ///   - seen: is asked of the source at the moment of which the copy is
  /// - Throws: `unavailable` when the task is cancelled, too
  func copy<Value: Sendable>(
    to path: String, without table: String?, _ seen: @escaping @Sendable (Database) throws -> Value
  ) async throws(StorageError) -> Value {
    let copy = try OnlineCopy(to: path, without: table)
    // Kept to the end, so that no step meets a connection that was closed.
    let queue = try queue
    while !Task.isCancelled {
      let value = try await read(from: queue) { db in
        try copy.step(db, pages: Self.pagesPerStep) ? try seen(db) : nil
      }
      if let value { return value }
    }
    try await read(from: queue) { _ in copy.end() }
    throw StorageError(.unavailable, "the copy of '\(self.path)' was cancelled")
  }

  /// One MiB: a few milliseconds in which nothing is written.
  private static var pagesPerStep: Int { 256 }

  /// Bytes that the file's pages take, those in its log too.
  func byteCount() async throws(StorageError) -> Int {
    try await read { db in
      let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
      return pages * (try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 0)
    }
  }
}
