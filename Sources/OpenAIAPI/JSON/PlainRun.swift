/// The longest run of bytes that stand for themselves in a JSON string: no quote, no backslash, no
/// control character. Found eight bytes at a time, by reader and writer alike.
struct PlainRun {
  /// Where the run ends: at such a byte, or at the end.
  let end: Int
  /// Whether all its bytes are below 0x80.
  let isASCII: Bool

  private static let ones: UInt64 = 0x0101_0101_0101_0101
  private static let highs: UInt64 = 0x8080_8080_8080_8080

  /// The run that starts at `start`, which is at most the count of `bytes`.
  init(in bytes: UnsafeBufferPointer<UInt8>, from start: Int) {
    let raw = UnsafeRawBufferPointer(bytes)
    var index = start
    var seen: UInt64 = 0
    while index + 8 <= raw.count {
      let word = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
      let special = PlainRun.special(word)
      guard special == 0 else {
        let bits = special.trailingZeroBitCount & ~7
        end = index + bits / 8
        isASCII = (seen | word & (1 << UInt64(bits) &- 1)) & PlainRun.highs == 0
        return
      }
      seen |= word
      index += 8
    }
    while index < raw.count {
      let byte = raw[index]
      if byte == 0x22 || byte == 0x5C || byte < 0x20 { break }
      seen |= UInt64(byte)
      index += 1
    }
    end = index
    isASCII = seen & PlainRun.highs == 0
  }

  /// Marks the high bit of bytes that are a quote, a backslash or below 0x20. A borrow can mark
  /// bytes above such a byte wrongly, never below it, so the lowest mark is right.
  @inline(__always) private static func special(_ word: UInt64) -> UInt64 {
    let quote = word ^ (ones &* 0x22)
    let backslash = word ^ (ones &* 0x5C)
    let marks =
      (quote &- ones) & ~quote | (backslash &- ones) & ~backslash | (word &- (ones &* 0x20)) & ~word
    return marks & highs
  }
}
