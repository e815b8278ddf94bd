import Testing

@testable import Transformer

struct `A tokenizer file` {
  @Test func `that is sound gives a tokenizer`() throws {
    let tokenizer = try Tokenizer(openGGUF(TokenizerFile.sound().bytes))
    #expect(tokenizer.endOfGeneration == [1])
    let tokens = tokenizer.encode("the the</s>", special: true)
    #expect(tokens == [3, 4, 1])
    #expect(tokens.flatMap(tokenizer.bytes(of:)) == Array("the the".utf8))
    #expect(tokenizer.unencodableBytes == [])
  }

  @Test func `that asks for a begin-of-text token names it`() throws {
    let file = TokenizerFile.sound {
      $0.flags["add_bos_token"] = true
      $0.ids["bos"] = 0
    }
    #expect(try Tokenizer(openGGUF(file.bytes)).beginOfText == 0)
  }

  struct Lie: CustomTestStringConvertible, Sendable {
    let name: String
    let code: TransformerError.Code
    let says: String
    let tell: @Sendable (inout TokenizerFile.Parts) -> Void

    var testDescription: String { name }

    init(
      _ name: String, _ says: String, _ code: TransformerError.Code = .malformedFile,
      _ tell: @escaping @Sendable (inout TokenizerFile.Parts) -> Void
    ) {
      (self.name, self.says, self.code, self.tell) = (name, says, code, tell)
    }
  }

  struct PieceLie: CustomTestStringConvertible, Sendable {
    let name: String
    let says: String
    let tell: @Sendable (inout PieceFile.Parts) -> Void

    var testDescription: String { name }

    init(
      _ name: String, _ says: String, _ tell: @escaping @Sendable (inout PieceFile.Parts) -> Void
    ) {
      (self.name, self.says, self.tell) = (name, says, tell)
    }
  }

