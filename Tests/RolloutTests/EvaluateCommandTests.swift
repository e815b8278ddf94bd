import Foundation
import Testing

/// `rollout evaluate` as people and scripts call it.
@Suite(.serialized) struct EvaluateCommandTests {
  private func evaluate(_ arguments: String...) async throws -> Program.Result {
    try await Program.run(
      ["evaluate", "--weights", Program.weights().path] + arguments, seconds: Self.patience)
  }

  private static let refused: [([String], String)] = [
    (
      ["--suite", "nonsense"], "there is no suite 'nonsense'; there are perplexity, passkey, needle"
    ),
    (["--suite", "passkey,passkey"], "named twice"),
    (["--suite", ""], "there is no suite ''"),
    (["--depths", "0,150"], "0 to 100"),
    (["--depths", "-5"], "0 to 100"),
    (["--depths", "0,50,100", "--trials", "2"], "too few for 3 depths"),
    (["--max-loss", "5"], "such as 5pp"),
    (["--rollout", "assistant"], "--policy's"),
    (["--policy", "policies", "--variant", "flash"], "--policy has the variants"),
    (
      ["--suite", "needle", "--lengths", "16k", "--text", "fixtures/texts/persuasion.txt"],
      "'dense' has a context of 8192 tokens, too short for 16384"
    ),
    (["--suite", "passkey", "--variant", "windw:508"], "windw"),
    (["--suite", "passkey", "--lengths", "0"], "lengths"),
    (["--suite", "passkey", "--lengths", "1k,,2k"], "lengths"),
    (["--suite", "passkey", "--trials", "-1"], "--trials is -1, not in 1...10000"),
    (["--suite", "passkey", "--trials", "0"], "--trials is 0"),
    (["--suite", "passkey", "--seed", "-1"], "seed"),
    (["--suite", "perplexity", "--tokens", "0"], "--tokens is 0"),
    (["--suite", "perplexity", "--depths", "0,50"], "are about passkeys and needles"),
    (["--suite", "perplexity", "--max-loss", "5pp"], "are about passkeys and needles"),
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
    (["--suite", "passkey", "--text", "README.md"], "--text is read for perplexity"),
    (["--suite", "passkey", "--max-loss", "5pp"], "--max-loss judges variants"),
    (["--suite", "passkey", "--models", "."], "--models is where"),
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
      "--suite", "perplexity", "--text", file, "--lengths", "32,32", "--tokens", "16", "--threads",
      "1", "--variant", "flash", "--variant", "quest:64", "--kv-cache", "q8",
    ]
    let table = try await Program.run(
      ["evaluate", "--weights", Program.weights().path] + arguments)
    #expect(table.status == 0, "\(table.errors)")
    for word in ["dense", "flash", "quest:64", "PERPLEXITY", "MEAN KL"] {
      #expect(table.output.contains(word), "\(table.output)")
    }
    // What cannot be kept in 8 bits is said, and only that.
    #expect(
      table.errors.contains("note: 'quest:64' keeps attention caches in f16, not q8"),
      "\(table.errors)")
    #expect(!table.errors.contains("'flash' keeps"))

    let json = try await Program.run(
      ["evaluate", "--weights", Program.weights().path, "--json"] + arguments)
    let rows = try Self.rows(json.output)
    #expect(rows.compactMap { $0["variant"] as? String } == ["dense", "flash", "quest:64"])
    let perplexities = rows.compactMap {
      ($0["perplexity"] as? [String: Any])?["perplexity"] as? Double
    }
    #expect(perplexities.count == 3 && perplexities.allSatisfy { $0 > 1 })
  }

  private static func rows(_ json: String) throws -> [[String: Any]] {
    let report = try #require(
      try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
    return try #require(report["rows"] as? [[String: Any]])
  }

  /// A program that is built for debugging, on a machine that has other work.
  private static let patience = 600.0

  private static let short = [
    "--lengths", "256,320", "--trials", "2", "--tokens", "512", "--threads", "2", "--text",
    "fixtures/texts/persuasion.txt",
  ]

  @Test func `all suites make one table with a row for each variant and length`() async throws {
    let result = try await Program.run(
      ["evaluate", "--weights", Program.weights().path, "--variant", "window:64+4"] + Self.short
        + ["--depths", "0,100"], seconds: Self.patience)
    #expect(result.status == 0, "\(result.errors)")
    let lines = result.output.split(separator: "\n").map(String.init)
    let words = try #require(lines.first).split(whereSeparator: \.isWhitespace).map(String.init)
    #expect(
      words == [
        "LENGTH", "VARIANT", "KEYS", "SEEN", "PERPLEXITY", "LN(PPL/REF)", "MEAN", "KL", "P99", "KL",
        "SAME", "TOP", "PASSKEY", "NEEDLE",
      ])
    let rows = lines.dropFirst().prefix(4).map {
      $0.split(whereSeparator: \.isWhitespace).prefix(2).joined(separator: " ")
    }
    #expect(rows == ["256 dense", "256 window:64+4", "320 dense", "320 window:64+4"])
    // A grid for each suite: a title, depths, a row for each variant and length, what shades mean.
    for suite in ["passkeys", "needles"] {
      let title = try #require(lines.firstIndex { $0.hasPrefix("\(suite) found, by how much") })
      let head = lines[title + 1].split(whereSeparator: \.isWhitespace)
      #expect(head == ["VARIANT", "LENGTH", "0%", "100%"])
      #expect(lines[title + 2].contains("/1") && lines[title + 2].hasPrefix("dense"))
      #expect(lines[title + 4].hasPrefix("window:64+4"))
    }
  }

  /// Policies with a gate that any window of 16 positions breaks, and one that has no number here.
  private static func policies(
    _ candidate: String
  ) throws -> (folder: TemporaryFolder, file: String) {
    let folder = try TemporaryFolder()
    let weights = try Program.weights().path
    for (name, backend) in [
      ("dense", "engine: { weights: \(weights), attention: { kind: dense }, context: 2048 }"),
      ("flash", "engine: { weights: \(weights), attention: { kind: flash }, context: 2048 }"),
      (
        "window",
        "engine: { weights: \(weights), attention: { kind: slidingWindow, window: 16, sinks: 0 }, "
          + "context: 2048 }"
      ),
      ("remote", "upstream: { url: 'http://127.0.0.1:9/v1', model: other }"),
    ] {
      try folder.write(
        "apiVersion: rollout/v1\nkind: Model\nname: \(name)\n\(backend)\n", to: "\(name).yaml")
    }
    let file = try folder.write(
      """
      apiVersion: rollout/v1
      kind: Rollout
      name: assistant
      route: assistant
      incumbent: dense
      candidates: [\(candidate)]
      assignment: { unit: user, salt: test-1 }
      steps:
        - shadow: { percent: 100, concurrency: 2 }
          hold: { minSamples: 6, minTime: 0s, maxTime: 1h }
      metrics:
        - { name: errors, metric: errorRate, role: guardrail, maxIncrease: 40pp }
        - name: fidelity
          metric: tokenAgreement
          role: guardrail
          slices: { promptTokens: [0, 300] }
          margin: 0.1
        - { name: distance, metric: klDivergence, role: signal, margin: 0.01 }
      promotion: manual

      """, to: "assistant.yaml")
    return (folder, file.path)
  }

  @Test func `a candidate that is worse than its gates allow ends with 1, by length`() async throws
  {
    let (folder, file) = try Self.policies("window, flash")
    defer { withExtendedLifetime(folder) {} }
    let arguments =
      ["evaluate", "--policy", file, "--suite", "perplexity"] + Self.short
    let result = try await Program.run(arguments, seconds: Self.patience)
    #expect(result.status == 1, "\(result.output)\(result.errors)")
    #expect(result.output.contains("worse"), "\(result.output)")
    #expect(result.output.contains("fidelity[promptTokens 0…299]"), "\(result.output)")
    #expect(result.output.contains("say nothing of: errors (errorRate)"), "\(result.output)")

    let json = try await Program.run(arguments + ["--json"], seconds: Self.patience)
    #expect(json.status == 1)
    let rows = try Self.rows(json.output)
    #expect(
      rows.compactMap { $0["variant"] as? String } == [
        "dense", "window", "flash", "dense", "window", "flash",
      ])
    // One gate a length: signals decide nothing, and what costs nothing passes.
    let judgements = rows.map { ($0["judgements"] as? [[String: Any]]) ?? [] }
    #expect(judgements.map(\.count) == [0, 1, 1, 0, 1, 1])
    #expect(judgements[1].first?["verdict"] as? String == "worse")
    #expect(judgements[2].first?["verdict"] as? String == "passes")
    #expect(judgements[1].first?["gate"] as? String == "fidelity[promptTokens 0…299]")
    #expect(judgements[4].first?["gate"] as? String == "fidelity[promptTokens ≥ 300]")
  }

  @Test func `a candidate that costs nothing ends with 0`() async throws {
    let (folder, file) = try Self.policies("flash")
    defer { withExtendedLifetime(folder) {} }
    let result = try await Program.run(
      ["evaluate", "--policy", file, "--suite", "perplexity"] + Self.short,
      seconds: Self.patience)
    #expect(result.status == 0, "\(result.output)\(result.errors)")
    #expect(result.output.contains("passes: 2 of 2 judgements pass"), "\(result.output)")
  }

  @Test func `what a window forgets is worse by --max-loss, without a policy`() async throws {
    let result = try await evaluate(
      "--suite", "passkey", "--lengths", "400", "--trials", "8", "--depths", "10", "--reference",
      "flash", "--variant", "window:28+4", "--max-loss", "5pp")
    #expect(result.status == 1, "\(result.output)\(result.errors)")
    #expect(result.output.contains("≤ +5.0pp"), "\(result.output)")
  }

  @Test func `models that this process does not run are named, and so are missing ones`()
    async throws
  {
    let (folder, file) = try Self.policies("remote, nobody")
    defer { withExtendedLifetime(folder) {} }
    let result = try await Program.run(["evaluate", "--policy", file])
    #expect(result.status == 2)
    #expect(
      result.errors.contains("model 'remote' answers at http://127.0.0.1:9/v1"), "\(result.errors)")
    #expect(result.errors.contains("describes model 'nobody'"), "\(result.errors)")
    let nothing = try await Program.run(["evaluate", "--suite", "passkey"])
    #expect(nothing.status == 2)
    #expect(nothing.errors.contains("--weights, or a rollout with --policy"), "\(nothing.errors)")
    let other = try await Program.run(["evaluate", "--policy", file, "--rollout", "other"])
    #expect(other.status == 3)
    #expect(other.errors.contains("there are: assistant"), "\(other.errors)")
  }

  @Test func `a policy that cannot be read, or that check refuses, cannot be measured`()
    async throws
  {
    let (folder, file) = try Self.policies("flash")
    defer { withExtendedLifetime(folder) {} }
    let text = try String(contentsOfFile: file, encoding: .utf8)
    let twin = try folder.write(text, to: "twin.yaml")
    let twins = try await Program.run(
      ["evaluate", "--policy", twin.deletingLastPathComponent().path, "--rollout", "assistant"])
    #expect(twins.status == 2, "two documents of one name: \(twins.errors)")
    let broken = try folder.write(text + "\nstep: 1\n", to: "broken.yaml")
    let result = try await Program.run(["evaluate", "--policy", broken.path])
    #expect(result.status == 2)
    #expect(result.errors.contains("unknown-key"), "\(result.errors)")
  }

  @Test func `passkeys, as a table`() async throws {
    let result = try await evaluate(
      "--suite", "passkey", "--lengths", "256", "--trials", "1", "--threads", "1", "--variant",
      "window:64+4")
    #expect(result.status == 0, "\(result.errors)")
    for word in ["dense", "window:64+4", "PASSKEY", "of 1 ("] {
      #expect(result.output.contains(word), "\(result.output)")
    }
  }
}
