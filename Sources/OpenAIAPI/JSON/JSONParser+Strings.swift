extension JSONParser {
  /// Reads a string, `index` being at its opening quote.
  ///
  /// Most strings have no escapes: they are scanned eight bytes at a time and copied once.
  mutating func string() throws(JSONError) -> String {
    let start = index + 1
    index = endOfPlainRun(from: start)
    guard byte(at: index) == UInt8(ascii: "\"") else { return try stringWithEscapes(from: start) }
    let text = try text(in: start..<index)
    index += 1
    return text
  }

  /// The first byte from `start` that is a quote, a backslash, a control character or the end.
  private func endOfPlainRun(from start: Int) -> Int {
    var index = start
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highs: UInt64 = 0x8080_8080_8080_8080
    while index + 8 <= bytes.count {
      let word = UInt64(
        littleEndian: UnsafeRawBufferPointer(bytes).loadUnaligned(
          fromByteOffset: index, as: UInt64.self))
      let quote = word ^ (ones &* 0x22)
      let backslash = word ^ (ones &* 0x5C)
      // Marks bytes that are a quote, a backslash or below 0x20. A borrow can mark bytes above such
      // a byte wrongly, never below it, so the lowest mark is right.
      let hits =
        ((quote &- ones) & ~quote | (backslash &- ones) & ~backslash
          | (word &- (ones &* 0x20)) & ~word) & highs
      if hits != 0 {
        return index + hits.trailingZeroBitCount / 8
      }
      index += 8
    }
    while index < bytes.count {
      let byte = bytes[index]
      if byte == 0x22 || byte == 0x5C || byte < 0x20 { break }
      index += 1
    }
    return index
  }

  private func text(in range: Range<Int>) throws(JSONError) -> String {
    let slice = UnsafeBufferPointer(rebasing: bytes[range])
    guard let text = String(validating: slice, as: UTF8.self) else {
      let offset = range.lowerBound + firstInvalidUTF8(in: slice)
      throw error(.invalidUTF8, at: offset, "these bytes are not UTF-8; send text as UTF-8")
    }
    return text
  }

  private mutating func stringWithEscapes(from start: Int) throws(JSONError) -> String {
    var run = start
    var collected: [UInt8] = []
    while true {
      index = endOfPlainRun(from: index)
      // Each run is checked by itself: a broken sequence cannot be mended by an escape after it.
      if run < index {
        _ = try text(in: run..<index)
        collected.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[run..<index]))
      }
      guard index < bytes.count else {
        throw error(.unexpectedEnd, at: index, "the document ends inside of a string")
      }
      switch bytes[index] {
      case UInt8(ascii: "\""):
        index += 1
        return String(decoding: collected, as: UTF8.self)
      case UInt8(ascii: "\\"):
        let scalar = try escape()
        collected.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        run = index
      case 0:
        throw error(.nul, at: index, "a NUL byte in a string")
      default:
        throw error(
          .controlCharacter, at: index, "a raw control character in a string; write it as \\u00XX")
      }
    }
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
    if first == 0 { throw error(.nul, at: start, "U+0000 is not accepted in strings") }
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
