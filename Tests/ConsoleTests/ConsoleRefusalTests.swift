import Console
import Experimentation
import SQLiteStorage
import Storage
import Testing

/// What the console does not take.
@Suite struct ConsoleRefusalTests {
  @Test func `what is not there is not found, in the one form of errors`() async throws {
    try await LiveConsole.use { console in
      for path in [
        "/api/v1/rollouts/nobody", "/api/v1/rollouts/%1b%5b2J", "/api/v1/rollouts/A", "/",
        "/api/v2",
        "//api/v1/rollouts/nobody",
      ] {
        let answer = try await console.get(path)
        #expect(answer.status == 404, "\(path)")
        let problem = try answer.problem()
        #expect(problem.code == .notFound, "\(path)")
        #expect(PlainText.isPlain(problem.message), "\(path)")
      }
      let action = try await console.command("abort", on: "nobody")
      #expect(action.status == 404)
      #expect(try action.problem().code == .notFound)
    }
  }

  @Test(arguments: [
    (#"{"actor":""}"#, 422), (#"{"actor":"   "}"#, 422), (#"{}"#, 422), (#"{"actor":null}"#, 422),
    (#"{"actor":7}"#, 422), (#"[]"#, 422), (#"{"actor":"al"#, 400), ("", 400),
    (#"{"actor":"a\u001b[2Jb"}"#, 422), (#"{"actor":"a\nb"}"#, 422),
    (#"{"actor":"a\u202eb"}"#, 422),
    (#"{"actor":"alice","reason":"b\u0007"}"#, 422),
    (#"{"actor":"alice","reason":"b\u0000"}"#, 422),
    (#"{"actor":"alice","forse":true}"#, 422), (#"{"actor":"alice","force":true}"#, 422),
    (#"{"actor":"alice","model":"A B"}"#, 422),
    (#"{"actor":"\#(String(repeating: "a", count: 129))"}"#, 422),
    (#"{"actor":"alice","reason":"\#(String(repeating: "a", count: 1_001))"}"#, 422),
  ])
  func `a command that is not well signed is refused`(body: String, status: Int) async throws {
    try await LiveConsole.use { console in
      _ = try await console.apply(Policy.dense, Policy.flash, Policy.rollout)
      let refused = try await console.command("pause", body)
      #expect(refused.status == status)
      #expect(PlainText.isPlain(try refused.problem().message))
      #expect(try await console.database.journal.entries(after: 3) == [])
    }
  }

  @Test func `a misspelt dry run is refused, not applied`() async throws {
    try await LiveConsole.use { console in
      let refused = try await console.post(
        "/api/v1/apply",
        #"{"actor":"alice","files":[{"file":"a.yaml","text":""}],"dryrun":true}"#)
      #expect(refused.status == 422)
      #expect(try refused.problem().message.contains("unknown key 'dryrun'"))
      let odd = try await console.apply(Policy.dense, query: "?dryRun=maybe")
      #expect(odd.status == 422)
    }
  }

  @Test func `too many files and too large bodies are refused`() async throws {
    try await LiveConsole.use { console in
      let none = try await console.apply()
      #expect(none.status == 422)
      let file = #"{"file":"a.yaml","text":""}"#
      let many = try await console.post(
        "/api/v1/apply",
        #"{"actor":"a","files":[\#(Array(repeating: file, count: 257).joined(separator: ","))]}"#)
      #expect(many.status == 422)
      let large = try await console.apply(String(repeating: "#", count: 3 << 20))
      #expect(large.status == 413)
      #expect(try large.problem().code == .tooLarge)
    }
  }

  private static let origins: [([(String, String)], Int)] = [
    ([("content-type", "text/plain")], 415),
    ([("content-type", "application/x-www-form-urlencoded")], 415), ([], 415),
    ([("content-type", "application/json; charset=utf-8")], 200),
    ([("content-type", "application/json"), ("sec-fetch-site", "cross-site")], 403),
    ([("content-type", "application/json"), ("sec-fetch-site", "same-site")], 403),
    ([("content-type", "application/json"), ("sec-fetch-site", "same-origin")], 200),
    ([("content-type", "application/json"), ("origin", "https://evil.example")], 403),
    ([("content-type", "application/json"), ("origin", "null")], 403),
    (
      [
        ("content-type", "application/json"), ("origin", "http://rebound.example:8081"),
        ("host", "rebound.example:8081"),
      ], 403
    ),
  ]

  @Test(arguments: origins)
  func `a page of another site gives no commands`(
    headers: [(String, String)], status: Int
  ) async throws {
    try await LiveConsole.use { console in
      _ = try await console.apply(Policy.dense, Policy.flash, Policy.rollout)
      let answer = try await console.post(
        "/api/v1/rollouts/assistant/pause", #"{"actor":"alice"}"#, headers: headers)
      #expect(answer.status == status)
      let written = try await console.database.journal.entries(after: 3).count
      #expect(written == (status == 200 ? 1 : 0))
    }
  }

  @Test func `our own page may give commands`() async throws {
    try await LiveConsole.use { console in
      _ = try await console.apply(Policy.dense, Policy.flash, Policy.rollout)
      let answer = try await console.post(
        "/api/v1/rollouts/assistant/pause", #"{"actor":"alice"}"#,
        headers: [("content-type", "application/json"), ("origin", console.server)])
      #expect(answer.status == 200)
    }
  }

  @Test func `two hundred pauses at once are one entry`() async throws {
    try await LiveConsole.use { console in
      _ = try await console.apply(Policy.dense, Policy.flash, Policy.rollout)
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<200 { group.addTask { try await console.command("pause").status } }
        for try await status in group { #expect(status == 200) }
      }
      #expect(try await console.database.journal.entries(after: 3).count == 1)
    }
  }
}
