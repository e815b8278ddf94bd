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

  static let lies: [Lie] = [
    Lie("another model", "supported is 'gpt2'", .unsupportedFile) { $0.model = "llama" },
    Lie("no model", "'tokenizer.ggml.model' is missing", .unsupportedFile) { $0.model = nil },
    Lie("another pre-tokenizer", "supported are 'gpt-2', 'smollm'", .unsupportedFile) {
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
    Lie("a control token of 300 bytes", "spelled with 300 bytes", .unsupportedFile) {
      $0.tokens?[0] = String(repeating: "<", count: 300)
    },
    Lie("no chat template", "'tokenizer.chat_template' is missing", .unsupportedFile) {
      $0.template = nil
    },
  ]
}
