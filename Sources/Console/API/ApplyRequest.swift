package import Experimentation
package import PolicyLanguage

/// Body of `POST /api/v1/apply`.
package struct ApplyRequest: Hashable, Sendable, Codable {
  /// One policy file as text; the service reads it with the same parser as `rollout check`.
  package struct File: Hashable, Sendable, Codable {
    /// What diagnostics name it by.
    package var file: String
    package var text: String

    package init(file: String, text: String) {
      self.file = file
      self.text = text
    }
  }

  /// 1…``maximumFiles``.
  package var files: [File]
  /// Who asks: 1…``Signature/maximumActorBytes`` bytes; the journal keeps it.
  package var actor: String
  /// Why, up to ``Signature/maximumReasonBytes`` bytes; the journal keeps it.
  package var reason: String?
  /// What git had checked out where the files lay, for the journal: 7 to 64 hexadecimal digits.
  package var commit: String?
  /// Whether the files differed from it.
  package var isDirty: Bool
  /// Of somebody whom the service trusts, over what the files say.
  package var signature: PolicySignature?
  /// Only says what would change. The query `?dryRun=true` means the same.
  package var dryRun: Bool

  package static let maximumFiles = 256

  package init(
    files: [File], actor: String, reason: String? = nil, commit: GitCommit? = nil,
    signature: PolicySignature? = nil, dryRun: Bool = false
  ) {
    self.files = files
    self.actor = actor
    self.reason = reason
    self.commit = commit?.hash
    self.isDirty = commit?.isDirty ?? false
    self.signature = signature
    self.dryRun = dryRun
  }

  /// - Throws: what is wrong with the commit
  func gitCommit() throws(ErrorResponse.Problem) -> GitCommit? {
    guard let commit else { return nil }
    guard let known = GitCommit(hash: commit, isDirty: isDirty) else {
      throw ErrorResponse.Problem(
        .invalid, "'commit' is no hash of a commit",
        remedy: "send 7 to 64 hexadecimal digits in lower case, or leave it out")
    }
    return known
  }

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case files, actor, reason, commit, isDirty = "dirty", signature, dryRun
  }

  package init(from decoder: any Decoder) throws {
    let fields = try KeyedDecodingContainer<CodingKeys>.strict(from: decoder)
    files = try fields.decode([File].self, forKey: .files)
    actor = try fields.decode(String.self, forKey: .actor)
    reason = try fields.decodeIfPresent(String.self, forKey: .reason)
    commit = try fields.decodeIfPresent(String.self, forKey: .commit)
    isDirty = try fields.decodeIfPresent(Bool.self, forKey: .isDirty) ?? false
    signature = try fields.decodeIfPresent(PolicySignature.self, forKey: .signature)
    dryRun = try fields.decodeIfPresent(Bool.self, forKey: .dryRun) ?? false
  }
}

/// Answer to `POST /api/v1/apply`.
package struct ApplyResponse: Hashable, Sendable, Codable {
  /// What one document of the files changes.
  package struct Change: Hashable, Sendable, Codable {
    /// Of the document.
    package enum Kind: String, Hashable, Sendable, Codable { case model, rollout }
    /// Against what is in force.
    package enum Effect: String, Hashable, Sendable, Codable { case added, changed, unchanged }

    package var kind: Kind
    package var name: String
    package var effect: Effect

    package init(kind: Kind, name: String, effect: Effect) {
      self.kind = kind
      self.name = name
      self.effect = effect
    }
  }

  package var dryRun: Bool
  /// Every document of the files, models first.
  package var changes: [Change]
  /// What was written down; empty for a dry run, and when everything was in force already.
  package var entries: [HistoryResponse.Entry]
  /// What is allowed and probably not meant.
  package var warnings: [Diagnostic]

  package init(
    dryRun: Bool, changes: [Change], entries: [HistoryResponse.Entry], warnings: [Diagnostic]
  ) {
    self.dryRun = dryRun
    self.changes = changes
    self.entries = entries
    self.warnings = warnings
  }
}
