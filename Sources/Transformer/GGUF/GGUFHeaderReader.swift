/// Why reading a header stopped.
enum GGUFHeaderFailure: Error {
  /// The bytes at hand end before the header does, though the file goes on: bring this many.
  case needsMore(byteCount: Int)
  case refused(TransformerError)
}

/// Reads numbers and strings from the front of a GGUF file, never beyond what the file holds.
///
/// Every length is compared with what is left of the *file* before anything is allocated for it.
struct GGUFHeaderReader {
  /// The front of the file, or all of it.
  let bytes: [UInt8]
  /// The length of the whole file.
  let fileByteCount: Int
  private(set) var position = 0

  init(bytes: [UInt8], fileByteCount: Int) {
    self.bytes = bytes
    self.fileByteCount = fileByteCount
  }

  /// Bytes between here and the end of the file.
  var remaining: Int { fileByteCount - position }

  /// The file contradicts itself here.
  func refused(_ message: String) -> GGUFHeaderFailure {
    .refused(TransformerError(.malformedFile, "\(message) (byte \(position))"))
  }

  /// The file may be sound, but asks here for something that is not supported.
  func unsupported(_ message: String) -> GGUFHeaderFailure {
    .refused(TransformerError(.unsupportedFile, "\(message) (byte \(position))"))
  }

  /// Moves over `count` bytes and returns where they were.
  mutating func skip(_ count: Int, _ what: @autoclosure () -> String)
    throws(GGUFHeaderFailure) -> Range<Int>
  {
    guard count <= remaining else {
      throw refused(
        "\(what()) takes \(count) bytes, but the file ends after \(remaining); "
          + "it was cut short or damaged: fetch it again")
    }
    let end = position + count
    guard end <= bytes.count else { throw .needsMore(byteCount: end) }
    defer { position = end }
    return position..<end
  }

  mutating func integer<Integer: FixedWidthInteger & BitwiseCopyable>(
    _ type: Integer.Type, _ what: @autoclosure () -> String
  ) throws(GGUFHeaderFailure) -> Integer {
    let range = try skip(MemoryLayout<Integer>.size, what())
    return bytes.withUnsafeBytes {
      Integer(littleEndian: $0.loadUnaligned(fromByteOffset: range.lowerBound, as: Integer.self))
    }
  }

  /// A 64-bit count of things that take at least `leastByteCount` bytes each.
  ///
  /// Refused where the rest of the file could not hold so many, so that a caller may allocate.
  mutating func count(leastByteCount: Int, _ what: @autoclosure () -> String)
    throws(GGUFHeaderFailure) -> Int
  {
    let start = self
    let claimed = try integer(UInt64.self, what())
    guard let count = Int(exactly: claimed), count <= remaining / leastByteCount else {
      throw start.refused(
        "\(what()) is \(claimed), more than the rest of the file could hold; "
          + "the file is damaged or forged: fetch it again")
    }
    return count
  }

  /// A string with its 64-bit length before it.
  mutating func string(_ what: @autoclosure () -> String)
    throws(GGUFHeaderFailure) -> String
  {
    let start = self
    let range = try stringRange(what())
    guard let string = String(validating: bytes[range], as: UTF8.self) else {
      throw start.refused("\(what()) is not valid UTF-8")
    }
    return string
  }

  /// Moves over a string without making one.
  mutating func stringRange(_ what: @autoclosure () -> String)
    throws(GGUFHeaderFailure) -> Range<Int>
  {
    let length = try count(leastByteCount: 1, "the length of \(what())")
    return try skip(length, what())
  }

  /// Moves over up to `count` strings, without making any, as far as they lie in `bytes` whole.
  ///
  /// - Returns: how many; the next one, if any is left, is for `stringRange` to complain about.
  mutating func skipStrings(_ count: Int) -> Int {
    let (skipped, end) = bytes.withUnsafeBytes { bytes in
      var end = position
      for index in 0..<count {
        guard bytes.count - end >= 8 else { return (index, end) }
        let length = UInt64(
          littleEndian: bytes.loadUnaligned(fromByteOffset: end, as: UInt64.self))
        guard length <= UInt64(bytes.count - end - 8) else { return (index, end) }
        end += 8 + Int(length)
      }
      return (count, end)
    }
    position = end
    return skipped
  }
}
