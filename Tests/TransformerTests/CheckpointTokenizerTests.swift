import Foundation
import Testing

@testable import Transformer

/// `tokenizer.json` against the same vocabulary in GGUF.
struct `The tokenizer of a checkpoint` {
  private static let llama3 =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"#
    + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

  /// The pre-tokenizers as the models are published with them.
  private static var preTokenizers: [String: Any] {
    [
      "gpt-2": ["type": "ByteLevel", "add_prefix_space": false, "use_regex": true],
      "smollm": sequence(["type": "Digits", "individual_digits": true], usesPattern: true),
      "llama-bpe": sequence(split(llama3), usesPattern: false),
      "qwen2": sequence(
        split(llama3.replacingOccurrences(of: "{1,3}", with: "")), usesPattern: false),
    ]
  }

  private static func split(_ pattern: String) -> [String: Any] {
    ["type": "Split", "pattern": ["Regex": pattern], "behavior": "Isolated", "invert": false]
  }

  private static func sequence(_ first: [String: Any], usesPattern: Bool) -> [String: Any] {
    let last: [String: Any] = [
      "type": "ByteLevel", "add_prefix_space": false, "use_regex": usesPattern,
    ]
    return ["type": "Sequence", "pretokenizers": [first, last]]
  }

  /// The small vocabulary as `tokenizer.json`.
  private static func file(_ rule: String) throws -> [String: Any] {
    let file = try GGUFFile.open(
      path: TestModel.packageRoot.appending(path: "fixtures/tokenizer/small-bpe.gguf").path)
    var (tokens, merges): ([String], [String]) = ([], [])
    try file.array("tokenizer.ggml.tokens")?.forEachString {
      tokens.append(String(decoding: $1, as: UTF8.self))
    }
    try file.array("tokenizer.ggml.merges")?.forEachString {
      merges.append(String(decoding: $1, as: UTF8.self))
    }
    let kinds = try #require(try file.array("tokenizer.ggml.token_type")?.int32s())
    var (vocabulary, added): ([String: Int], [[String: Any]]) = ([:], [])
    for (id, token) in tokens.enumerated() {
      if kinds[id] == 1 {
        vocabulary[token] = id
      } else {
        added.append(["id": id, "content": token, "special": kinds[id] == 3])
      }
    }
    return [
      "added_tokens": added, "pre_tokenizer": preTokenizers[rule] ?? [:],
      "model": [
        "type": "BPE", "vocab": vocabulary, "ignore_merges": rule == "llama-bpe",
        // Both spellings of a merge are in use.
        "merges": rule == "qwen2"
          ? merges.map { $0.split(separator: " ").map(String.init) } as [Any] : merges,
      ] as [String: Any],
    ]
  }

  private static func open(
    _ file: [String: Any], configuration: [String: Any] = [:]
  ) throws -> Tokenizer {
    let read = try CheckpointTokenizer(json(file), json(configuration))
    let config = try CheckpointConfiguration(
      json(["model_type": "qwen2", "bos_token_id": 1_204, "eos_token_id": [1_205, 1_206]]))
    return try Tokenizer(
      GGUFFile(
        metadata: read.metadata(config), tensors: [:],
        file: openGGUF(TokenizerFile.sound().bytes).file))
  }

  private static func json(_ value: Any) throws -> JSON {
    try JSON(JSONSerialization.data(withJSONObject: value), name: "tokenizer.json")
  }

  @Test(arguments: ["gpt-2", "smollm", "llama-bpe", "qwen2"])
  func `gives the ids that the same vocabulary in GGUF gives`(rule: String) throws {
    let tokenizer = try Self.open(Self.file(rule))
    let other = try `Token ids equal llama.cpp's`.tokenizer(rule)
    let texts = try `Token ids equal llama.cpp's`.fixture.get().texts
    for text in texts {
      for special in [false, true] {
        #expect(
          tokenizer.encode(text, special: special) == other.encode(text, special: special),
          "\(text.debugDescription)")
      }
    }
    #expect(tokenizer.endOfGeneration.isSuperset(of: [1_205, 1_206]))
    #expect(tokenizer.beginOfText == (rule == "llama-bpe" ? 1_204 : nil))
  }

  @Test func `is refused where it is of a kind that is not known`() throws {
    func message(_ change: (inout [String: Any], inout [String: Any]) -> Void) throws -> String {
      var file = try Self.file("qwen2")
      var model = try #require(file["model"] as? [String: Any])
      change(&file, &model)
      file["model"] = model
      do {
        _ = try Self.open(file)
        return "no error"
      } catch let error as TransformerError { return error.message }
    }
    #expect(try message { $1["type"] = "Unigram" }.contains("no byte-pair encoding"))
    #expect(try message { $1["byte_fallback"] = true }.contains("SentencePiece"))
    #expect(try message { $1["ignore_merges"] = true }.contains("ignore_merges"))
    #expect(try message { $1["vocab"] = ["a": -1] }.contains("the id -1"))
    #expect(try message { $1["vocab"] = ["a": 1 << 40] }.contains("the id 1099511627776"))
    #expect(try message { $1["vocab"] = ["a": 1, "b": 1] }.contains("two tokens with the id 1"))
    #expect(try message { $1["merges"] = [["a"]] }.contains("no pair of tokens"))
    #expect(try message { $1["merges"] = ["a zz"] }.contains("outside the vocabulary"))
    #expect(try message { file, _ in file["added_tokens"] = [["id": 3]] }.contains("lacks its id"))
    #expect(
      try message { file, _ in
        file["pre_tokenizer"] = Self.sequence(Self.split("x+"), usesPattern: false)
      }
      .contains("not Llama 3's or Qwen 2's"))
    #expect(
      try message { file, _ in file["pre_tokenizer"] = ["type": "Whitespace"] }
        .contains("does not end in bytes"))
  }
}

struct `JSON beside weights` {
  private static func read(_ text: String) throws(TransformerError) -> JSON {
    try JSON(text.utf8, name: "x")
  }

  @Test func `is read as it is written`() throws {
    let text = #" {"a": [1, -2.5e1, true, false, null, "\u00e9\ud83d\ude00\n\"\\\/"], "b": {}} "#
    #expect(
      try Self.read(text)
        == .object([
          "a": .array([
            .integer(1), .number(-25), .flag(true), .flag(false), .null, .string("é😀\n\"\\/"),
          ]), "b": .object([:]),
        ]))
  }

  @Test(arguments: [
    "", " ", "{", "[", "\"", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "[1,]", "[1 2]", "1 2", "tru",
    "01",
    "-", "1.", "+1", "1e999", "--1", "1e", ".5", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"",
    "\"\\ud800\\u0041\"", "\"\u{1}\"", "{\"a\":1,\"a\":2}", "{a:1}", "[,]", "nul", "NaN",
  ])
  func `that is none is refused`(text: String) {
    #expect(throws: TransformerError.self) { try Self.read(text) }
  }

  @Test func `with bytes that are no UTF-8 is refused`() {
    #expect(throws: TransformerError.self) { try JSON([0x22, 0xFF, 0x22], name: "x") }
  }
}
