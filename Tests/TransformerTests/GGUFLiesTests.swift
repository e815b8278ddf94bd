import Testing

@testable import Transformer

/// Files that contradict themselves or their real length, one lie each.
struct `A lying file is refused` {
  /// What a lie changes in a sound file, and what the refusal must say.
  struct Lie: CustomTestStringConvertible, Sendable {
    let name: String
    let code: TransformerError.Code
    let says: String
    let tell: @Sendable (inout GGUFBuilder) -> Void

    var testDescription: String { name }

    init(
      _ name: String, _ says: String, _ code: TransformerError.Code = .malformedFile,
      _ tell: @escaping @Sendable (inout GGUFBuilder) -> Void
    ) {
      (self.name, self.says, self.code, self.tell) = (name, says, code, tell)
    }
  }

  /// One matrix of 64 × 2 numbers in 16 + 16 blocks, and a vector.
  static func sound() -> GGUFBuilder {
    var builder = GGUFBuilder()
    builder.add("general.architecture", "llama")
    builder.add("llama.block_count", UInt32(1))
    builder.add("names", ["a", "bc", ""])
    builder.addTensor(
      "weights", type: 2, dimensions: [64, 2], bytes: [UInt8](repeating: 1, count: 72))
    builder.addTensor("norm", type: 0, dimensions: [4], bytes: [UInt8](repeating: 2, count: 16))
    return builder
  }

  @Test func `while the sound one is read`() throws {
    let file = try openGGUF(Self.sound().bytes)
    #expect(file.metadata["general.architecture"] == .string("llama"))
    #expect(file.metadata["llama.block_count"] == .integer(1))
    let weights = try #require(file.tensors["weights"])
    #expect(weights.type == .q4_0 && weights.dimensions == [64, 2] && weights.byteCount == 72)
    #expect(try file.numbers(of: weights) == [UInt8](repeating: 1, count: 72))
    let norm = try #require(file.tensors["norm"])
    #expect(norm.offset == weights.offset + 96)
    #expect(try file.numbers(of: norm) == [UInt8](repeating: 2, count: 16))
  }

  @Test(arguments: front + metadata + places)
  func refused(lie: Lie) throws {
    var builder = Self.sound()
    lie.tell(&builder)
    let error = try #require(try errorOpening(builder.bytes))
    #expect(error.code == lie.code)
    #expect(error.message.contains(lie.says), "\(error.message)")
  }

  // MARK: The front of the file

  static let front: [Lie] = [
    Lie("another magic number", "does not begin with 'GGUF'") { $0.magic = Array("GGML".utf8) },
    Lie("version 0", "GGUF version 0", .unsupportedFile) { $0.version = 0 },
    Lie("version 1", "GGUF version 1", .unsupportedFile) { $0.version = 1 },
    Lie("version 4", "GGUF version 4", .unsupportedFile) { $0.version = 4 },
    Lie("big-endian", "big-endian", .unsupportedFile) { $0.version = UInt32(3).byteSwapped },
    Lie("2⁶⁴ − 1 tensors", "the number of tensors is 18446744073709551615") {
      $0.claimedTensors = .max
    },
    Lie("2⁶³ tensors", "the number of tensors") { $0.claimedTensors = 1 << 63 },
    Lie("2⁶⁴ − 1 keys", "the number of metadata keys is 18446744073709551615") {
      $0.claimedKeys = .max
    },
    Lie("more keys than the file could hold", "more than the rest of the file could hold") {
      $0.claimedKeys = 1_000
    },
    // Fewer than the bytes that follow, but a key takes at least 14 of them.
    Lie("100 keys in 500 bytes", "the number of metadata keys is 100, more than the rest") {
      $0.claimedKeys = 100
    },
    // The first tensor is then read as one more key, with its rank as the type and so on.
    Lie("one key too many", "the name of tensor 1 of 2") { $0.claimedKeys = 4 },
    Lie("one tensor too many", "tensor") { $0.claimedTensors = 3 },
  ]

