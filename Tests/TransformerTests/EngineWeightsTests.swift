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
    ("block_count", UInt32(0)), ("block_count", 4_000_000_000), ("embedding_length", 1 << 30),
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
  }

  @Test func `a format that is not multiplied is named with those that are`() throws {
    // q4_K blocks have 256 elements and the model's rows 96, so the type f64 stands for the others.
    let name = "blk.0.attn_q.weight"
    let count = (Self.model.tensors[name] ?? []).count
    let doubles = EngineTinyModel.Stored(type: 28, bytes: [UInt8](repeating: 0, count: 8 * count))
    let error = try #require(Self.error(.init(stored: [name: doubles])))
    #expect(error.code == .unsupportedFile)
    #expect(error.message.contains("f64") && error.message.contains("q4_1"))
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
