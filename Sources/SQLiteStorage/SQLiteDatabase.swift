package import Logging
package import Storage

/// One folder in which one process keeps what it must not forget.
///
/// Two files, because they want opposite things of the disk:
///
/// - `control.sqlite`, the ``journal``: few writes, each on the disk before it is acknowledged
///   (`synchronous=FULL`).
/// - `metrics.sqlite`, the ``outcomes``: many writes in batches, of which a power cut may lose the
///   last moment's (`synchronous=NORMAL`). A crash of the process alone loses nothing of either.
///
/// The folder is owned by one process, and each file by one connection: SQLite before 3.51.3 can
/// corrupt a file in WAL mode when two connections write or checkpoint, so nothing else may open
/// them while the service runs. Other programs ask over HTTP.
package final class SQLiteDatabase: Sendable {
  package let journal: SQLiteJournal
  package let outcomes: SQLiteOutcomeStore

  /// Takes the folder, brings both schemas up to date and verifies the journal's chain.
  ///
  /// Blocks on the disk for as long as reading the journal takes; meant for start-up. A file that
  /// is refused is left as it was.
  ///
  /// - Parameters:
  ///   - folder: an existing folder on a local disk
  ///   - logger: is told the journal's head, which is worth keeping elsewhere: whoever cuts entries
  ///     off a journal's end cannot change what was logged
  /// - Throws: `inUse` when another process has the folder, `incompatible` for a file of a newer
  ///   version or of another program, `corrupt` for one that contradicts itself, `unavailable`
  ///   when the disk will not have it.
  package init(folder: String, logger: Logger) throws(StorageError) {
    let lock = try FolderLock(folder: folder)
    journal = try SQLiteJournal(path: folder + "/control.sqlite", lock: lock)
    outcomes = try SQLiteOutcomeStore(path: folder + "/metrics.sqlite", lock: lock)
    let head = journal.headAtOpening
    logger.info(
      "journal verified",
      metadata: ["entries": "\(head.sequence)", "head": "\(head.hash)", "folder": "\(folder)"])
  }

  /// Closes both files and gives the folder back. Whoever asks afterwards is refused with
  /// `unavailable`. Waits for what is being written.
  package func close() throws(StorageError) {
    try journal.close()
    try outcomes.close()
  }
}
