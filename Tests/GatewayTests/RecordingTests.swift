import Experimentation
import Logging
import Observability
import Routing
import SQLiteStorage
import Storage
import Synchronization
import TestPeers
import Testing

@testable import Gateway

/// What is written down, once, in the order of assignment, whatever the store does.
@Suite(.serialized) struct RecordingTests {
  @Test func `answers that end out of order are written in the order in which they began`()
    async throws
  {
    let gate = Gate()
    try await ScriptedServer.run { request in
      (request.body.contains("slow") ? [.await(gate)] : [])
        + ScriptedAnswer.chat(to: request, ["a"])
    } _: { server in
      try await World.run(["dense": server.port, "flash": server.port], [.trial()]) { world in
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { _ = try await world.chat("slow", headers: ["X-Request-Id: first"]) }
          #expect(await eventually { server.requests.count == 1 })
          for name in ["second", "third", "fourth"] {
            _ = try await world.chat(headers: ["X-Request-Id: \(name)"])
          }
          let trial = try rolloutName("trial")
          let early = try await world.store.outcomes(of: trial, run: 1, after: 0, limit: 10)
          #expect(early.isEmpty, "they wait for the first")
          gate.open()
          try await group.waitForAll()
        }
        let outcomes = try await world.outcomes(4)
        #expect(outcomes.map(\.requestID) == ["first", "second", "third", "fourth"])
        let times = outcomes.map(\.measurements.totalSeconds)
        #expect(times.max() == times[0])
      }
    }
  }

  @Test func `a slow request on one route holds nothing of another back`() async throws {
    try await ScriptedServer.run { request in
      request.body.contains("slow") ? [.hang] : ScriptedAnswer.chat(to: request, ["a"])
    } _: { server in
      var other = try RouteTable.trial()
      other.route = try routeName("other")
      try await World.run(
        ["dense": server.port, "flash": server.port], [.trial(), other]
      ) { world in
        try await RawClient.run(port: world.port) { client in
          try await client.send(World.bytes("POST", World.chat, World.body("slow")))
          #expect(await eventually { server.requests.count == 1 })
          _ = try await world.chat(model: "other", headers: ["X-Request-Id: quick"])
          #expect(try await world.outcomes(1).map(\.requestID) == ["quick"])
        }
      }
    }
  }

  @Test func `every way a request can end leaves one row`() async throws {
    try await ScriptedServer.run { request in
      if request.body.contains("cut") {
        return [
          ScriptedAnswer.streamHead, ScriptedAnswer.token("a"), .wait(.milliseconds(50)), .reset,
        ]
      }
      if request.body.contains("junk") { return [ScriptedAnswer.message("junk")] }
      if request.body.contains("busy") { return [ScriptedAnswer.error(status: 503, "busy")] }
      if request.body.contains("wrong") { return [ScriptedAnswer.error(status: 400, "wrong")] }
      return ScriptedAnswer.chat(to: request, ["fine"])
    } _: { server in
      try await World.run(["dense": server.port, "flash": server.port], [.trial()]) { world in
        #expect(try await world.chat("fine").status == 200)
        #expect(try await world.chat("cut", stream: true).status == 200)
        #expect(try await world.chat("junk").status == 502)
        #expect(try await world.chat("busy", stream: true).status == 503)
        #expect(try await world.chat("wrong").status == 400)
        let outcomes = try await world.outcomes(5)
        #expect(
          outcomes.map(\.measurements.failure) == [
            nil, .unavailable, .malformed, .unavailable, .invalidRequest,
          ])
        #expect(outcomes[0].measurements.finishReason == "stop")
        #expect(outcomes[0].measurements.promptTokens == 3)
        #expect(outcomes[0].measurements.outputTokens == 1)
        #expect(outcomes.allSatisfy { $0.measurements.totalSeconds > 0 })
        #expect(await eventually { world.isIdle })
        // A model's failure is the model's, not a refusal of the gateway.
        #expect(world.counter("rollout_requests_refused_total") == 0)
        // Counted after they are there.
        #expect(await eventually { world.counter("rollout_outcome_rows_written_total") == 5 })
      }
    }
  }

  @Test func `a store that fails costs no answer and, while there is room, no row`() async throws {
    let store = MoodyStore()
    try await ScriptedServer.run {
      ScriptedAnswer.chat(to: $0, ["a"])
    } _: { server in
      try await World.run(
        ["dense": server.port, "flash": server.port], [.trial()],
        options: {
          $0.store = store
          $0.rowCapacity = 3
        }
      ) { world in
        store.isFailing.withLock { $0 = true }
        for number in 1...5 {
          let answer = try await world.chat(headers: ["X-Request-Id: \(number)"])
          #expect(answer.status == 200)
        }
        #expect(
          await eventually { world.counter("rollout_outcome_write_failures_total") >= 2 })
        #expect(world.counter("rollout_outcome_rows_dropped_total") == 2)
        store.isFailing.withLock { $0 = false }
        #expect(try await world.outcomes(3).map(\.requestID) == ["1", "2", "3"])
        #expect(world.counter("rollout_outcome_rows_written_total") == 3)
        _ = try await world.chat(headers: ["X-Request-Id: 6"])
        #expect(try await world.outcomes(4).last?.requestID == "6")
      }
    }
  }

  @Test func `whether a row is kept is decided before anybody knows what it will say`()
    async throws
  {
    let store = MoodyStore()
    let recorder = try self.recorder(store, capacity: 3)
    let route = try routeName("assistant")
    let numbers = (0..<5).map { _ in recorder.recorder.openOutcome(on: route) }
    #expect(numbers == [1, 2, 3, nil, nil])
    #expect(recorder.dropped == 2)
    // The slowest has its place, however much waits behind it.
    for number in [3, 2] as [UInt64] {
      recorder.recorder.closeOutcome(number, with: try outcome("\(number)"))
      #expect(recorder.recorder.openOutcome(on: route) == nil)
    }
    recorder.recorder.closeOutcome(1, with: try outcome("1"))
    await recorder.recorder.flush()
    let trial = try rolloutName("trial")
    let rows = try await store.outcomes(of: trial, run: 1, after: 0, limit: 9)
    #expect(rows.map(\.value.requestID) == ["1", "2", "3"])
    // What was written makes room.
    #expect(recorder.recorder.openOutcome(on: route) == 4)
    #expect(recorder.dropped == 4)
  }

  @Test func `what waits is written when the service stops`() async throws {
    let store = MoodyStore()
    try await ScriptedServer.run {
      ScriptedAnswer.chat(to: $0, ["a"])
    } _: { server in
      try await World.run(
        ["dense": server.port, "flash": server.port], [.trial()],
        options: {
          $0.store = store
          $0.flushInterval = .seconds(3_600)
        }
      ) { world in _ = try await world.chat() }
    }
    let trial = try rolloutName("trial")
    #expect(try await store.outcomes(of: trial, run: 1, after: 0, limit: 10).count == 1)
  }

  // MARK: Parts

  private struct Recorder {
    let recorder: OutcomeRecorder
    let registry: PrometheusRegistry

    var dropped: Int {
      let text = String(decoding: registry.render(), as: UTF8.self)
      let line = text.split(separator: "\n").first {
        $0.hasPrefix("rollout_outcome_rows_dropped_total ")
      }
      return line.flatMap { $0.split(separator: " ").last }.flatMap { Int($0) } ?? 0
    }
  }

  private func recorder(_ store: MoodyStore, capacity: Int) throws -> Recorder {
    let registry = PrometheusRegistry()
    return Recorder(
      recorder: OutcomeRecorder(
        store: store, capacity: capacity, metrics: GatewayMetrics(factory: registry),
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }),
      registry: registry)
  }

  private func outcome(_ id: String) throws -> Outcome {
    Outcome(
      requestID: id,
      assignment: Assignment(
        route: try routeName("assistant"), rollout: nil, unitHash: 1, propensity: 1,
        atMilliseconds: 0),
      model: try modelName("dense"), measurements: Measurements(totalSeconds: 1))
  }
}

