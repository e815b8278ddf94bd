/// Cuts text into the words inside which byte pairs are merged.
///
/// Both supported rules are GPT-2's pattern, matched from left to right:
///
///     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
///
/// `smollm` first cuts out each single number character, and the pattern then sees only what lies
/// between those. A scanner by hand does this in one pass, in linear time for any text.
package enum PreTokenizer: String, CaseIterable, Sendable {
  case gpt2 = "gpt-2"
  case smollm

  /// Calls `body` with the range of each word; together they are all of `text`.
  ///
  /// - Parameter text: valid UTF-8
  func forEachWord(in text: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>) -> Void) {
    let scanner = WordScanner(text: text, splitsNumbers: self == .smollm)
    var start = 0
    while start < text.count {
      let end = scanner.endOfWord(from: start)
      body(start..<end)
      start = end
    }
  }
}

private struct WordScanner {
  let text: UnsafeBufferPointer<UInt8>
  let splitsNumbers: Bool

  /// The end of the word that begins at `start`, which is before the end of the text.
  func endOfWord(from start: Int) -> Int {
    let first = character(at: start)
    if first.kind == .number, splitsNumbers { return start + first.length }
    if let end = endOfContraction(from: start) { return end }
    if text[start] == UInt8(ascii: " ") {
      // " ?": one space goes with the letters, numbers or signs that follow.
      let following = character(at: start + 1)
      return following.kind == .space || endsSegment(following)
        ? endOfSpaces(from: start) : endOfRun(of: following.kind, from: start + 1)
    }
    return first.kind == .space ? endOfSpaces(from: start) : endOfRun(of: first.kind, from: start)
  }

  private func endOfRun(of kind: CharacterKind, from start: Int) -> Int {
    var end = start
    while true {
      let character = character(at: end)
      guard character.kind == kind else { return end }
      end += character.length
    }
  }

  /// `\s+(?!\S)|\s+`: all spaces, but the last of several is left to the word that follows.
  private func endOfSpaces(from start: Int) -> Int {
    var beforeLast = start
    var end = start
    while true {
      let character = character(at: end)
      guard character.kind == .space else {
        return endsSegment(character) || beforeLast == start ? end : beforeLast
      }
      beforeLast = end
      end += character.length
    }
  }

  /// Whether the pattern sees nothing from here on.
  private func endsSegment(_ character: Character) -> Bool {
    character.kind == .end || (splitsNumbers && character.kind == .number)
  }

  private func endOfContraction(from start: Int) -> Int? {
    guard text[start] == UInt8(ascii: "'"), start + 1 < text.count else { return nil }
    switch text[start + 1] {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"):
      return start + 2
    case UInt8(ascii: "r"), UInt8(ascii: "v"):
      return start + 2 < text.count && text[start + 2] == UInt8(ascii: "e") ? start + 3 : nil
    case UInt8(ascii: "l"):
      return start + 2 < text.count && text[start + 2] == UInt8(ascii: "l") ? start + 3 : nil
    default:
      return nil
    }
  }

  // MARK: Characters

  private enum CharacterKind {
    case letter, number, space, other
    /// There is no character: the text is over.
    case end
  }

  private struct Character {
    let kind: CharacterKind
    /// In bytes.
    let length: Int
  }

  private func character(at index: Int) -> Character {
    guard index < text.count else { return Character(kind: .end, length: 0) }
    switch text[index] {
    case 0x61...0x7A, 0x41...0x5A: return Character(kind: .letter, length: 1)
    case 0x30...0x39: return Character(kind: .number, length: 1)
    case 0x20, 0x09...0x0D: return Character(kind: .space, length: 1)
    case 0..<0x80: return Character(kind: .other, length: 1)
    default:
      let (scalar, length) = scalar(at: index)
      return Character(kind: Self.kind(of: scalar), length: length)
    }
  }

  private static func kind(of scalar: Unicode.Scalar) -> CharacterKind {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
      .letter
    case .decimalNumber, .letterNumber, .otherNumber: .number
    default: scalar.properties.isWhitespace ? .space : .other
    }
  }

  /// Decodes two to four bytes. In valid UTF-8 the first byte tells the length; whatever the text
  /// is, nothing beyond its end is looked at.
  private func scalar(at index: Int) -> (Unicode.Scalar, length: Int) {
    let first = UInt32(text[index])
    let length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
    var value = first & (0x7F >> UInt32(length))
    for offset in 1..<length where index + offset < text.count {
      value = value << 6 | UInt32(text[index + offset] & 0x3F)
    }
    return (Unicode.Scalar(value) ?? "\u{FFFD}", min(length, text.count - index))
  }
}
