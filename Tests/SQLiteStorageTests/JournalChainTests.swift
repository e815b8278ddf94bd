import Experimentation
import Foundation
import GRDB
import Storage
import Testing

@testable import SQLiteStorage

/// The chain that binds each entry to all before it, and what it finds.
@Suite struct JournalChainTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Lifts the guards, so that the chain alone has to find what follows.
  private static let liftGuards = """
    DROP TRIGGER journal_keeps_entries; DROP TRIGGER journal_loses_nothing;
    DROP TRIGGER journal_has_no_gaps;
    """

  @Test(arguments: [
    ("UPDATE journal SET actor = 'mallory' WHERE sequence = 4", 4),
    ("UPDATE journal SET reason = NULL WHERE sequence = 4", 4),
    ("UPDATE journal SET reason = '' WHERE sequence = 5", 5),
    ("UPDATE journal SET at_milliseconds = at_milliseconds + 1 WHERE sequence = 1", 1),
    ("UPDATE journal SET event = replace(event, '1', '2') WHERE sequence = 4", 4),
    ("UPDATE journal SET title = 'paused' WHERE sequence = 7", 7),
    ("UPDATE journal SET encoding = 2 WHERE sequence = 11", 11),
    ("UPDATE journal SET hash = replace(hash, 'a', 'b') WHERE sequence = 2", 2),
    ("DELETE FROM journal WHERE sequence = 3", 4),
    ("DELETE FROM journal WHERE sequence = 1", 2),
    (
      "DELETE FROM journal WHERE sequence = 3; UPDATE journal SET sequence = 3 WHERE sequence = 11",
      3
    ),
  ])
  func `an entry that was changed or removed is found when the file is opened`(
    sql: String, entry: Int
  ) async throws {
    _ = try await journalOfEach()
    try folder.tamper(with: folder.control, Self.liftGuards + sql)
    let error = try #require(throws: StorageError.self) { try folder.open() }
    #expect(error.code == .corrupt)
    #expect(error.message.contains("entry \(entry) does not follow"))
  }

  @Test func `an entry of a newer encoding is refused, not guessed`() async throws {
    let head = try await journalOfEach()
    var row = try JournalRow(of: try .sample(), after: head)
    row.encoding = EventCoding.version + 1
    row.event = #"{"somethingNew":{}}"#
    row.hash = JournalChain.hash(of: row)
    let arguments = row.arguments
    let queue = try DatabaseQueue(path: folder.control)
    try await queue.write { db in
      try db.execute(
        sql: "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", arguments: arguments)
    }
    try queue.close()
    let error = try #require(throws: StorageError.self) { try folder.open() }
    #expect(error.code == .incompatible)
  }

  @Test(arguments: [
    "UPDATE journal SET actor = 'mallory'", "DELETE FROM journal",
    "INSERT OR REPLACE INTO journal SELECT * FROM journal WHERE sequence = 1",
    """
    INSERT INTO journal SELECT 99, encoding, title, rollout, event, actor, reason,
      at_milliseconds, previous_hash, hash || '' FROM journal WHERE sequence = 1
    """,
  ])
  func `the schema itself refuses to change an entry or leave a gap`(sql: String) async throws {
    let head = try await journalOfEach()
    let error = try #require(throws: DatabaseError.self) {
      try folder.tamper(with: folder.control, sql)
    }
    #expect(error.resultCode == .SQLITE_CONSTRAINT)
    #expect(try folder.open().journal.headAtOpening == head)
  }

  @Test func `the encoding and the chain are those of the golden file`() async throws {
    var head = JournalHead.empty
    var lines: [String] = []
    for record in try JournalRecord.oneOfEach() {
      let row = try JournalRow(of: record, after: head)
      lines.append(try line(row))
      head = JournalHead(sequence: row.sequence, hash: row.hash)
      #expect(try EventCoding.event(from: row.event) == record.event)
    }
    let text = lines.joined(separator: "\n") + "\n"
    // After a change is taken over: run verify.py on the file, and read the diff.
    if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
      try text.write(to: Self.goldenFile, atomically: true, encoding: .utf8)
    }
    #expect(text == (try golden()))
    #expect(try await journalOfEach() == head)
  }

  private func journalOfEach() async throws -> JournalHead {
    let database = try folder.open()
    _ = try await database.journal.append(try JournalRecord.oneOfEach(), after: 0)
    let head = try await database.journal.audit().head
    try database.close()
    return head
  }

  private func line(_ row: JournalRow) throws -> String {
    struct Line: Encodable {
      var sequence: Int64, encoding: Int, title: String, rollout: String?, event: String
      var actor: String, reason: String?, at_milliseconds: Int64, previous_hash: String
      var hash: String
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let line = Line(
      sequence: row.sequence, encoding: row.encoding, title: row.title, rollout: row.rollout,
      event: row.event, actor: row.actor, reason: row.reason, at_milliseconds: row.atMilliseconds,
      previous_hash: row.previousHash, hash: row.hash)
    return String(decoding: try encoder.encode(line), as: UTF8.self)
  }

  private func golden() throws -> String {
    try String(contentsOf: Self.goldenFile, encoding: .utf8)
  }

  private static let goldenFile = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "fixtures/journal/entries.jsonl")
}
