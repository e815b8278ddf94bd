/// Turns text into tokens and tokens into bytes, as the file of the model says.
///
/// Byte-level byte pairs in the manner of GPT-2, or SentencePiece in that of Llama 2. Encoding is a
/// pure function, so that one tokenizer serves any number of threads.
package struct Tokenizer: Sendable {
  package let vocabularySize: Int
  /// Tokens with which an answer ends: end of text, end of turn.
  package let endOfGeneration: Set<Token>
  /// The token to put before a prompt, or `nil` where the model wants none.
  package let beginOfText: Token?

  fileprivate enum Method: Sendable {
    case bytePairs(BytePairs)
    case pieces(SentencePieces)
  }

  private let vocabulary: Vocabulary
  private let method: Method
  /// Every token that is not made by merging.
  let specialTokens: SpecialTokens
  /// Those among them that are found in anybody's text.
  private let userDefinedTokens: SpecialTokens

  /// Reads the tokenizer in a file's metadata.
  ///
  /// - Throws: `unsupportedFile` for another kind of tokenizer, with the list of those supported;
  ///   `malformedFile` for a vocabulary, merges or special tokens that do not fit together.
  package init(_ file: GGUFFile) throws(TransformerError) {
    let spelling = try Self.spelling(file)
    let vocabulary = try Vocabulary(file, spelling)
    switch spelling {
    case .byteLevel: method = .bytePairs(try BytePairs(file, vocabulary))
    case .pieces: method = .pieces(try SentencePieces(file, vocabulary))
    }
    specialTokens = try SpecialTokens(vocabulary) {
      $0 == .control || $0 == .userDefined || $0 == .unknown
    }
    userDefinedTokens = try SpecialTokens(vocabulary) { $0 == .userDefined }
    try SpecialTokenKeys.check(file, vocabulary)
    endOfGeneration = try SpecialTokenKeys.endOfGeneration(file, vocabulary, spelling)
    beginOfText = try SpecialTokenKeys.beginOfText(file, vocabulary, method.beginOfText)
    vocabularySize = vocabulary.count
    self.vocabulary = vocabulary
  }

  private static func spelling(_ file: GGUFFile) throws(TransformerError) -> VocabularySpelling {
    switch try file.string("tokenizer.ggml.model") {
    case "gpt2": return .byteLevel
    case "llama": return .pieces
    case let model:
      throw TransformerError(
        .unsupportedFile,
        "metadata 'tokenizer.ggml.model' is \(model.map { "'\($0)'" } ?? "missing"); "
          + "supported are 'gpt2' (byte-level byte-pair encoding) and 'llama' (SentencePiece)")
    }
  }

  // MARK: Encoding

  /// The tokens of `text`, without a begin-of-text token.
  ///
  /// - Parameter special: whether spellings such as `<|im_end|>` in the text become the control
  ///   tokens they spell. Never `true` for text from outside: it could end its turn and speak as
  ///   somebody else. When `false`, such spellings are encoded as the characters they are.
  /// - Complexity: O(n log n) for the longest word, linear in everything else; with SentencePiece
  ///   all of the text is one word. Bytes for which the vocabulary has no token
  ///   (`unencodableBytes`) are left out.
  package func encode(_ text: String, special: Bool) -> [Token] {
    var text = text
    return text.withUTF8 { encode($0, special: special) }
  }

  private func encode(_ text: UnsafeBufferPointer<UInt8>, special: Bool) -> [Token] {
    var tokens: [Token] = []
    // English has about four bytes to a token.
    tokens.reserveCapacity(text.count / 4 + 1)
    switch method {
    case .bytePairs(let pairs):
      var encoder = BytePairEncoder(merges: pairs.merges, byteTokens: pairs.byteTokens)
      forEachPart(of: text, special: special, into: &tokens) { part, tokens in
        pairs.encode(part, with: &encoder, into: &tokens)
      }
    case .pieces(let pieces):
      // Every part begins the text or follows a special token.
      var encoder = SentencePieceEncoder(pieces)
      forEachPart(of: text, special: special, into: &tokens) { part, tokens in
        encoder.encode(part, hasPrefix: pieces.addsSpacePrefix, into: &tokens)
      }
    }
    return tokens
  }

  /// Appends special tokens where `text` spells them, and has `encode` append those of each
  /// part between, none of them empty.
  private func forEachPart(
    of text: UnsafeBufferPointer<UInt8>, special: Bool, into tokens: inout [Token],
    _ encode: (UnsafeBufferPointer<UInt8>, inout [Token]) -> Void
  ) {
    let searched = special ? specialTokens : userDefinedTokens
    var start = 0
    while start < text.count {
      let found = searched.next(in: text, from: start)
      let end = found?.range.lowerBound ?? text.count
      if start < end { encode(UnsafeBufferPointer(rebasing: text[start..<end]), &tokens) }
      if let found { tokens.append(found.token) }
      start = found?.range.upperBound ?? text.count
    }
  }

  /// Bytes that this vocabulary cannot express. Only control characters and lead bytes of rare
  /// planes in practice: SmolLM2 lacks six control characters, and the bytes F1 and F2 of UTF-8.
  package var unencodableBytes: [UInt8] {
    guard case .bytePairs(let pairs) = method else { return [] }
    return (0...255).filter { pairs.byteTokens[Int($0)] < 0 }
  }

  // MARK: Decoding

  /// What `token` adds to a text: nothing for control tokens, the unknown token and numbers that
  /// are no token.
  ///
  /// Not necessarily whole characters; `UTF8Assembler` puts them together.
  package func bytes(of token: Token) -> [UInt8] {
    guard vocabulary.contains(token), !isSilent(token) else { return [] }
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

  /// Whether `token` is no text: it steers the model, or stands for what has no token.
  private func isSilent(_ token: Token) -> Bool {
    let kind = vocabulary.kinds[Int(token)]
    return kind == .control || kind == .unknown
  }
}

extension Tokenizer.Method {
  /// Whether prompts begin with a begin-of-text token, and which, where the file does not say.
  fileprivate var beginOfText: (isWanted: Bool, token: Int?) {
    switch self {
    case .bytePairs(let pairs): (pairs.preTokenizer == .llama3, nil)
    case .pieces: (true, 1)
    }
  }
}
