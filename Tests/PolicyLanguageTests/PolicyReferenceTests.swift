import Foundation
import Testing

@testable import PolicyLanguage

/// `policies/README.md` is where people look the language up, so it must have all of it.
struct PolicyReferenceTests {
  private static func reference() throws -> String {
    try String(contentsOf: Repository.policies.appending(path: "README.md"), encoding: .utf8)
  }

  /// The rows of the table under the heading of `object`, or all text when it has none.
  private static func section(_ object: String, of text: String) throws -> Substring {
    let start = try #require(text.range(of: "### \(object)\n"), "no heading '### \(object)'")
    let rest = text[start.upperBound...]
    return rest.prefix(upTo: rest.range(of: "\n##")?.lowerBound ?? rest.endIndex)
  }

  @Test func `every key is explained under the mapping that it belongs to`() throws {
    let text = try Self.reference()
    for object in Vocabulary.objects {
      try check(object, in: text)
    }
  }

  private func check<Key: PolicyKey>(_ object: Key.Type, in text: String) throws {
    let section = try Self.section(Key.object, of: text)
    for key in Key.allCases {
      let rows = section.split(separator: "\n").filter { $0.hasPrefix("| `\(key.rawValue)` |") }
      #expect(rows.map(String.init) == [row(of: key)])
    }
  }

  private func row(of key: some PolicyKey) -> String {
    let usual =
      switch (key.presence, key.entry.usual) {
      case (.required, _): "required"
      case (.optional, .none): "?"
      case (.optional, .value(let text)), (.optional, .note(let text)): text
      }
    let summary = key.entry.summary.isEmpty ? "" : " \(key.entry.summary)"
    return "| `\(key.rawValue)` | \(usual) |\(summary) |"
  }

  @Test func `every diagnostic is in the list`() throws {
    let text = try Self.reference()
    for code in DiagnosticCode.allCases {
      #expect(text.contains("`\(code.rawValue)`"), "\(code.rawValue)")
    }
  }

  @Test func `the documents that it shows are accepted`() throws {
    let text = try Self.reference()
    let blocks = text.components(separatedBy: "```yaml\n").dropFirst().compactMap {
      $0.components(separatedBy: "```").first
    }
    #expect(blocks.count >= 2)
    for (index, block) in blocks.enumerated() {
      let source = PolicySource(file: "block-\(index).yaml", text: block)
      #expect(throws: Never.self) { try PolicyParser.parse(source) }
    }
  }
}
