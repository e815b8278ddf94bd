import Foundation
import GRDB
import Storage
import Synchronization

/// One SQLite file with one connection, opened so that its promises hold.
final class DatabaseFile: Sendable {
  let path: String
  /// `nil` once closed. Whoever is in the middle of something keeps the connection until it is
  /// done: GRDB does not survive the use of a connection that it closed.
  private let connection: Mutex<Connection?>

  private struct Connection {
    var queue: DatabaseQueue
    /// Keeps the folder ours for as long as the connection stands.
    var lock: FolderLock
  }

  /// `PRAGMA synchronous = FULL`: a commit is on the disk before it returns.
  private static let full = 2

  /// What a file is for, as written in its header (`PRAGMA application_id`), so that a file of
  /// another program is known for one.
  enum Purpose: Int32 {
    /// "RolC"
    case control = 0x526f_6c43
    /// "RolM"
    case metrics = 0x526f_6c4d
  }

  init(
    path: String, purpose: Purpose, migrator: DatabaseMigrator, lock: FolderLock,
    maximumBytes: Int? = nil
  ) throws(StorageError) {
    self.path = path
    do {
      var configuration = Configuration()
      configuration.label = (path as NSString).lastPathComponent
      configuration.busyMode = .immediateError
      configuration.prepareDatabase { db in
        // Before the first access, so that no other program gets in between.
        try db.execute(sql: "PRAGMA locking_mode = EXCLUSIVE")
      }
      let queue = try DatabaseQueue(path: path, configuration: configuration)
      try queue.writeWithoutTransaction { db in
        try Self.checkOrigin(db, purpose, migrator, path: path)
        try Self.configure(db, path: path)
      }
      try migrator.migrate(queue)
      if let maximumBytes { try Self.bound(queue, maximumBytes) }
      connection = Mutex(Connection(queue: queue, lock: lock))
    } catch {
      throw StorageError(error, path: path)
    }
  }

  /// The connection, for what has to be done at once.
  var queue: DatabaseQueue {
    get throws(StorageError) {
      guard let queue = connection.withLock({ $0?.queue }) else {
        throw StorageError(.unavailable, "'\(path)' is closed: the service is shutting down")
      }
      return queue
    }
  }

  /// Runs `updates` in one transaction, which the task's cancellation does not tear: when this
  /// throws, nothing was written.
  ///
  /// - Parameter committed: is told what was written once it stands, before the next transaction
  ///   begins and before this returns
  func write<Value: Sendable>(
    _ updates: @escaping @Sendable (Database) throws -> Value,
    committed: @escaping @Sendable (Value) -> Void = { _ in }
  ) async throws(StorageError) -> Value {
    let queue = try queue
    let result: Result<Value, any Error> = await withCheckedContinuation { continuation in
      queue.asyncWrite(updates) { _, result in
        if case .success(let value) = result { committed(value) }
        continuation.resume(returning: result)
      }
    }
    do { return try result.get() } catch { throw StorageError(error, path: path) }
  }

  /// Runs `value` off Swift's cooperative threads, to its end.
  ///
  /// Not by GRDB's own asynchronous `read`, which on Linux hands tasks to an executor made of the
  /// dispatch queue: a start of the service that stood still for seconds, as three in five hundred
  /// did, was seen waiting there. None did since; that this was the cause is likely and not proved.
  func read<Value: Sendable>(
    _ value: @escaping @Sendable (Database) throws -> Value
  ) async throws(StorageError) -> Value {
    try await read(from: try queue, value)
  }

  /// The same from a connection that the caller keeps, whether or not the file is closed meanwhile.
  func read<Value: Sendable>(
    from queue: DatabaseQueue, _ value: @escaping @Sendable (Database) throws -> Value
  ) async throws(StorageError) -> Value {
    let result: Result<Value, any Error> = await withCheckedContinuation { continuation in
      queue.asyncRead { database in
        continuation.resume(returning: Result { try value(database.get()) })
      }
    }
    do { return try result.get() } catch { throw StorageError(error, path: path) }
  }

  /// Brings the log into the file and empties it, so that what was removed from the one is not read
  /// in the other.
  func checkpoint() async throws(StorageError) {
    let queue = try queue
    let result: Result<Void, any Error> = await withCheckedContinuation { continuation in
      queue.asyncWriteWithoutTransaction { db in
        continuation.resume(
          returning: Result { try db.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)") })
      }
    }
    do { try result.get() } catch { throw StorageError(error, path: path) }
  }

  /// Refuses whatever comes from now on, waits for what is being written, and closes the file.
  func close() throws(StorageError) {
    let closing = connection.withLock { connection in
      defer { connection = nil }
      return connection
    }
    do {
      try closing?.queue.writeWithoutTransaction { db in
        try db.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)")
      }
    } catch {
      throw StorageError(error, path: path)
    }
  }

  /// Refuses files of others and of newer versions, before anything in them is changed.
  private static func checkOrigin(
    _ db: Database, _ purpose: Purpose, _ migrator: DatabaseMigrator, path: String
  ) throws {
    let tables = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") ?? 0
    let application = try Int32.fetchOne(db, sql: "PRAGMA application_id")
    if tables > 0 && application != purpose.rawValue {
      throw StorageError(
        .incompatible,
        "'\(path)' is a database of another program; move it away, or name another folder")
    }
    if try migrator.hasBeenSuperseded(db) {
      throw StorageError(
        .incompatible,
        "'\(path)' was written by a newer version of rollout; run that version, or restore a "
          + "backup from before the upgrade. Nothing was changed")
    }
    if application != purpose.rawValue {
      try db.execute(sql: "PRAGMA application_id = \(purpose.rawValue)")
    }
  }

  /// Has SQLite itself refuse to let the file grow beyond `bytes`; what is larger already stays.
  private static func bound(_ queue: DatabaseQueue, _ bytes: Int) throws {
    try queue.writeWithoutTransaction { db in
      let pageSize = try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 4_096
      try db.execute(sql: "PRAGMA max_page_count = \(max(1, bytes / max(1, pageSize)))")
    }
  }

  /// Sets what the file promises, then reads back what is really in force: GRDB's own WAL mode
  /// leaves `synchronous` at NORMAL whatever was set before.
  private static func configure(_ db: Database, path: String) throws {
    try db.execute(
      sql: """
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = \(full);
        PRAGMA foreign_keys = ON;
        PRAGMA fullfsync = 1;
        PRAGMA checkpoint_fullfsync = 1;
        PRAGMA journal_size_limit = 67108864;
        """)
    let journalMode = try String.fetchOne(db, sql: "PRAGMA journal_mode")
    let synchronous = try Int.fetchOne(db, sql: "PRAGMA synchronous")
    let foreignKeys = try Int.fetchOne(db, sql: "PRAGMA foreign_keys")
    guard journalMode == "wal", synchronous == full, foreignKeys == 1 else {
      throw StorageError(
        .unavailable,
        "SQLite will not promise what '\(path)' needs: "
          + "journal_mode is \(journalMode ?? "unknown"), "
          + "synchronous \(synchronous ?? -1), foreign_keys \(foreignKeys ?? -1) instead of wal, "
          + "\(full), 1; put the folder on a local disk")
    }
  }
}
