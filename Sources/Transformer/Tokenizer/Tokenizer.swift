/// Turns text into tokens and tokens into bytes, as the file of the model says.
///
/// Byte-level byte-pair encoding in the manner of GPT-2. Encoding is a pure function, so that one
/// tokenizer serves any number of threads.
package struct Tokenizer: Sendable {
  package let vocabularySize: Int
  /// Tokens with which an answer ends: end of text, end of turn.
  package let endOfGeneration: Set<Token>
  /// The token to put before a prompt, or `nil` where the model wants none.
  package let beginOfText: Token?

  private let vocabulary: Vocabulary
  let specialTokens: SpecialTokens
  private let preTokenizer: PreTokenizer
  private let merges: MergeTable
  /// `[256]`, −1 where the vocabulary has no token for the byte.
  private let byteTokens: [Token]

  /// Reads the tokenizer in a file's metadata.
  ///
  /// - Throws: `unsupportedFile` for another kind of tokenizer, with the list of those supported;
  ///   `malformedFile` for a vocabulary, merges or special tokens that do not fit together.
  package init(_ file: GGUFFile) throws(TransformerError) {
    preTokenizer = try Self.preTokenizer(file)
    let vocabulary = try Vocabulary(file)
    let spellings = SpellingIndex(vocabulary)
    merges = try MergeTable(file, spellings: spellings)
    specialTokens = try SpecialTokens(vocabulary)
    byteTokens = ByteAlphabet.scalars.map { scalar in
      [UInt8](String(Character(scalar)).utf8).withUnsafeBytes {
        spellings.token(spelled: $0) ?? -1
      }
    }
    try Self.checkTokenReferences(file, vocabulary)
    endOfGeneration = try Self.endOfGeneration(file, vocabulary, spellings)
    beginOfText = try Self.beginOfText(file)
    vocabularySize = vocabulary.count
    self.vocabulary = vocabulary
  }

  // MARK: Encoding

  /// The tokens of `text`, without a begin-of-text token.
  ///
  /// - Parameter special: whether spellings such as `<|im_end|>` in the text become the control
  ///   tokens they spell. Never `true` for text from outside: it could end its turn and speak as
  ///   somebody else. When `false`, such spellings are encoded as the characters they are.
  /// - Complexity: O(n log n) for the longest word, linear in everything else. Bytes for which the
  ///   vocabulary has no token (`unencodableBytes`) are left out.
  package func encode(_ text: String, special: Bool) -> [Token] {
    var text = text
    return text.withUTF8 { encode($0, special: special) }
  }

  private func encode(_ text: UnsafeBufferPointer<UInt8>, special: Bool) -> [Token] {
    var encoder = BytePairEncoder(merges: merges, byteTokens: byteTokens)
    var tokens: [Token] = []
    // English has about four bytes to a token.
    tokens.reserveCapacity(text.count / 4 + 1)
    var start = 0
    while special, let found = specialTokens.next(in: text, from: start) {
      encode(text, start..<found.range.lowerBound, with: &encoder, into: &tokens)
      tokens.append(found.token)
      start = found.range.upperBound
    }
    encode(text, start..<text.count, with: &encoder, into: &tokens)
    return tokens
  }

  private func encode(
    _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>,
    with encoder: inout BytePairEncoder, into tokens: inout [Token]
  ) {
    let segment = UnsafeBufferPointer(rebasing: text[range])
    preTokenizer.forEachWord(in: segment) { encoder.encode(segment[$0], into: &tokens) }
  }

  /// Bytes that this vocabulary cannot express. Only control characters and lead bytes of rare
  /// planes in practice: SmolLM2 lacks six control characters, and the bytes F1 and F2 of UTF-8.
  package var unencodableBytes: [UInt8] {
    (0...255).filter { byteTokens[Int($0)] < 0 }
  }

  // MARK: Decoding

  /// What `token` adds to a text: nothing for control tokens and for numbers that are no token.
  ///
  /// Not necessarily whole characters; `UTF8Assembler` puts them together.
  package func bytes(of token: Token) -> [UInt8] {
    guard vocabulary.contains(token), !isControl(token) else { return [] }
    return Array(vocabulary.text(of: token))
  }

  /// The token for people, in logs and lists of alternatives: control tokens as they are spelled,
  /// broken characters replaced by U+FFFD.
  package func spelling(of token: Token) -> String {
    guard vocabulary.contains(token) else { return "\u{FFFD}" }
    return String(decoding: vocabulary.text(of: token), as: UTF8.self)
  }

  /// Whether `token` steers the model and is no text.
  package func isControl(_ token: Token) -> Bool {
    vocabulary.contains(token) && vocabulary.kinds[Int(token)] == .control
  }

  // MARK: Reading the file

  private static func preTokenizer(_ file: GGUFFile) throws(TransformerError) -> PreTokenizer {
    let model = try file.string("tokenizer.ggml.model")
    guard model == "gpt2" else {
      throw TransformerError(
        .unsupportedFile,
        "metadata 'tokenizer.ggml.model' is \(model.map { "'\($0)'" } ?? "missing"); "
          + "supported is 'gpt2' (byte-level byte-pair encoding)")
    }
    // Files from before this key existed are GPT-2's own.
    let name = try file.string("tokenizer.ggml.pre") ?? PreTokenizer.gpt2.rawValue
    guard let preTokenizer = PreTokenizer(rawValue: name) else {
      let supported = PreTokenizer.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
      throw TransformerError(
        .unsupportedFile,
        "metadata 'tokenizer.ggml.pre' is '\(name)'; supported are \(supported)")
    }
    guard try file.flag("tokenizer.ggml.add_space_prefix") != true else {
      throw TransformerError(
        .unsupportedFile,
        "metadata 'tokenizer.ggml.add_space_prefix' is true; only false is supported")
    }
    return preTokenizer
  }

  /// Refuses numbers of special tokens that lie outside the vocabulary.
  private static func checkTokenReferences(
    _ file: GGUFFile, _ vocabulary: Vocabulary
  ) throws(TransformerError) {
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
  private static func endOfGeneration(
    _ file: GGUFFile, _ vocabulary: Vocabulary, _ spellings: SpellingIndex
  ) throws(TransformerError) -> Set<Token> {
    var tokens: Set<Token> = []
    for name in ["eos", "eot", "eom"] {
      if let token = try file.integer("tokenizer.ggml.\(name)_token_id") {
        tokens.insert(Token(token))
      }
    }
    let usual = [
      "<|endoftext|>", "<|im_end|>", "<|end_of_text|>", "<|eot_id|>", "<|eom_id|>", "<|end|>",
      "<|return|>", "</s>",
    ]
    for spelling in usual {
      let token = [UInt8](spelling.utf8).withUnsafeBytes { spellings.token(spelled: $0) }
      if let token, vocabulary.kinds[Int(token)] == .control { tokens.insert(token) }
    }
    return tokens
  }

  private static func beginOfText(_ file: GGUFFile) throws(TransformerError) -> Token? {
    guard try file.flag("tokenizer.ggml.add_bos_token") == true else { return nil }
    guard let token = try file.integer("tokenizer.ggml.bos_token_id") else {
      throw TransformerError(
        .malformedFile,
        "metadata 'tokenizer.ggml.add_bos_token' is true, "
          + "but 'tokenizer.ggml.bos_token_id' is missing"
      )
    }
    return Token(token)
  }
}
