/// Writes small GGUF files, sound ones and lying ones.
struct GGUFBuilder {
  var magic: [UInt8] = Array("GGUF".utf8)
  var version: UInt32 = 3
  /// What the header claims, if not the truth.
  var claimedTensors: UInt64?
  var claimedKeys: UInt64?
  var alignment = 32
  /// Bytes to leave out at the end.
  var missingBytes = 0

  private var keys: [[UInt8]] = []
  private var tensors: [[UInt8]] = []
  private var data: [UInt8] = []

  /// The types by their numbers in the file.
  enum Kind: UInt32 {
    case uint8 = 0, int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64
    case float64
  }

  // MARK: Metadata

  mutating func add(_ key: String, kind: UInt32, raw: [UInt8]) {
    keys.append(Self.string(key) + Self.little(kind) + raw)
  }

  mutating func add(rawKey: [UInt8]) {
    keys.append(rawKey)
  }

  mutating func add(_ key: String, _ value: String) {
    add(key, kind: Kind.string.rawValue, raw: Self.string(value))
  }

  mutating func add(_ key: String, _ value: UInt32) {
    add(key, kind: Kind.uint32.rawValue, raw: Self.little(value))
  }

  mutating func add(_ key: String, _ value: Float) {
    add(key, kind: Kind.float32.rawValue, raw: Self.little(value.bitPattern))
  }

  mutating func add(_ key: String, _ value: Bool) {
    add(key, kind: Kind.bool.rawValue, raw: [value ? 1 : 0])
  }

  mutating func add(_ key: String, _ values: [String]) {
    add(key, elements: .string, count: values.count, raw: values.flatMap(Self.string))
  }

  mutating func add(_ key: String, _ values: [Int32]) {
    add(key, elements: .int32, count: values.count, raw: values.flatMap(Self.little))
  }

  mutating func add(_ key: String, _ values: [Float]) {
    add(
      key, elements: .float32, count: values.count,
      raw: values.flatMap { Self.little($0.bitPattern) })
  }

  mutating func add(_ key: String, elements: Kind, count: Int, raw: [UInt8]) {
    add(
      key, kind: Kind.array.rawValue,
      raw: Self.little(elements.rawValue) + Self.little(UInt64(count)) + raw)
  }

  // MARK: Tensors

  /// A sound tensor with its bytes behind those before it.
  mutating func addTensor(_ name: String, type: UInt32, dimensions: [UInt64], bytes: [UInt8]) {
    data += [UInt8](repeating: 0, count: (alignment - data.count % alignment) % alignment)
    addTensor(name, type: type, dimensions: dimensions, offset: UInt64(data.count))
    data += bytes
  }

  /// Only the description of a tensor.
  mutating func addTensor(
    _ name: String, type: UInt32, dimensions: [UInt64], rank: UInt32? = nil, offset: UInt64
  ) {
    tensors.append(
      Self.string(name) + Self.little(rank ?? UInt32(dimensions.count))
        + dimensions.flatMap(Self.little) + Self.little(type) + Self.little(offset))
  }

  mutating func addTensor(raw: [UInt8]) {
    tensors.append(raw)
  }

  mutating func addData(byteCount: Int) {
    data += [UInt8](repeating: 0, count: byteCount)
  }

  // MARK: The file

  /// Everything before the padding and the numbers.
  var header: [UInt8] {
    magic + Self.little(version) + Self.little(claimedTensors ?? UInt64(tensors.count))
      + Self.little(claimedKeys ?? UInt64(keys.count)) + keys.joined() + tensors.joined()
  }

  var bytes: [UInt8] {
    let header = header
    let padding = (alignment - header.count % alignment) % alignment
    return (header + [UInt8](repeating: 0, count: padding) + data).dropLast(missingBytes)
  }

  static func little<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  static func string(_ value: String) -> [UInt8] {
    little(UInt64(value.utf8.count)) + Array(value.utf8)
  }

  static func string(bytes: [UInt8]) -> [UInt8] {
    little(UInt64(bytes.count)) + bytes
  }
}
