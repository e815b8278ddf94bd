/// Who asks for something and why, fit to be kept for ever and to be read in a terminal.
package struct Signature: Hashable, Sendable {
  package static let maximumActorBytes = 128
  package static let maximumReasonBytes = 1_000

  package let actor: String
  package let reason: String?

  /// Takes both, without the spaces around them; a blank reason is none.
  ///
  /// - Throws: what is wrong and how to mend it.
  package init(actor: String, reason: String?) throws(ErrorResponse.Problem) {
    self.actor = Self.trimmed(actor)
    let reason = reason.map(Self.trimmed) ?? ""
    self.reason = reason.isEmpty ? nil : reason
    guard !self.actor.isEmpty else {
      throw ErrorResponse.Problem(
        .invalid, "'actor' is empty: every command is signed", remedy: "say who asks")
    }
    try Self.check("actor", self.actor, maximumBytes: Self.maximumActorBytes)
    try Self.check("reason", reason, maximumBytes: Self.maximumReasonBytes)
  }

  private static func check(
    _ field: String, _ text: String, maximumBytes: Int
  ) throws(ErrorResponse.Problem) {
    guard text.utf8.count <= maximumBytes else {
      throw ErrorResponse.Problem(
        .invalid, "'\(field)' has \(text.utf8.count) bytes; at most \(maximumBytes) are kept",
        remedy: "shorten it")
    }
    guard PlainText.isPlain(text) else {
      throw ErrorResponse.Problem(
        .invalid, "'\(field)' has control characters: '\(PlainText.escaping(text))'",
        remedy: "leave them out; it is one line of text")
    }
  }

  private static func trimmed(_ text: String) -> String {
    let front = text.drop { $0 == " " }
    return String(front.reversed().drop { $0 == " " }.reversed())
  }
}

extension ErrorResponse.Problem: Error {}
