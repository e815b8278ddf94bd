/// Reads a text the way YAML is cut into tokens, and refuses what a policy must not use, before the
/// YAML parser sees any of it.
///
/// Anchors, aliases, tags, merge keys, directives, further documents, block texts, explicit keys
/// and tabs are refused where YAML would take them as such; inside quotes, comments and words the
/// same characters are harmless. A quoted text ends on its line, so that a line can be judged
/// alone. Where the scan might judge differently from the parser, ``Mask`` sees to it that nothing
/// comes of it.
struct LexicalScan {
  /// Nested `[` and `{`.
  static let maximumDepth = 16
  /// Columns before the first word of a line; bounds the nesting of block collections.
  static let maximumIndentation = 64
  /// Keys and values of a file.
  static let maximumValues = 10_000

  private let log: DiagnosticLog
  private let scalars: [Unicode.Scalar]
  private var masked: [Unicode.Scalar]
  private var mask = Mask()
  private var lineStart = 0
  private var lineEnd = 0
  private var lineNumber = 0
  private var cursor = 0
  private var flowDepth = 0
  private var values = 0
  private var hasBegun = false
  private var isReadable = true
  private var reportedInLine: Set<DiagnosticCode> = []

  /// What the YAML parser may see.
  struct Result {
    var text: String
    var mask: Mask
  }

  /// Scans `text` and reports to `log`.
  ///
  /// - Returns: `nil` when what was found leaves the structure in doubt.
  static func scan(_ text: String, log: DiagnosticLog) -> Result? {
    var scan = LexicalScan(text, log: log)
    scan.scanLines()
    guard scan.isReadable else { return nil }
    var readable = String.UnicodeScalarView()
    readable.append(contentsOf: scan.masked)
    return Result(text: String(readable), mask: scan.mask)
  }

  private init(_ text: String, log: DiagnosticLog) {
    self.log = log
    scalars = Array(text.unicodeScalars)
    masked = Mask.punctuation(in: scalars)
  }

  private mutating func scanLines() {
    while isReadable, lineStart < scalars.count {
      lineNumber += 1
      let lineBreak = scalars[lineStart...].firstIndex(of: "\n") ?? scalars.count
      lineEnd = lineBreak
      if lineEnd > lineStart, scalars[lineEnd - 1] == "\r" { lineEnd -= 1 }
      cursor = lineStart
      reportedInLine = []
      scanLine()
      lineStart = lineBreak + 1
    }
  }

  private mutating func scanLine() {
    refuseForbiddenCharacters()
    while current == " " { cursor += 1 }
    guard let first = current, first != "#" else { return }
    if cursor == lineStart, isMarker("---") || isMarker("...") || first == "%" {
      return scanMarker()
    }
    hasBegun = true
    if flowDepth == 0, cursor - lineStart > Self.maximumIndentation {
      return stop(.tooDeep, "more than \(Self.maximumIndentation) columns of indentation")
    }
    while isReadable, cursor < lineEnd { scanToken() }
  }

  private mutating func scanToken() {
    guard let scalar = current else { return }
    let isSeparated = isBlank(next)
    switch scalar {
    case " ": cursor += 1
    case "\t": refuseTab()
    case "#": cursor = lineEnd
    case "&": refuseProperty(.anchor, "an anchor")
    case "!": refuseProperty(.tag, "a tag")
    case "*": refuseAlias()
    case "|", ">": refuseBlockText(scalar)
    case "\"", "'": scanQuoted(scalar)
    case "[", "{": open()
    case "]", "}": close()
    case "," where flowDepth > 0: cursor += 1
    case ":" where isSeparated || flowDepth > 0: cursor += 1
    case "-" where isSeparated: scanDash()
    case "?" where isSeparated || flowDepth > 0:
      stop(.complexKey, "a key that is written with '?'", hint: "write 'key: value'")
    default: scanPlain()
    }
  }
}

// MARK: - Lines

extension LexicalScan {
  private mutating func refuseForbiddenCharacters() {
    for index in lineStart..<lineEnd where scalars[index].isForbiddenInPolicy {
      let code = String(scalars[index].value, radix: 16, uppercase: true)
      let number = String(repeating: "0", count: max(0, 4 - code.count)) + code
      report(
        .forbiddenCharacter, at: index, "the character U+\(number), which cannot be seen",
        hint: "remove it")
      masked[index] = "\u{FFFD}"
    }
  }

  /// Whether the line begins with `marker`, and with nothing that makes it a word.
  private func isMarker(_ marker: String) -> Bool {
    let marker = Array(marker.unicodeScalars)
    guard scalars[cursor..<lineEnd].starts(with: marker) else { return false }
    return cursor + marker.count == lineEnd || isBlank(scalars[cursor + marker.count])
  }

  private mutating func scanMarker() {
    if current == "%" {
      stop(.directive, "a YAML directive", hint: "remove the line")
    } else if hasBegun || !isMarker("---") {
      stop(.severalDocuments, "a second document", hint: "write one document a file")
    } else {
      hasBegun = true
      cursor += 3
      while isReadable, cursor < lineEnd { scanToken() }
    }
  }
}

// MARK: - Tokens

