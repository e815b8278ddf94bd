/// Byte-level byte-pair encoding in the manner of GPT-2, as a file describes it.
struct BytePairs: Sendable {
  let preTokenizer: PreTokenizer
  let merges: MergeTable
  /// `[256]`, −1 where the vocabulary has no token for the byte.
  let byteTokens: [Token]
  /// The words that are tokens as they are, whatever the merges say; `nil` where merges decide.
  ///
  /// Llama 3 is published so (`ignore_merges`): some of its tokens no merge leads to.
  let wholeWords: SpellingIndex?

  /// - Throws: `unsupportedFile` for another pre-tokenizer, `malformedFile` for merges that do not
  ///   fit the vocabulary.
  init(_ file: GGUFFile, _ vocabulary: Vocabulary) throws(TransformerError) {
    preTokenizer = try Self.preTokenizer(file)
    guard try file.flag("tokenizer.ggml.add_space_prefix") != true else {
      throw TransformerError(
        .unsupportedFile,
        "metadata 'tokenizer.ggml.add_space_prefix' is true; with byte pairs only false is "
          + "supported")
    }
    let spellings = SpellingIndex(vocabulary) { $0.isText }
    merges = try MergeTable(file, spellings: spellings)
    byteTokens = ByteAlphabet.scalars.map { scalar in
      [UInt8](String(Character(scalar)).utf8).withUnsafeBytes {
        spellings.token(spelled: $0) ?? -1
      }
    }
    wholeWords = preTokenizer == .llama3 ? spellings : nil
  }

  private static func preTokenizer(_ file: GGUFFile) throws(TransformerError) -> PreTokenizer {
    let name = try file.string("tokenizer.ggml.pre") ?? "default"
    guard let preTokenizer = PreTokenizer(name: name) else {
      let supported = PreTokenizer.allCases.flatMap(\.names).map { "'\($0)'" }
      throw TransformerError(
        .unsupportedFile,
        "metadata 'tokenizer.ggml.pre' is '\(name)'; supported are "
          + supported.joined(separator: ", "))
    }
    return preTokenizer
  }

  /// Appends the tokens of a text in which no special token is looked for.
  func encode(
    _ text: UnsafeBufferPointer<UInt8>, with encoder: inout BytePairEncoder,
    into tokens: inout [Token]
  ) {
    preTokenizer.forEachWord(in: text) { range in
      if let token = wholeWords.flatMap({ Self.token(of: text[range], in: $0) }) {
        tokens.append(token)
      } else {
        encoder.encode(text[range], into: &tokens)
      }
    }
  }

  private static func token(
    of word: Slice<UnsafeBufferPointer<UInt8>>, in spellings: SpellingIndex
  ) -> Token? {
    guard word.count <= spellings.longest else { return nil }
    var spelled: [UInt8] = []
    spelled.reserveCapacity(2 * word.count)
    for byte in word { ByteAlphabet.appendSpelling(of: byte, to: &spelled) }
    return spelled.withUnsafeBytes { spellings.token(spelled: $0) }
  }
}
