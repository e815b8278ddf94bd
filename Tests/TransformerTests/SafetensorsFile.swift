import Foundation

/// Writes safetensors files, sound ones and lying ones, and the files beside them.
struct SafetensorsFile {
  /// JSON of the header.
  var header: String
  var data: [UInt8]
  /// What the first 8 bytes claim, if not the truth.
  var claimedLength: UInt64?

  init(header: String, data: [UInt8]) {
    (self.header, self.data) = (header, data)
  }

  /// Tensors in order, in f32: name, shape in the order of the format, numbers.
  init(_ tensors: [(name: String, shape: [Int], values: [Float])]) {
    var entries: [String] = []
    var data: [UInt8] = []
    for (name, shape, values) in tensors {
      let start = data.count
      for value in values { data += GGUFBuilder.little(value.bitPattern) }
      let place = "\"data_offsets\":[\(start),\(data.count)]"
      entries.append("\"\(name)\":{\"dtype\":\"F32\",\"shape\":\(shape),\(place)}")
    }
    self.init(
      header: "{\"__metadata__\":{\"format\":\"pt\"}," + entries.joined(separator: ",") + "}  ",
      data: data)
  }

  var bytes: [UInt8] {
    GGUFBuilder.little(claimedLength ?? UInt64(header.utf8.count)) + Array(header.utf8) + data
  }
}

extension EngineTinyModel {
  /// The tensors by the names of Hugging Face.
  var checkpointTensors: [(name: String, shape: [Int], values: [Float])] {
    let names = [
      "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
      "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
      "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
      "ffn_down": "mlp.down_proj",
    ]
    return tensors.keys.sorted().map { name in
      let parts = name.split(separator: ".").map(String.init)
      let whole = [
        "token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head",
      ]
      let spelled =
        parts[0] == "blk"
        ? "model.layers.\(parts[1]).\(names[parts[2]] ?? parts[2]).\(parts[3])"
        : "\(whole[parts[0]] ?? parts[0]).\(parts[1])"
      return (spelled, (dimensions[name] ?? []).reversed(), tensors[name] ?? [])
    }
  }

  /// What `config.json` of this model says, changed by `changes`; `NSNull` takes a key away.
  func configuration(_ changes: [String: Any] = [:]) throws -> Data {
    var config: [String: Any] = [
      "model_type": architecture, "num_hidden_layers": Self.blockCount,
      "hidden_size": Self.width, "intermediate_size": Self.hiddenWidth,
      "num_attention_heads": Self.heads, "num_key_value_heads": Self.keyValueHeads,
      "head_dim": Self.headWidth, "max_position_embeddings": Self.contextLength,
      "rope_theta": Self.rotaryBase, "rms_norm_eps": Self.epsilon, "hidden_act": "silu",
      "tie_word_embeddings": false, "use_sliding_window": false, "bos_token_id": 0,
      "eos_token_id": [1, 2],
    ]
    for (name, value) in changes { config[name] = value is NSNull ? nil : value }
    return try JSONSerialization.data(withJSONObject: config)
  }
}
