import Foundation
import Testing

@testable import Transformer

/// Two small vocabularies, tokenized by llama.cpp with each pre-tokenizer and as SentencePiece;
/// `fixtures/tokenizer/generate_small.py` made them and the ids.
struct `Token ids equal llama.cpp's` {
  /// For each rule, the ids of the texts at `places`.
  struct Answers: Decodable {
    let places: [Int]
    let ids: [String: [[Token]]]

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Name.self)
      places = try container.decode([Int].self, forKey: Name(stringValue: "places"))
      var ids: [String: [[Token]]] = [:]
      for key in container.allKeys where key.stringValue != "places" {
        ids[key.stringValue] = try container.decode([[Token]].self, forKey: key)
      }
      self.ids = ids
    }
  }

  struct Name: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  struct Fixture: Decodable {
    let texts: [String]
    let plain: Answers
    let special: Answers
  }

  static let fixture = Result {
    try JSONDecoder().decode(Fixture.self, from: TestModel.fixture("tokenizer/small.json"))
  }

  static func tokenizer(_ rule: String) throws -> Tokenizer {
    let name = rule == "spm" ? "small-spm" : "small-bpe"
    let file = try GGUFFile.open(
      path: TestModel.packageRoot.appending(path: "fixtures/tokenizer/\(name).gguf").path)
    guard rule != "spm" else { return try Tokenizer(file) }
    var metadata = file.metadata
    metadata["tokenizer.ggml.pre"] = .string(rule)
    return try Tokenizer(GGUFFile(metadata: metadata, tensors: [:], file: file.file))
  }

  @Test(arguments: ["gpt-2", "smollm", "llama-bpe", "qwen2", "default", "spm"], [false, true])
  func `on texts of many scripts, code, blanks, digits and special tokens`(
    rule: String, special: Bool
  ) throws {
    let fixture = try Self.fixture.get()
    let answers = special ? fixture.special : fixture.plain
    let expected = try #require(answers.ids[rule])
    #expect(expected.count == answers.places.count && expected.count >= (special ? 40 : 400))
    let tokenizer = try Self.tokenizer(rule)
    for (place, ids) in zip(answers.places, expected) {
      let text = fixture.texts[place]
      #expect(tokenizer.encode(text, special: special) == ids, "\(text.debugDescription)")
    }
  }

  @Test(arguments: ["gpt-2", "llama-bpe", "qwen2", "default", "spm"])
  func `and give their texts back`(rule: String) throws {
    let tokenizer = try Self.tokenizer(rule)
    for text in try Self.fixture.get().texts {
      let bytes = tokenizer.encode(text, special: false).flatMap(tokenizer.bytes(of:))
      guard rule == "spm" else {
        #expect(bytes == Array(text.utf8), "\(text.debugDescription)")
        continue
      }
      // Each part has a space before it, and "▁" cannot be told from a space.
      let tools = ["<tool>x", "<tool>", "</tool>", "    "]
      guard !text.contains("\u{2581}"), !text.isEmpty, !tools.contains(where: text.contains)
      else { continue }
      #expect(bytes == Array(" \(text)".utf8), "\(text.debugDescription)")
    }
  }

  @Test func `and begin and end as each kind of file does`() throws {
    #expect(try Self.tokenizer("qwen2").beginOfText == nil)
    #expect(try Self.tokenizer("llama-bpe").beginOfText == 1_204)
    #expect(try Self.tokenizer("spm").beginOfText == 1)
    #expect(try Self.tokenizer("spm").endOfGeneration.contains(2))
  }

  @Test(arguments: ["llama-bpe", "qwen2", "default", "spm"])
  func `and no text makes a control token`(rule: String) throws {
    let tokenizer = try Self.tokenizer(rule)
    for text in try Self.fixture.get().texts {
      let tokens = tokenizer.encode(text, special: false)
      #expect(!tokens.contains(where: tokenizer.isControl), "\(text.debugDescription)")
    }
  }

  /// Were the work quadratic, this would take hours; the suite's time limit would show it.
  @Test(.timeLimit(.minutes(1)), arguments: ["llama-bpe", "qwen2", "default", "spm"])
  func `in bounded time on long texts without a break`(rule: String) throws {
    let tokenizer = try Self.tokenizer(rule)
    for unit in ["a", " ", "\n", "1", "<", "\u{2581}", "é", "the "] {
      let text = String(repeating: unit, count: 20_000)
      #expect(tokenizer.encode(text, special: true).count > 100)
    }
  }
}

/// The heap against a search for each next merge.
struct `Merging pieces` {
  @Test func `takes the greatest score first, of equals the leftmost`() throws {
    // "aa" and "ab" tie, "ba" is better: the order shows.
    let tokens = ["<unk>", "<s>", "</s>", "a", "b", "aa", "ab", "ba", "aba"]
    let scores: [Float] = [0, 0, 0, -9, -9, -2, -2, -1, -3]
    let tokenizer = try Tokenizer(
      openGGUF(PieceFile.with(.init(tokens: tokens, scores: scores)).bytes))
    func encode(_ text: String) -> [Token] { tokenizer.encode(text, special: false) }
    #expect(encode("aaa") == [5, 3])
    #expect(encode("aab") == [5, 4])
    #expect(encode("bab") == [7, 4])
    #expect(encode("abab") == [8, 4])
    #expect(encode("ab") == [6])
    #expect(encode("aba") == [8])
  }

  @Test func `leaves what has no piece to byte tokens, and without them to the unknown one`() throws
  {
    let tokens = ["<unk>", "<s>", "</s>", "a", "<0xC3>", "<0x9F>"]
    let file = PieceFile.with(
      .init(tokens: tokens, kinds: [2, 3, 3, 1, 6, 6], scores: [0, 0, 0, -1, 0, 0]))
    let tokenizer = try Tokenizer(openGGUF(file.bytes))
    let ids = tokenizer.encode("aßaé", special: false)
    #expect(ids == [3, 4, 5, 3, 4, 0])
    #expect(ids.dropLast(2).flatMap(tokenizer.bytes(of:)) == Array("aßa".utf8))
    #expect(tokenizer.bytes(of: 0) == [])
  }

  @Test func `makes no control token of text, though one is spelled like a merge`() throws {
    let tokens = ["<unk>", "<s>", "</s>", "<", "s", ">", "<s", "s>", "[INST]"]
    let file = PieceFile.with(
      .init(
        tokens: tokens, kinds: [2, 3, 3, 1, 1, 1, 1, 1, 3],
        scores: [Float](repeating: -1, count: 9)))
    let tokenizer = try Tokenizer(openGGUF(file.bytes))
    #expect(tokenizer.encode("<s>", special: false) == [6, 5])
    #expect(tokenizer.encode("<s>", special: true) == [1])
  }
}
