import Foundation
import Testing

@testable import Transformer

/// `fixtures/tokenizer/generate.py` says where the ids come from.
struct `Token ids equal those of the reference tokenizer` {
  struct Case: Decodable {
    let name: String
    let pre: String
    let special: Bool
    let text: String
    let ids: [Token]
  }

  private static func cases() throws -> [Case] {
    try JSONDecoder().decode(
      [Case].self, from: TestModel.fixture("tokenizer/smollm2.json"))
  }

  @Test(arguments: [("smollm", false), ("smollm", true), ("gpt-2", false)])
  func `on texts of many scripts, code, blanks and digits`(pre: String, special: Bool) throws {
    let tokenizer = try tokenizer(pre: pre)
    let cases = try Self.cases().filter { $0.pre == pre && $0.special == special }
    #expect(cases.count >= (special ? 20 : 300))
    for test in cases {
      #expect(tokenizer.encode(test.text, special: special) == test.ids, "\(test.name)")
    }
  }

  @Test func `tokens of a text give its bytes back`() throws {
    let tokenizer = try TestModel.tokenizer()
    let unencodable = Set(tokenizer.unencodableBytes)
    // What SmolLM2's vocabulary lacks among the bytes that occur in UTF-8.
    #expect(unencodable.intersection(0...0x7F) == [0x04, 0x06, 0x13, 0x14, 0x16, 0x1D])
    #expect(unencodable.intersection(0xC2...0xF4) == [0xF1, 0xF2])
    for test in try Self.cases() where !test.special && test.pre == "smollm" {
      let bytes = tokenizer.encode(test.text, special: false).flatMap(tokenizer.bytes(of:))
      #expect(bytes == test.text.utf8.filter { !unencodable.contains($0) }, "\(test.name)")
    }
  }

  /// The real vocabulary with another pre-tokenizer.
  private func tokenizer(pre: String) throws -> Tokenizer {
    let file = try TestModel.file()
    guard pre != "smollm" else { return try TestModel.tokenizer() }
    var metadata = file.metadata
    metadata["tokenizer.ggml.pre"] = .string(pre)
    return try Tokenizer(GGUFFile(metadata: metadata, tensors: [:], file: file.file))
  }
}
