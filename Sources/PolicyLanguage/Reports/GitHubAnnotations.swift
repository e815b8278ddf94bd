/// Diagnostics as GitHub's workflow commands, which a runner shows beside the lines of a pull
/// request.
///
/// A runner shows ten errors and ten warnings of a step; the others are in its log.
package enum GitHubAnnotations {
  /// One command a line.
  ///
  /// Files below `root` are named from there, as annotations need it; others as they were given.
  package static func text(of diagnostics: [Diagnostic], root: ReportRoot) -> String {
    diagnostics.map { command(for: $0, root: root) + "\n" }.joined()
  }

  private static func command(for diagnostic: Diagnostic, root: ReportRoot) -> String {
    var properties = [
      ("file", root.relative(diagnostic.file) ?? diagnostic.file),
      ("line", "\(diagnostic.line)"), ("endLine", "\(diagnostic.line)"),
      ("col", "\(diagnostic.column)"),
    ]
    // The last column, where the diagnostic has the one behind it.
    if let end = diagnostic.endColumn { properties.append(("endColumn", "\(end - 1)")) }
    properties.append(("title", diagnostic.code.rawValue))
    let list = properties.map { "\($0)=\(escaped($1, also: [":", ","]))" }
    return "::\(diagnostic.severity.rawValue) \(list.joined(separator: ","))"
      + "::\(escaped(diagnostic.statement))"
  }

  /// What would end the command, a property or its value becomes `%` and two digits; so does what
  /// would move a cursor in the log.
  private static func escaped(_ text: String, also others: [Unicode.Scalar] = []) -> String {
    var escaped = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "%", "\r", "\n",
        _ where others.contains(scalar):
        let digits = String(scalar.value, radix: 16, uppercase: true)
        escaped.append("%")
        escaped.append(contentsOf: (digits.count < 2 ? "0" + digits : digits).unicodeScalars)
      case _ where scalar.isForbiddenInPolicy: escaped.append("\u{FFFD}")
      default: escaped.append(scalar)
      }
    }
    return String(escaped)
  }
}
