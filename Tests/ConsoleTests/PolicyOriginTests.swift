import Console
import Experimentation
import Foundation
import PolicyLanguage
import Promotion
import SQLiteStorage
import Storage
import Testing

/// Where policies come from: kept, and, where the service is told so, asked for.
@Suite struct PolicyOriginTests {
  let key = PolicySigningKey()

  func request(
    _ texts: [String], revision: Int? = nil, of name: String? = nil, for audience: String? = nil,
    commit: GitCommit? = nil, dryRun: Bool = false
  ) throws -> String {
    let files = texts.enumerated().map { ApplyRequest.File(file: "\($0).yaml", text: $1) }
    let set = try PolicyParser.parse(files.map { PolicySource(file: $0.file, text: $0.text) })
    let signature = try revision.map {
      try PolicySignature(
        of: set, by: key, for: audience, as: name, revision: $0,
        expiresAtMilliseconds: LiveConsole.now + 60_000)
    }
    let request = ApplyRequest(
      files: files, actor: "alice", commit: commit, signature: signature, dryRun: dryRun)
    return String(decoding: try JSONEncoder().encode(request), as: UTF8.self)
  }

  let texts = [Policy.dense, Policy.flash, Policy.rollout]

  @Test func `the commit is in the history, once`() async throws {
    let commit = try #require(GitCommit(hash: "0123456789abcdef0123", isDirty: true))
    let body = try request(texts, commit: commit)
    try await LiveConsole.use { console in
      let first: ApplyResponse = try await console.post("/api/v1/apply", body).decode()
      #expect(first.entries.first?.title == "policies applied")
      #expect(first.entries.first?.detail == "from commit 0123456789ab with changes")
      #expect(first.entries.count == 4)
      let again: ApplyResponse = try await console.post("/api/v1/apply", body).decode()
      #expect(again.entries.isEmpty)
      let bad = body.replacing("0123456789abcdef0123", with: "main")
      #expect(try await console.post("/api/v1/apply", bad).status == 422)
    }
  }

  @Test func `unsigned and wrongly signed policies change nothing, a dry run neither`() async throws
  {
    let trust = PolicyTrust(keys: [key.publicKey], acceptsUnsigned: false)
    let unsigned = try request(texts)
    let dry = try request(texts, dryRun: true)
    let signed = try request(texts, revision: 3)
    try await LiveConsole.use(trust: trust) { console in
      for body in [unsigned, dry, signed.replacing("\"revision\":3", with: "\"revision\":4")] {
        let refused = try await console.post("/api/v1/apply", body)
        #expect(refused.status == 403)
        #expect(try refused.problem().code == .notTrusted)
      }
      #expect(try await console.database.journal.entries(after: 0).isEmpty)
      let taken: ApplyResponse = try await console.post("/api/v1/apply", signed).decode()
      #expect(taken.entries.first?.detail == "signed by \(key.publicKey.id) as revision 3")
    }
  }

  @Test func `an older revision is refused, also after a restart`() async throws {
    let trust = PolicyTrust(keys: [key.publicKey], acceptsUnsigned: false)
    let models = [Policy.dense, Policy.flash]
    let (old, new) = (try request(models, revision: 3), try request(texts, revision: 5))
    let same = try request(models, revision: 5)
    try await LiveConsole.use(trust: trust) { console in
      #expect(try await console.post("/api/v1/apply", old).status == 200)
      #expect(try await console.post("/api/v1/apply", new).status == 200)
      for body in [old, same] {
        let refused = try await console.post("/api/v1/apply", body)
        #expect(refused.status == 409)
        #expect(try refused.problem().code == .staleRevision)
      }
      // The newest again is no event.
      let again: ApplyResponse = try await console.post("/api/v1/apply", new).decode()
      #expect(again.entries.isEmpty)
      let entries = try await console.database.journal.entries(after: 0)
      let control = ControlState(folding: entries)
      #expect(control.service.signedSets.newest[""]?.number == 5)
    }
  }

  @Test func `a signature for another service is a problem of its own`() async throws {
    let trust = PolicyTrust(keys: [key.publicKey], acceptsUnsigned: false, audience: "production")
    let staging = try request(texts, revision: 3, for: "staging")
    let production = try request(texts, revision: 3, for: "production")
    try await LiveConsole.use(trust: trust) { console in
      let refused = try await console.post("/api/v1/apply", staging)
      #expect(refused.status == 403)
      #expect(try refused.problem().code == .wrongAudience)
      #expect(try await console.post("/api/v1/apply", production).status == 200)
    }
  }

  @Test func `sets with names count for themselves`() async throws {
    let trust = PolicyTrust(keys: [key.publicKey], acceptsUnsigned: false)
    let other = Policy.flash.replacing("name: flash", with: "name: other")
    let models = try request([Policy.dense, Policy.flash], revision: 9, of: "models")
    let late = try request([other], revision: 4, of: "search")
    let older = try request([other, Policy.dense], revision: 3, of: "search")
    try await LiveConsole.use(trust: trust) { console in
      #expect(try await console.post("/api/v1/apply", models).status == 200)
      // Below the other set's number, and the first of its own.
      let taken: ApplyResponse = try await console.post("/api/v1/apply", late).decode()
      #expect(taken.entries.first?.detail.hasSuffix("as revision 4 of the set 'search'") == true)
      #expect(try await console.post("/api/v1/apply", older).problem().code == .staleRevision)
    }
  }

  /// Else the newest revision of the set that a document has left, which its own mark lets pass,
  /// would bring back what was given up.
  @Test func `a document that another set has changed since is not taken back`() async throws {
    let trust = PolicyTrust(keys: [key.publicKey], acceptsUnsigned: false)
    let changed = Policy.model("flash", "dense")
    let before = try request([Policy.dense, Policy.flash], revision: 5, of: "models")
    let moved = try request([changed], revision: 6, of: "flash")
    let again = try request([Policy.dense, Policy.flash], revision: 7, of: "models")
    try await LiveConsole.use(trust: trust) { console in
      for body in [before, moved] {
        #expect(try await console.post("/api/v1/apply", body).status == 200)
      }
      let replayed = try await console.post("/api/v1/apply", before)
      #expect(replayed.status == 409)
      let problem = try replayed.problem()
      #expect(problem.code == .staleRevision)
      #expect(
        problem.message.contains(
          "model 'flash' was changed by revision 6 of the set 'flash' since"), "\(problem)")
      // Who signs it again under a higher number means it.
      #expect(try await console.post("/api/v1/apply", again).status == 200)
    }
  }

  @Test func `what is in force can be read whole`() async throws {
    let body = try request(texts)
    try await LiveConsole.use { console in
      _ = try await console.post("/api/v1/apply", body)
      let answer: PoliciesResponse = try await console.get("/api/v1/policies").decode()
      #expect(answer.models.map(\.name.text) == ["dense", "flash"])
      #expect(answer.rollouts.map(\.policy.digest).count == 1)
      #expect(answer.rollouts.first?.status == .running)
      #expect(answer.routes.map(\.name.text) == ["chat"])
      #expect(answer.routes.first?.incumbent.text == "dense")
    }
  }
}
