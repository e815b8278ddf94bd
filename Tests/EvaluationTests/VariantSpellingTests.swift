import Testing
import Transformer

@testable import Evaluation

/// Variants as they are spelled, and how many keys they see.
struct VariantSpellingTests {
  @Test func `spellings give the variants they say`() throws {
    #expect(try VariantSpelling("dense").attention == .dense)
    #expect(try VariantSpelling("flash").attention == .flash)
    let window = try VariantSpelling("window:508+4,context:12288")
    #expect(window.attention == .slidingWindow(window: 508, sinks: 4))
    #expect(window.context == 12_288 && window.text == "window:508+4,context:12288")
  }

  @Test(arguments: [
    ("", "there is no attention ''"), ("flsh", "did you mean 'flash'?"),
    ("windw:8+1", "did you mean 'window:508+4'?"), ("window", "no attention 'window'"),
    ("window:508", "POSITIONS+SINKS"), ("window:0+4", "POSITIONS+SINKS"),
    ("window:8+-1", "POSITIONS+SINKS"), ("flash:1", "no attention 'flash'"),
    ("flash,contxt:5", "did you mean 'context:12288'?"), ("flash,context:long", "no change"),
    ("flash,", "no change ''"),
  ])
  func `a spelling without meaning is refused with what there is`(text: String, part: String) {
    let error = #expect(throws: EvaluationError.self) { try VariantSpelling(text) }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
  }

  @Test func `a gated variant asks for its gate`() throws {
    #expect(throws: EvaluationError.self) { try VariantSpelling("gated") }
    #expect(throws: EvaluationError.self) { try VariantSpelling("gated:512/x") }
    let spelling = try VariantSpelling("gated:512/16")
    let weights = try EvaluationModel.loaded().weights
    let error = #expect(throws: TransformerError.self) { try spelling.variant(of: weights) }
    #expect(error?.message.contains("--gate") == true)
    let shape = Gate.Shape(weights.parameters)
    for blockSize in [16, 32] {
      let gate = try Gate(
        shape, blockSize: blockSize, modelDigest: String(repeating: "0", count: 64),
        weights: [Float](repeating: 1, count: shape.weightCount))
      if blockSize == 16 {
        #expect(
          try spelling.variant(of: weights, gate: gate).attention
            == .gated(Gated(gate, keys: 512)))
      } else {
        #expect(throws: TransformerError.self) { try spelling.variant(of: weights, gate: gate) }
      }
    }
  }

  /// Counted by hand over all queries and keys.
  @Test(arguments: [("flash", 7), ("window:3+2", 9), ("window:30+2", 9), ("window:1+0", 5)])
  func `keys seen are those that the plan shows`(spelling: String, length: Int) throws {
    let attention = try VariantSpelling(spelling).attention
    var seen = 0
    var all = 0
    for query in 0..<length {
      for key in 0...query {
        all += 1
        switch attention {
        case .slidingWindow(let window, let sinks):
          seen += key < sinks || key > query - window ? 1 : 0
        default: seen += 1
        }
      }
    }
    let share = try #require(attention.keysSeen(length: length))
    #expect(abs(share - Double(seen) / Double(all)) < 1e-12)
  }
}
