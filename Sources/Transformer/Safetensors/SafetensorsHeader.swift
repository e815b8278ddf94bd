/// What stands in front of the numbers in a safetensors file: where each tensor lies.
///
/// A pure function of the file's first bytes, which believes nothing: 8 bytes of length, JSON of
/// that length, and then numbers without a gap. Names, types, shapes and places are checked against
/// each other and the file's real length.
struct SafetensorsHeader {
  /// Real headers have 100 bytes a tensor.
  static let headerBytes = 16 << 20
  static let tensorLimit = 65_536
  private static let nameBytes = 256

  /// By their names in the file; dimensions in GGUF order, the length of a row first.
  let tensors: [String: GGUFTensor]

  /// The bytes that the header takes, its length included.
  ///
  /// - Parameter front: the first 8 bytes
  static func byteCount(
    front: [UInt8], fileByteCount: Int
  ) throws(TransformerError) -> Int {
    guard front.count == 8 else {
      throw TransformerError(.malformedFile, "the file has \(fileByteCount) bytes, no header")
    }
    let length = front.enumerated().reduce(UInt64(0)) { $0 | UInt64($1.element) << (8 * $1.offset) }
    guard length <= UInt64(max(0, fileByteCount - 8)) else {
      throw TransformerError(
        .malformedFile,
        "the header takes \(length) bytes of a file of \(fileByteCount); it was cut short, or is "
          + "no safetensors file")
    }
    guard length <= UInt64(headerBytes) else {
      throw TransformerError(
        .unsupportedFile,
        "the header is longer than \(headerBytes) bytes, far more than any real one")
    }
    return 8 + Int(length)
  }

  /// - Parameter bytes: as many as `byteCount` says
  init(bytes: [UInt8], fileByteCount: Int, name: String) throws(TransformerError) {
    guard let entries = try JSON(bytes.dropFirst(8), name: name).object else {
      throw TransformerError(.malformedFile, "the header of '\(name)' is no JSON object")
    }
    var found: [GGUFTensor] = []
    for (tensor, entry) in entries where tensor != "__metadata__" {
      found.append(
        try Self.tensor(
          tensor, entry, start: bytes.count, dataBytes: fileByteCount - bytes.count))
    }
    guard found.count <= Self.tensorLimit else {
      throw TransformerError(.unsupportedFile, "'\(name)' has \(found.count) tensors")
    }
    tensors = try Self.checked(found, dataStart: bytes.count, fileByteCount: fileByteCount)
  }

  private static func tensor(
    _ name: String, _ entry: JSON, start: Int, dataBytes: Int
  ) throws(TransformerError) -> GGUFTensor {
    func malformed(_ what: String) -> TransformerError {
      TransformerError(.malformedFile, "tensor '\(name.prefix(64))' \(what)")
    }
    guard (1...nameBytes).contains(name.utf8.count) else {
      throw malformed("has a name of \(name.utf8.count) bytes")
    }
    guard let typeName = entry["dtype"]?.string, let shape = entry["shape"]?.array,
      let offsets = entry["data_offsets"]?.array, offsets.count == 2,
      let begin = offsets[0].integer, let end = offsets[1].integer
    else { throw malformed("lacks a dtype, a shape or two data_offsets") }
    guard let type = type(typeName) else {
      throw TransformerError(
        .unsupportedFile,
        "tensor '\(name.prefix(64))' is stored as \(typeName.prefix(16)); supported are F32, F16 "
          + "and BF16")
    }
    let dimensions = shape.reversed().compactMap(\.integer)
    guard dimensions.count == shape.count, (1...4).contains(shape.count),
      let byteCount = type.byteCount(dimensions: dimensions)
    else { throw malformed("has a shape that no tensor has") }
    guard 0 <= begin, begin <= end, end <= dataBytes, end - begin == byteCount else {
      throw malformed(
        "takes bytes \(begin) to \(end) of \(dataBytes), but its shape needs \(byteCount)")
    }
    return GGUFTensor(
      name: name, type: type, dimensions: dimensions, offset: start + begin, byteCount: byteCount)
  }

  private static func type(_ name: String) -> TensorType? {
    switch name {
    case "F32": .f32
    case "F16": .f16
    case "BF16": .bf16
    default: nil
    }
  }

  /// The format wants every byte of the data to belong to one tensor.
  private static func checked(
    _ tensors: [GGUFTensor], dataStart: Int, fileByteCount: Int
  ) throws(TransformerError) -> [String: GGUFTensor] {
    var end = dataStart
    var located: [String: GGUFTensor] = [:]
    for tensor in tensors.sorted(by: { ($0.offset, $0.name) < ($1.offset, $1.name) }) {
      guard tensor.offset == end else {
        throw TransformerError(
          .malformedFile,
          "tensor '\(tensor.name)' begins at byte \(tensor.offset), the one before ends at \(end)")
      }
      end += tensor.byteCount
      located[tensor.name] = tensor
    }
    guard end == fileByteCount else {
      throw TransformerError(
        .malformedFile, "the tensors end at byte \(end) of \(fileByteCount); fetch the file again")
    }
    return located
  }
}
