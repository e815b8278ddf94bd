/// A failure of the engine, sorted by what the caller may do about it.
package struct TransformerError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What the caller may do about it.
  package enum Code: Hashable, Sendable {
    /// The path leads to nothing that can be read; correct the path or its permissions.
    case unreadableFile
    /// The file contradicts itself or its format; fetch it again.
    case malformedFile
    /// The file is sound but asks for something that this engine does not do.
    case unsupportedFile
    /// The prompt has more tokens than the context; shorten it.
    case promptTooLong
    /// The KV cache has no room for another position; ask for fewer tokens.
    case cacheFull
    /// The request contradicts itself or leaves the allowed ranges; correct it.
    case invalidRequest
    /// The computation left the numbers; the weights or the variant are broken, do not retry.
    case notANumber
    /// Too much is waiting already; try again later.
    case overloaded
    /// The caller went away.
    case cancelled
  }

  package let code: Code
  /// What went wrong, where, and how to mend it: one sentence or two for a person.
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { "\(message) [\(code)]" }
}
