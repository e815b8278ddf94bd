/// Bytes in the order that the encodings of this module are made of.
struct ByteWriter {
  private(set) var bytes: [UInt8] = []

  /// An unsigned number, seven bits a byte, low ones first (LEB128).
  mutating func append(number: UInt64) {
    var rest = number
    while rest > 0x7f {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  /// 16 bytes, little-endian.
  mutating func append(word: Int128) {
    for shift in stride(from: 0, to: 128, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: word >> shift))
    }
  }
}

/// Reads what `ByteWriter` wrote; refuses anything else.
struct ByteReader {
  private var rest: ArraySlice<UInt8>
  private let what: String

  /// - Parameters:
  ///   - bytes: From a store.
  ///   - version: What the first byte must be.
  ///   - what: Names the value in messages.
  init(_ bytes: [UInt8], version: UInt8, what: String) throws(StatisticsError) {
    rest = bytes[...]
    self.what = what
    let found = try byte()
    guard found == version else { throw corrupt("it has version \(found), not \(version)") }
  }

  private mutating func byte() throws(StatisticsError) -> UInt8 {
    guard let byte = rest.popFirst() else { throw corrupt("it ends too early") }
    return byte
  }

  /// A number that `append(number:)` wrote, in its shortest form and at most `limit`.
  mutating func number(upTo limit: Int) throws(StatisticsError) -> Int {
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 63, by: 7) {
      let byte = try byte()
      value |= UInt64(byte & 0x7f) << UInt64(shift)
      if byte & 0x80 == 0 {
        guard value <= UInt64(limit), byte != 0 || shift == 0 else { break }
        return Int(value)
      }
    }
    throw corrupt("a number is not in 0…\(limit)")
  }

  /// 16 bytes, little-endian.
  mutating func word() throws(StatisticsError) -> Int128 {
    var bits: UInt128 = 0
    for shift in stride(from: 0, to: 128, by: 8) {
      bits |= UInt128(try byte()) << UInt128(shift)
    }
    return Int128(bitPattern: bits)
  }

  /// Refuses bytes that are left over.
  func finish() throws(StatisticsError) {
    guard rest.isEmpty else { throw corrupt("\(rest.count) bytes are left over") }
  }

  func corrupt(_ reason: String) -> StatisticsError {
    StatisticsError(
      .corruptEncoding, "stored \(what) is damaged: \(reason); rebuild it from raw outcomes")
  }
}
