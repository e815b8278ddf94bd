/// How large and how deep a document may be.
package struct JSONLimits: Hashable, Sendable {
  /// Nesting that no limit may exceed, because the parser calls itself once a level: 512.
  package static let deepest = 512

  /// In bytes, white space included.
  package let maximumBytes: Int
  /// Arrays and objects inside one another; a bare number has depth 0.
  package let maximumDepth: Int

  /// Whether `\u0000` may stand in strings. Only for answers: a vocabulary may have a token of that
  /// byte, which then turns up among log probabilities. A raw NUL is refused always.
  package let acceptsEscapedNUL: Bool

  /// Limits; a depth beyond `deepest` is lowered to it.
  package init(maximumBytes: Int, maximumDepth: Int = 64, acceptsEscapedNUL: Bool = false) {
    self.acceptsEscapedNUL = acceptsEscapedNUL
    self.maximumBytes = max(0, maximumBytes)
    self.maximumDepth = min(max(0, maximumDepth), JSONLimits.deepest)
  }

  /// 1 MiB and 64 levels.
  package static let standard = JSONLimits(maximumBytes: 1 << 20)
}
