import Foundation
import Tensors
import Testing

@testable import Transformer

/// A small qwen2 model in K-quants against llama.cpp; `fixtures/engine/qwen2.py` made the logits,
/// and makes the same file of the same numbers.
struct `A random qwen2 model in Q4_K and Q6_K` {
  struct Answer: Decodable {
    let tokens: [Token]
    let logits: [Float]
  }

  private static let width = 256
  private static let tokenCount = 64
  private static let sharedWidth = 64

  private static let answers = Result {
    try JSONDecoder().decode([Answer].self, from: TestModel.fixture("engine/qwen2.json"))
  }

  private static let file = Result { try openGGUF(bytes()) }

  /// In the order of the script.
  private static func bytes() -> [UInt8] {
    var builder = GGUFBuilder()
    builder.add("general.architecture", "qwen2")
    for (name, value) in [
      ("context_length", 128), ("embedding_length", width), ("block_count", 1),
      ("feed_forward_length", width), ("attention.head_count", 8), ("attention.head_count_kv", 2),
    ] { builder.add("qwen2.\(name)", UInt32(value)) }
    builder.add("qwen2.rope.freq_base", Float(10_000))
    builder.add("qwen2.attention.layer_norm_rms_epsilon", Float(1e-6))
    var random = SplitMix64(seed: 11)
    func add(_ name: String, rows: Int, type: TensorType) {
      var bytes: [UInt8] = []
      for _ in 0..<(rows * type.blockBytes + 7) / 8 { bytes += GGUFBuilder.little(random.next()) }
      bytes.removeLast(bytes.count - rows * type.blockBytes)
      // 2⁻¹¹ and 2⁻⁸, 2⁻¹⁴.
      let scales: [(Int, UInt16)] = type == .q4_K ? [(0, 0x1000), (2, 0x1C00)] : [(208, 0x0400)]
      for row in 0..<rows {
        for (place, half) in scales {
          let start = row * type.blockBytes + place
          bytes.replaceSubrange(start..<start + 2, with: GGUFBuilder.little(half))
        }
      }
      builder.addTensor(
        name, type: type.rawValue, dimensions: [UInt64(width), UInt64(rows)], bytes: bytes)
    }
    func add(_ name: String, dimensions: [Int], _ values: (Int) -> [Float]) {
      builder.addTensor(
        name, type: 0, dimensions: dimensions.map(UInt64.init),
        bytes: values(dimensions.reduce(1, *)).flatMap { GGUFBuilder.little($0.bitPattern) })
    }
    func uniform(_ count: Int) -> [Float] {
      (0..<count).map { _ in Float(random.next() >> 40) / Float(1 << 23) - 1 }
    }
    add("token_embd.weight", dimensions: [width, tokenCount], uniform)
    add("blk.0.attn_q.weight", rows: width, type: .q4_K)
    add("blk.0.attn_k.weight", rows: sharedWidth, type: .q4_K)
    add("blk.0.attn_v.weight", rows: sharedWidth, type: .q6_K)
    add("blk.0.attn_output.weight", rows: width, type: .q4_K)
    add("blk.0.ffn_gate.weight", rows: width, type: .q4_K)
    add("blk.0.ffn_up.weight", rows: width, type: .q4_K)
    add("blk.0.ffn_down.weight", rows: width, type: .q6_K)
    add("output.weight", rows: tokenCount, type: .q6_K)
    add("blk.0.attn_q.bias", dimensions: [width], uniform)
    add("blk.0.attn_k.bias", dimensions: [sharedWidth], uniform)
    add("blk.0.attn_v.bias", dimensions: [sharedWidth], uniform)
    for name in ["blk.0.attn_norm.weight", "blk.0.ffn_norm.weight", "output_norm.weight"] {
      add(name, dimensions: [width]) { [Float](repeating: 1, count: $0) }
    }
    return builder.bytes
  }

  /// llama.cpp rounds activations to 8 bits in blocks of 256 here: logits of up to 6 move by a
  /// hundredth or two, as ours do with 8 bits in blocks of 32.
  @Test(arguments: NumericMode.allCases, [AttentionKind.dense, .flash])
  func `has the logits that llama.cpp gives it`(
    mode: NumericMode, attention: AttentionKind
  ) throws {
    let weights = try Weights(Self.file.get(), threads: 2)
    let runner = try EngineRunner(weights, attention, mode: mode)
    let answers = try Self.answers.get()
    #expect(answers.map(\.tokens.count) == [1, 5, 40])
    for answer in answers {
      let logits = try runner.logits(answer.tokens, last: 1)
      let difference = greatestDifference(logits, [answer.logits])
      #expect(difference < 0.1, "\(answer.tokens.count) tokens: \(difference)")
    }
  }
}
