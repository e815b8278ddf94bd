/// One of the files of which a store consists.
package enum StorePart: String, Hashable, Sendable, CaseIterable {
  /// What was decided.
  case journal
  /// What requests did.
  case outcomes
}

/// A copy of a file as it was at one moment, to be read once; it goes with its last reader.
package struct StoreCopy: Sendable {
  package var byteCount: Int
  /// Of a journal: its last entry at that moment.
  package var head: JournalHead?
  /// At most so many bytes from an offset on; none at the end.
  package var read: @Sendable (_ offset: Int, _ count: Int) throws(StorageError) -> [UInt8]

  package init(
    byteCount: Int, head: JournalHead?,
    read: @escaping @Sendable (_ offset: Int, _ count: Int) throws(StorageError) -> [UInt8]
  ) {
    self.byteCount = byteCount
    self.head = head
    self.read = read
  }
}
