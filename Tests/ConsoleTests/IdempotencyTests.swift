import Console
import Experimentation
import Foundation
import Promotion
import SQLiteStorage
import Storage
import Testing

/// Commands that come more than once under one key.
@Suite struct IdempotencyTests {
  private static func headers(_ key: String) -> [(String, String)] {
    [("content-type", "application/json"), ("idempotency-key", key)]
  }

  private static let pause = "/api/v1/rollouts/assistant/pause"

  /// A console with a rollout under way; three entries.
  private func use(_ body: @escaping @Sendable (LiveConsole) async throws -> Void) async throws {
    try await LiveConsole.use { console in
      let applied = try await console.apply(Policy.dense, Policy.flash, Policy.rollout)
      try #require(applied.status == 200)
      try await body(console)
    }
  }

  @Test func `fifty at once have one effect and one answer`() async throws {
    try await use { console in
      let answers = try await withThrowingTaskGroup(of: LiveConsole.Answer.self) { group in
        for _ in 0..<50 {
          group.addTask {
            try await console.post(
              Self.pause, #"{"actor":"alice"}"#, headers: Self.headers("k-1"))
          }
        }
        var answers: [LiveConsole.Answer] = []
        for try await answer in group { answers.append(answer) }
        return answers
      }
      #expect(answers.map(\.status) == Array(repeating: 200, count: 50))
      #expect(Set(answers.map(\.body)).count == 1)
      let answer: CommandResponse = try answers[0].decode()
      #expect(answer.entries.map(\.title) == ["paused"])
      #expect(try await console.database.journal.entries(after: 0).count == 4)
    }
  }

  @Test func `an answer is given again, whatever has happened since`() async throws {
    try await use { console in
      let first = try await console.post(
        Self.pause, #"{"actor":"alice"}"#, headers: Self.headers("k-1"))
      _ = try await console.command("resume")
      let again = try await console.post(
        Self.pause, #"{"actor":"alice"}"#, headers: Self.headers("k-1"))
      #expect(again.body == first.body)
      let standing: RolloutResponse = try await console.get("/api/v1/rollouts/assistant").decode()
      #expect(standing.status == .running)
      #expect(try await console.database.journal.entries(after: 0).count == 5)
    }
  }

  @Test func `a key that came with another command is refused`() async throws {
    try await use { console in
      _ = try await console.post(
        Self.pause, #"{"actor":"alice"}"#, headers: Self.headers("k-1"))
      for (path, body) in [
        (Self.pause, #"{"actor":"bob"}"#),
        ("/api/v1/rollouts/assistant/abort", #"{"actor":"alice"}"#),
      ] {
        let refused = try await console.post(path, body, headers: Self.headers("k-1"))
        #expect(refused.status == 422)
        #expect(try refused.problem().code == .keyReused)
      }
      #expect(try await console.database.journal.entries(after: 0).count == 4)
    }
  }

  @Test func `a command is known to the service that comes after, abort and apply too`()
    async throws
  {
    try await use { console in
      // As a service leaves it that died before it answered: kept in the journal, and nowhere else.
      let entries = try await console.database.journal.entries(after: 0)
      let abort = #"{"actor":"alice","reason":"late"}"#
      let path = "/api/v1/rollouts/assistant/abort"
      let first = try await console.post(path, abort, headers: Self.headers("k-abort"))
      let answer: CommandResponse = try first.decode()
      #expect(answer.entries.map(\.title) == ["aborted"])
      let known = try #require(try await console.database.journal.entries(ofKey: "k-abort"))
      #expect(known.entries.map(\.sequence) == [Int64(entries.count) + 1])

      try await LiveConsole.use(over: console) { next in
        let again = try await next.post(path, abort, headers: Self.headers("k-abort"))
        #expect(again.status == 200)
        let told: CommandResponse = try again.decode()
        #expect(told.entries == answer.entries)
        #expect(told.rollout.status == .aborted)
        let other = try await next.post(
          path, #"{"actor":"bob"}"#, headers: Self.headers("k-abort"))
        #expect(other.status == 422)
      }
      #expect(try await console.database.journal.entries(after: 0).count == entries.count + 1)
    }
  }

  @Test func `a refusal is not kept: the key may try again`() async throws {
    try await use { console in
      _ = try await console.command("abort")
      let early = try await console.post(
        Self.pause, #"{"actor":"alice"}"#, headers: Self.headers("k-2"))
      #expect(early.status == 409)
      let next = Policy.rollout.replacing("percent: 50", with: "percent: 60")
      #expect(try await console.apply(next).status == 200)
      let later = try await console.post(
        Self.pause, #"{"actor":"alice"}"#, headers: Self.headers("k-2"))
      #expect(later.status == 200)
    }
  }

  @Test(arguments: ["", "a b", "käse", String(repeating: "k", count: 129)])
  func `what is no key is refused`(key: String) async throws {
    try await use { console in
      let refused = try await console.post(
        Self.pause, #"{"actor":"alice"}"#, headers: Self.headers(key))
      #expect(refused.status == 400)
      #expect(try await console.database.journal.entries(after: 0).count == 3)
    }
  }
}
