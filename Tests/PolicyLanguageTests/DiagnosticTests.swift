import Foundation
import Testing

@testable import PolicyLanguage

/// How mistakes are printed, and what they do not show.
struct DiagnosticTests {
  private func diagnostics(_ text: String) -> [Diagnostic] {
    do {
      _ = try PolicyParser.parse(PolicySource(file: "bad.yaml", text: text))
      return []
    } catch {
      return error.diagnostics
    }
  }

  @Test func `a mistake is printed with its place, its code and what was meant`() {
    let text = "apiVersion: rollout/v1\nkind: Model\nname: a\nengin:\n  weights: w.gguf\n"
    #expect(
      diagnostics(text).first?.rendered == """
        bad.yaml:4:1: error: unknown key 'engin' in a model [unknown-key]; did you mean 'engine'?
          4 | engin:
            | ^
        """)
  }

  @Test func `errors are counted behind what was found`() {
    #expect(
      PolicyErrors(diagnostics: diagnostics("kind: x")).description.hasSuffix("\n1 error"))
  }

  @Test func `a diagnostic is the same behind JSON`() throws {
    let found = diagnostics(Sample.rollout(replacing: "steps:", with: "stebs:"))
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let data = try encoder.encode(found)
    #expect(try JSONDecoder().decode([Diagnostic].self, from: data) == found)
    let text = try #require(String(bytes: data, encoding: .utf8))
    #expect(text.contains(#""code":"unknown-key","column":1"#))
    #expect(text.contains(#""severity":"error","suggestion":"steps""#))
  }

  @Test(arguments: [
    "apiKeyEnv: sk-proj-4f9aK2mQz81LrT7vXw", "apiKeyEnv: hf_QwErTyUiOp",
    "apiKeyEnv: \"Bearer s3cr3tX\"",
    "apiKeyEnv: 4f9aK2mQz81LrT7vXwss", "apiKeyEnv: my-s3cr3t", "apiKeyEnv: AKIAIOSFODNN7EXAMPLE",
  ])
  func `a key is refused and not repeated`(_ line: String) {
    let text = """
      apiVersion: rollout/v1
      kind: Model
      name: a
      upstream:
        url: http://a/v1
        model: b
        \(line)
      """
    let found = diagnostics(text)
    #expect(found.count == 1)
    let secret = line.dropFirst("apiKeyEnv: ".count).filter { $0 != "\"" }
    for diagnostic in found {
      #expect([.secretInPolicy, .invalidEnvironmentName].contains(diagnostic.code))
      #expect(!diagnostic.rendered.contains(secret))
    }
  }

  @Test func `a password in a URL is refused and not repeated`() {
    let found = diagnostics(
      """
      apiVersion: rollout/v1
      kind: Model
      name: a
      upstream: { url: "http://admin:hunter2@a/v1", model: b }
      """)
    #expect(found.map(\.code) == [.credentialsInURL])
    #expect(found.allSatisfy { !$0.rendered.contains("hunter2") })
  }

  @Test(arguments: [
    "vllm:8000/v1", "http:///v1", "http://", "http:vllm/v1", "ftp://a/v1", "http://a/v1?x=1",
    "http://a/v1#x", "http://a/../v1", "http://a//v1", "http://a b/v1", "http://a:99999/v1",
    "http://a\\\\b/v1", "file:///etc/passwd", "http://a/vé",
  ])
  func `what is no base URL is refused`(_ url: String) {
    let found = diagnostics(
      """
      apiVersion: rollout/v1
      kind: Model
      name: a
      upstream: { url: "\(url)", model: b }
      """)
    #expect(found.map(\.code) == [.invalidURL])
  }

  @Test func `control characters do not reach a terminal`() {
    let found = diagnostics("kind: \u{1B}[31mModel\n")
    #expect(!found.isEmpty)
    #expect(found.allSatisfy { !$0.rendered.contains("\u{1B}") })
  }
}
