import Tensors
import Testing

@testable import Transformer

/// What a file must have to be loaded, and what it says when it has not.
struct EngineWeightsTests {
  private static let model = EngineTinyModel()

  private static func error(_ changes: EngineTinyModel.Changes) -> TransformerError? {
    do {
      _ = try model.weights(changes)
      return nil
    } catch {
      return error as? TransformerError
    }
  }

  @Test func `the shape is read from the metadata`() throws {
    let parameters = try Self.model.weights().parameters
    #expect(parameters.width == 96 && parameters.hiddenWidth == 160)
    #expect(parameters.heads == 6 && parameters.keyValueHeads == 2 && parameters.group == 3)
    #expect(parameters.headWidth == 32 && parameters.blockCount == 2)
    #expect(parameters.vocabularySize == 70 && parameters.contextLength == 512)
  }

  @Test(arguments: [
    "token_embd.weight", "blk.0.attn_q.weight", "blk.1.ffn_down.weight", "blk.1.attn_norm.weight",
    "output_norm.weight",
  ])
  func `a missing tensor is named`(name: String) throws {
    let error = try #require(Self.error(.init(leaveOut: name)))
    #expect(error.code == .malformedFile)
    #expect(error.message.contains(name))
  }

  @Test func `without an output head the embedding serves`() throws {
    let weights = try Self.model.weights(.init(leaveOut: "output.weight"))
    #expect(weights.head === weights.embedding)
  }

  @Test(arguments: [
    "blk.0.attn_k.weight", "blk.0.ffn_up.weight", "blk.0.ffn_norm.weight", "output.weight",
  ])
  func `a tensor of another shape is named with both shapes`(name: String) throws {
    let shape = try #require(Self.model.dimensions[name])
    let wrong = [shape[0] - 32] + shape.dropFirst()
    let error = try #require(Self.error(.init(shapes: [name: wrong])))
    #expect(error.code == .malformedFile)
    #expect(error.message.contains(name) && error.message.contains("\(shape)"))
  }

  @Test(arguments: [
    ("block_count", UInt32(0)), ("block_count", 1_000_000), ("block_count", 4_000_000_000),
    ("embedding_length", 1 << 30),
    ("attention.head_count", 0), ("attention.head_count_kv", 5), ("rope.dimension_count", 64),
    ("context_length", 0),
  ])
  func `an absurd count is refused`(key: String, value: UInt32) throws {
    let error = try #require(Self.error(.init(integers: [key: value])))
    #expect(error.code == .malformedFile)
  }

  @Test(arguments: [
    ("embedding_length", UInt32(100)), ("attention.key_length", 24),
    ("attention.value_length", 64), ("rope.dimension_count", 31),
  ])
  func `a shape that the kernels do not compute is unsupported`(key: String, value: UInt32) throws {
    let error = try #require(Self.error(.init(integers: [key: value])))
    #expect(error.code == .unsupportedFile)
  }

  @Test(arguments: ["block_count", "embedding_length", "context_length", "attention.head_count"])
  func `a missing count is named`(key: String) throws {
    let error = try #require(Self.error(.init(leaveOut: key)))
    #expect(error.code == .malformedFile)
    #expect(error.message.contains(key))
  }

  @Test func `another architecture and scaled positions are unsupported`() throws {
    let architecture = Self.error(.init(strings: ["general.architecture": "mamba"]))
    #expect(architecture?.code == .unsupportedFile)
    #expect(architecture?.message.contains("mamba") == true)
    let scaling = Self.error(.init(strings: ["rope.scaling.type": "longrope"]))
    #expect(scaling?.code == .unsupportedFile)
    #expect(scaling?.message.contains("longrope") == true)
    #expect(Self.error(.init(numbers: ["rope.scaling.factor": 1])) == nil)
  }

