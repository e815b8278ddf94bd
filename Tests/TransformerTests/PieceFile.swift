/// A small SentencePiece tokenizer file: all bytes and a few pieces.
enum PieceFile {
  struct Parts {
    var tokens: [String]
    var kinds: [Int32]
    var scores: [Float]?
    var ids: [String: UInt32] = [:]
    var addsSpacePrefix = false

    /// All bytes, and what "the" is merged of.
    init() {
      let bytes = (0...255).map { (byte: Int) in
        "<0x\(byte < 16 ? "0" : "")\(String(byte, radix: 16, uppercase: true))>"
      }
      tokens = ["<unk>", "<s>", "</s>"] + bytes + ["▁", "t", "h", "e", "th", "the", "▁the"]
      kinds = [2, 3, 3] + [Int32](repeating: 6, count: 256) + [Int32](repeating: 1, count: 7)
      scores = tokens.indices.map { Float(-$0) }
    }

    /// - Parameter kinds: by default an unknown token, two control tokens, then pieces
    init(tokens: [String], kinds: [Int32]? = nil, scores: [Float]) {
      self.tokens = tokens
      self.kinds = kinds ?? [2, 3, 3] + [Int32](repeating: 1, count: tokens.count - 3)
      self.scores = scores
    }
  }

  static func with(_ parts: Parts) -> GGUFBuilder {
    var builder = GGUFBuilder()
    builder.add("tokenizer.ggml.model", "llama")
    builder.add("tokenizer.ggml.tokens", parts.tokens)
    builder.add("tokenizer.ggml.token_type", parts.kinds)
    if let scores = parts.scores { builder.add("tokenizer.ggml.scores", scores) }
    for (name, id) in parts.ids.sorted(by: { $0.key < $1.key }) {
      builder.add("tokenizer.ggml.\(name)_token_id", id)
    }
    builder.add("tokenizer.ggml.add_space_prefix", parts.addsSpacePrefix)
    return builder
  }
}
