import Foundation
import Testing

/// `rollout evaluate` as people and scripts call it.
@Suite(.serialized) struct EvaluateCommandTests {
  private func evaluate(_ arguments: String...) async throws -> Program.Result {
    try await Program.run(["evaluate", "--weights", Program.weights().path] + arguments)
  }

  private static let refused: [([String], String)] = [
    (["--suite", "nonsense"], "suite"),
    (["--suite", "passkey", "--variant", "windw:508"], "windw"),
    (["--suite", "passkey", "--lengths", "0"], "lengths"),
    (["--suite", "passkey", "--lengths", "1k,,2k"], "lengths"),
    (["--suite", "passkey", "--trials", "-1"], "--trials is -1, not in 1...10000"),
    (["--suite", "passkey", "--trials", "0"], "--trials is 0"),
    (["--suite", "passkey", "--seed", "-1"], "seed"),
    (["--suite", "perplexity", "--tokens", "0"], "--tokens is 0"),
    (["--suite", "perplexity", "--threads", "257"], "--threads is 257"),
    (["--suite", "perplexity", "--cache-gigabytes", "0"], "--cache-gigabytes is 0"),
    (["--suite", "perplexity", "--kv-cache", "q4"], "kv-cache"),
    (["--suite", "perplexity", "--arithmetic", "bf16"], "arithmetic"),
    (["--suite", "perplexity", "--text", "no/such/text"], "cannot read no/such/text"),
    (["--suite", "perplexity", "--text", "fixtures/tokenizer/small-bpe.gguf"], "UTF-8"),
    (
      ["--suite", "perplexity", "--text", "README.md", "--lengths", "64k"], "too few for a context"
    ),
    (["--suite", "passkey", "--lengths", "16"], "no room"),
  ]

  @Test(arguments: refused)
  func `what cannot be measured is refused with the reason`(
    arguments: [String], reason: String
  ) async throws {
    let result = try await Program.run(
      ["evaluate", "--weights", Program.weights().path] + arguments)
    #expect(result.status == 2, "\(result.output)\(result.errors)")
    #expect(result.output.isEmpty)
    #expect(result.errors.contains(reason), "\(result.errors)")
  }

  @Test func `weights that are not there are named`() async throws {
    let result = try await Program.run(
      ["evaluate", "--weights", "no/such/file.gguf", "--suite", "passkey"])
    #expect(result.status == 2)
    #expect(result.errors.contains("no/such/file.gguf"), "\(result.errors)")
  }

  /// One window of a few tokens: that numbers come out, not which.
  @Test func `perplexity with 8-bit caches, as a table and in JSON`() async throws {
    let folder = try TemporaryFolder()
    let text = String(repeating: "The cat sat on the mat and looked at the dog. ", count: 8)
    let file = try folder.write(text, to: "text.txt").path
    let arguments = [
      "--suite", "perplexity", "--text", file, "--lengths", "32", "--tokens", "16", "--threads",
      "1", "--variant", "flash", "--variant", "quest:64", "--kv-cache", "q8",
    ]
    let table = try await Program.run(
      ["evaluate", "--weights", Program.weights().path] + arguments)
    #expect(table.status == 0, "\(table.errors)")
    for word in ["dense", "flash", "quest:64", "perplexity", "mean KL"] {
      #expect(table.output.contains(word), "\(table.output)")
    }
    // What cannot be kept in 8 bits is said, and only that.
    #expect(
      table.errors.contains("note: 'quest:64' keeps attention caches in f16, not q8"),
      "\(table.errors)")
    #expect(!table.errors.contains("'flash' keeps"))

    let json = try await Program.run(
      ["evaluate", "--weights", Program.weights().path, "--json"] + arguments)
    let reports = try #require(
      try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [[String: Any]])
    #expect(reports.compactMap { $0["variant"] as? String } == ["dense", "flash", "quest:64"])
    #expect(reports.allSatisfy { ($0["perplexity"] as? Double).map { $0 > 1 } == true })
  }

  @Test func `passkeys, as a table`() async throws {
    let result = try await evaluate(
      "--suite", "passkey", "--lengths", "256", "--trials", "1", "--threads", "1", "--variant",
      "window:64+4")
    #expect(result.status == 0, "\(result.errors)")
    for word in ["dense", "window:64+4", "found", "of 1"] {
      #expect(result.output.contains(word), "\(result.output)")
    }
  }
}
