import Experimentation
import GRDB
import Storage

/// The table `idempotency_keys`: which entries of the journal the command of a key became.
///
/// No part of the journal's chain: it says who asked twice, and nothing of what was decided.
enum KeyRows {
  /// The newest keys are kept, this many.
  static let capacity = 10_000

  struct KeyRow {
    var fingerprint: String
    var first: Int64
    var last: Int64
  }

  /// Keeps the keys of `entries`, which were appended just now, and drops those that are too many.
  /// One that is there already goes on standing for what it stood for.
  static func append(_ keys: [KeyedRecords], of entries: [JournalEntry], in db: Database) throws {
    guard !keys.isEmpty else { return }
    for keyed in keys {
      guard let first = entries[keyed.records].first, let last = entries[keyed.records].last else {
        continue
      }
      try db.execute(
        sql: """
          INSERT INTO idempotency_keys (key, fingerprint, first_sequence, last_sequence)
          VALUES (?, ?, ?, ?) ON CONFLICT (key) DO NOTHING
          """,
        arguments: [keyed.key.text, keyed.key.fingerprint, first.sequence, last.sequence])
    }
    try db.execute(
      sql: """
        DELETE FROM idempotency_keys
        WHERE number <= (SELECT max(number) FROM idempotency_keys) - ?
        """, arguments: [capacity])
  }

  static func row(of text: String, in db: Database) throws -> KeyRow? {
    let statement = try db.cachedStatement(
      sql: """
        SELECT fingerprint, first_sequence, last_sequence FROM idempotency_keys WHERE key = ?
        """)
    guard let row = try Row.fetchOne(statement, arguments: [text]) else { return nil }
    return KeyRow(
      fingerprint: try row.decode(String.self, atIndex: 0),
      first: try row.decode(Int64.self, atIndex: 1), last: try row.decode(Int64.self, atIndex: 2))
  }
}
