import Experimentation
import Foundation
import Testing

@testable import PolicyLanguage

/// A digest stands for what a policy means, in this version and in later ones.
struct DigestTests {
  /// The digests of `fixtures/policies/valid`, written down when the language was: a change here
  /// makes the evidence that people collected worthless.
  @Test func `digests are those of the first version`() throws {
    let documents = try self.documents()
    try expect(documents.map { "\($0.digest)  \($0.name)\n" }.joined(), in: "digests.txt")
  }

  @Test func `the canonical text is the golden one, and JSON`() throws {
    let documents = try self.documents()
    try expect(documents.map { $0.canonicalText + "\n" }.joined(), in: "canonical.jsonl")
    for document in documents {
      #expect(throws: Never.self) {
        try JSONSerialization.jsonObject(with: Data(document.canonicalText.utf8))
      }
      #expect(document.digest == Digest.hex(of: document.canonicalText))
    }
  }

  private func documents() throws -> [(name: String, digest: String, canonicalText: String)] {
    let set = try PolicyParser.parse(Repository.sources(in: Repository.valid))
    #expect(set.warnings.isEmpty)
    #expect(set.models.count == 8)
    #expect(set.rollouts.count == 7)
    return set.models.map { ($0.name.text, $0.digest, $0.canonicalText) }
      + set.rollouts.map { ($0.name.text, $0.digest, $0.canonicalText) }
  }

  private func expect(_ printed: String, in file: String) throws {
    let golden = Repository.valid.appending(path: file)
    if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
      try printed.write(to: golden, atomically: true, encoding: .utf8)
    }
    #expect(try printed == String(contentsOf: golden, encoding: .utf8))
  }

  @Test func `comments, key order, quotes and written defaults change nothing`() throws {
    let plain = try #require(try Sample.policy(Sample.rollout))
    let other = """
      # The same, otherwise.
      promotion: manual
      overrides: refused
      onNewRevision: refuse
      metrics:
      - maxIncrease: "5.0pp"
        onNoData: hold
        onFail: rollBack
        role: guardrail
        metric: "errorRate"
        name: errors
      steps:
        - hold: { maxTime: 1d, minTime: 5000ms, minSamples: 50, onInconclusive: pause }
          shadow: { percent: 100%, concurrency: 1 }
      assignment: { salt: 'one', unit: user }
      analysis: { alpha: 0.05, every: 30s }
      candidates:
        - smollm2-flash
      incumbent: smollm2-dense
      route: assistant
      name: assistant
      kind: Rollout
      apiVersion: rollout/v1
      """
    #expect(try Sample.policy(other) == plain)
  }

  @Test(arguments: [
    ("minSamples: 50", "minSamples: 51"), ("5pp", "6pp"), ("salt: one", "salt: two"),
    ("unit: user", "unit: session"), ("minTime: 5s", "minTime: 6s"),
    ("percent: 100", "percent: 99"),
    ("role: guardrail", "role: signal"), ("smollm2-flash", "smollm2-window"),
    ("name: errors", "name: failures"), ("route: assistant", "route: helper"),
    ("kind: Rollout", "kind: Rollout\npromotion: automatic"),
    ("kind: Rollout", "kind: Rollout\noverrides: allowed"),
    ("kind: Rollout", "kind: Rollout\nanalysis: { every: 1s }"),
    ("kind: Rollout", "kind: Rollout\nmatch: { label: tier=gold }"),
    (
      "kind: Rollout",
      "kind: Rollout\nwindows: [ { allow: \"Mon 09:00-16:00\", timeZone: UTC } ]"
    ),
    (
      "kind: Rollout",
      "kind: Rollout\nfreeze: [ { from: 2026-12-20, to: 2026-12-21, timeZone: UTC } ]"
    ),
    ("kind: Rollout", "kind: Rollout\nnotify: [ { on: [promoted], webhookEnv: HOOK } ]"),
    ("kind: Rollout", "kind: Rollout\nonNewRevision: queue"),
    ("maxIncrease: 5pp", "maxIncrease: 5pp, onNoData: pause"),
  ])
  func `a change of meaning changes the digest`(_ line: String, _ other: String) throws {
    let changed = try Sample.policy(Sample.rollout(replacing: line, with: other))
    let plain = try Sample.policy(Sample.rollout)
    #expect(try #require(changed).digest != plain?.digest)
  }

  @Test func `the digest is SHA-256 in lower-case hex`() {
    // FIPS 180-2, appendix B.1.
    #expect(
      Digest.hex(of: "abc")
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  }
}
