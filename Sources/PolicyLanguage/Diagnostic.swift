/// One mistake in a policy file, with its place and, where there is one, the way to mend it.
///
/// Encodes as JSON with the keys that the properties are named by.
package struct Diagnostic: Error, Hashable, Sendable, Codable {
  /// Whether the file can be used.
  package enum Severity: String, Hashable, Sendable, Codable {
    /// The file is refused.
    case error
    /// The file is accepted, and probably not what was meant.
    case warning
  }

  /// As it was given to the parser.
  package var file: String
  /// From 1.
  package var line: Int
  /// From 1, counted in Unicode scalars.
  package var column: Int
  /// Behind the last scalar of what the mistake is about, in the same line, as far as the line
  /// alone tells; `nil` when there is none, or when the line is not to be shown.
  package var endColumn: Int?
  package var severity: Severity
  package var code: DiagnosticCode
  /// What was found and what was expected, in one line.
  package var message: String
  /// What to write in the place instead; `nil` when that cannot be guessed.
  package var suggestion: String?
  /// How to mend it, in words.
  package var hint: String?
  /// The line that it is about, or `nil` when there is none, or when it may show a secret.
  package var excerpt: Excerpt?

  /// A line of a policy file, ready to be printed.
  package struct Excerpt: Hashable, Sendable, Codable {
    /// At most ``maximumLength`` scalars around the place; no control characters.
    package var text: String
    /// From 1: where in `text` the caret goes.
    package var column: Int

    package static let maximumLength = 120
  }
}

extension Diagnostic: CustomStringConvertible {
  /// One line: `bad.yaml:3:1: error: unknown key 'step' [unknown-key]; did you mean 'steps'?`
  package var description: String {
    "\(file):\(line):\(column): \(severity.rawValue): \(message) [\(code.rawValue)]\(remedy)"
  }

  /// What was found, what was probably meant and how to mend it: one line, without place and code.
  package var statement: String { message + remedy }

  private var remedy: String {
    var text = ""
    if let suggestion { text += "; did you mean '\(suggestion)'?" }
    if let hint { text += (suggestion == nil ? "; " : " ") + hint }
    return text
  }

  /// The description, and under it the source line with a caret.
  package var rendered: String {
    guard let excerpt else { return description }
    let number = String(line)
    let margin = String(repeating: " ", count: number.count)
    let indentation = String(repeating: " ", count: excerpt.column - 1)
    return """
      \(description)
        \(number) | \(excerpt.text)
        \(margin) | \(indentation)^
      """
  }
}

extension Diagnostic.Excerpt {
  /// Cuts `line` around `column`, and puts stand-ins for what would upset a terminal.
  init(line: some Collection<Unicode.Scalar>, column: Int) {
    // Two thirds of the room before the caret: what leads to a mistake tells more than what
    // follows.
    let start = max(0, min(column - 1 - 80, line.count - Self.maximumLength))
    var text = String.UnicodeScalarView()
    for scalar in line.dropFirst(start).prefix(Self.maximumLength) {
      switch scalar {
      case "\t": text.append(" ")
      case _ where scalar.isForbiddenInPolicy: text.append("\u{FFFD}")
      default: text.append(scalar)
      }
    }
    self.init(text: String(text), column: min(column - start, text.count + 1))
  }
}

extension Unicode.Scalar {
  /// Whether a scalar does not belong into a text that people review.
  ///
  /// Control characters and other line ends make tools disagree about lines; direction overrides
  /// make a text look like another ("Trojan Source", Boucher & Anderson 2021); the private use
  /// plane 15 is ours, see ``Mask``.
  var isForbiddenInPolicy: Bool {
    switch value {
    case 0x00...0x08, 0x0B...0x1F, 0x7F...0x9F, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF: true
    case 0x202A...0x202E, 0x2066...0x2069: true
    case Mask.plane: true
    default: false
    }
  }
}
