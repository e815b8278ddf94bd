@testable import Transformer

/// A small sound tokenizer file: all bytes, one word, and a few control tokens.
enum TokenizerFile {
  static let template =
    "{% for message in messages %}"
    + "{{ '<s>' + message['role'] + '\\n' + message['content'] + '</s>' }}"
    + "{% endfor %}{% if add_generation_prompt %}{{ '<s>assistant\\n' }}{% endif %}"

  static let tokens =
    ["<s>", "</s>", "th", "the", "Ġthe"] + ByteAlphabet.scalars.map { String(Character($0)) }

  /// - Parameter change: may replace metadata before it is written
  static func sound(_ change: (inout Parts) -> Void = { _ in }) -> GGUFBuilder {
    var parts = Parts()
    change(&parts)
    var builder = GGUFBuilder()
    for (name, value) in parts.raw.sorted(by: { $0.key < $1.key }) {
      builder.add("tokenizer.ggml.\(name)", kind: value.kind, raw: value.bytes)
      // In place of what stands there usually.
      switch name {
      case "model": parts.model = nil
      case "tokens": parts.tokens = nil
      case "token_type": parts.kinds = nil
      case "merges": parts.merges = nil
      default: parts.ids[String(name.dropLast("_token_id".count))] = nil
      }
    }
    if let model = parts.model { builder.add("tokenizer.ggml.model", model) }
    if let pre = parts.pre { builder.add("tokenizer.ggml.pre", pre) }
    if let tokens = parts.tokens { builder.add("tokenizer.ggml.tokens", tokens) }
    if let kinds = parts.kinds { builder.add("tokenizer.ggml.token_type", kinds) }
    if let merges = parts.merges { builder.add("tokenizer.ggml.merges", merges) }
    for (name, id) in parts.ids.sorted(by: { $0.key < $1.key }) {
      builder.add("tokenizer.ggml.\(name)_token_id", id)
    }
    for (name, flag) in parts.flags.sorted(by: { $0.key < $1.key }) {
      builder.add("tokenizer.ggml.\(name)", flag)
    }
    if let template = parts.template { builder.add("tokenizer.chat_template", template) }
    return builder
  }

  struct Parts {
    var model: String? = "gpt2"
    var pre: String? = "gpt-2"
    var tokens: [String]? = TokenizerFile.tokens
    var kinds: [Int32]? = [3, 3] + [Int32](repeating: 1, count: TokenizerFile.tokens.count - 2)
    var merges: [String]? = ["t h", "th e", "Ġ the"]
    var ids: [String: UInt32] = ["eos": 1]
    var flags: [String: Bool] = [:]
    var template: String? = TokenizerFile.template
    /// Metadata of another type than it should have.
    var raw: [String: (kind: UInt32, bytes: [UInt8])] = [:]
  }
}
