import Foundation
import Transformer

/// A random model small enough to be computed by plain loops, and the file that holds it.
///
/// Grouped heads, a head width unlike the model's, several blocks: whatever could be mixed up has a
/// size of its own.
struct EngineTinyModel {
  static let width = 96
  static let hiddenWidth = 160
  static let heads = 6
  static let keyValueHeads = 2
  static let headWidth = 32
  static let blockCount = 2
  static let vocabularySize = 70
  static let contextLength = 512
  static let rotaryBase = 500.0
  static let epsilon = 1e-5

  /// By name: [rows, columns], row by row.
  private(set) var tensors: [String: [Float]] = [:]
  /// In GGUF order.
  private(set) var dimensions: [String: [Int]] = [:]
  private var order: [String] = []
  /// As the file calls it: `llama` rotates neighbouring channels, `qwen2` the halves of a head.
  let architecture: String

  /// - Parameter hasBiases: whether query, key and value have them
  init(seed: UInt64 = 1, architecture: String = "llama", hasBiases: Bool = false) {
    self.architecture = architecture
    var state = seed
    func next() -> Float {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(state >> 40) / Float(1 << 23) - 1
    }
    func add(_ name: String, _ columns: Int, _ rows: Int?) {
      order.append(name)
      dimensions[name] = [columns] + (rows.map { [$0] } ?? [])
      let count = columns * (rows ?? 1)
      // Norms near 1, matrices that keep their input's size.
      let scale = rows == nil ? 0.2 : Float(2) / Float(columns).squareRoot()
      tensors[name] = (0..<count).map { _ in next() * scale + (rows == nil ? 1 : 0) }
    }
    let (queryWidth, keyWidth) = (Self.heads * Self.headWidth, Self.keyValueHeads * Self.headWidth)
    add("token_embd.weight", Self.width, Self.vocabularySize)
    for block in 0..<Self.blockCount {
      add("blk.\(block).attn_norm.weight", Self.width, nil)
      add("blk.\(block).attn_q.weight", Self.width, queryWidth)
      add("blk.\(block).attn_k.weight", Self.width, keyWidth)
      add("blk.\(block).attn_v.weight", Self.width, keyWidth)
      if hasBiases {
        add("blk.\(block).attn_q.bias", queryWidth, nil)
        add("blk.\(block).attn_k.bias", keyWidth, nil)
        add("blk.\(block).attn_v.bias", keyWidth, nil)
      }
      add("blk.\(block).attn_output.weight", queryWidth, Self.width)
      add("blk.\(block).ffn_norm.weight", Self.width, nil)
      add("blk.\(block).ffn_gate.weight", Self.width, Self.hiddenWidth)
      add("blk.\(block).ffn_up.weight", Self.width, Self.hiddenWidth)
      add("blk.\(block).ffn_down.weight", Self.hiddenWidth, Self.width)
    }
    add("output_norm.weight", Self.width, nil)
    add("output.weight", Self.width, Self.vocabularySize)
  }

  /// A tensor in another type: the type's number in the file, and the bytes.
  struct Stored {
    let type: UInt32
    let bytes: [UInt8]
  }

  /// What to change in the file.
  struct Changes {
    var leaveOut: String?
    var integers: [String: UInt32] = [:]
    var numbers: [String: Float] = [:]
    var strings: [String: String] = [:]
    var shapes: [String: [Int]] = [:]
    var stored: [String: Stored] = [:]
    var values: [String: [Float]] = [:]
    /// Vectors that such a model does not have.
    var extra: [String: [Float]] = [:]
    var tokens: [String]?
  }

  /// The model as a file, every tensor in f32.
  func bytes(_ changes: Changes = Changes()) -> [UInt8] {
    var builder = GGUFBuilder()
    builder.add("general.architecture", changes.strings["general.architecture"] ?? architecture)
    let integers: [(String, Int)] = [
      ("block_count", Self.blockCount), ("embedding_length", Self.width),
      ("feed_forward_length", Self.hiddenWidth), ("attention.head_count", Self.heads),
      ("attention.head_count_kv", Self.keyValueHeads), ("attention.key_length", Self.headWidth),
      ("attention.value_length", Self.headWidth), ("rope.dimension_count", Self.headWidth),
      ("context_length", Self.contextLength),
    ]
    for (name, value) in integers where changes.leaveOut != name {
      builder.add("\(architecture).\(name)", changes.integers[name] ?? UInt32(value))
    }
    builder.add(
      "\(architecture).rope.freq_base", changes.numbers["rope.freq_base"] ?? Float(Self.rotaryBase))
    builder.add("\(architecture).attention.layer_norm_rms_epsilon", Float(Self.epsilon))
    if let kind = changes.strings["rope.scaling.type"] {
      builder.add("\(architecture).rope.scaling.type", kind)
    }
    if let tokens = changes.tokens { builder.add("tokenizer.ggml.tokens", tokens) }
    for (name, value) in changes.numbers where name != "rope.freq_base" {
      builder.add("\(architecture).\(name)", value)
    }
    if let trained = changes.integers["rope.scaling.original_context_length"] {
      builder.add("\(architecture).rope.scaling.original_context_length", trained)
    }
    for name in order where changes.leaveOut != name {
      let shape = (changes.shapes[name] ?? dimensions[name] ?? []).map(UInt64.init)
      if let stored = changes.stored[name] {
        builder.addTensor(name, type: stored.type, dimensions: shape, bytes: stored.bytes)
      } else {
        let values = changes.values[name] ?? tensors[name] ?? []
        let count = shape.reduce(1, *)
        builder.addTensor(
          name, type: 0, dimensions: shape,
          bytes: values.prefix(Int(count)).flatMap { GGUFBuilder.little($0.bitPattern) })
      }
    }
    for (name, values) in changes.extra {
      builder.addTensor(
        name, type: 0, dimensions: [UInt64(values.count)],
        bytes: values.flatMap { GGUFBuilder.little($0.bitPattern) })
    }
    return builder.bytes
  }

  func weights(_ changes: Changes = Changes()) throws -> Weights {
    try Weights(openGGUF(bytes(changes)), threads: 2)
  }
}
