/// A place in a policy file.
struct SourcePosition: Hashable, Comparable, Sendable {
  /// From 1.
  var line: Int
  /// From 1, in Unicode scalars.
  var column: Int

  static let start = SourcePosition(line: 1, column: 1)

  static func < (left: Self, right: Self) -> Bool {
    (left.line, left.column) < (right.line, right.column)
  }
}
