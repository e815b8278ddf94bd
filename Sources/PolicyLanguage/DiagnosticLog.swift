/// Collects the mistakes of one file, so that reading can go on behind each of them.
///
/// Used by one reader at a time. Holds at most ``maximum`` diagnostics and then says so once.
final class DiagnosticLog {
  static let maximum = 100

  let file: String
  private let lines: [String.UnicodeScalarView.SubSequence]
  private var found: [Diagnostic] = []
  /// Lines whose spelling was refused: what else is wrong there follows from that.
  private var refusedLines: Set<Int> = []
  /// Lines that may hold a secret: no diagnostic shows them, whatever else it is about.
  private var hiddenLines: Set<Int> = []

  init(_ source: PolicySource) {
    file = source.file
    // The bound keeps a refused text from being cut into lines that nobody will read.
    let text = source.text.utf8.count <= PolicySource.maximumBytes ? source.text : ""
    lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
  }

  /// Takes a mistake in.
  ///
  /// - Parameter showsLine: `false` where the line may hold a secret.
  func report(
    _ code: DiagnosticCode, at position: SourcePosition, _ message: String,
    suggestion: String? = nil, hint: String? = nil, severity: Diagnostic.Severity = .error,
    showsLine: Bool = true
  ) {
    guard found.count <= Self.maximum, !refusedLines.contains(position.line) else { return }
    guard found.count < Self.maximum else {
      return found.append(
        diagnostic(
          .tooManyMistakes, position, "more than \(Self.maximum) mistakes; the rest is not shown"))
    }
    var diagnostic = diagnostic(code, position, message)
    diagnostic.severity = severity
    diagnostic.suggestion = suggestion
    diagnostic.hint = hint
    if !showsLine { hiddenLines.insert(position.line) }
    found.append(diagnostic)
  }

  /// Reports nothing more about the lines that have a mistake already.
  func settleLines() {
    refusedLines = Set(found.map(\.line))
  }

  /// What was found, by place.
  var diagnostics: [Diagnostic] {
    found.map { diagnostic in
      var diagnostic = diagnostic
      if hiddenLines.contains(diagnostic.line) {
        (diagnostic.excerpt, diagnostic.endColumn) = (nil, nil)
      }
      return diagnostic
    }
    .sorted { ($0.line, $0.column, $0.code.rawValue) < ($1.line, $1.column, $1.code.rawValue) }
  }

  var hasErrors: Bool { found.contains { $0.severity == .error } }

  private func diagnostic(
    _ code: DiagnosticCode, _ position: SourcePosition, _ message: String
  ) -> Diagnostic {
    let line = line(at: position).flatMap { SecretLine.isSuspect(String($0)) ? nil : $0 }
    return Diagnostic(
      file: file, line: position.line, column: position.column,
      endColumn: line.flatMap { TokenExtent.end(in: $0, from: position.column) },
      severity: .error, code: code, message: message,
      excerpt: line.map { Diagnostic.Excerpt(line: $0, column: position.column) })
  }

  private func line(at position: SourcePosition) -> String.UnicodeScalarView.SubSequence? {
    guard lines.indices.contains(position.line - 1) else { return nil }
    var line = lines[position.line - 1]
    if line.last == "\r" { line.removeLast() }
    return line.isEmpty ? nil : line
  }
}
