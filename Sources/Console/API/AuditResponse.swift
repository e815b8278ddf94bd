package import Storage

/// Answer to `GET /api/v1/audit`: whether every entry of the journal is the one that was written.
package struct AuditResponse: Hashable, Sendable, Codable {
  /// Entries up to which the chain holds.
  package var entries: Int64
  /// Hash of the last of them, lower-case hex; worth keeping elsewhere.
  package var head: String
  /// The entry that is vouched for outside of the journal; `nil` when none is.
  package var anchoredEntry: Int64?
  /// What is wrong, in sentences; empty when nothing is.
  package var findings: [String]

  package init(_ audit: JournalAudit) {
    entries = audit.head.sequence
    head = audit.head.hash
    anchoredEntry = audit.anchor?.sequence
    findings = audit.findings
  }
}
