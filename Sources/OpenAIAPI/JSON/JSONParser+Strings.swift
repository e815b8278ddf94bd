extension JSONParser {
  /// Reads a string, `index` being at its opening quote.
  ///
  /// Most strings have no escapes: they are scanned eight bytes at a time and copied once.
  mutating func string() throws(JSONError) -> String {
    let start = index + 1
    let run = PlainRun(in: bytes, from: start)
    index = run.end
    guard byte(at: index) == UInt8(ascii: "\"") else {
      return try stringWithEscapes(from: start, run)
    }
    let slice = UnsafeBufferPointer(rebasing: bytes[start..<index])
    // Validating through the standard library costs ten times what decoding ASCII costs.
    let decoded =
      run.isASCII
      ? String(decoding: slice, as: UTF8.self) : String(validating: slice, as: UTF8.self)
    guard let decoded else { throw invalidUTF8(in: start..<index) }
    index += 1
    return decoded
  }

  private mutating func stringWithEscapes(
    from start: Int, _ first: PlainRun
  ) throws(JSONError) -> String {
    var run = first
    var runStart = start
    var isASCII = true
    var collected: [UInt8] = []
    while true {
      index = run.end
      isASCII = isASCII && run.isASCII
      collected.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[runStart..<index]))
      guard index < bytes.count else {
        throw error(.unexpectedEnd, at: index, "the document ends inside of a string")
      }
      switch bytes[index] {
      case UInt8(ascii: "\""):
        index += 1
        if isASCII { return String(decoding: collected, as: UTF8.self) }
        guard let text = String(validating: collected, as: UTF8.self) else {
          throw invalidUTF8(in: start..<index)
        }
        return text
      case UInt8(ascii: "\\"):
        let scalar = try escape()
        isASCII = isASCII && scalar.isASCII
        if scalar.isASCII {
          collected.append(UInt8(truncatingIfNeeded: scalar.value))
        } else {
          collected.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        }
      case 0:
        throw error(.nul, at: index, "a NUL byte in a string")
      default:
        throw error(
          .controlCharacter, at: index, "a raw control character in a string; write it as \\u00XX")
      }
      runStart = index
      run = PlainRun(in: bytes, from: index)
    }
  }

  /// The first byte of a string that is not UTF-8. Escapes are ASCII, so they neither hide nor mend
  /// what is broken, and the raw bytes tell where it is.
  private func invalidUTF8(in range: Range<Int>) -> JSONError {
    let offset =
      range.lowerBound + firstInvalidUTF8(in: UnsafeBufferPointer(rebasing: bytes[range]))
    return error(.invalidUTF8, at: offset, "these bytes are not UTF-8; send text as UTF-8")
  }

  private mutating func escape() throws(JSONError) -> UnicodeScalar {
    let start = index
    index += 2
    switch byte(at: start + 1) {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): return try unicodeEscape(from: start)
    default:
      guard start + 1 < bytes.count else {
        throw error(.unexpectedEnd, at: start + 1, "the document ends inside of an escape")
      }
      throw error(.malformedEscape, at: start, "no such escape in JSON; a backslash is '\\\\'")
    }
  }

  /// Reads `\uXXXX`, or a surrogate pair of two of them.
  private mutating func unicodeEscape(from start: Int) throws(JSONError) -> UnicodeScalar {
    let first = try hexadecimal(at: start)
    index = start + 6
    if first == 0, !limits.acceptsEscapedNUL {
      throw error(.nul, at: start, "U+0000 is not accepted in strings")
    }
    if let scalar = UnicodeScalar(first) { return scalar }
    let isPair = byte(at: index) == UInt8(ascii: "\\") && byte(at: index + 1) == UInt8(ascii: "u")
    guard first < 0xDC00, isPair else { throw loneSurrogate(at: start) }
    let second = try hexadecimal(at: index)
    guard (0xDC00...0xDFFF).contains(second),
      let scalar = UnicodeScalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
    else { throw loneSurrogate(at: start) }
    index += 6
    return scalar
  }

  private func loneSurrogate(at offset: Int) -> JSONError {
    error(.loneSurrogate, at: offset, "half of a surrogate pair stands alone; it is no character")
  }

  /// The four digits of the escape at `start`.
  private func hexadecimal(at start: Int) throws(JSONError) -> UInt32 {
    var value: UInt32 = 0
    for offset in start + 2..<start + 6 {
      let digit: UInt8
      switch byte(at: offset) {
      case let byte where byte >= 0x30 && byte <= 0x39: digit = byte - 0x30
      case let byte where byte >= 0x41 && byte <= 0x46: digit = byte - 0x41 + 10
      case let byte where byte >= 0x61 && byte <= 0x66: digit = byte - 0x61 + 10
      default:
        throw error(.malformedEscape, at: start, "\\u needs four hexadecimal digits")
      }
      value = value << 4 | UInt32(digit)
    }
    return value
  }

  /// Where decoding first fails; 0 if it does not. Only called once a mistake is known.
  private func firstInvalidUTF8(in bytes: UnsafeBufferPointer<UInt8>) -> Int {
    var iterator = bytes.makeIterator()
    var decoder = UTF8()
    var offset = 0
    while true {
      switch decoder.decode(&iterator) {
      case .scalarValue(let scalar): offset += UTF8.width(scalar)
      case .emptyInput: return 0
      case .error: return offset
      }
    }
  }
}
