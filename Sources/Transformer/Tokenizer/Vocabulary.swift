/// What a token is for, as GGUF numbers it.
enum TokenKind: UInt8, Sendable {
  case normal = 1
  case unknown = 2
  /// Steers the model and is no text: `<|im_start|>`.
  case control = 3
  case userDefined = 4
  case unused = 5
  case byte = 6
}

/// Every token's spelling and bytes, packed: two arrays instead of 49,152 strings.
struct Vocabulary: Sendable {
  let kinds: [TokenKind]
  private let spellings: PackedBytes
  private let texts: PackedBytes

  var count: Int { kinds.count }

  /// Reads `tokenizer.ggml.tokens` and `tokenizer.ggml.token_type`.
  init(_ file: GGUFFile) throws(TransformerError) {
    guard let tokens = try file.array("tokenizer.ggml.tokens"), tokens.elementType == .string,
      tokens.count > 0
    else {
      throw TransformerError(
        .malformedFile,
        "metadata 'tokenizer.ggml.tokens' is missing or holds no strings; "
          + "convert the model again with its tokenizer")
    }
    let kinds = try Self.kinds(file, count: tokens.count)
    var spellings = PackedBytes(reserving: tokens.count)
    var texts = PackedBytes(reserving: tokens.count)
    tokens.forEachString { index, bytes in
      spellings.append(bytes)
      texts.append { packed in
        // Control and user-defined tokens are spelled plainly.
        let isSpelledInBytes = kinds[index] == .normal || kinds[index] == .unused
        if !isSpelledInBytes || !ByteAlphabet.decode(bytes, into: &packed) {
          packed.append(contentsOf: bytes)
        }
      }
    }
    self.kinds = kinds
    self.spellings = spellings
    self.texts = texts
  }

  private static func kinds(
    _ file: GGUFFile, count: Int
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
      guard let kind = UInt8(exactly: number).flatMap(TokenKind.init(rawValue:)), kind != .byte
      else {
        throw TransformerError(
          .malformedFile,
          "metadata '\(key)' gives token \(token) the type \(number); "
            + "a byte-level vocabulary has types 1 to 5")
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

  mutating func append(_ string: UnsafeRawBufferPointer) {
    bytes.append(contentsOf: string)
    starts.append(UInt32(bytes.count))
  }

  /// Appends whatever `write` appends to the bytes it is given.
  mutating func append(_ write: (inout [UInt8]) -> Void) {
    write(&bytes)
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
