/// Bytes as letters (RFC 4648). One value has one spelling; any other is refused.
package struct Base64: Sendable {
  private let letters: [UInt8]
  private let values: [UInt8?]
  private let isPadded: Bool

  private init(lastLetters: String, isPadded: Bool) {
    letters = Array(
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789\(lastLetters)".utf8)
    var values = [UInt8?](repeating: nil, count: 256)
    for (value, letter) in letters.enumerated() { values[Int(letter)] = UInt8(value) }
    self.values = values
    self.isPadded = isPadded
  }

  /// Section 4, with padding.
  package static let standard = Base64(lastLetters: "+/", isPadded: true)
  /// Section 5, without padding: text that may stand in a header and a URL.
  package static let url = Base64(lastLetters: "-_", isPadded: false)

  /// The bytes' one spelling.
  package func encode(_ bytes: some Sequence<UInt8>) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.underestimatedCount + 2) / 3 * 4)
    var (bits, count) = (UInt32(0), 0)
    for byte in bytes {
      bits = bits << 8 | UInt32(byte)
      count += 8
      while count >= 6 {
        count -= 6
        text.append(letters[Int(bits >> UInt32(count) & 63)])
      }
    }
    if count > 0 { text.append(letters[Int(bits << UInt32(6 - count) & 63)]) }
    while isPadded, text.count % 4 != 0 { text.append(UInt8(ascii: "=")) }
    return String(decoding: text, as: UTF8.self)
  }

  /// `nil` for what is no such text.
  package func decode(_ text: some Sequence<UInt8>) -> [UInt8]? {
    let all = Array(text)
    let padding = isPadded ? all.suffix(2).count { $0 == UInt8(ascii: "=") } : 0
    var bytes: [UInt8] = []
    bytes.reserveCapacity(all.count / 4 * 3)
    var (bits, count) = (UInt32(0), 0)
    for letter in all.dropLast(padding) {
      guard let value = values[Int(letter)] else { return nil }
      bits = bits << 6 | UInt32(value)
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
      }
    }
    // A letter too many, bits that no byte has, or padding that nothing asks for.
    guard count < 6, bits & (1 << UInt32(count) - 1) == 0 else { return nil }
    guard !isPadded || (all.count % 4 == 0 && count / 2 == padding) else { return nil }
    return bytes
  }
}