/// Remembers in memory, and refuses when it is told to: for what a disk does on its worst days.
final class MoodyStore: OutcomeStore {
  private struct Rows {
    var outcomes: [Outcome] = []
    var comparisons: [Comparison] = []
    var feedback: [Feedback] = []
  }

  let isFailing = Mutex(false)
  private let rows = Mutex(Rows())

  func append(outcomes: [Outcome], comparisons: [Comparison]) async throws(StorageError) {
    guard !isFailing.withLock({ $0 }) else { throw StorageError(.unavailable, "the disk is full") }
    rows.withLock {
      $0.outcomes += outcomes
      $0.comparisons += comparisons
    }
  }

  func outcomes(
    of rollout: RolloutName, run: Int, after sequence: Int64, limit: Int
  ) async throws(StorageError) -> [Sequenced<Outcome>] {
    rows.withLock { $0.outcomes }.enumerated().map {
      Sequenced(sequence: Int64($0.offset + 1), value: $0.element)
    }
  }

  func comparisons(
    of rollout: RolloutName, run: Int, after sequence: Int64, limit: Int
  ) async throws(StorageError) -> [Sequenced<Comparison>] {
    rows.withLock { $0.comparisons }.enumerated().map {
      Sequenced(sequence: Int64($0.offset + 1), value: $0.element)
    }
  }

  func record(_ feedback: [Feedback]) async throws(StorageError) -> [FeedbackReceipt] {
    guard !isFailing.withLock({ $0 }) else { throw StorageError(.unavailable, "the disk is full") }
    rows.withLock { $0.feedback += feedback }
    return feedback.map { _ in .recorded }
  }

  func feedback(
    of rollout: RolloutName, run: Int, after sequence: Int64, limit: Int
  ) async throws(StorageError) -> [Sequenced<Feedback>] {
    rows.withLock { $0.feedback }.enumerated().map {
      Sequenced(sequence: Int64($0.offset + 1), value: $0.element)
    }
  }

  func rollups(
    of rollout: RolloutName, run: Int
  ) async throws(StorageError) -> [OutcomeRollup.Key: OutcomeRollup] { [:] }

  func runs() async throws(StorageError) -> [StoredRun] { [] }

  func prune(
    _ retention: Retention, nowMilliseconds: Int64, keeping: Set<RunID>, limit: Int
  ) async throws(StorageError) -> Int { 0 }
}
