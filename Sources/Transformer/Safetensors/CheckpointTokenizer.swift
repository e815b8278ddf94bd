/// What `tokenizer.json` and `tokenizer_config.json` say, in the terms of GGUF.
///
/// Only byte-level byte pairs: those of GPT-2, SmolLM2, Llama 3 and Qwen 2, told by their pattern.
/// As llama.cpp does, it leaves text unnormalised where a file asks for NFC.
struct CheckpointTokenizer {
  /// `tokenizer.ggml.…` without what config.json says.
  private var metadata: [String: GGUFValue] = ["tokenizer.ggml.model": .string("gpt2")]
  private let tokens: [String]

  /// - Throws: `unsupportedFile` for another model or pattern, `malformedFile` for tokens or merges
  ///   that do not fit together.
  init(_ file: JSON, _ configuration: JSON?) throws(TransformerError) {
    guard let model = file["model"], model["type"]?.string ?? "BPE" == "BPE",
      let vocabulary = model["vocab"]?.object, let merges = model["merges"]?.array
    else { throw Self.unsupported("is no byte-pair encoding") }
    guard model["byte_fallback"]?.flag != true else {
      throw Self.unsupported("spells bytes as tokens in the manner of SentencePiece")
    }
    let rule = try Self.rule(file["pre_tokenizer"])
    // The rule decides it here, see `BytePairs`.
    guard (model["ignore_merges"]?.flag ?? false) == (rule == .llama3) else {
      throw Self.unsupported("has a value of ignore_merges that its pattern never has")
    }
    let added = try Self.added(file["added_tokens"]?.array ?? [])
    tokens = try Self.tokens(vocabulary, added)
    var kinds = [Int32](repeating: Int32(TokenKind.normal.rawValue), count: tokens.count)
    // Numbers that no token has are there so that the others keep theirs.
    for (id, token) in tokens.enumerated() where token.isEmpty {
      kinds[id] = Int32(TokenKind.unused.rawValue)
    }
    for token in added {
      kinds[token.id] = Int32((token.isSpecial ? TokenKind.control : .userDefined).rawValue)
    }
    metadata["tokenizer.ggml.pre"] = .string(rule.names[0])
    metadata["tokenizer.ggml.tokens"] = .array(GGUFArray(tokens))
    metadata["tokenizer.ggml.token_type"] = .array(GGUFArray(kinds))
    metadata["tokenizer.ggml.merges"] = .array(GGUFArray(try merges.map(Self.merge)))
    if let template = try Self.template(configuration) {
      metadata["tokenizer.chat_template"] = .string(template)
    }
  }

  /// The metadata together with the special tokens that `config` names.
  func metadata(_ config: CheckpointConfiguration) throws(TransformerError) -> [String: GGUFValue] {
    var metadata = metadata
    if let token = config.beginOfText { metadata["tokenizer.ggml.bos_token_id"] = .integer(token) }
    // GGUF has room for two ends; a tokenizer knows the usual spellings of others.
    for (name, token) in zip(["eos", "eot"], config.endOfText) {
      metadata["tokenizer.ggml.\(name)_token_id"] = .integer(token)
    }
    return metadata
  }

  private static func unsupported(_ what: String) -> TransformerError {
    TransformerError(
      .unsupportedFile, "tokenizer.json \(what); convert the model to GGUF and load that")
  }

  // MARK: The pattern

