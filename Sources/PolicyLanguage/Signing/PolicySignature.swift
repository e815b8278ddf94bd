import Experimentation
import Foundation

/// Somebody's word for a set of policies: what `rollout sign` writes beside them.
///
/// Signed is the canonical JSON of everything but the signature itself, which names each document
/// by its digest, so that comments and spelling may change and meaning may not.
package struct PolicySignature: Hashable, Sendable, Codable {
  /// One document of the set.
  package struct Document: Hashable, Sendable, Codable, Comparable {
    /// `Model` or `Rollout`.
    package var kind: String
    package var name: String
    /// SHA-256 of its canonical JSON, lower-case hex.
    package var digest: String

    package static func < (left: Self, right: Self) -> Bool {
      (left.kind, left.name, left.digest) < (right.kind, right.name, right.digest)
    }
  }

  package var format: String
  /// The service that it is for, as `serve --audience` names it; `nil` is for one without a name.
  package var audience: String?
  /// The name of the set, where several sign for one service: ``PolicySeal/set``.
  package var set: String?
  /// All documents of the set, by kind and name.
  package var documents: [Document]
  /// At least 1; see ``PolicySeal/revision``.
  package var revision: Int
  /// ISO 8601 in UTC: `2026-12-31T00:00:00Z`.
  package var expires: String
  /// ``PolicyVerifyingKey/id`` of the key.
  package var key: String
  /// Base64.
  package var signature: String

  package static let format = "rollout-policies/1"
  /// Of a set. Far above any time in seconds, and with room above it: a number that was mistyped
  /// must not be the last one.
  package static let revisions = 1...1_000_000_000_000
  /// What it is called in a folder of policies.
  package static let fileName = "policies.signature"
  /// Of a file; a set has at most ``PolicyFolder/maximumFiles`` documents.
  package static let maximumBytes = 128 << 10

  /// Signs `policies`.
  ///
  /// - Parameters:
  ///   - audience: the service that it is for
  ///   - set: the name of the set
  ///   - revision: at least 1
  ///   - expires: milliseconds since 1970, cut to whole seconds
  package init(
    of policies: PolicySet, by key: PolicySigningKey, for audience: String? = nil,
    as set: String? = nil, revision: Int, expiresAtMilliseconds expires: Int64
  ) throws {
    format = Self.format
    self.audience = audience
    self.set = set
    documents = policies.signedDocuments
    self.revision = revision
    self.expires = Self.text(ofMilliseconds: expires)
    self.key = key.publicKey.id
    signature = ""
    signature = Data(try key.signature(over: message)).base64EncodedString()
  }

  /// What is signed.
  private var message: [UInt8] {
    Array(
      CanonicalForm.object([
        // Where they are not said they are not signed, as before there were such.
        "format": .text(format), "audience": audience.map(CanonicalForm.text),
        "set": set.map(CanonicalForm.text),
        "documents": .list(
          documents.map { document in
            .object([
              "kind": .text(document.kind), "name": .text(document.name),
              "digest": .text(document.digest),
            ])
          }),
        "revision": .integer(revision), "expires": .text(expires), "key": .text(key),
      ]).json.utf8)
  }

  func isSigned(by key: PolicyVerifyingKey) -> Bool {
    guard let bytes = Data(base64Encoded: signature) else { return false }
    return key.accepts(Array(bytes), over: message)
  }

  /// Milliseconds since 1970; `nil` for what is no time.
  var expiresAtMilliseconds: Int64? {
    guard let date = try? Date(expires, strategy: .iso8601) else { return nil }
    let seconds = date.timeIntervalSince1970
    return seconds.magnitude < 1e12 ? Int64(seconds) * 1_000 : nil
  }

  private static func text(ofMilliseconds milliseconds: Int64) -> String {
    Date(timeIntervalSince1970: (Double(milliseconds) / 1_000).rounded(.down))
      .formatted(.iso8601)
  }
}

extension PolicySet {
  /// Every document by kind, name and digest, in order.
  var signedDocuments: [PolicySignature.Document] {
    (models.map { PolicySignature.Document(kind: "Model", name: $0.name.text, digest: $0.digest) }
      + rollouts.map {
        PolicySignature.Document(kind: "Rollout", name: $0.name.text, digest: $0.digest)
      }).sorted()
  }

  /// Of all documents together: ``PolicyOrigin/digest``.
  package var digest: String {
    Digest.hex(
      of: signedDocuments.map { "\($0.kind) \($0.name) \($0.digest)\n" }.joined())
  }
}
