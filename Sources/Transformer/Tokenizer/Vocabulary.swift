/// What a token is for, as GGUF numbers it.
enum TokenKind: UInt8, Sendable {
  case normal = 1
  case unknown = 2
  /// Steers the model and is no text: `<|im_start|>`.
  case control = 3
  case userDefined = 4
  case unused = 5
  case byte = 6

  /// Whether text may become this token by merging.
  var isText: Bool { self == .normal || self == .userDefined || self == .unused }
}

/// How a vocabulary spells its tokens.
enum VocabularySpelling: Sendable {
  /// Each byte as a character of its own, see `ByteAlphabet`.
  case byteLevel
  /// As text, a space as "▁" and bytes as `<0x41>`, see `SentencePieces`.
  case pieces
}

/// Every token's spelling and bytes, packed: two arrays instead of 49,152 strings.
struct Vocabulary: Sendable {
  let kinds: [TokenKind]
  private let spellings: PackedBytes
  private let texts: PackedBytes

  /// Four times the largest of real models; beyond it a file asks for memory, not for a tokenizer.
  static let largest = 1 << 20

  var count: Int { kinds.count }

  /// Reads `tokenizer.ggml.tokens` and `tokenizer.ggml.token_type`.
  init(_ file: GGUFFile, _ spelling: VocabularySpelling) throws(TransformerError) {
    guard let tokens = try file.array("tokenizer.ggml.tokens"), tokens.elementType == .string,
      tokens.count > 0
    else {
      throw TransformerError(
        .malformedFile,
        "metadata 'tokenizer.ggml.tokens' is missing or holds no strings; "
          + "convert the model again with its tokenizer")
    }
    guard tokens.count <= Self.largest else {
      throw TransformerError(
        .unsupportedFile,
        "a vocabulary of \(tokens.count) tokens; at most \(Self.largest) are supported")
    }
    let kinds = try Self.kinds(file, count: tokens.count, spelling)
    var spellings = PackedBytes(reserving: tokens.count)
    var texts = PackedBytes(reserving: tokens.count)
    try tokens.forEachString { (index, bytes) throws(TransformerError) in
      let text = try Self.text(index, kinds[index], bytes, spelling)
      spellings.append(bytes)
      texts.append(text)
    }
    self.kinds = kinds
    self.spellings = spellings
    self.texts = texts
  }

  /// What a token stands for. Control and user-defined tokens are spelled plainly.
  private static func text(
    _ token: Int, _ kind: TokenKind, _ bytes: UnsafeRawBufferPointer,
    _ spelling: VocabularySpelling
  ) throws(TransformerError) -> [UInt8] {
    var text: [UInt8] = []
    switch (kind, spelling) {
    case (.normal, .byteLevel), (.unused, .byteLevel):
      return ByteAlphabet.decode(bytes, into: &text) ? text : [UInt8](bytes)
    case (.normal, .pieces), (.unused, .pieces):
      SentencePieces.decode(bytes, into: &text)
      return text
    case (.byte, _):
      guard let byte = SentencePieces.byte(spelled: bytes) else {
        let shown = String(decoding: bytes.prefix(64), as: UTF8.self)
        throw TransformerError(
          .malformedFile,
          "token \(token) is a byte but is spelled '\(shown)', not '<0x00>' to '<0xFF>'; "
            + "convert the model again")
      }
      return [byte]
    case (.control, _), (.userDefined, _), (.unknown, _): return [UInt8](bytes)
    }
  }

  private static func kinds(
    _ file: GGUFFile, count: Int, _ spelling: VocabularySpelling
  ) throws(TransformerError) -> [TokenKind] {
    let key = "tokenizer.ggml.token_type"
    guard let array = try file.array(key) else {
      return [TokenKind](repeating: .normal, count: count)
    }
    guard let numbers = array.int32s(), numbers.count == count else {
      throw TransformerError(
        .malformedFile,
        "metadata '\(key)' is \(GGUFValue.array(array).kind), but \(count) integers are needed")
    }
    var kinds: [TokenKind] = []
    kinds.reserveCapacity(count)
    for (token, number) in numbers.enumerated() {
      guard let kind = UInt8(exactly: number).flatMap(TokenKind.init(rawValue:)),
        kind != .byte || spelling == .pieces
      else {
        throw TransformerError(
          .malformedFile,
          "metadata '\(key)' gives token \(token) the type \(number); this vocabulary has types "
            + "1 to \(spelling == .pieces ? 6 : 5)")
      }
      kinds.append(kind)
    }
    return kinds
  }

  func contains(_ token: Token) -> Bool {
    token >= 0 && Int(token) < count
  }

  /// Calls `body` with what the file calls the token.
  ///
  /// - Parameter token: one of the vocabulary
  func withSpelling<Result>(
    of token: Token, _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result {
    spellings.withBytes(at: Int(token), body)
  }

  /// The text that the token stands for; not necessarily whole characters.
  ///
  /// - Parameter token: one of the vocabulary
  func text(of token: Token) -> ArraySlice<UInt8> {
    texts[Int(token)]
  }
}

/// Byte strings one after the other in one array.
private struct PackedBytes: Sendable {
  private var bytes: [UInt8] = []
  /// Where each string begins, and after the last where it ends. A header is at most 64 MiB.
  private var starts: [UInt32] = [0]

  init(reserving count: Int) {
    starts.reserveCapacity(count + 1)
    bytes.reserveCapacity(8 * count)
  }

  mutating func append(_ string: some Sequence<UInt8>) {
    bytes.append(contentsOf: string)
    starts.append(UInt32(bytes.count))
  }

  subscript(index: Int) -> ArraySlice<UInt8> {
    bytes[Int(starts[index])..<Int(starts[index + 1])]
  }

  func withBytes<Result>(at index: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    bytes.withUnsafeBytes {
      body(UnsafeRawBufferPointer(rebasing: $0[Int(starts[index])..<Int(starts[index + 1])]))
    }
  }
}
