import Console
import Experimentation
import Foundation
import PolicyLanguage
import Promotion
import Routing
import SQLiteStorage
import Storage
import Testing

/// The console as its clients see it: a live server with a real controller and store.
@Suite struct ConsoleTests {
  @Test func `what is applied shows in the status and takes traffic`() async throws {
    try await LiveConsole.use { console in
      let applied = try await console.apply(Policy.dense, Policy.flash, Policy.rollout)
      #expect(applied.status == 200)
      let answer: ApplyResponse = try applied.decode()
      #expect(answer.changes.map(\.effect) == [.added, .added, .added])
      #expect(answer.entries.map(\.title) == ["model applied", "model applied", "applied"])
      #expect(answer.entries.map(\.actor) == ["alice", "alice", "alice"])

      let status: StatusResponse = try await console.get("/api/v1/status").decode()
      #expect(status.routes.map(\.incumbent.text) == ["dense"])
      #expect(status.models.map(\.backend) == ["engine dense", "engine flash"])
      #expect(status.rollouts.map(\.name.text) == ["assistant"])
      let rollout: RolloutResponse = try await console.get("/api/v1/rollouts/assistant").decode()
      #expect(rollout == status.rollouts.first)
      #expect(rollout.status == .running)
      #expect(rollout.serving.map { "\($0.model) \($0.share)" } == ["dense 100%"])
      #expect(rollout.shadows.map { "\($0.model) \($0.share)" } == ["flash 50%"])
      #expect(console.table.snapshot.routes.values.first?.shadows.count == 1)
    }
  }

  @Test func `applying the same again writes nothing`() async throws {
    try await LiveConsole.use { console in
      _ = try await console.apply(Policy.dense, Policy.flash, Policy.rollout)
      let again = try await console.apply(Policy.rollout)
      let answer: ApplyResponse = try again.decode()
      #expect(answer.changes.map(\.effect) == [.unchanged])
      #expect(answer.entries == [])
      #expect(try await console.database.journal.entries(after: 0).count == 3)
    }
  }

  @Test func `mistakes in a policy come back with their places`() async throws {
    try await LiveConsole.use { console in
      let refused = try await console.apply(
        Policy.dense, Policy.rollout.replacing("steps:", with: "step:"))
      #expect(refused.status == 422)
      let problem = try refused.problem()
      #expect(problem.code == .policyRefused)
      let unknown = problem.diagnostics.first { $0.code == .unknownKey }
      #expect(unknown?.file == "1.yaml")
      #expect(unknown?.line == 8)
      #expect(unknown?.suggestion == "steps")
      #expect(problem.diagnostics.contains { $0.code == .unknownModel })
      #expect(try await console.database.journal.entries(after: 0) == [])
    }
  }

  @Test(arguments: [(true, ""), (false, "?dryRun=true"), (false, "?dryRun")])
  func `a dry run says what would change and changes nothing`(
    inBody: Bool, query: String
  ) async throws {
    try await LiveConsole.use { console in
      let answer: ApplyResponse = try await console.apply(
        Policy.dense, Policy.flash, Policy.rollout, dryRun: inBody, query: query
      ).decode()
      #expect(answer.dryRun)
      #expect(answer.changes.count == 3)
      #expect(answer.entries == [])
      #expect(try await console.database.journal.entries(after: 0) == [])
    }
  }

  @Test func `a dry run is refused where the apply would be`() async throws {
    try await LiveConsole.use { console in
      _ = try await console.apply(Policy.dense, Policy.flash, Policy.rollout)
      let other = Policy.rollout(
        "other", incumbent: "flash", candidate: "dense",
        steps: "[{ shadow: { percent: 50 }, hold: { minSamples: 20 } }]")
      for dryRun in [true, false] {
        let refused = try await console.apply(other, dryRun: dryRun)
        #expect(refused.status == 409)
        #expect([.staleIncumbent, .rolloutUnderWay].contains(try refused.problem().code))
      }
    }
  }