  private static let contractions = "'s|'t|'re|'ve|'m|'ll|'d"
  private static let rest = #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  private static let patterns: [String: PreTokenizer] = [
    "(?i:\(contractions))" + #"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"# + rest: .llama3,
    "(?i:\(contractions))" + #"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"# + rest: .qwen2,
  ]

  private static func rule(_ file: JSON?) throws(TransformerError) -> PreTokenizer {
    let steps = file?["pretokenizers"]?.array ?? [file].compactMap(\.self)
    guard let last = steps.last, last["type"]?.string == "ByteLevel",
      last["add_prefix_space"]?.flag != true
    else { throw unsupported("does not end in bytes without a space before them") }
    let usesPattern = last["use_regex"]?.flag ?? true
    switch (steps.count, steps.first?["type"]?.string) {
    case (1, _) where usesPattern: return .gpt2
    case (2, "Digits") where usesPattern && steps[0]["individual_digits"]?.flag == true:
      return .smollm
    case (2, "Split") where !usesPattern:
      let pattern = steps[0]["pattern"]?["Regex"]?.string ?? ""
      guard let rule = patterns[pattern], steps[0]["behavior"]?.string == "Isolated",
        steps[0]["invert"]?.flag != true
      else { throw unsupported("has a pattern that is not Llama 3's or Qwen 2's") }
      return rule
    default: throw unsupported("has a pre-tokenizer that is not known")
    }
  }

  // MARK: Tokens

  private struct Added {
    let id: Int
    let content: String
    let isSpecial: Bool
  }

  private static func added(_ entries: [JSON]) throws(TransformerError) -> [Added] {
    var added: [Added] = []
    for entry in entries {
      guard let id = entry["id"]?.integer, (0..<Vocabulary.largest).contains(id),
        let content = entry["content"]?.string
      else {
        throw TransformerError(
          .malformedFile, "an added token in tokenizer.json lacks its id or its content")
      }
      added.append(Added(id: id, content: content, isSpecial: entry["special"]?.flag ?? false))
    }
    return added
  }

  /// By id, empty where there is none.
  private static func tokens(
    _ vocabulary: [String: JSON], _ added: [Added]
  ) throws(TransformerError) -> [String] {
    var tokens: [String?] = []
    func place(_ token: String, _ id: Int) throws(TransformerError) {
      guard (0..<Vocabulary.largest).contains(id) else {
        throw TransformerError(
          .malformedFile, "tokenizer.json gives '\(token.prefix(64))' the id \(id)")
      }
      while tokens.count <= id { tokens.append(nil) }
      guard tokens[id] == nil || tokens[id] == token else {
        throw TransformerError(.malformedFile, "tokenizer.json has two tokens with the id \(id)")
      }
      tokens[id] = token
    }
    for (token, id) in vocabulary { try place(token, id.integer ?? -1) }
    for token in added { try place(token.content, token.id) }
    return tokens.map { $0 ?? "" }
  }

  /// "left right", or a list of both.
  private static func merge(_ entry: JSON) throws(TransformerError) -> String {
    if let line = entry.string { return line }
    guard let pair = entry.array, pair.count == 2, let left = pair[0].string,
      let right = pair[1].string, !left.contains(" "), !right.contains(" ")
    else {
      throw TransformerError(.malformedFile, "a merge in tokenizer.json is no pair of tokens")
    }
    return "\(left) \(right)"
  }

  private static func template(_ configuration: JSON?) throws(TransformerError) -> String? {
    guard let template = configuration?["chat_template"] else { return nil }
    if let text = template.string { return text }
    let named = template.array?.first { $0["name"]?.string == "default" }
    guard let text = named?["template"]?.string else {
      throw TransformerError(
        .malformedFile, "the chat_template in tokenizer_config.json has no default")
    }
    return text
  }
}

extension GGUFArray {
  /// Strings as a GGUF file stores them.
  init(_ strings: [String]) {
    var bytes: [UInt8] = []
    for string in strings {
      withUnsafeBytes(of: UInt64(string.utf8.count).littleEndian) { bytes.append(contentsOf: $0) }
      bytes.append(contentsOf: string.utf8)
    }
    self.init(elementType: .string, count: strings.count, storage: bytes[...])
  }

  /// Integers as a GGUF file stores them.
  init(_ integers: [Int32]) {
    var bytes: [UInt8] = []
    for integer in integers {
      withUnsafeBytes(of: integer.littleEndian) { bytes.append(contentsOf: $0) }
    }
    self.init(elementType: .int32, count: integers.count, storage: bytes[...])
  }
}
