package import Experimentation
import GRDB
package import Storage

/// The journal in `control.sqlite`: append-only, hash-chained, on the disk before it is
/// acknowledged.
///
/// Every read recomputes the chain over what it reads (``JournalChain``); triggers refuse to change
/// or remove an entry, or to leave a gap.
package struct SQLiteJournal: Journal {
  let file: DatabaseFile
  /// The last entry when the file was opened.
  let headAtOpening: JournalHead

  /// Opens or creates the file and verifies all of it.
  init(path: String, lock: FolderLock) throws(StorageError) {
    file = try DatabaseFile(
      path: path, purpose: .control, durability: .full, migrator: JournalSchema.migrator, lock: lock
    )
    do {
      headAtOpening = try file.queue.read { db in
        guard try String.fetchOne(db, sql: "PRAGMA quick_check(1)") == "ok" else {
          throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "quick_check found a fault")
        }
        return try Self.walk(db, after: 0, path: path) { _ in }
      }
    } catch {
      throw StorageError(error, path: path)
    }
  }

  package func entries(after sequence: Int64) async throws(StorageError) -> [JournalEntry] {
    try await file.read { [path = file.path] db in
      var entries: [JournalEntry] = []
      _ = try Self.walk(db, after: sequence, path: path) { entries.append($0) }
      return entries
    }
  }

  package func append(
    _ records: [JournalRecord], after sequence: Int64
  ) async throws(StorageError) -> [JournalEntry] {
    if records.isEmpty { return [] }
    return try await file.write { [path = file.path] db in
      let head = try Self.head(db)
      guard head.sequence == sequence else {
        throw StorageError(
          .conflict,
          "the journal '\(path)' is at entry \(head.sequence), not \(sequence): another command "
            + "came first; look again")
      }
      return try Self.append(records, to: head, in: db)
    }
  }

  /// Recomputes the whole chain from the first entry.
  ///
  /// Finds entries that were changed, removed from the middle or put in. That entries were cut off
  /// the end, or the file replaced by an older one, shows in the head only: compare it with one
  /// that was kept elsewhere.
  ///
  /// - Throws: `corrupt` with the first entry that does not follow from the one before.
  package func verify() async throws(StorageError) -> JournalHead {
    try await file.read { [path = file.path] db in try Self.walk(db, after: 0, path: path) { _ in }
    }
  }

  func close() throws(StorageError) { try file.close() }
}

/// The end of a journal: it vouches for every entry before.
package struct JournalHead: Hashable, Sendable {
  /// Sequence of the last entry; 0 for an empty journal.
  package var sequence: Int64
  /// Hash of the last entry, lower-case hex; 64 zeros for an empty journal.
  package var hash: String

  static let empty = JournalHead(sequence: 0, hash: String(repeating: "0", count: 64))
}

extension SQLiteJournal {
  private static let insertion = """
    INSERT INTO journal
      (sequence, encoding, title, rollout, event, actor, reason, at_milliseconds, previous_hash,
       hash)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    """

  private static let selection = """
    SELECT sequence, encoding, title, rollout, event, actor, reason, at_milliseconds,
      previous_hash, hash
    FROM journal WHERE sequence > ? ORDER BY sequence
    """

  private static func head(_ db: Database) throws -> JournalHead {
    let statement = try db.cachedStatement(
      sql: "SELECT sequence, hash FROM journal ORDER BY sequence DESC LIMIT 1")
    guard let row = try Row.fetchOne(statement) else { return .empty }
    return JournalHead(
      sequence: try row.decode(Int64.self, atIndex: 0),
      hash: try row.decode(String.self, atIndex: 1))
  }

  private static func append(
    _ records: [JournalRecord], to head: JournalHead, in db: Database
  ) throws -> [JournalEntry] {
    let statement = try db.cachedStatement(sql: insertion)
    var head = head
    return try records.map { record in
      let row = try JournalRow(of: record, after: head)
      try statement.execute(arguments: row.arguments)
      head = JournalHead(sequence: row.sequence, hash: row.hash)
      return JournalEntry(sequence: row.sequence, record: record, hash: row.hash)
    }
  }

  /// Reads entries in order, recomputing the chain, and returns the last one's place in it.
  ///
  /// The first entry read is taken to follow whatever hash it names, unless it is the journal's
  /// first.
  private static func walk(
    _ db: Database, after sequence: Int64, path: String, _ body: (JournalEntry) throws -> Void
  ) throws -> JournalHead {
    let statement = try db.cachedStatement(sql: selection)
    let rows = try Row.fetchCursor(statement, arguments: [sequence])
    var head = sequence > 0 ? nil : JournalHead.empty
    while let row = try rows.next() {
      let row = try JournalRow(row)
      let before = head ?? JournalHead(sequence: row.sequence - 1, hash: row.previousHash)
      guard row.follows(before) else {
        throw StorageError(
          .corrupt,
          "the journal '\(path)' was changed from outside: entry \(row.sequence) does not follow "
            + "entry \(before.sequence); restore the file from a backup")
      }
      try body(try row.entry(path: path))
      head = JournalHead(sequence: row.sequence, hash: row.hash)
    }
    return head ?? JournalHead.empty
  }
}