  @Test func `a promotion is refused with the open gates, and forced with a reason`() async throws {
    try await LiveConsole.use { console in
      _ = try await console.apply(Policy.dense, Policy.flash, Policy.rollout)
      await console.controller.look()
      let refused = try await console.command("promote")
      #expect(refused.status == 409)
      let problem = try refused.problem()
      #expect(problem.code == .gatesOpen)
      #expect(problem.openGates.map(\.gate) == ["errors"])
      #expect(problem.openGates.first?.verdict == .noData)
      #expect(problem.remedy != nil)

      let silent = try await console.command("promote", #"{"actor":"bob","force":true}"#)
      #expect(silent.status == 422)
      let blank = try await console.command(
        "promote", #"{"actor":"bob","force":true,"reason":"  "}"#)
      #expect(blank.status == 422)

      let forced = try await console.command(
        "promote", #"{"actor":"bob","force":true,"reason":"dense is down"}"#)
      #expect(forced.status == 200)
      let answer: CommandResponse = try forced.decode()
      #expect(answer.rollout.status == .promoted)
      #expect(answer.rollout.incumbent.text == "flash")
      #expect(answer.entries.map(\.reason) == ["dense is down"])
      #expect(answer.entries.first?.detail == "model flash, by force over errors, step 1: shadow")

      let back: CommandResponse = try await console.command("rollback").decode()
      #expect(back.rollout.incumbent.text == "dense")
      #expect(back.rollout.status == .rolledBack)
    }
  }

  @Test func `approval, pause, resume and abort go their way`() async throws {
    try await LiveConsole.use { console in
      let policy = Policy.rollout(
        steps: "[{ approval: { team: ml } }, { canary: { weight: 5% }, hold: { minSamples: 20 } }]")
      _ = try await console.apply(Policy.dense, Policy.flash, policy)
      let waiting: RolloutResponse = try await console.get("/api/v1/rollouts/assistant").decode()
      #expect(waiting.missing == ["approval by ml: rollout approve assistant"])
      #expect(try await console.command("approve").status == 200)
      let paused: CommandResponse = try await console.command("pause").decode()
      #expect(paused.rollout.status == .paused)
      #expect(paused.rollout.missing == ["it is paused: rollout resume assistant"])
      let resumed: CommandResponse = try await console.command("resume").decode()
      #expect(resumed.rollout.status == .running)
      let aborted: CommandResponse = try await console.command("abort").decode()
      #expect(aborted.rollout.status == .aborted)
      #expect(aborted.rollout.missing == [])
      let late = try await console.command("pause")
      #expect(late.status == 409)
      #expect(try late.problem().code == .notAllowed)
    }
  }

  @Test func `a rollout that was looked at shows its gates and what is missing`() async throws {
    try await LiveConsole.use { console in
      _ = try await console.apply(Policy.dense, Policy.flash, Policy.rollout)
      let position = try #require(await console.controller.status().state.rollouts.values.first)
        .position
      try await console.database.outcomes.append(
        outcomes: [], comparisons: try (0..<5).map { try comparison("\($0)", at: position) })
      await console.controller.look()
      let rollout: RolloutResponse = try await console.get("/api/v1/rollouts/assistant").decode()
      #expect(rollout.gates.map(\.gate) == ["errors"])
      #expect(rollout.gates.first?.samples == 5)
      #expect(rollout.missing.count == 1)
      #expect(rollout.missing.first?.contains("errors") == true)
      let line = try #require(rollout.comparison.first { $0.model.text == "flash" })
      #expect(line.promptTokens == "0–255")
      #expect(line.answers == 5)
    }
  }

  @Test func `history tells of one rollout or of all`() async throws {
    try await LiveConsole.use { console in
      _ = try await console.apply(Policy.dense, Policy.flash, Policy.rollout)
      _ = try await console.command("pause", #"{"actor":"bob","reason":"lunch"}"#)
      let all: HistoryResponse = try await console.get("/api/v1/history").decode()
      #expect(all.entries.map(\.sequence) == [1, 2, 3, 4])
      #expect(all.omitted == 0)
      let one: HistoryResponse = try await console.get("/api/v1/history?rollout=assistant").decode()
      #expect(one.entries.map(\.title) == ["applied", "paused"])
      #expect(one.entries.last?.actor == "bob")
      #expect(one.entries.last?.reason == "lunch")
      #expect(one.entries.last?.atMilliseconds == LiveConsole.now)
      let none: HistoryResponse = try await console.get("/api/v1/history?rollout=other").decode()
      #expect(none.entries == [])
    }
  }

  @Test func `a freeze and what waits in the queue show in the status`() async throws {
    try await LiveConsole.use { console in
      let frozen = """
        \(Policy.rollout)
        freeze: [ { from: 2027-01-10, to: 2027-01-20, timeZone: UTC, reason: audit } ]
        """
      _ = try await console.apply(Policy.dense, Policy.flash, frozen)
      let rollout: RolloutResponse = try await console.get("/api/v1/rollouts/assistant").decode()
      #expect(rollout.closed?.reason == "frozen: audit")
      // The midnight at which the 20th begins.
      #expect(rollout.closed?.opensAtMilliseconds == 1_800_403_200_000)
      #expect(rollout.closed?.opens == "Wed 2027-01-20 00:00 (UTC)")
      #expect(
        rollout.missing.last == "it is frozen: audit; opens Wed 2027-01-20 00:00 (UTC)")
      #expect(rollout.queued == nil)

      let next = Policy.rollout + "\nonNewRevision: queue"
      let answer: ApplyResponse = try await console.apply(next).decode()
      #expect(answer.entries.map(\.title) == ["queued"])
      let again: ApplyResponse = try await console.apply(next).decode()
      #expect(again.changes.map(\.effect) == [.unchanged])
      let status: StatusResponse = try await console.get("/api/v1/status").decode()
      #expect(status.routes.map(\.queued?.text) == ["assistant"])
      let waiting = try #require(status.rollouts.first?.queued)
      #expect(waiting.missing == ["the end of rollout 'assistant', which is running"])

      let aborted = try await console.command("abort")
      #expect(aborted.status == 200)
      let after: RolloutResponse = try await console.get("/api/v1/rollouts/assistant").decode()
      #expect(after.status == .aborted && after.queued == nil && after.closed == nil)
    }
  }

  @Test func `a revision under a name of its own is pending`() async throws {
    try await LiveConsole.use { console in
      _ = try await console.apply(Policy.dense, Policy.flash, Policy.rollout)
      let other = Policy.rollout("other", steps: "[{ shadow: { percent: 50 } }]")
      _ = try await console.apply(other + "\nonNewRevision: queue")
      let pending: RolloutResponse = try await console.get("/api/v1/rollouts/other").decode()
      #expect(pending.status == .pending && pending.run == 1)
      #expect(pending.missing == ["the end of rollout 'assistant', which is running"])
      let refused = try await console.command("promote", on: "other")
      #expect(refused.status == 409)
      #expect(try refused.problem().message.contains("pending"))
    }
  }

  @Test func `a journal that cannot be written is no lost command`() async throws {
    try await LiveConsole.use { console in
      _ = try await console.apply(Policy.dense, Policy.flash, Policy.rollout)
      try console.database.close()
      let refused = try await console.command("pause")
      #expect(refused.status == 503)
      #expect(try refused.problem().code == .unavailable)
      #expect(try await console.get("/api/v1/history").status == 503)
      // What is known is still told.
      let status: StatusResponse = try await console.get("/api/v1/status").decode()
      #expect(status.rollouts.first?.status == .running)
      #expect(!status.problems.isEmpty)
    }
  }

  private func comparison(_ id: String, at position: RolloutPosition) throws -> Comparison {
    let measurements = Measurements(
      timeToFirstTokenSeconds: 0.1, totalSeconds: 1, promptTokens: 40, outputTokens: 20,
      finishReason: "stop")
    return Comparison(
      requestID: id,
      assignment: Assignment(
        route: try #require(RouteName("chat")), rollout: position, unitHash: UInt64(id) ?? 0,
        propensity: 1, atMilliseconds: LiveConsole.now),
      incumbent: try #require(ModelName("dense")), candidate: try #require(ModelName("flash")),
      incumbentMeasurements: measurements, candidateMeasurements: measurements,
      prefixAgreement: 1)
  }
}
