/// What stands in front of the numbers in a GGUF file: metadata, and where each tensor lies.
///
/// A pure function of the file's first bytes. It believes nothing: counts, lengths, types, names,
/// shapes, alignment and places are checked against the file's real length.
struct GGUFHeader {
  static let limits = Limits()

  struct Limits {
    /// The largest real headers, of vocabularies of 256,000 tokens, stay below 20 MiB.
    let headerBytes = 64 << 20
    /// Real files have about 40 keys and, at 400 billion parameters, about 1,200 tensors.
    let metadataKeys = 65_536
    let tensors = 65_536
    let keyBytes = 1_024
    /// What ggml allows, its terminating zero included, is 64.
    let tensorNameBytes = 256
    let dimensions = 4
    let alignment = 8...65_536
  }

  let metadata: [String: GGUFValue]
  let tensors: [String: GGUFTensor]

  /// Reads a header from `bytes`, the front of a file of `fileByteCount` bytes.
  init(bytes: [UInt8], fileByteCount: Int) throws(GGUFHeaderFailure) {
    var reader = GGUFHeaderReader(bytes: bytes, fileByteCount: fileByteCount)
    try Self.readMagic(&reader)
    // A tensor takes at least a one-byte name, one dimension, a type and an offset.
    let tensorCount = try Self.count(
      &reader, leastByteCount: 8 + 1 + 4 + 8 + 4 + 8, limit: Self.limits.tensors,
      "the number of tensors")
    let keyCount = try Self.count(
      &reader, leastByteCount: 8 + 1 + 4 + 1, limit: Self.limits.metadataKeys,
      "the number of metadata keys")
    metadata = try Self.readMetadata(&reader, count: keyCount)
    let alignment = try Self.alignment(in: metadata, at: reader)
    let placed = try Self.readTensors(&reader, count: tensorCount)
    tensors = try Self.locate(placed, alignment: alignment, headerEnd: reader)
  }

  private static func readMagic(_ reader: inout GGUFHeaderReader) throws(GGUFHeaderFailure) {
    let start = reader
    let magic = try reader.skip(4, "the magic number")
    guard reader.bytes[magic].elementsEqual("GGUF".utf8) else {
      throw start.refused("the file does not begin with 'GGUF'; name a GGUF file")
    }
    let version = try reader.integer(UInt32.self, "the version")
    // Version 2 differs from 3 only in saying nothing of big-endian files.
    guard version == 2 || version == 3 else {
      let hint =
        (2...3).contains(version.byteSwapped)
        ? "the file is big-endian" : "the file has GGUF version \(version)"
      throw start.unsupported(
        "\(hint); little-endian versions 2 and 3 are supported: convert it again")
    }
  }

  private static func count(
    _ reader: inout GGUFHeaderReader, leastByteCount: Int, limit: Int, _ what: String
  ) throws(GGUFHeaderFailure) -> Int {
    let count = try reader.count(leastByteCount: leastByteCount, what)
    guard count <= limit else {
      throw reader.unsupported("\(what) is \(count); at most \(limit) are supported")
    }
    return count
  }

  // MARK: Metadata

  private static func readMetadata(
    _ reader: inout GGUFHeaderReader, count: Int
  ) throws(GGUFHeaderFailure) -> [String: GGUFValue] {
    var metadata: [String: GGUFValue] = [:]
    for index in 0..<count {
      let start = reader
      let key = try reader.string("metadata key \(index + 1) of \(count)")
      guard (1...limits.keyBytes).contains(key.utf8.count) else {
        throw start.refused(
          "metadata key \(index + 1) has \(key.utf8.count) bytes; "
            + "1 to \(limits.keyBytes) are allowed"
        )
      }
      let value = try readValue(&reader, key: key)
      guard metadata.updateValue(value, forKey: key) == nil else {
        throw start.refused("metadata key '\(key)' appears twice")
      }
    }
    return metadata
  }

  private static func readType(
    _ reader: inout GGUFHeaderReader, key: String
  ) throws(GGUFHeaderFailure) -> GGUFValueType {
    let start = reader
    let number = try reader.integer(UInt32.self, "the type of metadata '\(key)'")
    guard let type = GGUFValueType(rawValue: number) else {
      throw start.refused("metadata '\(key)' has type \(number); types 0 to 12 exist")
    }
    return type
  }

  private static func readValue(
    _ reader: inout GGUFHeaderReader, key: String
  ) throws(GGUFHeaderFailure) -> GGUFValue {
    let type = try readType(&reader, key: key)
    let start = reader
    let what = "metadata '\(key)'"
    switch type {
    case .uint8: return .integer(Int(try reader.integer(UInt8.self, what)))
    case .int8: return .integer(Int(try reader.integer(Int8.self, what)))
    case .uint16: return .integer(Int(try reader.integer(UInt16.self, what)))
    case .int16: return .integer(Int(try reader.integer(Int16.self, what)))
    case .uint32: return .integer(Int(try reader.integer(UInt32.self, what)))
    case .int32: return .integer(Int(try reader.integer(Int32.self, what)))
    case .int64: return .integer(Int(try reader.integer(Int64.self, what)))
    case .uint64:
      let value = try reader.integer(UInt64.self, what)
      return Int(exactly: value).map(GGUFValue.integer) ?? .hugeInteger(value)
    case .float32:
      return .number(Double(Float(bitPattern: try reader.integer(UInt32.self, what))))
    case .float64:
      return .number(Double(bitPattern: try reader.integer(UInt64.self, what)))
    case .bool:
      let byte = try reader.integer(UInt8.self, what)
      guard byte <= 1 else {
        throw start.refused("\(what) is a truth value of \(byte), not 0 or 1")
      }
      return .flag(byte == 1)
    case .string: return .string(try reader.string(what))
    case .array: return .array(try readArray(&reader, key: key))
    }
  }

