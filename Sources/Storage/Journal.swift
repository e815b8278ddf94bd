package import Experimentation

/// The memory of control: an append-only list of events that survives power loss.
///
/// Writes are few and precious. An entry that was returned by `append` is on the disk.
package protocol Journal: Sendable {
  /// Every entry after `sequence`, oldest first.
  func entries(after sequence: Int64) async throws(StorageError) -> [JournalEntry]

  /// Appends all of `records` or none.
  ///
  /// - Parameters:
  ///   - sequence: the last entry that the writer knows. When another writer was faster the call
  ///     fails with `StorageError.Code.conflict` and nothing is written: fold, decide again.
  ///   - keys: which of the records are what a keyed command became. A key that stands in the
  ///     journal already goes on standing for what it stood for: going back must not fail for a
  ///     key, so whoever gives keys looks first (`entries(ofKey:)`).
  /// - Returns: the new entries, in order.
  func append(
    _ records: [JournalRecord], after sequence: Int64, keys: [KeyedRecords]
  ) async throws(StorageError) -> [JournalEntry]

  /// What the command of a key became; `nil` for a key that is not known, or not any more: at least
  /// the last 10,000 are.
  func entries(ofKey text: String) async throws(StorageError) -> KeyedEntries?

  /// Looks at every entry: whether it is the one that was written, and whether any is missing.
  ///
  /// - Throws: when the journal cannot be read; what is wrong with it is in the audit
  func audit() async throws(StorageError) -> JournalAudit
}

extension Journal {
  /// Appends records that no key stands for.
  package func append(
    _ records: [JournalRecord], after sequence: Int64
  ) async throws(StorageError) -> [JournalEntry] {
    try await append(records, after: sequence, keys: [])
  }
}
