/// A part of a Jinja template: text, or what stands between braces, in one canonical spelling.
enum TemplatePart: Hashable {
  case text(String)
  /// `{{ … }}`
  case output([TemplateWord])
  /// `{% … %}`
  case statement([TemplateWord])
}

/// A word of Jinja: a string with its escapes resolved, or a name, number or sign.
enum TemplateWord: Hashable {
  case string(String)
  case symbol(String)
}

/// Takes a Jinja template apart, without any meaning yet.
///
/// Blanks around blocks go as chat templates expect them to (`trim_blocks` and `lstrip_blocks`, and
/// `-` at a brace). Two spellings of one thing become one: `message.role` is read as
/// `message['role']`, except in `loop.first`.
struct TemplateScanner {
  private var rest: Substring.UnicodeScalarView
  private var parts: [TemplatePart] = []
  /// Whether the text that is being read began at the beginning of a line.
  private var startsLine = true

  /// - Returns: the parts, or `nil` if a brace or a string is not closed.
  static func parts(of template: String) -> [TemplatePart]? {
    var scanner = TemplateScanner(rest: Substring(template).unicodeScalars)
    return scanner.scan() ? scanner.parts : nil
  }

  private init(rest: Substring.UnicodeScalarView) {
    self.rest = rest
  }

  private mutating func scan() -> Bool {
    var text = ""
    while let scalar = rest.popFirst() {
      guard scalar == "{", let kind = rest.first, "{%#".unicodeScalars.contains(kind) else {
        text.unicodeScalars.append(scalar)
        continue
      }
      rest.removeFirst()
      let stripsBefore = rest.first == "-"
      if stripsBefore { rest.removeFirst() }
      trimEnd(of: &text, all: stripsBefore, ofLine: kind != "{")
      appendText(&text)
      guard scanBlock(kind) else { return false }
    }
    appendText(&text)
    return true
  }

  private mutating func appendText(_ text: inout String) {
    if !text.isEmpty { parts.append(.text(text)) }
    text = ""
  }

  /// What a block does to the text before it.
  private func trimEnd(of text: inout String, all: Bool, ofLine: Bool) {
    var scalars = text.unicodeScalars[...]
    if all {
      while let last = scalars.last, last.properties.isWhitespace { scalars.removeLast() }
    } else if ofLine {
      while let last = scalars.last, last == " " || last == "\t" { scalars.removeLast() }
      // Only blanks that fill their line up to the block are stripped.
      guard scalars.last == "\n" || (scalars.isEmpty && startsLine) else { return }
    }
    text = String(scalars)
  }

  /// Reads up to the closing brace, and the blanks after it that belong to it.
  private mutating func scanBlock(_ kind: Unicode.Scalar) -> Bool {
    let closing = kind == "{" ? "}}" : kind == "%" ? "%}" : "#}"
    guard let words = kind == "#" ? skipComment() : words(until: closing) else { return false }
    switch kind {
    case "{": parts.append(.output(words.words))
    case "%": parts.append(.statement(words.words))
    default: break
    }
    startsLine = false
    if words.stripsAfter {
      while let blank = rest.first, blank.properties.isWhitespace {
        startsLine = blank == "\n"
        rest.removeFirst()
      }
    } else if kind != "{", rest.first == "\n" {
      startsLine = true
      rest.removeFirst()
    }
    return true
  }

  private typealias Block = (words: [TemplateWord], stripsAfter: Bool)

  private mutating func skipComment() -> Block? {
    var previous: [Unicode.Scalar] = []
    while let scalar = rest.popFirst() {
      if scalar == "}", previous.last == "#" { return ([], previous.first == "-") }
      previous = previous.suffix(1) + [scalar]
    }
    return nil
  }

  private mutating func words(until closing: String) -> Block? {
    var words: [TemplateWord] = []
    while let first = rest.first {
      if rest.starts(with: closing.unicodeScalars) {
        rest.removeFirst(2)
        return (Self.canonical(words), false)
      }
      if rest.starts(with: "-\(closing)".unicodeScalars) {
        rest.removeFirst(3)
        return (Self.canonical(words), true)
      }
      if first.properties.isWhitespace {
        rest.removeFirst()
      } else if first == "'" || first == "\"" {
        guard let string = scanString() else { return nil }
        words.append(.string(string))
      } else {
        words.append(.symbol(scanSymbol(first)))
      }
    }
    return nil
  }

  private mutating func scanString() -> String? {
    guard let quote = rest.popFirst() else { return nil }
    var string = ""
    while let scalar = rest.popFirst() {
      if scalar == quote { return string }
      guard scalar == "\\" else {
        string.unicodeScalars.append(scalar)
        continue
      }
      guard let escaped = rest.popFirst() else { return nil }
      switch escaped {
      case "n": string += "\n"
      case "t": string += "\t"
      case "r": string += "\r"
      case "\\", "'", "\"": string.unicodeScalars.append(escaped)
      default: return nil
      }
    }
    return nil
  }

  private mutating func scanSymbol(_ first: Unicode.Scalar) -> String {
    func belongs(_ scalar: Unicode.Scalar) -> Bool {
      scalar == "_" || scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
    }
    var symbol = String(Character(first))
    rest.removeFirst()
    if belongs(first) {
      while let next = rest.first, belongs(next) {
        symbol.unicodeScalars.append(next)
        rest.removeFirst()
      }
    } else if "=!<>".unicodeScalars.contains(first), rest.first == "=" {
      symbol += "="
      rest.removeFirst()
    }
    return symbol
  }

  /// Spells member access in one way: `a.b` as `a['b']`.
  private static func canonical(_ words: [TemplateWord]) -> [TemplateWord] {
    var result: [TemplateWord] = []
    var index = 0
    while index < words.count {
      if words[index] == .symbol("."), index + 1 < words.count,
        case .symbol(let name) = words[index + 1], result.last != .symbol("loop")
      {
        result += [.symbol("["), .string(name), .symbol("]")]
        index += 2
      } else {
        result.append(words[index])
        index += 1
      }
    }
    return result
  }
}
