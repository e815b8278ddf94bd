/// How large and how deep a document may be.
package struct JSONLimits: Hashable, Sendable {
  /// Nesting that no limit may exceed, because the parser calls itself once a level: 512.
  package static let deepest = 512

  /// In bytes, white space included.
  package let maximumBytes: Int
  /// Arrays and objects inside one another; a bare number has depth 0.
  package let maximumDepth: Int

  /// Limits; a depth beyond `deepest` is lowered to it.
  package init(maximumBytes: Int, maximumDepth: Int = 64) {
    self.maximumBytes = max(0, maximumBytes)
    self.maximumDepth = min(max(0, maximumDepth), JSONLimits.deepest)
  }

  /// 1 MiB and 64 levels.
  package static let standard = JSONLimits(maximumBytes: 1 << 20)
}
