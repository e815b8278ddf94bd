/// Which tokens a file's metadata gives a meaning.
///
/// Where a file leaves a key out, llama.cpp's defaults hold, as files are written for it.
enum SpecialTokenKeys {
  /// Refuses numbers of special tokens that lie outside the vocabulary.
  static func check(_ file: GGUFFile, _ vocabulary: Vocabulary) throws(TransformerError) {
    for (key, value) in file.metadata
    where key.hasPrefix("tokenizer.ggml.") && key.hasSuffix("_token_id") {
      guard case .integer(let token) = value, (0..<vocabulary.count).contains(token) else {
        throw TransformerError(
          .malformedFile,
          "metadata '\(key)' is \(value); the vocabulary has tokens 0 to \(vocabulary.count - 1)")
      }
    }
  }

  /// The keys and, since many files name only one of theirs, the usual spellings.
  static func endOfGeneration(
    _ file: GGUFFile, _ vocabulary: Vocabulary, _ spelling: VocabularySpelling
  ) throws(TransformerError) -> Set<Token> {
    var tokens: Set<Token> = []
    for name in ["eos", "eot", "eom"] {
      if let token = try file.integer("tokenizer.ggml.\(name)_token_id") {
        tokens.insert(Token(token))
      }
    }
    if tokens.isEmpty, spelling == .pieces, vocabulary.contains(2) { tokens.insert(2) }
    let usual = [
      "<|endoftext|>", "<|im_end|>", "<|end_of_text|>", "<|eot_id|>", "<|eom_id|>", "<|end|>",
      "<|return|>", "</s>",
      "<end_of_turn>",
    ]
    let controls = SpellingIndex(vocabulary) { $0 == .control }
    for spelling in usual {
      let token = [UInt8](spelling.utf8).withUnsafeBytes { controls.token(spelled: $0) }
      if let token { tokens.insert(token) }
    }
    return tokens
  }

  /// - Parameter standard: whether the kind of tokenizer wants one, and which, if nothing is said
  static func beginOfText(
    _ file: GGUFFile, _ vocabulary: Vocabulary, _ standard: (isWanted: Bool, token: Int?)
  ) throws(TransformerError) -> Token? {
    guard try file.flag("tokenizer.ggml.add_bos_token") ?? standard.isWanted else { return nil }
    let key = "tokenizer.ggml.bos_token_id"
    guard let token = try file.integer(key) ?? standard.token else {
      throw TransformerError(
        .malformedFile, "prompts begin with a begin-of-text token, but metadata '\(key)' is missing"
      )
    }
    guard (0..<vocabulary.count).contains(token) else {
      throw TransformerError(.malformedFile, "the vocabulary has no begin-of-text token \(token)")
    }
    return Token(token)
  }
}
