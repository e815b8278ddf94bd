#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What `config.json` says of a model, in the terms of GGUF.
struct CheckpointConfiguration {
  /// `llama` or `qwen2`.
  let architecture: String
  /// The keys that a GGUF file has for the same.
  let metadata: [String: GGUFValue]
  /// What prompts begin with, and what ends answers, where it is said.
  let beginOfText: Int?
  let endOfText: [Int]
  private let rotaryDivisors: [Double]?
  private let isTied: Bool

  /// - Throws: `unsupportedFile` for another architecture, activation, attention or scaling;
  ///   `malformedFile` for what is missing.
  init(_ config: JSON) throws(TransformerError) {
    guard let architecture = config["model_type"]?.string else {
      throw TransformerError(.malformedFile, "config.json does not say its model_type")
    }
    guard ["llama", "qwen2"].contains(architecture) else {
      throw Self.unsupported("model_type '\(architecture.prefix(64))'; 'llama' and 'qwen2' are")
    }
    self.architecture = architecture
    try Self.checkKind(config)
    var metadata: [String: GGUFValue] = ["general.architecture": .string(architecture)]
    let integers = [
      ("num_hidden_layers", "block_count"), ("hidden_size", "embedding_length"),
      ("intermediate_size", "feed_forward_length"), ("num_attention_heads", "attention.head_count"),
      ("num_key_value_heads", "attention.head_count_kv"), ("head_dim", "attention.key_length"),
      ("head_dim", "attention.value_length"), ("max_position_embeddings", "context_length"),
    ]
    for (name, key) in integers {
      guard let value = config[name] else { continue }
      guard let integer = value.integer else { throw Self.mistyped(name) }
      metadata["\(architecture).\(key)"] = .integer(integer)
    }
    for (name, key) in [
      ("rms_norm_eps", "attention.layer_norm_rms_epsilon"), ("rope_theta", "rope.freq_base"),
    ] {
      guard let value = config[name] else { continue }
      guard let number = value.number else { throw Self.mistyped(name) }
      metadata["\(architecture).\(key)"] = .number(number)
    }
    self.metadata = metadata
    beginOfText = config["bos_token_id"]?.integer
    endOfText =
      config["eos_token_id"]?.integer.map { [$0] }
      ?? config["eos_token_id"]?.array?.compactMap(\.integer) ?? []
    isTied = config["tie_word_embeddings"]?.flag ?? false
    rotaryDivisors = try Self.rotaryDivisors(config)
  }

  private static func checkKind(_ config: JSON) throws(TransformerError) {
    if let activation = config["hidden_act"], activation.string != "silu" {
      throw unsupported("another hidden_act than 'silu'; that alone is")
    }
    if config["quantization_config"] != nil {
      throw unsupported("quantised weights in safetensors; F32, F16 and BF16 are, or GGUF")
    }
    if config["use_sliding_window"]?.flag == true {
      throw unsupported("use_sliding_window; a variant's own window is")
    }
  }

  private static func unsupported(_ what: String) -> TransformerError {
    TransformerError(.unsupportedFile, "config.json asks for \(what) supported")
  }

  private static func mistyped(_ name: String) -> TransformerError {
    TransformerError(.malformedFile, "'\(name)' in config.json is no number that fits")
  }

  // MARK: Rotation

  /// Llama 3's own scaling: long waves are slowed down by `factor`, short ones not at all, those
  /// between by a share. Grattafiori et al. 2024, "The Llama 3 Herd of Models"; the constants are
  /// in config.json. `nil` without scaling.
  private static func rotaryDivisors(_ config: JSON) throws(TransformerError) -> [Double]? {
    guard let scaling = config["rope_scaling"] else { return nil }
    let kind = scaling["rope_type"]?.string ?? scaling["type"]?.string ?? "unknown"
    if kind == "default" { return nil }
    guard kind == "llama3" else {
      throw unsupported("RoPE scaling '\(kind.prefix(64))'; 'llama3' and none are")
    }
    guard let factor = scaling["factor"]?.number,
      let low = scaling["low_freq_factor"]?.number,
      let high = scaling["high_freq_factor"]?.number,
      let length = scaling["original_max_position_embeddings"]?.number,
      let width = config["head_dim"]?.integer
        ?? quotient(config["hidden_size"]?.integer, config["num_attention_heads"]?.integer),
      factor >= 1, low > 0, high > low, length >= 1, (2...1_024).contains(width)
    else { throw TransformerError(.malformedFile, "rope_scaling in config.json is incomplete") }
    let base = config["rope_theta"]?.number ?? 10_000
    return (0..<width / 2).map { pair in
      let wave = 2 * Double.pi * pow(base, 2 * Double(pair) / Double(width))
      if wave < length / high { return 1 }
      if wave > length / low { return factor }
      let share = (length / wave - low) / (high - low)
      return 1 / ((1 - share) / factor + share)
    }
  }

  private static func quotient(_ a: Int?, _ b: Int?) -> Int? {
    guard let a, let b, b > 0 else { return nil }
    return a / b
  }

  /// The shape with what GGUF has no key for.
  func adjusted(_ parameters: HyperParameters) throws(TransformerError) -> HyperParameters {
    var parameters = parameters
    // GGUF's llama files have their rows in another order than these.
    parameters.rotatesHalves = true
    if let rotaryDivisors {
      guard rotaryDivisors.count == parameters.rotaryDivisors.count,
        rotaryDivisors.allSatisfy({ $0.isFinite && $0 > 0 })
      else { throw TransformerError(.malformedFile, "rope_scaling in config.json fits no head") }
      parameters.rotaryDivisors = rotaryDivisors
    }
    return parameters
  }

  // MARK: Names

  /// The tensors by GGUF's names; those without one keep theirs, and loading will name them.
  func translated(_ tensors: [String: StoredTensor]) throws(TransformerError) -> [String:
    StoredTensor]
  {
    var translated: [String: StoredTensor] = [:]
    for (name, tensor) in tensors {
      // Tables that old checkpoints keep beside the weights, and a head that the embedding serves.
      if name.hasSuffix(".rotary_emb.inv_freq") || (isTied && name == "lm_head.weight") { continue }
      translated[Self.translated(name) ?? name] = tensor
    }
    guard isTied || translated["output.weight"] != nil else {
      throw TransformerError(
        .malformedFile, "there is no 'lm_head.weight', and config.json does not tie the embeddings")
    }
    return translated
  }

  private static func translated(_ name: String) -> String? {
    let whole = [
      "model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
      "lm_head.weight": "output.weight",
    ]
    if let known = whole[name] { return known }
    let parts = name.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count == 4, parts[0] == "model", parts[1] == "layers",
      let block = Int(parts[2]), "\(block)" == parts[2], let dot = parts[3].lastIndex(of: ".")
    else { return nil }
    let layers: [Substring: String] = [
      "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
      "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
      "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
      "mlp.down_proj": "ffn_down",
    ]
    return layers[parts[3][..<dot]].map { "blk.\(block).\($0)\(parts[3][dot...])" }
  }
}
