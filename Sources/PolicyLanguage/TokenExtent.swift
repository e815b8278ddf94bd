/// How far the piece of a line reaches that a mistake is about.
///
/// Told from the line alone, for marks under a text: the YAML parser says only where a piece
/// begins.
enum TokenExtent {
  /// Scalars behind which nobody follows a mark.
  static let maximum = 512

  /// The column behind the last scalar of the word, the quoted text or the bracket that begins at
  /// `column`; `nil` when nothing stands there.
  static func end(in line: some Sequence<Unicode.Scalar>, from column: Int) -> Int? {
    let rest = Array(line.dropFirst(column - 1).prefix(maximum))
    guard let first = rest.first else { return nil }
    let length =
      switch first {
      case "\"", "'": quoted(rest[...])
      case "[", "{": bracketed(rest)
      default: word(rest)
      }
    return column + max(length, 1)
  }

  /// Up to the closing quote, or to the end.
  private static func quoted(_ text: ArraySlice<Unicode.Scalar>) -> Int {
    guard let quote = text.first else { return 0 }
    var index = text.startIndex + 1
    while index < text.endIndex {
      let next = index + 1 < text.endIndex ? text[index + 1] : nil
      if text[index] == "\\" && quote == "\"" || text[index] == "'" && quote == "'" && next == "'" {
        index += 2
      } else if text[index] == quote {
        return index + 1 - text.startIndex
      } else {
        index += 1
      }
    }
    return text.count
  }

  /// Up to the bracket that closes the first one, or to the end of the line.
  private static func bracketed(_ text: [Unicode.Scalar]) -> Int {
    var depth = 0
    var index = 0
    while index < text.count {
      switch text[index] {
      case "\"", "'":
        index += quoted(text[index...]) - 1
      case "[", "{": depth += 1
      case "]", "}": depth -= 1
      default: break
      }
      index += 1
      if depth == 0 { return index }
    }
    return trimmed(text)
  }

  /// Up to what ends a key or a value, without the blanks before it.
  private static func word(_ text: [Unicode.Scalar]) -> Int {
    if text.first == "-", text.count == 1 || text[1] == " " { return 1 }
    let end = text.indices.first { index in
      switch text[index] {
      case ",", "[", "]", "{", "}": true
      case ":": index + 1 == text.count || text[index + 1] == " "
      case "#": index > 0 && text[index - 1] == " "
      default: false
      }
    }
    return trimmed(text[..<(end ?? text.count)])
  }

  private static func trimmed(_ text: some BidirectionalCollection<Unicode.Scalar>) -> Int {
    text.count - text.reversed().prefix { $0 == " " || $0 == "\t" }.count
  }
}
