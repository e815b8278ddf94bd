import Console
import Experimentation
import Foundation
import SQLiteStorage
import Storage
import Testing

/// What is exported, and in which form.
@Suite struct ExportTests {
  private static func outcome(_ id: String, run: Int = 1) throws -> Outcome {
    var assignment = Assignment(
      route: try #require(RouteName("chat")),
      rollout: RolloutPosition(
        rollout: try #require(RolloutName("assistant")), digest: "d", step: 0, run: run),
      unitHash: .max - 1, propensity: 0.5, atMilliseconds: 1_800_000_000_000)
    assignment.labels = ["tier": "gold, \"old\""]
    var outcome = Outcome(
      requestID: id, assignment: assignment, model: try #require(ModelName("dense")),
      measurements: Measurements(
        timeToFirstTokenSeconds: 0.1, totalSeconds: 1e-7, promptTokens: 300,
        finishReason: "stop\n,\u{1}"))
    outcome.measurements.cost = 0.25
    return outcome
  }

  private static func text(_ answer: LiveConsole.Answer) -> String {
    String(decoding: answer.body, as: UTF8.self)
  }

  @Test func `more rows than a page come whole and in order`() async throws {
    try await LiveConsole.use { console in
      let ids = (0..<2_500).map { "r\($0)" }
      try await console.database.outcomes.append(
        outcomes: try ids.map { try Self.outcome($0) } + [try Self.outcome("other", run: 2)],
        comparisons: [])
      let answer = try await console.get("/api/v1/rollouts/assistant/export?run=1")
      #expect(answer.status == 200)
      let lines = Self.text(answer).split(separator: "\n")
      let objects = try lines.map {
        try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
      }
      #expect(objects.map { $0["request_id"] as? String } == ids)
      let first = try #require(objects.first)
      #expect(first["total_seconds"] as? Double == 1e-7)
      #expect(first["unit_hash"] as? String == "fffffffffffffffe")
      #expect(first["finish_reason"] as? String == "stop\n,\u{1}")
      #expect(first["labels"] as? String == #"{"tier":"gold, \"old\""}"#)
      #expect(first["output_tokens"] is NSNull)
      #expect(first["is_error"] as? Bool == false)
    }
  }

  @Test func `a table has a line of names and quotes what needs it`() async throws {
    try await LiveConsole.use { console in
      try await console.database.outcomes.append(
        outcomes: [try Self.outcome("r1")], comparisons: [])
      let text = Self.text(try await console.get("/api/v1/rollouts/assistant/export?format=csv"))
      let names = try #require(text.components(separatedBy: "\r\n").first)
      #expect(
        names == "sequence,request_id,route,rollout,run,step,digest,at_milliseconds,unit_hash,"
          + "propensity,labels,model,queue_seconds,time_to_first_token_seconds,"
          + "time_per_output_token_seconds,total_seconds,prompt_tokens,cached_prompt_tokens,"
          + "output_tokens,finish_reason,failure,is_error,cost,revision,allocation,choices,"
          + "draw,scores")
      #expect(
        text == names + "\r\n"
          + "1,r1,chat,assistant,1,0,d,1800000000000,fffffffffffffffe,0.5,"
          + #""{""tier"":""gold, \""old\""""}",dense,0.0,0.1,,1e-07,300,,,"#
          + "\"stop\n,\u{1}\",,false,0.25,,0,,,\r\n")
    }
  }

  @Test func `what users said is exported as it came`() async throws {
    try await LiveConsole.use { console in
      let outcome = try Self.outcome("r1")
      var said = Feedback(
        requestID: "r1", assignment: outcome.assignment, model: outcome.model, choice: 1,
        value: 0.5,
        receivedAtMilliseconds: 1_800_000_060_000, isLate: true, text: "so, \"so\"")
      said.assignment.labels = [:]
      _ = try await console.database.outcomes.record([said])
      let path = "/api/v1/rollouts/assistant/export?kind=feedback"
      let text = Self.text(try await console.get(path + "&format=csv"))
      #expect(
        text == "sequence,request_id,route,rollout,run,step,digest,at_milliseconds,unit_hash,"
          + "propensity,model,choice,metric,value,received_at_milliseconds,is_late,text\r\n"
          + "1,r1,chat,assistant,1,0,d,1800000000000,fffffffffffffffe,0.5,dense,1,feedback,0.5,"
          + "1800000060000,true,\"so, \"\"so\"\"\"\r\n")
      let object = try #require(
        try JSONSerialization.jsonObject(with: Data(Self.text(try await console.get(path)).utf8))
          as? [String: Any])
      #expect(object["text"] as? String == "so, \"so\"")
    }
  }

  @Test func `rollups are exported after their rows went`() async throws {
    try await LiveConsole.use { console in
      let store = console.database.outcomes
      try await store.append(
        outcomes: try (0..<10).map { try Self.outcome("\($0)") }, comparisons: [])
      _ = try await store.prune(
        Retention(maximumAge: .seconds(1)), nowMilliseconds: 2_000_000_000_000, keeping: [],
        limit: 100)
      #expect(Self.text(try await console.get("/api/v1/rollouts/assistant/export")) == "")
      let text = Self.text(try await console.get("/api/v1/rollouts/assistant/export?kind=rollups"))
      let object = try #require(
        try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
      #expect(object["answers"] as? Int == 10)
      #expect(object["prompt_tokens"] as? String == "256–1023")
      #expect(object["cost_mean"] as? Double == 0.25)
    }
  }

  @Test(arguments: [
    ("/api/v1/rollouts/nobody/export", 404), ("/api/v1/rollouts/assistant/export?run=7", 404),
    ("/api/v1/rollouts/assistant/export?format=xml", 422),
    ("/api/v1/rollouts/assistant/export?kind=dreams", 422),
  ])
  func `what is not there is refused`(path: String, status: Int) async throws {
    try await LiveConsole.use { console in
      try await console.database.outcomes.append(
        outcomes: [try Self.outcome("r1")], comparisons: [])
      let answer = try await console.get(path)
      #expect(answer.status == status)
      #expect(try !answer.problem().message.isEmpty)
    }
  }

  @Test func `the audit says up to where the journal is whole`() async throws {
    try await LiveConsole.use { console in
      let answer = try await console.get("/api/v1/audit")
      let audit = try answer.decode(AuditResponse.self)
      #expect(audit.entries == 0 && audit.findings == [])
    }
  }
}
