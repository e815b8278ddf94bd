package import Experimentation

/// The memory of control: an append-only list of events that survives power loss.
///
/// Writes are few and precious. An entry that was returned by `append` is on the disk.
package protocol Journal: Sendable {
  /// Every entry after `sequence`, oldest first.
  func entries(after sequence: Int64) async throws(StorageError) -> [JournalEntry]

  /// Appends all of `records` or none.
  ///
  /// - Parameter sequence: the last entry that the writer knows. When another writer was faster the
  ///   call fails with `StorageError.Code.conflict` and nothing is written: fold, decide again.
  /// - Returns: the new entries, in order.
  func append(
    _ records: [JournalRecord], after sequence: Int64
  ) async throws(StorageError) -> [JournalEntry]

  /// Looks at every entry: whether it is the one that was written, and whether any is missing.
  ///
  /// - Throws: when the journal cannot be read; what is wrong with it is in the audit
  func audit() async throws(StorageError) -> JournalAudit
}
