/// One metadata value of a GGUF file.
package enum GGUFValue: Hashable, Sendable {
  /// Any of the eight integer types.
  case integer(Int)
  /// An unsigned integer beyond `Int.max`.
  case hugeInteger(UInt64)
  /// Either of the two floating-point types; may be infinite or not a number.
  case number(Double)
  case flag(Bool)
  case string(String)
  case array(GGUFArray)

  /// What this is, for messages.
  package var kind: String {
    switch self {
    case .integer, .hugeInteger: "an integer"
    case .number: "a number"
    case .flag: "a truth value"
    case .string: "a string"
    case .array(let array): "an array of \(array.count) elements of type \(array.elementType)"
    }
  }
}

/// The type number that precedes each metadata value in the file.
package enum GGUFValueType: UInt32, Hashable, Sendable {
  case uint8 = 0
  case int8 = 1
  case uint16 = 2
  case int16 = 3
  case uint32 = 4
  case int32 = 5
  case float32 = 6
  case bool = 7
  case string = 8
  case array = 9
  case uint64 = 10
  case int64 = 11
  case float64 = 12

  /// Bytes of a value, or `nil` where the length varies.
  var fixedByteCount: Int? {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64: 8
    case .string, .array: nil
    }
  }

  /// The fewest bytes that a value can take.
  var leastByteCount: Int {
    fixedByteCount ?? (self == .string ? 8 : 12)
  }
}

/// An array in a GGUF header, left where it lies: a vocabulary of 100,000 strings costs nothing
/// until somebody walks over it.
///
/// Lengths inside were checked when the header was read, so that walking cannot leave it.
package struct GGUFArray: Hashable, Sendable {
  package let elementType: GGUFValueType
  package let count: Int
  /// The elements as stored: little-endian numbers, or strings with 64-bit lengths before them.
  private let storage: ArraySlice<UInt8>

  init(elementType: GGUFValueType, count: Int, storage: ArraySlice<UInt8>) {
    self.elementType = elementType
    self.count = count
    self.storage = storage
  }

  /// Calls `body` with the index and the raw bytes of each string; does nothing if these are no
  /// strings. The bytes are valid during the call only, and need not be UTF-8.
  package func forEachString<Failure>(
    _ body: (Int, UnsafeRawBufferPointer) throws(Failure) -> Void
  ) throws(Failure) {
    guard elementType == .string else { return }
    // `withUnsafeBytes` cannot rethrow a typed error, so that it travels in a result.
    let result: Result<Void, Failure> = storage.withUnsafeBytes { bytes in
      var position = 0
      for index in 0..<count {
        let length = Int(
          UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)))
        let start = position + 8
        position = start + length
        do throws(Failure) {
          try body(index, UnsafeRawBufferPointer(rebasing: bytes[start..<position]))
        } catch {
          return .failure(error)
        }
      }
      return .success(())
    }
    try result.get()
  }

  /// The elements if they are integers that fit 32 bits, else `nil`.
  package func int32s() -> [Int32]? {
    switch elementType {
    case .int32: elements(Int32.self).map { Int32(littleEndian: $0) }
    case .uint32: exactly(elements(UInt32.self).map { UInt32(littleEndian: $0) })
    case .int8: elements(Int8.self).map(Int32.init)
    case .uint8: elements(UInt8.self).map(Int32.init)
    case .int16: elements(Int16.self).map { Int32(Int16(littleEndian: $0)) }
    case .uint16: elements(UInt16.self).map { Int32(UInt16(littleEndian: $0)) }
    default: nil
    }
  }

  /// The elements if they are 32-bit floating-point numbers, else `nil`.
  package func floats() -> [Float]? {
    guard elementType == .float32 else { return nil }
    return elements(UInt32.self).map { Float(bitPattern: UInt32(littleEndian: $0)) }
  }

  private func exactly(_ values: [UInt32]) -> [Int32]? {
    let converted = values.compactMap { Int32(exactly: $0) }
    return converted.count == values.count ? converted : nil
  }

  private func elements<Element: BitwiseCopyable>(_ type: Element.Type) -> [Element] {
    storage.withUnsafeBytes { bytes in
      (0..<count).map {
        bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Element>.stride, as: Element.self)
      }
    }
  }
}
