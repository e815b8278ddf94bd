import Experimentation
import Foundation
import GRDB
import Storage

/// One line of the table `journal`, as it is hashed and kept.
struct JournalRow {
  var sequence: Int64
  /// Version of the event's encoding, ``EventCoding/version``.
  var encoding: Int
  /// ``JournalEvent/title``, for people with an SQLite shell.
  var title: String
  var rollout: String?
  /// The event's canonical JSON. What is kept is what was hashed, so that entries of older
  /// encodings verify for ever.
  var event: String
  var actor: String
  var reason: String?
  var atMilliseconds: Int64
  var previousHash: String
  var hash: String

  /// The line that puts `record` behind `head`.
  init(of record: JournalRecord, after head: JournalHead) throws {
    sequence = head.sequence + 1
    encoding = EventCoding.version
    title = record.event.title
    rollout = record.event.rollout?.text
    event = try EventCoding.text(of: record.event)
    actor = record.actor
    reason = record.reason
    atMilliseconds = record.atMilliseconds
    previousHash = head.hash
    // SQLite ends a text at the first NUL: what is read back would not be what was hashed.
    guard !(actor + (reason ?? "")).utf8.contains(0) else {
      throw StorageError(
        .incompatible, "an actor or a reason with a NUL cannot be kept; leave it out")
    }
    hash = ""
    hash = JournalChain.hash(of: self)
  }

  init(_ row: Row) throws {
    var columns = ColumnReader(row)
    sequence = try columns.next()
    encoding = try columns.next()
    title = try columns.next()
    rollout = try columns.next()
    event = try columns.next()
    actor = try columns.next()
    reason = try columns.next()
    atMilliseconds = try columns.next()
    previousHash = try columns.next()
    hash = try columns.next()
  }

  var arguments: StatementArguments {
    [
      sequence, encoding, title, rollout, event, actor, reason, atMilliseconds, previousHash, hash,
    ]
  }

  /// Whether the line stands right behind `head` and says what it said when it was written.
  func follows(_ head: JournalHead) -> Bool {
    sequence == head.sequence + 1 && previousHash == head.hash
      && hash == JournalChain.hash(of: self)
  }

  /// - Throws: `incompatible` for an event that only a newer version can read
  func checkEncoding(path: String) throws {
    guard encoding <= EventCoding.version else {
      throw StorageError(
        .incompatible,
        "entry \(sequence) of '\(path)' was written by a newer version of rollout; run that version"
      )
    }
  }

  func entry(path: String) throws -> JournalEntry {
    let event: JournalEvent
    do {
      event = try EventCoding.event(from: self.event)
    } catch {
      throw StorageError(.corrupt, "entry \(sequence) of '\(path)' cannot be read: \(error)")
    }
    return JournalEntry(
      sequence: sequence,
      record: JournalRecord(
        event: event, actor: actor, reason: reason, atMilliseconds: atMilliseconds),
      hash: hash)
  }
}
