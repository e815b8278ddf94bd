/// Small sound files for the fuzzer to start from, made by the builders of the tests.
enum FuzzSeeds {
  static var all: [(name: String, bytes: [UInt8])] {
    let tokenizers = ["gpt-2", "smollm", "llama-bpe", "qwen2", "default"].map { rule in
      (
        "bytes-\(rule)",
        TokenizerFile.sound {
          $0.pre = rule
          $0.ids["bos"] = 0
        }.bytes
      )
    }
    return tokenizers + [
      ("pieces", PieceFile.with(.init()).bytes), ("few-pieces", PieceFile.with(fewPieces).bytes),
      ("llama", model("llama", type: 2, blockBytes: 18, blockElements: 32)),
      ("qwen2", model("qwen2", type: 0, blockBytes: 4, blockElements: 1)),
      ("q8_0", model("llama", type: 8, blockBytes: 34, blockElements: 32)),
      ("q4_K", model("llama", type: 12, blockBytes: 144, blockElements: 256)),
      ("q6_K", model("qwen2", type: 14, blockBytes: 210, blockElements: 256)),
      ("safetensors", safetensors), ("config.json", Array(configuration.utf8)),
      ("tokenizer.json", Array(tokenizer.utf8)),
    ]
  }

  private static var safetensors: [UInt8] {
    let header = """
      {"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},\
      "b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]}}
      """
    return GGUFBuilder.little(UInt64(header.utf8.count)) + Array(header.utf8)
      + [UInt8](repeating: 1, count: 32)
  }

  private static let configuration = """
    {"model_type":"qwen2","num_hidden_layers":2,"hidden_size":64,"intermediate_size":96,\
    "num_attention_heads":2,"num_key_value_heads":1,"head_dim":32,"rms_norm_eps":1e-6,\
    "rope_theta":500000.0,"max_position_embeddings":512,"hidden_act":"silu","eos_token_id":[1,2],\
    "rope_scaling":{"rope_type":"llama3","factor":32.0,"low_freq_factor":1.0,\
    "high_freq_factor":4.0,"original_max_position_embeddings":8192}}
    """

  private static let tokenizer = """
    {"added_tokens":[{"id":4,"content":"<s>","special":true},{"id":5,"content":"<t>"}],\
    "pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Digits",\
    "individual_digits":true},{"type":"ByteLevel","add_prefix_space":false}]},\
    "model":{"type":"BPE","vocab":{"t":0,"h":1,"th":2,"\\u0120":3},"merges":["t h",["t","h"]]},\
    "chat_template":"{% for message in messages %}{{ '<s>' + message['role'] + '\\n' + \
    message['content'] + '<s>' }}{% endfor %}"}
    """

  private static var fewPieces: PieceFile.Parts {
    var parts = PieceFile.Parts(
      tokens: ["<unk>", "<s>", "</s>", "<0x41>", "a", "b", "ab", "▁ab", "<tool>"],
      kinds: [2, 3, 3, 6, 1, 1, 1, 1, 4], scores: [0, 0, 0, 0, -3, -4, -1, -2, -1_000])
    parts.addsSpacePrefix = true
    return parts
  }

  /// One block, one head, four tokens.
  private static func model(
    _ architecture: String, type: UInt32, blockBytes: Int, blockElements: Int
  ) -> [UInt8] {
    let width = max(32, blockElements)
    var builder = GGUFBuilder()
    builder.add("general.architecture", architecture)
    for (name, value) in [
      ("block_count", 1), ("embedding_length", width), ("feed_forward_length", 32),
      ("attention.head_count", 1), ("attention.key_length", 32), ("attention.value_length", 32),
      ("rope.dimension_count", 32), ("context_length", 64),
    ] { builder.add("\(architecture).\(name)", UInt32(value)) }
    builder.add("\(architecture).attention.layer_norm_rms_epsilon", Float(1e-5))
    func add(_ name: String, _ columns: Int, _ rows: Int? = nil, bytes: Int) {
      builder.addTensor(
        name, type: rows == nil || bytes == columns * (rows ?? 1) * 4 ? 0 : type,
        dimensions: [UInt64(columns)] + (rows.map { [UInt64($0)] } ?? []),
        bytes: [UInt8](repeating: 0x2C, count: bytes))
    }
    func matrix(_ name: String, _ columns: Int, _ rows: Int) {
      let isWhole = columns % blockElements == 0
      let row = isWhole ? columns / blockElements * blockBytes : columns * 4
      add(name, columns, rows, bytes: row * rows)
    }
    matrix("token_embd.weight", width, 4)
    add("blk.0.attn_norm.weight", width, bytes: 4 * width)
    add("blk.0.ffn_norm.weight", width, bytes: 4 * width)
    add("output_norm.weight", width, bytes: 4 * width)
    for name in ["q", "k", "v"] {
      matrix("blk.0.attn_\(name).weight", width, 32)
      if architecture == "qwen2" { add("blk.0.attn_\(name).bias", 32, bytes: 128) }
    }
    matrix("blk.0.attn_output.weight", 32, width)
    for name in ["gate", "up"] { matrix("blk.0.ffn_\(name).weight", width, 32) }
    matrix("blk.0.ffn_down.weight", 32, width)
    return builder.bytes
  }
}