  @Test func `a tensor that would be passed over is named`() throws {
    // A model with biases whose file calls one of them otherwise.
    let error = try #require(
      Self.error(.init(extra: ["blk.1.attn_output.bias": [Float](repeating: 0, count: 96)])))
    #expect(error.code == .unsupportedFile)
    #expect(error.message.contains("'blk.1.attn_output.bias'"))
  }

  @Test(arguments: [Float.nan, .infinity, 0, -1])
  func `rotary divisors are positive numbers`(divisor: Float) throws {
    let divisors = [Float](repeating: 2, count: 15) + [divisor]
    let error = try #require(Self.error(.init(extra: ["rope_freqs.weight": divisors])))
    #expect(error.code == .malformedFile && error.message.contains("rope_freqs.weight"))
    #expect(
      Self.error(.init(extra: ["rope_freqs.weight": [Float](repeating: 2, count: 16)])) == nil)
  }

  @Test func `a tokenizer with more tokens than the embedding has rows is refused`() throws {
    for (count, isSound) in [(70, true), (71, false)] {
      let error = Self.error(.init(tokens: (0..<count).map { "\($0)" }))
      #expect((error == nil) == isSound)
      #expect(
        isSound || error?.message.contains("71 tokens, but 'token_embd.weight' only 70") == true)
    }
  }

  @Test func `biases of another length are refused`() throws {
    let model = EngineTinyModel(architecture: "qwen2", hasBiases: true)
    #expect {
      try model.weights(.init(shapes: ["blk.0.attn_k.bias": [32]]))
    } throws: {
      ($0 as? TransformerError)?.message.contains("'blk.0.attn_k.bias' has the shape [32]") == true
    }
  }

  /// Rows of 8 channels of which 6 are rotated: the halves 0 1 2 and 3 4 5 become pairs.
  @Test func `rows of halves become neighbours, head by head`() {
    let order = RowOrder(headWidth: 8, rotaryWidth: 6)
    #expect(
      (0..<16).map(order.source(of:)) == [0, 3, 1, 4, 2, 5, 6, 7, 8, 11, 9, 12, 10, 13, 14, 15])
  }

  @Test func `a format that is not multiplied is named with those that are`() throws {
    let name = "blk.0.attn_q.weight"
    let count = (Self.model.tensors[name] ?? []).count
    let doubles = EngineTinyModel.Stored(type: 28, bytes: [UInt8](repeating: 0, count: 8 * count))
    let error = try #require(Self.error(.init(stored: [name: doubles])))
    #expect(error.code == .unsupportedFile)
    #expect(error.message.contains("f64") && error.message.contains("q4_1"))
  }

  /// 20 rows of 256 random numbers, of which those of a head of 16 are put in order.
  @Test(arguments: [(TensorType.q4_K, ElementFormat.q4_K), (.q6_K, .q6_K)])
  func `rows of K-quants are loaded and put in order`(
    type: TensorType, format: ElementFormat
  ) throws {
    var random = SplitMix64(seed: 5)
    var rows = (0..<32).map { _ in
      (0..<type.blockBytes).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }
    // A scale of 2⁻⁸ for all, so that there are only numbers.
    for row in rows.indices {
      for place in type == .q4_K ? [0, 2] : [208] {
        rows[row].replaceSubrange(place..<place + 2, with: [0x00, 0x1C])
      }
    }
    var builder = GGUFBuilder()
    builder.addTensor(
      "x", type: type.rawValue, dimensions: [256, 32], bytes: rows.flatMap { $0 })
    let file = try openGGUF(builder.bytes)
    var loader = WeightLoader(file.tensors.mapValues { StoredTensor(tensor: $0, file: file.file) })
    let order = RowOrder(headWidth: 16, rotaryWidth: 16)
    let matrix = try loader.matrix("x", rows: 32, columns: 256, order: order)
    try loader.packAll(threads: 2)
    for row in 0..<32 {
      var (expected, found) = ([Float](repeating: 0, count: 256), [Float](repeating: 0, count: 256))
      rows[order.source(of: row)].withUnsafeBytes { bytes in
        expected.withUnsafeMutableBufferPointer { format.dequantise(bytes, into: $0) }
      }
      matrix.unpackRow(row, into: &found)
      // Scales up to 63 · 2⁻⁸, rounded to 11 bits where the format is Q4_K.
      #expect(zip(expected, found).allSatisfy { abs($0 - $1) <= 16 * 63 * 0x1p-19 }, "row \(row)")
    }
  }

  /// 96 × 192 numbers as bf16, whose bits are the upper half of a float's.
  @Test func `a tensor in another format computes nearly the same`() throws {
    let name = "blk.0.attn_q.weight"
    let values = try #require(Self.model.tensors[name])
    let bytes = values.flatMap { GGUFBuilder.little(UInt16($0.bitPattern >> 16)) }
    let text: [Token] = [1, 2, 3, 4, 5, 6, 7]
    let stored = EngineTinyModel.Stored(type: 30, bytes: bytes)
    let changed = try EngineRunner(Self.model.weights(.init(stored: [name: stored])), .flash)
    let plain = try EngineRunner(Self.model.weights(), .flash)
    let difference = greatestDifference(try changed.logits(text), try plain.logits(text))
    // bf16 keeps 8 bits: one matrix of 28 changes by 0.4 % at most.
    #expect(difference > 0 && difference < 0.1)
  }
}
