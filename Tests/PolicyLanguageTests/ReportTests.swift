import Foundation
import Testing

@testable import PolicyLanguage

/// Mistakes as other programs read them.
struct ReportTests {
  private static let root = ReportRoot(
    workingFolder: "/home/ci/project/sub", root: "/home/ci/project")

  /// A name and texts with everything that one of the formats treats specially.
  private static let sources = [
    PolicySource(
      file: "policies/50%, a:b é.yaml",
      text: """
        apiVersion: rollout/v1
        kind: Rollout
        name: assistant
        route: "100%: a, b"
        incumbent: smollm2-dense
        candidates: [smollm2-flash]\r
        assignment: { salt: "🎉🎉", unit: users }
        steps:
          - shadow: { percent: 100 }
        metrics:
          - { name: errors, metric: errorRate, role: info }
        """),
    PolicySource(
      file: "/elsewhere/model.yaml",
      text: """
        apiVersion: rollout/v1
        kind: Model
        name: smollm2-dense
        upstream: { url: "http://vllm:8000", model: chat-7b, apiKeyEnv: sk-proj-8x7bQ1 }
        """),
    PolicySource(file: "../model.yaml", text: "kind: Model\nname: [a, \"]\", b\n"),
  ]

  private func diagnostics() throws -> [Diagnostic] {
    let error = try #require(throws: PolicyErrors.self) {
      try PolicyParser.parse(Self.sources, knownModels: Sample.knownModels)
    }
    return error.diagnostics
  }

  private func expect(_ text: String, in file: String) throws {
    let golden = Repository.root.appending(path: "fixtures/policies/reports/\(file)")
    if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
      try text.write(to: golden, atomically: true, encoding: .utf8)
    }
    #expect(try text == String(contentsOf: golden, encoding: .utf8))
  }

  private func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
  }

  @Test func `annotations for GitHub are the golden ones`() throws {
    let text = GitHubAnnotations.text(of: try diagnostics(), root: Self.root)
    try expect(text, in: "github.txt")
    #expect(!text.contains("8x7bQ1"))
    for line in text.split(separator: "\n") {
      // What a runner splits at stands only where it is meant.
      #expect(
        line.firstMatch(of: /^::(error|warning) (\w+=[^,:]*,)*title=[a-z0-9-]+::[^\r]+$/) != nil)
    }
  }

  @Test func `the SARIF log is the golden one`() throws {
    let text = try json(SARIFLog(diagnostics(), sources: Self.sources, root: Self.root))
    try expect(text, in: "sarif.json")
    #expect(!text.contains("8x7bQ1"))
  }

  @Test func `the diagnostics as JSON are the golden ones`() throws {
    let text = try json(diagnostics())
    try expect(text, in: "diagnostics.json")
    // The line of the secret has a warning as well.
    #expect(!text.contains("8x7bQ1"))
  }

  /// What code scanners ask for beyond the schema of SARIF 2.1.0 (``SARIFTests``).
  @Test func `a SARIF log has what readers need, and columns in UTF-16`() throws {
    let log = SARIFLog(try diagnostics(), sources: Self.sources, root: Self.root)
    let object = try #require(
      try JSONSerialization.jsonObject(with: JSONEncoder().encode(log)) as? [String: Any])
    #expect(object["version"] as? String == "2.1.0")
    let run = try #require((object["runs"] as? [[String: Any]])?.first)
    #expect(run["columnKind"] as? String == "utf16CodeUnits")
    let driver = try #require((run["tool"] as? [String: [String: Any]])?["driver"])
    let rules = try #require(driver["rules"] as? [[String: Any]])
    #expect(Set(rules.compactMap { $0["id"] as? String }).count == rules.count)
    let results = try #require(run["results"] as? [[String: Any]])
    #expect(try results.count == diagnostics().count)
    for result in results {
      let index = try #require(result["ruleIndex"] as? Int)
      #expect(rules[index]["id"] as? String == result["ruleId"] as? String)
      #expect(["error", "warning"].contains(result["level"] as? String))
    }
    let line = Self.sources[0].text.split(whereSeparator: \.isNewline)[6]
    let word = try #require(line.range(of: "users"))
    let expected = line.utf16.distance(from: line.utf16.startIndex, to: word.lowerBound) + 1
    let unit = try #require(results.first { $0["ruleId"] as? String == "unknown-value" })
    let region = try #require(
      ((unit["locations"] as? [[String: Any]])?.first?["physicalLocation"] as? [String: Any])?[
        "region"] as? [String: Int])
    #expect(region == ["startLine": 7, "startColumn": expected, "endColumn": expected + 5])
  }

  @Test(arguments: [
    ("policies/a.yaml", "sub/policies/a.yaml"), ("../a.yaml", "a.yaml"), ("./a.yaml", "sub/a.yaml"),
    ("/home/ci/project/x/../a.yaml", "a.yaml"), ("../../a.yaml", nil), ("/etc/a.yaml", nil),
    ("/home/ci/projects/a.yaml", nil), ("/home/ci/project", nil),
  ])
  func `files are named from the root of the checkout`(_ file: String, _ path: String?) {
    #expect(Self.root.relative(file) == path)
  }

  @Test(arguments: [
    ("key: value # c", 1, "key"), ("key: value # c", 6, "value"), ("key: a b  # c", 6, "a b"),
    ("key: http://a/b", 6, "http://a/b"), ("a: \"b \\\" c\" d", 4, "\"b \\\" c\""),
    ("a: 'it''s' b", 4, "'it''s'"), ("a: [b, \"]\", { c: d }], e", 4, "[b, \"]\", { c: d }]"),
    ("a: { b: c", 4, "{ b: c"), ("a: \"b", 4, "\"b"), ("- { a: b }", 1, "-"),
    ("{ a: b, c }", 9, "c"),
    ("a: b  ", 4, "b"), ("é: 👩‍👩‍👧, b", 4, "👩‍👩‍👧"), (", a", 1, ","),
  ])
  func `a mark reaches to the end of the piece`(_ line: String, _ column: Int, _ piece: String) {
    let end = TokenExtent.end(in: line.unicodeScalars, from: column)
    #expect(end == column + piece.unicodeScalars.count)
  }

  @Test func `behind the end of a line there is nothing to mark`() {
    #expect(TokenExtent.end(in: "a:".unicodeScalars, from: 3) == nil)
    let long = String(repeating: "x", count: 10_000)
    #expect(TokenExtent.end(in: long.unicodeScalars, from: 1) == TokenExtent.maximum + 1)
  }
}
