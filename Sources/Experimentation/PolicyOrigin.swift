/// Where policies came from that were applied together: kept in the journal before what they
/// changed.
package struct PolicyOrigin: Hashable, Sendable, Codable {
  /// SHA-256 over the digests of all documents, lower-case hex: equal for the same documents in any
  /// order and any files.
  package var digest: String
  /// What git had checked out where the files lay, or `nil` outside of a repository.
  package var commit: GitCommit?
  /// Who answers for the documents, or `nil` for unsigned ones.
  package var seal: PolicySeal?

  package init(digest: String, commit: GitCommit? = nil, seal: PolicySeal? = nil) {
    self.digest = digest
    self.commit = commit
    self.seal = seal
  }
}

/// A commit, as whoever applied files names it.
package struct GitCommit: Hashable, Sendable, Codable {
  /// 7 to 64 lower-case hexadecimal digits.
  package var hash: String
  /// Whether the files differed from it.
  package var isDirty: Bool

  /// `nil` for what is no hash.
  package init?(hash: String, isDirty: Bool = false) {
    let digits = hash.utf8
    guard (7...64).contains(digits.count),
      digits.allSatisfy({
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
          || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
      })
    else { return nil }
    self.hash = hash
    self.isDirty = isDirty
  }
}

extension GitCommit: CustomStringConvertible {
  /// The first twelve digits, and whether more than the commit was applied.
  package var description: String { hash.prefix(12) + (isDirty ? " with changes" : "") }
}

/// What a signature over policies says beside its being right.
package struct PolicySeal: Hashable, Sendable, Codable {
  /// Beginning of the SHA-256 of the public key, 16 lower-case hexadecimal digits.
  package var key: String
  /// The name of the set, where several sign for one service; `nil` for one without.
  package var set: String?
  /// Grows from one signature to the next: an older one of the same set is refused once a newer one
  /// was applied. At least 1.
  package var revision: Int
  /// Milliseconds since 1970.
  package var expiresAtMilliseconds: Int64

  package init(key: String, set: String? = nil, revision: Int, expiresAtMilliseconds: Int64) {
    self.key = key
    self.set = set
    self.revision = revision
    self.expiresAtMilliseconds = expiresAtMilliseconds
  }
}
