import Foundation
import Testing

@testable import Transformer

/// Templates that are no ChatML, against what Jinja makes of them
/// (`fixtures/chat-templates/render.py`).
struct `The chat template of` {
  struct Rendered: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let source: String
    let writesBegin: Bool
    let cases: [Case]
    var testDescription: String { name }

    struct Case: Decodable, Sendable {
      let messages: [Message]
      /// `nil` where the template refuses the conversation.
      let text: String?
    }

    struct Message: Decodable, Sendable {
      let role: String
      let content: String
    }
  }

  static let rendered: [Rendered] =
    (try? JSONDecoder().decode(
      [Rendered].self, from: TestModel.fixture("chat-templates/rendered.json"))) ?? []

  private static let specials = [
    "<|im_start|>", "<|im_end|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>",
    "<start_of_turn>", "<end_of_turn>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>",
  ]

  /// A vocabulary of all bytes, `<s>`, `</s>`, and the marks of the families, of a kind.
  private static func tokenizer(begins: Bool, specials kind: Int32 = 3) throws -> Tokenizer {
    let file = TokenizerFile.sound {
      $0.tokens = TokenizerFile.tokens + specials
      $0.kinds = ($0.kinds ?? []) + [Int32](repeating: kind, count: specials.count)
      $0.flags["add_bos_token"] = begins
      $0.ids["bos"] = 0
    }
    return try Tokenizer(openGGUF(file.bytes))
  }

  private static func text(_ tokens: [Token], _ tokenizer: Tokenizer) -> String {
    let bytes = tokens.flatMap { token in
      tokenizer.isControl(token)
        ? Array(tokenizer.spelling(of: token).utf8) : tokenizer.bytes(of: token)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func turns(_ messages: [Rendered.Message]) throws -> [ChatTurn] {
    try messages.map {
      ChatTurn(role: try #require(ChatTurn.Role(rawValue: $0.role)), content: $0.content)
    }
  }

  @Test func `each family is among the fixtures`() {
    #expect(Self.rendered.count == ChatFamily.known.count)
  }

  @Test(arguments: rendered)
  func `a family writes what Jinja writes`(template: Rendered) throws {
    let tokenizer = try Self.tokenizer(begins: template.writesBegin)
    let known = try ChatTemplate(source: template.source, tokenizer: tokenizer, endOfText: 1)
    for example in template.cases {
      let turns = try Self.turns(example.messages)
      guard let text = example.text else {
        #expect(throws: TransformerError.self) {
          try known.tokens(for: turns, addGenerationPrompt: true, tokenizer: tokenizer)
        }
        continue
      }
      let tokens = try known.tokens(for: turns, addGenerationPrompt: true, tokenizer: tokenizer)
      #expect(Self.text(tokens, tokenizer) == text)
    }
  }

  @Test(arguments: rendered)
  func `a family lets no message spell its control tokens`(template: Rendered) throws {
    let tokenizer = try Self.tokenizer(begins: template.writesBegin)
    let known = try ChatTemplate(source: template.source, tokenizer: tokenizer, endOfText: 1)
    func controls(_ content: String) throws -> [Token] {
      try known.tokens(
        for: [ChatTurn(role: .user, content: content)], addGenerationPrompt: true,
        tokenizer: tokenizer
      ).filter(tokenizer.isControl)
    }
    let attack = (Self.specials + ["<s>", "</s>"]).joined(separator: "\n")
    #expect(try controls(attack) == controls("Hi"))
    for special in Self.specials {
      #expect(try controls(String(special.dropLast())) == controls("Hi"))
      #expect(try controls(special + "<") == controls("Hi"))
    }
  }

  /// Where marks are words of the text, as in Zephyr's and Mistral's vocabularies, or may be
  /// spelled by anybody.
  @Test(arguments: [1, 4] as [Int32])
  func `a family refuses messages that spell its marks where they are words`(kind: Int32) throws {
    let tokenizer = try Self.tokenizer(begins: false, specials: kind)
    for (name, mark) in [
      ("zephyr", "<|assistant|>"), ("llama-2", "[/INST]"), ("llama-2", "<<SYS>>"),
      ("mistral-0.2", "[INST]"), ("mistral-0.3", "[TOOL_CALLS]"), ("llama-3", "<|eot_id|>"),
      ("gemma", "<end_of_turn>"), ("phi-3", "<|end|>"), ("qwen-2.5", "<|im_end|>"),
    ] {
      let template = try #require(Self.rendered.first { $0.name == name })
      let known = try ChatTemplate(source: template.source, tokenizer: tokenizer, endOfText: 1)
      for content in [mark, "a\(mark)b"] {
        #expect {
          try known.tokens(
            for: [ChatTurn(role: .user, content: content)], addGenerationPrompt: true,
            tokenizer: tokenizer)
        } throws: {
          let error = $0 as? TransformerError
          return error?.code == .invalidRequest && error?.message.contains(mark) == true
        }
      }
    }
  }

  @Test func `Qwen is written with the default system message that it spells`() throws {
    let qwen = try #require(Self.rendered.first { $0.name == "qwen-2.5" })
    let tokenizer = try Self.tokenizer(begins: false)
    let other = qwen.source.replacing("You are Qwen, created by Alibaba Cloud.", with: "Be kind.")
    let known = try ChatTemplate(source: other, tokenizer: tokenizer)
    let tokens = try known.tokens(
      for: [ChatTurn(role: .user, content: "a")], addGenerationPrompt: true, tokenizer: tokenizer)
    #expect(
      Self.text(tokens, tokenizer).hasPrefix(
        "<|im_start|>system\nBe kind. You are a helpful assistant.<|im_end|>\n<|im_start|>user\na"))
  }

  @Test func `nobody known is refused with those that are`() throws {
    let tokenizer = try Self.tokenizer(begins: false)
    #expect {
      try ChatTemplate(
        source: "{% for m in messages %}{{ 'GPT4 Correct User: ' + m['content'] }}{% endfor %}",
        tokenizer: tokenizer)
    } throws: {
      guard let error = $0 as? TransformerError else { return false }
      return error.code == .unsupportedFile
        && ["ChatML", "Llama 3", "Mistral", "Gemma", "Phi-3", "Zephyr"].allSatisfy(
          error.message.contains)
    }
  }
}
