package import Experimentation

/// What makes a command that is sent more than once take effect once
/// (draft-ietf-httpapi-idempotency-key-header-07).
///
/// Kept with the entries that the command became, in the same transaction: whoever lost the answer,
/// to a crash too, sends the command again under its key and learns what became of it.
package struct IdempotencyKey: Hashable, Sendable {
  package static let maximumBytes = 128

  /// What the sender calls its command: 1…``maximumBytes`` visible characters of ASCII.
  package let text: String
  /// SHA-256 over what was asked, lower-case hex. The same key with another one is a mistake.
  package let fingerprint: String

  /// `nil` for a text that is none.
  package init?(_ text: some StringProtocol, fingerprint: String) {
    guard (1...Self.maximumBytes).contains(text.utf8.count),
      text.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
    else { return nil }
    self.text = String(text)
    self.fingerprint = fingerprint
  }
}

/// Which of the records that are appended together a key stands for.
package struct KeyedRecords: Hashable, Sendable {
  package var key: IdempotencyKey
  /// Places in the appended list; not empty.
  package var records: Range<Int>

  package init(_ key: IdempotencyKey, _ records: Range<Int>) {
    self.key = key
    self.records = records
  }
}

/// What a command of a key became.
package struct KeyedEntries: Hashable, Sendable {
  /// ``IdempotencyKey/fingerprint``.
  package var fingerprint: String
  package var entries: [JournalEntry]

  package init(fingerprint: String, entries: [JournalEntry]) {
    self.fingerprint = fingerprint
    self.entries = entries
  }
}
