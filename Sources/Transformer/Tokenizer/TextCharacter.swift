/// One Unicode scalar of a text, as the patterns of pre-tokenizers tell them apart.
struct TextCharacter {
  enum Kind {
    /// `\p{L}`
    case letter
    /// `\p{N}`
    case number
    /// `\s`
    case space
    case other
    /// There is no character: the text is over.
    case end
  }

  let kind: Kind
  /// `[\p{P}$+<=>^~|]`
  let isPunctuation: Bool
  /// In bytes.
  let length: Int

  fileprivate init(_ kind: Kind, isPunctuation: Bool = false, length: Int) {
    (self.kind, self.isPunctuation, self.length) = (kind, isPunctuation, length)
  }

  fileprivate init(_ scalar: Unicode.Scalar, length: Int) {
    self.length = length
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
      (kind, isPunctuation) = (.letter, false)
    case .decimalNumber, .letterNumber, .otherNumber: (kind, isPunctuation) = (.number, false)
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
      .initialPunctuation, .finalPunctuation, .otherPunctuation:
      (kind, isPunctuation) = (.other, true)
    default:
      (kind, isPunctuation) = (scalar.properties.isWhitespace ? .space : .other, false)
    }
  }
}

extension UnsafeBufferPointer<UInt8> {
  /// The character that begins at `index`.
  func character(at index: Int) -> TextCharacter {
    guard index < count else { return TextCharacter(.end, length: 0) }
    switch self[index] {
    case 0x61...0x7A, 0x41...0x5A: return TextCharacter(.letter, length: 1)
    case 0x30...0x39: return TextCharacter(.number, length: 1)
    case 0x20, 0x09...0x0D: return TextCharacter(.space, length: 1)
    case UInt8(ascii: "`"): return TextCharacter(.other, length: 1)
    // The other signs of ASCII are punctuation or among `$+<=>^~|`.
    case 0x21..<0x7F: return TextCharacter(.other, isPunctuation: true, length: 1)
    case 0..<0x80: return TextCharacter(.other, length: 1)
    default:
      let (scalar, length) = scalar(at: index)
      return TextCharacter(scalar, length: length)
    }
  }

  /// Decodes two to four bytes. In valid UTF-8 the first byte tells the length; whatever the text
  /// is, nothing beyond its end is looked at.
  private func scalar(at index: Int) -> (Unicode.Scalar, length: Int) {
    let first = UInt32(self[index])
    let length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
    var value = first & (0x7F >> UInt32(length))
    for offset in 1..<length where index + offset < count {
      value = value << 6 | UInt32(self[index + offset] & 0x3F)
    }
    return (Unicode.Scalar(value) ?? "\u{FFFD}", Swift.min(length, count - index))
  }

  /// The end of `'s|'t|'re|'ve|'m|'ll|'d` if it begins at `start`.
  func endOfContraction(from start: Int, ignoringCase: Bool) -> Int? {
    guard self[start] == UInt8(ascii: "'") else { return nil }
    let letters = self[(start + 1)...].prefix(2).map {
      ignoringCase && (0x41...0x5A).contains($0) ? $0 | 0x20 : $0
    }
    switch letters.first {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"):
      return start + 2
    case UInt8(ascii: "r"), UInt8(ascii: "v"):
      return letters.last == UInt8(ascii: "e") && letters.count == 2 ? start + 3 : nil
    case UInt8(ascii: "l"):
      return letters.last == UInt8(ascii: "l") && letters.count == 2 ? start + 3 : nil
    default: return nil
    }
  }
}
