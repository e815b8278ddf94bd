package import Experimentation

/// Whose policies a service takes.
package struct PolicyTrust: Sendable {
  /// Of those who may sign.
  package var keys: [PolicyVerifyingKey]
  /// Whether policies that nobody signed are taken, too.
  package var acceptsUnsigned: Bool
  /// What the service is called in signatures that are for it. With a name it takes no others; one
  /// without takes none that are for somebody.
  package var audience: String?

  package init(
    keys: [PolicyVerifyingKey] = [], acceptsUnsigned: Bool = true, audience: String? = nil
  ) {
    self.keys = keys
    self.audience = audience
    self.acceptsUnsigned = acceptsUnsigned
  }

  /// Why policies are not taken.
  package struct Refusal: Error, Hashable, Sendable {
    /// In a sentence.
    package var message: String
    package var remedy: String
    /// Whether the signature is right, and for another service.
    package var isOfAudience = false
  }

  /// What a signature over `policies` says; `nil` for unsigned ones that are taken.
  ///
  /// A signature that is there is checked even where none is needed: a wrong one is a mistake, or
  /// worse.
  ///
  /// - Parameter now: milliseconds since 1970
  package func seal(
    of policies: PolicySet, _ signature: PolicySignature?, now: Int64
  ) throws(Refusal) -> PolicySeal? {
    guard let signature else {
      if acceptsUnsigned { return nil }
      throw Refusal(
        message: "the policies are not signed, and this service takes signed ones only",
        remedy: keys.isEmpty
          ? "have the service started with --trust KEY, or with --unsigned allowed"
          : "sign them: rollout sign policies/ --key KEY")
    }
    guard signature.format == PolicySignature.format else {
      throw Refusal(
        message: "the signature is not of the format \(PolicySignature.format)",
        remedy: "sign again with this version: rollout sign")
    }
    guard let key = keys.first(where: { $0.id == signature.key }) else {
      throw Refusal(
        message: "nobody here trusts the key '\(signature.key.clipped)' of the signature",
        remedy: "have the service started with --trust and its public half, or sign with one of "
          + (keys.isEmpty ? "those that are trusted" : keys.map(\.id).joined(separator: ", ")))
    }
    guard signature.isSigned(by: key), PolicySignature.revisions.contains(signature.revision),
      let expires = signature.expiresAtMilliseconds,
      signature.set.map({ Name<PolicySignature>($0) != nil }) ?? true
    else {
      throw Refusal(
        message: "the signature is wrong: it was changed, or made over something else",
        remedy: "sign again: rollout sign policies/ --key KEY")
    }
    try checkAudience(of: signature)
    if let difference = Self.difference(policies.signedDocuments, signature.documents) {
      throw Refusal(
        message: "the signature is over other policies: \(difference)",
        remedy: "sign what is applied, whole: rollout sign policies/ --key KEY")
    }
    guard now < expires else {
      throw Refusal(
        message: "the signature has expired at \(signature.expires)",
        remedy: "sign again: rollout sign policies/ --key KEY")
    }
    return PolicySeal(
      key: key.id, set: signature.set, revision: signature.revision, expiresAtMilliseconds: expires)
  }

  /// Refuses what was signed for another service: what is good in staging may not be in production,
  /// though the same people sign.
  private func checkAudience(of signature: PolicySignature) throws(Refusal) {
    guard signature.audience != audience else { return }
    let found = signature.audience.map { "for the service '\($0.clipped)'" } ?? "for no service"
    throw Refusal(
      message: "the signature is \(found), and this is "
        + (audience.map { "'\($0)'" } ?? "one without a name"),
      remedy: audience.map {
        "sign for this one: rollout sign policies/ --key KEY --audience \($0)"
      } ?? "have the service started with --audience, or sign without it",
      isOfAudience: true)
  }

  /// The first document that is not the one that was signed, in a sentence.
  private static func difference(
    _ found: [PolicySignature.Document], _ signed: [PolicySignature.Document]
  ) -> String? {
    if found == signed { return nil }
    for document in found where !signed.contains(document) {
      let isNamed = signed.contains { ($0.kind, $0.name) == (document.kind, document.name) }
      let title = "\(document.kind.lowercased()) '\(document.name)'"
      return isNamed ? "\(title) was changed after it was signed" : "\(title) was not signed"
    }
    guard let missing = signed.first(where: { !found.contains($0) }) else {
      return "a document is in it twice"
    }
    return "\(missing.kind.clipped.lowercased()) '\(missing.name.clipped)' is missing"
  }
}
