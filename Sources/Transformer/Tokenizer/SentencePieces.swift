/// A SentencePiece vocabulary as Llama 2's: pieces with scores, a token for each byte.
///
/// Kudo and Richardson 2018, "SentencePiece". Spaces are spelled "▁" (U+2581) and merged like
/// letters; there are no words, so that a piece may reach over several. What no piece spells
/// becomes byte tokens.
struct SentencePieces: Sendable {
  /// Longer pieces than any real vocabulary's (Llama 2: 48 bytes; Gemma: 93) are never made, so
  /// that looking for one takes bounded time.
  static let longestPiece = 512
  static let space: [UInt8] = [0xE2, 0x96, 0x81]

  /// The pieces that text may become: no control, byte or unknown token.
  let pieces: SpellingIndex
  /// By token; greater ones are merged first.
  let scores: [Float]
  /// `[256]`: the token of each byte; `unknown` where the vocabulary has none.
  let byteTokens: [Token]
  /// Whether a space goes before a text, and before what follows a special token.
  let addsSpacePrefix: Bool

  /// - Throws: `malformedFile` for scores that do not fit the vocabulary, byte tokens that spell no
  ///   byte, or an unknown token beyond the vocabulary.
  init(_ file: GGUFFile, _ vocabulary: Vocabulary) throws(TransformerError) {
    scores = try Self.scores(file, count: vocabulary.count)
    pieces = SpellingIndex(vocabulary) { $0.isText }
    let key = "tokenizer.ggml.unknown_token_id"
    let unknown = try file.integer(key) ?? 0
    guard (0..<vocabulary.count).contains(unknown) else {
      throw TransformerError(
        .malformedFile,
        "metadata '\(key)' is \(unknown); the vocabulary has tokens 0 to \(vocabulary.count - 1)")
    }
    var byteTokens = [Token](repeating: Token(unknown), count: 256)
    // Of several tokens for a byte the first counts.
    for token in vocabulary.kinds.indices.reversed() where vocabulary.kinds[token] == .byte {
      guard let byte = vocabulary.text(of: Token(token)).first else { continue }
      byteTokens[Int(byte)] = Token(token)
    }
    self.byteTokens = byteTokens
    addsSpacePrefix = try file.flag("tokenizer.ggml.add_space_prefix") ?? true
  }

  private static func scores(_ file: GGUFFile, count: Int) throws(TransformerError) -> [Float] {
    let key = "tokenizer.ggml.scores"
    guard let scores = try file.array(key)?.floats(), scores.count == count else {
      throw TransformerError(
        .malformedFile,
        "metadata '\(key)' is missing or does not hold \(count) 32-bit numbers; "
          + "convert the model again")
    }
    guard let odd = scores.firstIndex(where: \.isNaN) else { return scores }
    throw TransformerError(.malformedFile, "metadata '\(key)' has no number for token \(odd)")
  }

  /// The byte that `<0x00>` to `<0xFF>` spell, or `nil`.
  static func byte(spelled spelling: UnsafeRawBufferPointer) -> UInt8? {
    guard spelling.count == 6, spelling.prefix(3).elementsEqual("<0x".utf8),
      spelling[5] == UInt8(ascii: ">")
    else { return nil }
    var value: UInt8 = 0
    // No sign and no blank, which number parsers let pass.
    for digit in spelling[3..<5] {
      switch digit {
      case 0x30...0x39: value = value << 4 | (digit - 0x30)
      case 0x41...0x46: value = value << 4 | (digit - 0x41 + 10)
      case 0x61...0x66: value = value << 4 | (digit - 0x61 + 10)
      default: return nil
      }
    }
    return value
  }

  /// Appends the text that `spelling` stands for: "▁" is a space.
  static func decode(_ spelling: UnsafeRawBufferPointer, into decoded: inout [UInt8]) {
    var index = 0
    while index < spelling.count {
      if spelling.count - index >= 3, spelling[index] == space[0], spelling[index + 1] == space[1],
        spelling[index + 2] == space[2]
      {
        decoded.append(0x20)
        index += 3
      } else {
        decoded.append(spelling[index])
        index += 1
      }
    }
  }
}
