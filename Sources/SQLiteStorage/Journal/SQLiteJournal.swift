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
  let anchor: JournalAnchor
  /// The last entry when the file was opened.
  let headAtOpening: JournalHead
  /// Whether there were entries and nothing outside that vouched for them.
  let wasUnanchored: Bool

  /// Opens or creates the file and verifies all of it, against the anchor too.
  ///
  /// An anchor that is missing is begun: from here on it vouches.
  init(path: String, anchor: String, lock: FolderLock) throws(StorageError) {
    self.anchor = JournalAnchor(path: anchor)
    file = try Self.open(path, lock)
    let audit = try Self.audit(file, self.anchor)
    let isMissing = audit.anchor == nil
    if let finding = audit.findings.first(where: { !isMissing || $0 != Self.noAnchor(anchor) }) {
      throw StorageError(.corrupt, finding)
    }
    headAtOpening = audit.head
    wasUnanchored = isMissing && audit.head.sequence > 0
    if audit.anchor != audit.head { self.anchor.write(audit.head) }
  }

  private static func open(_ path: String, _ lock: FolderLock) throws(StorageError) -> DatabaseFile
  {
    let file = try DatabaseFile(
      path: path, purpose: .control, migrator: JournalSchema.migrator, lock: lock)
    do {
      try file.queue.read { db in
        guard try String.fetchOne(db, sql: "PRAGMA quick_check(1)") == "ok" else {
          throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "quick_check found a fault")
        }
      }
    } catch {
      throw StorageError(error, path: path)
    }
    return file
  }

  /// Looks at the whole journal in `path` without a service, and changes nothing in it.
  static func audit(
    path: String, anchor: String, lock: FolderLock
  ) throws(StorageError) -> JournalAudit {
    let file = try open(path, lock)
    let audit = try audit(file, JournalAnchor(path: anchor))
    try file.close()
    return audit
  }

  package func entries(after sequence: Int64) async throws(StorageError) -> [JournalEntry] {
    try await file.read { [path = file.path] db in
      var entries: [JournalEntry] = []
      _ = try Self.walk(db, after: sequence, path: path) {
        entries.append(try $0.entry(path: path))
      }
      return entries
    }
  }

  package func append(
    _ records: [JournalRecord], after sequence: Int64, keys: [KeyedRecords]
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
      let entries = try Self.append(records, to: head, in: db)
      try KeyRows.append(keys, of: entries, in: db)
      return entries
    } committed: { [anchor] entries in
      guard let last = entries.last else { return }
      anchor.write(JournalHead(sequence: last.sequence, hash: last.hash))
    }
  }

  package func entries(ofKey text: String) async throws(StorageError) -> KeyedEntries? {
    try await file.read { [path = file.path] db in
      guard let row = try KeyRows.row(of: text, in: db) else { return nil }
      var entries: [JournalEntry] = []
      _ = try Self.walk(db, after: row.first - 1, upTo: row.last, path: path) {
        entries.append(try $0.entry(path: path))
      }
      return KeyedEntries(fingerprint: row.fingerprint, entries: entries)
    }
  }

  package func audit() async throws(StorageError) -> JournalAudit {
    var audit = try await file.read { [anchor, path = file.path] db in
      try Self.audit(db, anchor, path: path)
    }
    if let problem = anchor.problem { audit.findings.append(problem) }
    return audit
  }

  func close() throws(StorageError) { try file.close() }
}

// MARK: - Auditing

extension SQLiteJournal {
  private static func audit(
    _ file: DatabaseFile, _ anchor: JournalAnchor
  ) throws(StorageError) -> JournalAudit {
    do {
      return try file.queue.read { db in try audit(db, anchor, path: file.path) }
    } catch {
      throw StorageError(error, path: file.path)
    }
  }

  /// Recomputes the chain from the first entry and holds it against the anchor.
  ///
  /// The chain finds entries that were changed, removed from the middle or put in; the anchor finds
  /// that the end was cut off, that the file is an older copy, and that all of it was written anew.
  private static func audit(
    _ db: Database, _ anchor: JournalAnchor, path: String
  ) throws -> JournalAudit {
    var damage: [String] = []
    var anchored: JournalHead?
    do { anchored = try anchor.head() } catch {
      guard error.code == .corrupt else { throw error }
      damage = [error.message]
    }
    var audit = JournalAudit(head: .empty, anchor: anchored, findings: damage)
    var isVouchedFor = anchored?.sequence == 0
    do {
      audit.head = try walk(db, after: 0, path: path) { row in
        audit.head = JournalHead(sequence: row.sequence, hash: row.hash)
        if audit.head == anchored { isVouchedFor = true }
      }
    } catch let error as StorageError where error.code == .corrupt {
      audit.findings.append(error.message)
      return audit
    }
    guard let anchored else {
      if audit.head.sequence > 0 && damage.isEmpty {
        audit.findings.append(noAnchor(anchor.path))
      }
      return audit
    }
    if anchored.sequence > audit.head.sequence {
      audit.findings.append(
        "the journal '\(path)' ends at entry \(audit.head.sequence), but the anchor "
          + "'\(anchor.path)' knows of \(anchored.sequence): its end was cut off, or it is an "
          + "older copy; restore the newest one, or move the anchor away if the older one is meant")
    } else if !isVouchedFor {
      audit.findings.append(
        "entry \(anchored.sequence) of the journal '\(path)' is not the one that the anchor "
          + "'\(anchor.path)' knows: the journal was written anew; restore it from a backup")
    }
    return audit
  }

  private static func noAnchor(_ path: String) -> String {
    "there is no anchor '\(path)': a journal whose end was cut off looks whole without one"
  }
}

// MARK: - Rows

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
    FROM journal WHERE sequence > ? AND sequence <= ? ORDER BY sequence
    """

  static func head(_ db: Database) throws -> JournalHead {
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
    _ db: Database, after sequence: Int64, upTo last: Int64 = .max, path: String,
    _ body: (JournalRow) throws -> Void
  ) throws -> JournalHead {
    let statement = try db.cachedStatement(sql: selection)
    let rows = try Row.fetchCursor(statement, arguments: [sequence, last])
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
      try row.checkEncoding(path: path)
      try body(row)
      head = JournalHead(sequence: row.sequence, hash: row.hash)
    }
    return head ?? JournalHead.empty
  }
}
