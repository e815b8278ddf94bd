/// Puts the bytes of tokens together to text that is never cut inside a character's encoding.
///
/// A token may hold part of a Unicode scalar; its bytes wait here for the rest. Whatever the
/// portions are in which bytes arrive, all text handed out, joined, is what
/// `String(decoding:as: UTF8.self)` makes of all bytes, joined: bytes that belong to no scalar
/// become U+FFFD, each maximal beginning of a scalar one of them (Unicode 17, section 3.9).
///
/// Holds back at most three bytes.
package struct UTF8Assembler: Sendable {
  /// The beginning of a scalar, 0 to 3 bytes.
  private var pending: [UInt8] = []

  package init() {}

  /// Takes more bytes and returns the text that is complete with them, maybe none.
  package mutating func append(_ bytes: some Sequence<UInt8>) -> String {
    pending.append(contentsOf: bytes)
    let complete = pending.count - Self.unfinishedCount(pending)
    defer { pending.removeFirst(complete) }
    return String(decoding: pending[..<complete], as: UTF8.self)
  }

  /// Returns what was waiting for bytes that never came: U+FFFD or nothing. Starts afresh.
  package mutating func finish() -> String {
    defer { pending.removeAll() }
    return String(decoding: pending, as: UTF8.self)
  }

  /// How many bytes at the end begin a scalar that further bytes could complete: 0 to 3.
  private static func unfinishedCount(_ bytes: [UInt8]) -> Int {
    for count in 1...3 where count <= bytes.count {
      let tail = bytes.suffix(count)
      guard let lead = tail.first, lead & 0xC0 != 0x80 else { continue }
      return isUnfinished(lead, tail.dropFirst().first, count: count) ? count : 0
    }
    return 0
  }

  /// Whether `lead`, followed by `count - 1` continuation bytes of which `second` is the first, can
  /// still become a scalar. Table 3-7 of the Unicode standard.
  private static func isUnfinished(_ lead: UInt8, _ second: UInt8?, count: Int) -> Bool {
    let length = lead < 0xC2 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 1
    guard count < length else { return false }
    guard let second else { return true }
    // Overlong forms, surrogates and numbers beyond U+10FFFF show in the second byte.
    switch lead {
    case 0xE0: return second >= 0xA0
    case 0xED: return second < 0xA0
    case 0xF0: return second >= 0x90
    case 0xF4: return second < 0x90
    default: return true
    }
  }
}
