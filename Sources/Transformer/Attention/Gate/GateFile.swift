/// The file of a gate, version 1; all numbers little-endian:
///
///     8 bytes    "rollgate"
///     7 × u32    version, layers, key/value heads, query heads of each, channels of a head,
///                keys of a block, gate width (the channels kept of a block, 3 · channels)
///     32 bytes   SHA-256 of the weights that the gate was distilled from
///     n × f16    weights: [layers, keyValueHeads, 3, group, headWidth], finite
///     u64        FNV-1a of all bytes before: a damaged file must not choose keys
package enum GateFile {
  private static let magic = Array("rollgate".utf8)
  private static let version = 1
  private static let headerCount = 8 + 7 * 4 + 32
  private static let checksumCount = 8
  /// Far more than the gate of any model that this engine runs.
  static let byteLimit = 64 << 20

  /// Reads and checks a file.
  ///
  /// - Throws: `unreadableFile`, `malformedFile` with what contradicts what, or `unsupportedFile`
  ///   for another version
  package static func read(path: String) throws(TransformerError) -> Gate {
    let file = try WeightFile(path: path)
    guard file.byteCount <= byteLimit else {
      throw TransformerError(
        .malformedFile, "'\(path)' has \(file.byteCount) bytes, more than any gate; name a gate")
    }
    do throws(TransformerError) {
      return try gate(from: file.front(byteCount: file.byteCount))
    } catch {
      throw TransformerError(error.code, "'\(path)': \(error.message)")
    }
  }

  /// The gate that `bytes` say.
  ///
  /// - Throws: as `read`
  package static func gate(from bytes: [UInt8]) throws(TransformerError) -> Gate {
    guard bytes.count >= headerCount + checksumCount, bytes.starts(with: magic) else {
      throw malformed("this is no gate, or only the beginning of one")
    }
    let numbers = (0..<7).map { Int(integer(bytes, at: 8 + 4 * $0, count: 4)) }
    guard numbers[0] == version else {
      throw TransformerError(
        .unsupportedFile,
        "a gate of version \(numbers[0]); this program reads version \(version)")
    }
    // Bounds that no model of the engine reaches, so that products cannot overflow.
    guard numbers[1...5].allSatisfy({ (1...4_096).contains($0) }) else {
      throw malformed(
        "the shape \(numbers[1...5].map(String.init).joined(separator: " × ")) is none")
    }
    let shape = Gate.Shape(
      layers: numbers[1], keyValueHeads: numbers[2], group: numbers[3], headWidth: numbers[4])
    guard [16, 32, 64].contains(numbers[5]) else {
      throw malformed("blocks of \(numbers[5]) keys; there are 16, 32 and 64")
    }
    guard numbers[6] == 3 * shape.headWidth else {
      throw malformed("a gate width of \(numbers[6]) for heads of \(shape.headWidth) channels")
    }
    let payload = bytes.count - headerCount - checksumCount
    guard payload == 2 * shape.weightCount else {
      throw malformed("\(payload) bytes of weights where \(2 * shape.weightCount) should be")
    }
    let end = bytes.count - checksumCount
    guard checksum(bytes[..<end]) == integer(bytes, at: end, count: 8) else {
      throw malformed("the checksum contradicts the content")
    }
    let weights = (0..<shape.weightCount).map { index in
      Float(Float16(bitPattern: UInt16(integer(bytes, at: headerCount + 2 * index, count: 2))))
    }
    guard weights.allSatisfy(\.isFinite) else { throw malformed("a weight is not a number") }
    return try Gate(
      shape, blockSize: numbers[5], modelDigest: hex(bytes[headerCount - 32..<headerCount]),
      weights: weights)
  }

  /// The file of `gate`, whose weights are rounded to halves.
  ///
  /// - Throws: `notANumber` if a weight is beyond the halves
  package static func bytes(of gate: Gate) throws(TransformerError) -> [UInt8] {
    let shape = gate.shape
    var bytes = magic
    for number in [
      version, shape.layers, shape.keyValueHeads, shape.group, shape.headWidth, gate.blockSize,
      3 * shape.headWidth,
    ] {
      append(UInt64(number), count: 4, to: &bytes)
    }
    let digits = Array(gate.modelDigest.utf8)
    for place in stride(from: 0, to: 64, by: 2) {
      bytes.append(
        UInt8(String(decoding: digits[place..<place + 2], as: UTF8.self), radix: 16) ?? 0)
    }
    for weight in gate.weights {
      let half = Float16(weight)
      guard half.isFinite else {
        throw TransformerError(
          .notANumber, "a weight of \(weight) does not fit the file; distil with a smaller --rate")
      }
      append(UInt64(half.bitPattern), count: 2, to: &bytes)
    }
    append(checksum(bytes[...]), count: 8, to: &bytes)
    return bytes
  }

  // MARK: Bytes

  private static func malformed(_ what: String) -> TransformerError {
    TransformerError(.malformedFile, "\(what); fetch the gate anew, or distil it again")
  }

  private static func integer(_ bytes: [UInt8], at place: Int, count: Int) -> UInt64 {
    (0..<count).reduce(0) { $0 | UInt64(bytes[place + $1]) << UInt64(8 * $1) }
  }

  private static func append(_ value: UInt64, count: Int, to bytes: inout [UInt8]) {
    for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
  }

  /// Fowler, Noll and Vo's hash, variant 1a of 64 bits: finds damage, not malice.
  private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }

  private static func hex(_ bytes: ArraySlice<UInt8>) -> String {
    bytes.map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }
}
