/// One place that breaks one rule, and how to mend it.
struct Finding: Equatable, CustomStringConvertible {
  let path: String

  /// From 1; 1 where the finding is about the whole file.
  let line: Int
  let message: String
  let remedy: String

  var description: String { "\(path):\(line): \(message); \(remedy)" }
}

/// A rule that looks at one file at a time.
struct Rule: Sendable {
  let name: String
  let check: @Sendable (SourceFile) -> [Finding]

  /// - Parameter requirements: names of functions that protocols declare
  static func all(requirements: Set<String> = []) -> [Rule] {
    [
      .fileLength, .functionLength, .lineLength, .documentation(requirements: requirements),
      .collectThenConsume, .reasonForUnchecked, .unfinished,
    ] + bans
  }
}

extension SourceFile {
  func finding(_ line: Int, _ message: String, _ remedy: String) -> Finding {
    Finding(path: path, line: line, message: message, remedy: remedy)
  }
}