  // MARK: Metadata

  static let metadata: [Lie] = [
    Lie("a key twice", "'general.architecture' appears twice") {
      $0.add("general.architecture", "llama")
    },
    Lie("an empty key", "has 0 bytes") { $0.add("", "value") },
    Lie("a key of 2 KB", "has 2000 bytes") { $0.add(String(repeating: "k", count: 2_000), "v") },
    Lie("a key of 2⁶³ bytes", "the length of metadata key 4 of 4 is 9223372036854775808") {
      $0.add(rawKey: GGUFBuilder.little(UInt64(1) << 63) + [UInt8](repeating: 0, count: 40))
    },
    Lie("a key that is no UTF-8", "is not valid UTF-8") {
      $0.add(
        rawKey: GGUFBuilder.string(bytes: [0x61, 0xFF]) + GGUFBuilder.little(UInt32(7)) + [1])
    },
    Lie("a value of type 13", "'odd' has type 13") { $0.add("odd", kind: 13, raw: [0]) },
    Lie("a value of type 2³² − 1", "'odd' has type 4294967295") {
      $0.add("odd", kind: .max, raw: [0])
    },
    Lie("a truth value of 2", "truth value of 2") {
      $0.add("flag", kind: 7, raw: [2])
    },
    Lie("a string of 2⁶⁴ − 1 bytes", "the length of metadata 'text'") {
      $0.add("text", kind: 8, raw: GGUFBuilder.little(UInt64.max))
    },
    Lie("a string that is no UTF-8", "metadata 'text' is not valid UTF-8") {
      $0.add("text", kind: 8, raw: GGUFBuilder.string(bytes: [0xC0, 0x80]))
    },
    Lie("an array of 2⁶⁰ numbers", "the number of elements of metadata 'list'") {
      $0.add(
        "list", kind: 9, raw: GGUFBuilder.little(UInt32(4)) + GGUFBuilder.little(UInt64(1) << 60))
    },
    Lie("an array whose length in bytes wraps to 8", "the number of elements of metadata 'list'") {
      // 8 · (2⁶¹ + 1) = 8 modulo 2⁶⁴.
      $0.add(
        "list", kind: 9,
        raw: GGUFBuilder.little(UInt32(10)) + GGUFBuilder.little(UInt64(1) << 61 | 1))
    },
    Lie("an array with a string beyond the file", "element 1 of metadata 'list'") {
      $0.add(
        "list", elements: .string, count: 2,
        raw: GGUFBuilder.string("a") + GGUFBuilder.little(UInt64(1) << 40))
    },
    Lie("an array of type 99", "'list' has type 99") {
      $0.add("list", kind: 9, raw: GGUFBuilder.little(UInt32(99)) + GGUFBuilder.little(UInt64(0)))
    },
    Lie("an array of arrays", "array of arrays", .unsupportedFile) {
      $0.add("list", elements: .array, count: 0, raw: [])
    },
    Lie("alignment 0", "general.alignment") { $0.add("general.alignment", UInt32(0)) },
    Lie("alignment 3", "general.alignment") { $0.add("general.alignment", UInt32(3)) },
    Lie("alignment 48", "general.alignment") { $0.add("general.alignment", UInt32(48)) },
    Lie("alignment 2³¹", "general.alignment") { $0.add("general.alignment", UInt32(1) << 31) },
    Lie("alignment '32'", "general.alignment") { $0.add("general.alignment", "32") },
  ]

  // MARK: Tensors

