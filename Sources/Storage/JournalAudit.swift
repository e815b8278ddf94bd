/// The end of a journal: it vouches for every entry before.
package struct JournalHead: Hashable, Sendable {
  /// Sequence of the last entry; 0 for an empty journal.
  package var sequence: Int64
  /// Hash of the last entry, lower-case hex; 64 zeros for an empty journal.
  package var hash: String

  package init(sequence: Int64, hash: String) {
    self.sequence = sequence
    self.hash = hash
  }

  /// Of a journal without an entry.
  package static let empty = JournalHead(sequence: 0, hash: String(repeating: "0", count: 64))
}

/// What a look at a whole journal found.
package struct JournalAudit: Hashable, Sendable {
  /// The last entry up to which the chain holds.
  package var head: JournalHead
  /// The head that is kept outside of the journal; `nil` without one.
  package var anchor: JournalHead?
  /// What is wrong, in sentences; empty when every entry is the one that was written.
  package var findings: [String]

  package init(head: JournalHead, anchor: JournalHead?, findings: [String]) {
    self.head = head
    self.anchor = anchor
    self.findings = findings
  }
}