  private static func readArray(
    _ reader: inout GGUFHeaderReader, key: String
  ) throws(GGUFHeaderFailure) -> GGUFArray {
    let what = "metadata '\(key)'"
    let type = try readType(&reader, key: key)
    guard type != .array else {
      throw reader.unsupported("\(what) is an array of arrays, which no supported model needs")
    }
    let count = try reader.count(
      leastByteCount: type.leastByteCount, "the number of elements of \(what)")
    let first = reader.position
    if let size = type.fixedByteCount {
      // Cannot overflow: the count was compared with the length of the file.
      _ = try reader.skip(count * size, what)
    } else {
      let skipped = reader.skipStrings(count)
      if skipped < count { _ = try reader.stringRange("element \(skipped) of \(what)") }
    }
    return GGUFArray(
      elementType: type, count: count, storage: reader.bytes[first..<reader.position])
  }

  private static func alignment(
    in metadata: [String: GGUFValue], at reader: GGUFHeaderReader
  ) throws(GGUFHeaderFailure) -> Int {
    guard let value = metadata["general.alignment"] else { return 32 }
    guard case .integer(let alignment) = value, limits.alignment.contains(alignment),
      alignment.nonzeroBitCount == 1
    else {
      throw reader.refused(
        "metadata 'general.alignment' is \(value); a power of two from "
          + "\(limits.alignment.lowerBound) to \(limits.alignment.upperBound) is needed")
    }
    return alignment
  }

  // MARK: Tensors

  private static func readTensors(
    _ reader: inout GGUFHeaderReader, count: Int
  ) throws(GGUFHeaderFailure) -> [GGUFTensor] {
    var names: Set<String> = []
    var tensors: [GGUFTensor] = []
    for index in 0..<count {
      let start = reader
      let tensor = try readTensor(&reader, "tensor \(index + 1) of \(count)")
      guard names.insert(tensor.name).inserted else {
        throw start.refused("tensor '\(tensor.name)' appears twice")
      }
      tensors.append(tensor)
    }
    return tensors
  }

  /// A tensor whose offset still counts from the first byte after the header.
  private static func readTensor(
    _ reader: inout GGUFHeaderReader, _ place: String
  ) throws(GGUFHeaderFailure) -> GGUFTensor {
    let start = reader
    let name = try reader.string("the name of \(place)")
    guard (1...limits.tensorNameBytes).contains(name.utf8.count) else {
      throw start.refused(
        "the name of \(place) has \(name.utf8.count) bytes; "
          + "1 to \(limits.tensorNameBytes) are allowed")
    }
    let rank = try reader.integer(UInt32.self, "the number of dimensions of tensor '\(name)'")
    guard (1...limits.dimensions).contains(Int(rank)) else {
      throw start.refused(
        "tensor '\(name)' has \(rank) dimensions; 1 to \(limits.dimensions) are allowed")
    }
    var dimensions: [Int] = []
    for _ in 0..<rank {
      let dimension = try reader.integer(UInt64.self, "a dimension of tensor '\(name)'")
      dimensions.append(Int(exactly: dimension) ?? -1)
    }
    let typeNumber = try reader.integer(UInt32.self, "the type of tensor '\(name)'")
    guard let type = TensorType(rawValue: typeNumber) else {
      let supported = TensorType.allCases.map { "\($0)" }.joined(separator: ", ")
      throw start.unsupported(
        "tensor '\(name)' has type number \(typeNumber); supported are \(supported): "
          + "requantise the model to one of them")
    }
    guard let byteCount = type.byteCount(dimensions: dimensions) else {
      throw start.refused(
        "tensor '\(name)' of type \(type) cannot have the shape \(dimensions): dimensions are "
          + "positive, the first a multiple of \(type.blockElements), and all of it fits a file")
    }
    let offset = try reader.integer(UInt64.self, "the offset of tensor '\(name)'")
    return GGUFTensor(
      name: name, type: type, dimensions: dimensions,
      offset: Int(exactly: offset) ?? Int.max, byteCount: byteCount)
  }

  /// Turns offsets into places in the file, each inside it, aligned, and shared by no two tensors.
  private static func locate(
    _ tensors: [GGUFTensor], alignment: Int, headerEnd: GGUFHeaderReader
  ) throws(GGUFHeaderFailure) -> [String: GGUFTensor] {
    let dataStart = (headerEnd.position + alignment - 1) & ~(alignment - 1)
    let dataBytes = headerEnd.fileByteCount - dataStart
    var previous: (name: String, end: Int) = ("", 0)
    var located: [String: GGUFTensor] = [:]
    for tensor in tensors.sorted(by: { $0.offset < $1.offset }) {
      guard tensor.offset % alignment == 0 else {
        throw headerEnd.refused(
          "tensor '\(tensor.name)' begins at offset \(tensor.offset), "
            + "which is no multiple of the alignment \(alignment)")
      }
      // Subtracting keeps both sides inside Int; adding offset and length might not.
      guard tensor.byteCount <= dataBytes, tensor.offset <= dataBytes - tensor.byteCount else {
        throw headerEnd.refused(
          "tensor '\(tensor.name)' takes \(tensor.byteCount) bytes at offset \(tensor.offset), "
            + "but only \(max(0, dataBytes)) bytes follow the header; "
            + "the file was cut short or damaged: fetch it again")
      }
      guard tensor.offset >= previous.end else {
        throw headerEnd.refused("tensors '\(previous.name)' and '\(tensor.name)' overlap")
      }
      previous = (tensor.name, tensor.offset + tensor.byteCount)
      located[tensor.name] = tensor.moved(by: dataStart)
    }
    return located
  }
}