  static let places: [Lie] = [
    Lie("a tensor twice", "'norm' appears twice") {
      $0.addTensor("norm", type: 0, dimensions: [4], offset: 0)
    },
    Lie("a tensor without a name", "has 0 bytes") {
      $0.addTensor("", type: 0, dimensions: [4], offset: 0)
    },
    Lie("a tensor name of 300 bytes", "has 300 bytes") {
      $0.addTensor(String(repeating: "n", count: 300), type: 0, dimensions: [4], offset: 0)
    },
    Lie("a tensor name that is no UTF-8", "is not valid UTF-8") {
      $0.addTensor(raw: GGUFBuilder.string(bytes: [0xFF]) + [UInt8](repeating: 0, count: 24))
    },
    Lie("no dimensions", "tensor 'x' has 0 dimensions") {
      $0.addTensor("x", type: 0, dimensions: [], offset: 0)
    },
    Lie("five dimensions", "tensor 'x' has 5 dimensions") {
      $0.addTensor("x", type: 0, dimensions: [1, 1, 1, 1, 1], offset: 0)
    },
    Lie("2³² − 1 dimensions", "tensor 'x' has 4294967295 dimensions") {
      $0.addTensor("x", type: 0, dimensions: [1], rank: .max, offset: 0)
    },
    Lie("a dimension of 0", "tensor 'x' of type f32 cannot have the shape [4, 0]") {
      $0.addTensor("x", type: 0, dimensions: [4, 0], offset: 0)
    },
    Lie("a first dimension of 0", "cannot have the shape [0]") {
      $0.addTensor("x", type: 0, dimensions: [0], offset: 0)
    },
    Lie("a dimension of 2⁶⁴ − 1", "cannot have the shape") {
      $0.addTensor("x", type: 0, dimensions: [.max], offset: 0)
    },
    Lie("dimensions whose product wraps to 0", "cannot have the shape") {
      $0.addTensor("x", type: 0, dimensions: [1 << 32, 1 << 32], offset: 0)
    },
    Lie("elements that fit 64 bits, but not as bytes", "cannot have the shape") {
      $0.addTensor("x", type: 28, dimensions: [1 << 31, 1 << 30], offset: 0)
    },
    Lie("rows that are no whole blocks", "the first a multiple of 32") {
      $0.addTensor("x", type: 2, dimensions: [33], offset: 0)
    },
    Lie("rows that are no whole superblocks", "the first a multiple of 256") {
      $0.addTensor("x", type: 12, dimensions: [128], offset: 0)
    },
    Lie("a type that was withdrawn", "has type number 4", .unsupportedFile) {
      $0.addTensor("x", type: 4, dimensions: [32], offset: 0)
    },
    Lie("type 1000", "has type number 1000", .unsupportedFile) {
      $0.addTensor("x", type: 1_000, dimensions: [32], offset: 0)
    },
    Lie("an offset off the alignment", "no multiple of the alignment 32") {
      $0.addTensor("x", type: 0, dimensions: [1], offset: 4)
    },
    Lie("an offset beyond the file", "tensor 'x' takes 4 bytes at offset 1024") {
      $0.addTensor("x", type: 0, dimensions: [1], offset: 1_024)
    },
    Lie("an offset of 2⁶⁴ − 32", "tensor 'x' begins at offset") {
      $0.addTensor("x", type: 0, dimensions: [1], offset: .max - 31)
    },
    Lie("an offset of 2⁶³ − 32", "tensor 'x' takes 4 bytes at offset 9223372036854775776") {
      $0.addTensor("x", type: 0, dimensions: [1], offset: 1 << 63 - 32)
    },
    Lie("a size beyond the file", "tensor 'x' takes 4000000 bytes") {
      $0.addTensor("x", type: 0, dimensions: [1_000_000], offset: 128)
    },
    Lie("two tensors in one place", "overlap") {
      $0.addTensor("x", type: 0, dimensions: [1], offset: 0)
    },
    Lie("a tensor inside another", "overlap") {
      $0.addTensor("x", type: 0, dimensions: [1], offset: 64)
    },
    Lie("one byte too few", "the file was cut short") { $0.missingBytes = 1 },
  ]
}
