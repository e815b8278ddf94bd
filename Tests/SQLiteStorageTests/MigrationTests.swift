import Experimentation
import Foundation
import GRDB
import Statistics
import Storage
import Testing

@testable import SQLiteStorage

/// Files that earlier versions wrote (`fixtures/storage`), opened by this one.
@Suite struct MigrationTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// What is in a file of outcomes, in words that every version of the schema understands.
  private struct Content: Equatable {
    var requests: [String]
    var models: [String]
    var steps: [Int]
    var seconds: [Double]
    var pairs: Int

    init(_ db: Database) throws {
      requests = try String.fetchAll(db, sql: "SELECT request_id FROM outcomes ORDER BY sequence")
      models = try String.fetchAll(db, sql: "SELECT model FROM outcomes ORDER BY sequence")
      steps = try Int.fetchAll(db, sql: "SELECT step FROM outcomes ORDER BY sequence")
      seconds = try Double.fetchAll(
        db, sql: "SELECT total_seconds FROM outcomes ORDER BY sequence")
      pairs = try Int.fetchOne(db, sql: "SELECT count(*) FROM comparisons") ?? 0
    }

    init(_ store: SQLiteOutcomeStore) async throws {
      let rollout = try Sample.rollout()
      let rows = try await store.outcomes(of: rollout, run: 1, after: 0, limit: 1_000).map(\.value)
      requests = rows.map(\.requestID)
      models = rows.map(\.model.text)
      steps = rows.compactMap(\.assignment.rollout?.step)
      seconds = rows.map(\.measurements.totalSeconds)
      pairs = try await store.comparisons(of: rollout, run: 1, after: 0, limit: 1_000).count
    }
  }

  /// Makes a file out of a dump, as the version that wrote it left it.
  private func restore(_ name: String, to path: String, _ purpose: DatabaseFile.Purpose) throws {
    let root = URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let dump = try String(
      contentsOf: root.appending(path: "fixtures/storage/\(name).sql"), encoding: .utf8)
    try folder.tamper(
      with: path, "\(dump)\nPRAGMA application_id = \(purpose.rawValue); PRAGMA journal_mode = WAL")
  }

  @Test(arguments: ["metrics-1", "metrics-2"])
  func `outcomes of earlier versions are all there, and rolled up`(name: String) async throws {
    try restore(name, to: folder.metrics, .metrics)
    let before = try await DatabaseQueue(path: folder.metrics).read { try Content($0) }
    #expect(before.requests.count == 32 && before.pairs > 0)

    let database = try folder.open()
    #expect(try await Content(database.outcomes) == before)
    let rollups = try await database.outcomes.rollups(of: try Sample.rollout(), run: 1)
    #expect(rollups.values.reduce(0) { $0 + $1.answers } == 32 + before.pairs)
    #expect(Set(rollups.keys.map(\.step)) == [0, 1])
    let live = rollups.filter { !$0.key.isShadow && $0.key.step == 1 }
    #expect(Set(live.keys.map(\.model.text)) == ["dense", "flash"])
    #expect(
      try await database.outcomes.runs() == [
        StoredRun(
          id: RunID(rollout: try Sample.rollout(), run: 1), outcomes: 32, comparisons: before.pairs)
      ])
    // What comes next goes behind what was there.
    let last = try await database.outcomes.outcomes(
      of: try Sample.rollout(), run: 1, after: 0, limit: 1_000
    ).last?.sequence
    try await database.outcomes.append(outcomes: [try Sample.outcome("new")], comparisons: [])
    let next = try await database.outcomes.outcomes(
      of: try Sample.rollout(), run: 1, after: try #require(last), limit: 10)
    #expect(next.map(\.value.requestID) == ["new"])
    try database.close()

    // Opened again nothing is rolled up twice.
    let again = try folder.open()
    let after = try await again.outcomes.rollups(of: try Sample.rollout(), run: 1)
    #expect(after.values.reduce(0) { $0 + $1.answers } == 33 + before.pairs)
  }

  @Test func `before there were bandits every row has the policy's shares, and whole answers`()
    async throws
  {
    try restore("metrics-4", to: folder.metrics, .metrics)
    let database = try folder.open()
    let (store, rollout) = (database.outcomes, try Sample.rollout())
    let rows = try await store.outcomes(of: rollout, run: 1, after: 0, limit: 1_000).map(\.value)
    #expect(rows.count == 32)
    #expect(rows.allSatisfy { $0.assignment.rollout?.allocation == 0 && $0.choices.isEmpty })
    let said = try await store.feedback(of: rollout, run: 1, after: 0, limit: 100).map(\.value)
    #expect(said.count == 4 && said.allSatisfy { $0.assignment.rollout?.allocation == 0 })

    // What is written from here on has both, and feedback finds its place again.
    var new = try #require(rows.last)
    new.requestID = "new"
    new.assignment.rollout?.allocation = 3
    new.choices = [0, 2]
    new.draw = "req-7"
    try await store.append(outcomes: [new], comparisons: [])
    var word = try #require(said.last)
    word.assignment = new.assignment
    word.assignment.labels = [:]
    word.requestID = "new"
    #expect(try await store.record([word]) == [.recorded])
    try database.close()

    let again = try folder.open().outcomes
    #expect(
      try await again.outcomes(of: rollout, run: 1, after: 32, limit: 9).map(\.value) == [new])
    #expect(try await again.record([word]) == [.unchanged])
  }

  @Test func `the version before feedback gets a table for it, and nothing else changes`()
    async throws
  {
    try restore("metrics-3", to: folder.metrics, .metrics)
    let before = try await DatabaseQueue(path: folder.metrics).read { db in
      try String.fetchAll(db, sql: "SELECT request_id FROM outcomes ORDER BY sequence")
    }
    #expect(before.count == 32)
    let database = try folder.open()
    let (store, rollout) = (database.outcomes, try Sample.rollout())
    let rows = try await store.outcomes(of: rollout, run: 1, after: 0, limit: 1_000)
    #expect(rows.map(\.value.requestID) == before)
    #expect(rows.allSatisfy { $0.value.measurements.revision != nil })
    let pairs = try await store.comparisons(of: rollout, run: 1, after: 0, limit: 1_000).count
    #expect(pairs > 0)
    let rollups = try await store.rollups(of: rollout, run: 1)
    #expect(rollups.values.reduce(0) { $0 + $1.answers } == 32 + pairs)
    let run = RunID(rollout: rollout, run: 1)
    #expect(
      try await store.runs() == [StoredRun(id: run, outcomes: 32, comparisons: pairs)])
    // Said of the last of them, long after.
    let last = try #require(rows.last).value
    let said = Feedback(
      requestID: last.requestID, assignment: last.assignment, model: last.model, value: 1,
      receivedAtMilliseconds: last.assignment.atMilliseconds + 1)
    #expect(try await store.record([said]) == [.recorded])
    try database.close()

    let again = try folder.open()
    #expect(try await again.outcomes.record([said]) == [.unchanged])
    #expect(
      try await again.outcomes.feedback(of: rollout, run: 1, after: 0, limit: 9).map(\.value)
        == [said])
    #expect(try await again.outcomes.runs().map(\.feedback) == [1])
  }

  @Test func `before there were scores there are none, and from then on there are`() async throws {
    try restore("metrics-6", to: folder.metrics, .metrics)
    let database = try folder.open()
    let (store, rollout) = (database.outcomes, try Sample.rollout())
    let rows = try await store.outcomes(of: rollout, run: 1, after: 0, limit: 100).map(\.value)
    let pairs = try await store.comparisons(of: rollout, run: 1, after: 0, limit: 100).map(\.value)
    #expect(rows.count == 32 && pairs.count == 12)
    #expect(rows.allSatisfy { $0.measurements.scores.isEmpty })
    #expect(pairs.allSatisfy { $0.scores.isEmpty && $0.candidateMeasurements.scores.isEmpty })
    let before = try await store.rollups(of: rollout, run: 1)
    #expect(before.values.reduce(0) { $0 + $1.answers } == 44)
    #expect(before.values.allSatisfy { $0.scores.isEmpty })

    var new = try #require(rows.last)
    new.requestID = "new"
    new.measurements.scores[ScoreID(check: "parses")] = 1
    try await store.append(outcomes: [new], comparisons: [])
    try database.close()

    let again = try folder.open().outcomes
    #expect(
      try await again.outcomes(of: rollout, run: 1, after: 32, limit: 9).map(\.value) == [new])
    let key = try #require(OutcomeRollup.Key(new))
    let after = try await again.rollups(of: rollout, run: 1)
    #expect(after[key]?.scores[ScoreID(check: "parses")]?.count == 1)
    #expect(after[key]?.answers == (before[key]?.answers ?? 0) + 1)
  }

  @Test func `a journal of an earlier version verifies and is anchored`() async throws {
    try restore("control-1", to: folder.control, .control)
    let head = try await DatabaseQueue(path: folder.control).read {
      try String.fetchOne($0, sql: "SELECT hash FROM journal ORDER BY sequence DESC LIMIT 1")
    }
    let database = try folder.open()
    #expect(database.journal.wasUnanchored)
    #expect(database.journal.headAtOpening.hash == head)
    let entries = try await database.journal.entries(after: 0)
    #expect(entries.last?.record.event.isForced == true)
    _ = try await database.journal.append([try .sample()], after: Int64(entries.count))
    #expect(try await database.journal.audit().findings == [])
  }

  @Test(arguments: ["metrics-1", "metrics-2"])
  func `a migration that finds no room changes nothing and is made later`(
    name: String
  ) async throws {
    try restore(name, to: folder.metrics, .metrics)
    let before = try await DatabaseQueue(path: folder.metrics).read { try Content($0) }
    let size = try #require(
      try await DatabaseQueue(path: folder.metrics).read {
        try Int.fetchOne($0, sql: "PRAGMA page_count")
      })
    let queue = try DatabaseQueue(path: folder.metrics)
    try await queue.writeWithoutTransaction { db in
      try db.execute(sql: "PRAGMA max_page_count = \(size + 2)")
    }
    #expect(throws: DatabaseError.self) { try OutcomeSchema.migrator.migrate(queue) }
    #expect(try await queue.read { try Content($0) } == before)
    try queue.close()
    #expect(try await Content(folder.open().outcomes) == before)
  }

  @Test func `ids of the schema are unique and in order`() {
    for migrator in [OutcomeSchema.migrator, JournalSchema.migrator] {
      let numbers = migrator.migrations.map { Int($0.prefix { $0 != " " }) }
      #expect(numbers == Array(1...numbers.count))
    }
  }
}
