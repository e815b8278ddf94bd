/// A page for readers, whose links and commands have to work.
struct Document {
  let path: String
  let text: String

  /// Links `[…](target)` to files that are not there.
  func brokenLinks(exists: (String) -> Bool) -> [Finding] {
    numberedLines.flatMap { number, line in
      line.matches(of: /\]\(([^)\s]+)\)/).compactMap { match in
        let target = match.output.1.prefix { $0 != "#" }
        guard !target.isEmpty, !target.contains("://"), !exists(String(target)) else { return nil }
        return Finding(
          path: path, line: number, message: "no file \(target)", remedy: "mend the link")
      }
    }
  }

  /// Commands `make …` that the Makefile does not have.
  func unknownCommands(_ targets: Set<String>) -> [Finding] {
    numberedLines.flatMap { number, line in
      line.matches(of: /(?:^|`|\$ )make ([a-z-]+)/).compactMap { match in
        guard !targets.contains(String(match.output.1)) else { return nil }
        return Finding(
          path: path, line: number, message: "no `make \(match.output.1)`",
          remedy: "name a target of the Makefile")
      }
    }
  }

  /// The targets that a Makefile's text has rules for.
  static func targets(makefile: String) -> Set<String> {
    Set(
      makefile.split(separator: "\n").compactMap { line in
        line.prefixMatch(of: /([a-z-]+):/).map { String($0.output.1) }
      })
  }

  private var numberedLines: [(Int, Substring)] {
    text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
      .map { ($0.offset + 1, $0.element) }
  }
}