  @Test(arguments: pieceLies)
  func `of pieces that lies is refused`(lie: PieceLie) throws {
    var parts = PieceFile.Parts()
    #expect(throws: Never.self) { try Tokenizer(openGGUF(PieceFile.with(parts).bytes)) }
    lie.tell(&parts)
    let file = try openGGUF(PieceFile.with(parts).bytes)
    #expect {
      _ = try Tokenizer(file)
    } throws: {
      guard let error = $0 as? TransformerError else { return false }
      return error.code == .malformedFile && error.message.contains(lie.says)
    }
  }

  static let pieceLies: [PieceLie] = [
    PieceLie("no scores", "'tokenizer.ggml.scores' is missing") { $0.scores = nil },
    PieceLie("a score too few", "does not hold 266") { $0.scores?.removeLast() },
    PieceLie("a score that is no number", "no number for token 9") { $0.scores?[9] = .nan },
    PieceLie("the byte '<0x-1>'", "token 3 is a byte but is spelled '<0x-1>'") {
      $0.tokens[3] = "<0x-1>"
    },
    PieceLie("the byte '<0x1>'", "spelled '<0x1>'") { $0.tokens[3] = "<0x1>" },
    PieceLie("the byte '<0x100>'", "spelled '<0x100>'") { $0.tokens[3] = "<0x100>" },
    PieceLie("the byte '<0x 1>'", "spelled '<0x 1>'") { $0.tokens[3] = "<0x 1>" },
    PieceLie("the byte '<0x+1>'", "spelled '<0x+1>'") { $0.tokens[3] = "<0x+1>" },
    PieceLie("the byte '<0xG0>'", "spelled '<0xG0>'") { $0.tokens[3] = "<0xG0>" },
    PieceLie("a byte without a spelling", "spelled ''") { $0.tokens[3] = "" },
    PieceLie("a token type of 7", "gives token 3 the type 7") { $0.kinds[3] = 7 },
    PieceLie("an unknown token beyond the vocabulary", "unknown_token_id") {
      $0.ids["unknown"] = 266
    },
    PieceLie("a begin of text beyond the vocabulary", "bos_token_id") { $0.ids["bos"] = .max },
    PieceLie("a vocabulary without the usual begin of text", "no begin-of-text token 1") {
      ($0.tokens, $0.kinds, $0.scores) = (["a"], [1], [0])
    },
  ]

  @Test(arguments: lies)
  func `that lies is refused`(lie: Lie) throws {
    let file = try openGGUF(TokenizerFile.sound(lie.tell).bytes)
    #expect {
      let tokenizer = try Tokenizer(file)
      _ = try ChatTemplate(file, tokenizer: tokenizer)
    } throws: {
      guard let error = $0 as? TransformerError else { return false }
      return error.code == lie.code && error.message.contains(lie.says)
    }
  }

  private static let twoInt32s: (UInt32, [UInt8]) = (
    9,
    GGUFBuilder.little(UInt32(5)) + GGUFBuilder.little(UInt64(2)) + [UInt8](repeating: 0, count: 8)
  )

  /// 2²⁰ + 1 empty strings.
  private static let millions: (UInt32, [UInt8]) = (
    9,
    GGUFBuilder.little(UInt32(8)) + GGUFBuilder.little(UInt64(1 << 20 + 1))
      + [UInt8](repeating: 0, count: 8 * (1 << 20 + 1))
  )

  static let lies: [Lie] = [
    Lie("another model", "supported are 'gpt2'", .unsupportedFile) { $0.model = "bert" },
    Lie("byte pairs that say they are pieces", "'tokenizer.ggml.scores' is missing") {
      $0.model = "llama"
    },
    Lie("no model", "'tokenizer.ggml.model' is missing", .unsupportedFile) { $0.model = nil },
    Lie("another pre-tokenizer", "supported are 'gpt-2', 'smollm', 'llama-bpe'", .unsupportedFile) {
      $0.pre = "deepseek-llm"
    },
    Lie("a space prefix", "add_space_prefix", .unsupportedFile) {
      $0.flags["add_space_prefix"] = true
    },
    Lie("no tokens", "tokenizer.ggml.tokens") { $0.tokens = nil },
    Lie("an empty vocabulary", "tokenizer.ggml.tokens") { $0.tokens = [] },
    Lie("too few token types", "tokenizer.ggml.token_type") { $0.kinds?.removeLast() },
    Lie("a token type of 7", "gives token 2 the type 7") { $0.kinds?[2] = 7 },
    Lie("a token type of −1", "gives token 2 the type -1") { $0.kinds?[2] = -1 },
    Lie("a byte token", "gives token 2 the type 6") { $0.kinds?[2] = 6 },
    Lie("no merges", "tokenizer.ggml.merges") { $0.merges = nil },
    Lie("a merge without a space", "element 1 of metadata 'tokenizer.ggml.merges', 'the'") {
      $0.merges = ["t h", "the"]
    },
    Lie("a merge of one side", "has no space in the middle") { $0.merges = [" h"] },
    Lie("a merge of an unknown token", "outside the vocabulary") { $0.merges = ["t hx"] },
    Lie("a merge to an unknown token", "outside the vocabulary") { $0.merges = ["t e"] },
    Lie("an end of text beyond the vocabulary", "eos_token_id") { $0.ids["eos"] = 261 },
    Lie("a padding of 2³² − 1", "padding_token_id") { $0.ids["padding"] = .max },
    Lie("a begin of text without a token", "bos_token_id") { $0.flags["add_bos_token"] = true },
    Lie("Llama 3 without its begin of text", "bos_token_id") { $0.pre = "llama-bpe" },
    Lie("a merge to a control token", "or one that is no text") { $0.merges = ["< s"] },
    Lie("an end of text of −1", "eos_token_id") {
      $0.raw["eos_token_id"] = (5, [255, 255, 255, 255])
    },
    Lie("an end of text of 2⁶⁴ − 1", "eos_token_id") {
      $0.raw["eos_token_id"] = (10, [UInt8](repeating: 255, count: 8))
    },
    Lie("an end of text that is text", "eos_token_id") {
      $0.raw["eos_token_id"] = (8, GGUFBuilder.string("</s>"))
    },
    Lie("a model that is a number", "'tokenizer.ggml.model' is an integer") {
      $0.raw["model"] = (4, [1, 0, 0, 0])
    },
    Lie("a begin of text that is wanted by 1", "add_bos_token' is an integer") {
      $0.raw["add_bos_token"] = (0, [1])
    },
    Lie("tokens that are numbers", "tokenizer.ggml.tokens") { $0.raw["tokens"] = Self.twoInt32s },
    Lie("merges that are numbers", "tokenizer.ggml.merges") { $0.raw["merges"] = Self.twoInt32s },
    Lie("token types that are truth values", "tokenizer.ggml.token_type") {
      $0.raw["token_type"] = (
        9, GGUFBuilder.little(UInt32(7)) + GGUFBuilder.little(UInt64(1)) + [1]
      )
    },
    Lie("a token type of 2³² − 1", "tokenizer.ggml.token_type") {
      $0.raw["token_type"] = (
        9,
        GGUFBuilder.little(UInt32(4)) + GGUFBuilder.little(UInt64(TokenizerFile.tokens.count))
          + [UInt8](repeating: 255, count: 4 * TokenizerFile.tokens.count)
      )
    },
    Lie("2²⁰ + 1 tokens", "at most 1048576", .unsupportedFile) { $0.raw["tokens"] = Self.millions },
    Lie("2²⁰ + 1 merges", "at most 1048576", .unsupportedFile) { $0.raw["merges"] = Self.millions },
    Lie("a control token of 300 bytes", "spelled with 300 bytes", .unsupportedFile) {
      $0.tokens?[0] = String(repeating: "<", count: 300)
    },
    Lie("no chat template", "'tokenizer.chat_template' is missing", .unsupportedFile) {
      $0.template = nil
    },
  ]
}
