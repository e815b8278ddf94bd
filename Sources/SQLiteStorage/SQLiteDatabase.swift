import Foundation
package import Logging
package import Storage

/// One folder in which one process keeps what it must not forget.
///
/// Two files, because they want opposite things of the disk:
///
/// - `control.sqlite`, the ``journal``: few writes, each acknowledged to somebody.
/// - `metrics.sqlite`, the ``outcomes``: many writes in batches, bounded in size, which may be
///   refused so that the journal has room.
///
/// Both have a write on the disk before it returns (`synchronous=FULL`); of outcomes a loss of
/// power takes what waits in memory for its batch.
///
/// The folder is owned by one process, and each file by one connection: SQLite before 3.51.3 can
/// corrupt a file in WAL mode when two connections write or checkpoint, so nothing else may open
/// them while the service runs. Other programs ask over HTTP.
package final class SQLiteDatabase: Sendable {
  package let journal: SQLiteJournal
  package let outcomes: SQLiteOutcomeStore
  private let copies: StoreCopies

  /// Takes the folder, brings both schemas up to date and verifies the journal's chain.
  ///
  /// Blocks on the disk for as long as reading the journal takes; meant for start-up. A file that
  /// is refused is left as it was.
  ///
  /// - Parameters:
  ///   - folder: an existing folder on a local disk
  ///   - anchor: where the journal's head is kept; `nil` means `control.anchor` in the folder. Best
  ///     on another volume
  ///   - limits: bounds on what outcomes may take of the disk
  ///   - logger: is told the journal's head, which is worth keeping elsewhere: whoever cuts entries
  ///     off a journal's end cannot change what was logged
  /// - Throws: `inUse` when another process has the folder, `incompatible` for a file of a newer
  ///   version or of another program, `corrupt` for one that contradicts itself, `unavailable`
  ///   when the disk will not have it.
  package init(
    folder: String, anchor: String? = nil,
    limits: SQLiteOutcomeStore.Limits = SQLiteOutcomeStore.Limits(), logger: Logger
  ) throws(StorageError) {
    let lock = try FolderLock(folder: folder)
    copies = StoreCopies(folder: folder)
    journal = try SQLiteJournal(
      path: Self.journalPath(folder), anchor: anchor ?? Self.anchorPath(folder), lock: lock)
    outcomes = try SQLiteOutcomeStore(
      path: folder + "/metrics.sqlite", lock: lock, limits: limits)
    let head = journal.headAtOpening
    logger.info(
      "journal verified",
      metadata: ["entries": "\(head.sequence)", "head": "\(head.hash)", "folder": "\(folder)"])
    if journal.wasUnanchored {
      logger.warning(
        "nothing outside vouched for the journal; it is anchored from here on",
        metadata: ["anchor": "\(journal.anchor.path)"])
    }
  }

  /// Looks at the journal in `folder`, which no service may have open.
  ///
  /// - Throws: when it cannot be read; what is wrong with it is in the audit
  package static func audit(
    folder: String, anchor: String? = nil
  ) throws(StorageError) -> JournalAudit {
    let path = journalPath(folder)
    guard FileManager.default.fileExists(atPath: path) else {
      throw StorageError(.unavailable, "there is no journal '\(path)'; name the data folder")
    }
    let lock = try FolderLock(folder: folder)
    return try SQLiteJournal.audit(path: path, anchor: anchor ?? anchorPath(folder), lock: lock)
  }

  /// The outcomes in `folder`, which no service may have open; the journal is left alone.
  package static func outcomes(folder: String) throws(StorageError) -> SQLiteOutcomeStore {
    let lock = try FolderLock(folder: folder)
    return try SQLiteOutcomeStore(path: folder + "/metrics.sqlite", lock: lock)
  }

  /// A copy of one of the files as it is at the end of copying; others read and write meanwhile.
  ///
  /// Whoever wants both copies the outcomes first: a journal may know of decisions whose outcomes
  /// are missing, as after a crash, while outcomes of runs that a journal has yet to begin would
  /// be taken for those of other ones.
  ///
  /// - Throws: `conflict` while another copy is made or read, `unavailable` without room for one
  package func copy(_ part: StorePart) async throws(StorageError) -> StoreCopy {
    switch part {
    case .journal: try await copies.copy(journal.file) { try SQLiteJournal.head($0) }
    // What clients and models said is for the people who label it, and for nobody else.
    case .outcomes: try await copies.copy(outcomes.file, without: LabelSchema.texts) { _ in nil }
    }
  }

  /// Writes the anchor of a journal that was restored or copied to `folder`: its own end.
  package static func anchor(_ head: JournalHead, in folder: String) throws(StorageError) {
    let anchor = JournalAnchor(path: anchorPath(folder))
    anchor.write(head)
    if let problem = anchor.problem { throw StorageError(.unavailable, problem) }
  }

  private static func journalPath(_ folder: String) -> String { folder + "/control.sqlite" }

  private static func anchorPath(_ folder: String) -> String { folder + "/control.anchor" }

  /// Closes both files, each whatever became of the other. Whoever asks afterwards is refused with
  /// `unavailable`. Waits for what is being written; the folder is given back with the last
  /// connection, which whoever was in the middle of something may hold a moment longer.
  package func close() throws(StorageError) {
    var failure: StorageError?
    do { try journal.close() } catch { failure = error }
    do { try outcomes.close() } catch { failure = failure ?? error }
    if let failure { throw failure }
  }
}