extension LexicalScan {
  /// Text without quotes: a key when a colon ends it, else a value.
  private mutating func scanPlain() {
    let start = cursor
    while let scalar = current {
      let isAfterBlank = cursor > start && isBlank(scalars[cursor - 1])
      if scalar == "#", isAfterBlank { break }
      if scalar == ":", isBlank(next) || (flowDepth > 0 && isFlowIndicator(next)) { break }
      if flowDepth > 0, isFlowIndicator(scalar) { break }
      if scalar == "\t" { refuseTab() } else { cursor += 1 }
    }
    count()
    guard current == ":" else { return }
    let key = scalars[start..<cursor].reversed().drop { $0 == " " }
    if key.elementsEqual(["<", "<"]) {
      report(.mergeKey, at: start, "a merge key", hint: "write the keys out")
    }
    maskKey(at: start)
  }

  private mutating func scanQuoted(_ quote: Unicode.Scalar) {
    let start = cursor
    cursor += 1
    while let scalar = current, scalar != quote || (quote == "'" && next == "'") {
      if scalar == quote {
        cursor += 2
      } else if scalar == "\\", quote == "\"" {
        scanEscape()
      } else {
        cursor += 1
      }
    }
    guard cursor < lineEnd else {
      cursor = start
      return stop(
        .unclosedQuote, "a quote that is not closed on its line", hint: "close it with \(quote)")
    }
    count()
    cursor += 1
    var colon = cursor
    while colon < lineEnd, scalars[colon] == " " { colon += 1 }
    guard colon < lineEnd, scalars[colon] == ":" else { return }
    // A letter that belongs to an escape must stay.
    if cursor - start > 2, scalars[start + 1] != "\\", scalars[start + 1] != quote {
      maskKey(at: start + 1)
    }
  }

  private mutating func scanEscape() {
    switch next {
    case "\\", "\"", "/": break
    default:
      report(
        .unsupportedEscape, at: cursor, "an escape other than \\\" and \\\\",
        hint: "write the character itself")
      masked[cursor] = "/"
    }
    cursor = min(cursor + 2, lineEnd)
  }

  private mutating func scanDash() {
    guard flowDepth > 0 || cursor - lineStart <= Self.maximumIndentation else {
      return stop(.tooDeep, "more than \(Self.maximumIndentation) columns of indentation")
    }
    cursor += 1
  }

  private mutating func open() {
    guard flowDepth < Self.maximumDepth else {
      return stop(.tooDeep, "more than \(Self.maximumDepth) brackets inside each other")
    }
    flowDepth += 1
    count()
    cursor += 1
  }

  private mutating func close() {
    flowDepth = max(0, flowDepth - 1)
    cursor += 1
  }

  private mutating func count() {
    values += 1
    if values > Self.maximumValues {
      stop(.tooManyValues, "more than \(Self.maximumValues) keys and values")
    }
  }

  private mutating func maskKey(at index: Int) {
    if let standIn = mask.unique(for: scalars[index]) { masked[index] = standIn }
  }
}

// MARK: - Refusals

extension LexicalScan {
  private mutating func refuseTab() {
    report(.tab, at: cursor, "a tab", hint: "indent and align with spaces")
    masked[cursor] = " "
    cursor += 1
  }

  /// An anchor or a tag: what it stands before can still be read, unless its column matters.
  private mutating func refuseProperty(_ code: DiagnosticCode, _ name: String) {
    let start = cursor
    report(code, at: start, name, hint: "policies do not use them")
    if scalars[lineStart..<start].allSatisfy({ $0 == " " }) { isReadable = false }
    skipWord()
    for index in start..<cursor { masked[index] = " " }
  }

  private mutating func refuseAlias() {
    report(
      .alias, at: cursor, "an alias",
      hint: "write the value out, or quote it if it is text")
    count()
    skipWord()
  }

  private mutating func refuseBlockText(_ indicator: Unicode.Scalar) {
    stop(
      .blockText, "a value that begins with '\(indicator)'",
      hint: "write text on one line, and a condition in quotes, such as \">= 2048\"")
  }

  private mutating func skipWord() {
    while let scalar = current, !isBlank(scalar), !(flowDepth > 0 && isFlowIndicator(scalar)) {
      cursor += 1
    }
  }

  /// At most 40 scalars, for a message.
  private func word(at index: Int) -> String {
    let word = scalars[index..<lineEnd].prefix(40).prefix { !isBlank($0) && !isFlowIndicator($0) }
    var text = String.UnicodeScalarView()
    text.append(contentsOf: word.map { $0.isForbiddenInPolicy ? "\u{FFFD}" : $0 })
    return String(text)
  }

  private mutating func stop(_ code: DiagnosticCode, _ message: String, hint: String? = nil) {
    report(code, at: cursor, message, hint: hint)
    isReadable = false
  }

  /// Once a line for each code: a line full of aliases is one mistake.
  private mutating func report(
    _ code: DiagnosticCode, at index: Int, _ message: String, hint: String? = nil
  ) {
    guard reportedInLine.insert(code).inserted else { return }
    let position = SourcePosition(line: lineNumber, column: index - lineStart + 1)
    log.report(code, at: position, message, hint: hint)
  }
}

// MARK: - Characters

extension LexicalScan {
  private var current: Unicode.Scalar? { cursor < lineEnd ? scalars[cursor] : nil }

  private var next: Unicode.Scalar? { cursor + 1 < lineEnd ? scalars[cursor + 1] : nil }

  /// The end of the line is blank too.
  private func isBlank(_ scalar: Unicode.Scalar?) -> Bool {
    scalar == nil || scalar == " " || scalar == "\t"
  }

  private func isFlowIndicator(_ scalar: Unicode.Scalar?) -> Bool {
    switch scalar {
    case ",", "[", "]", "{", "}": true
    default: false
    }
  }
}
