import Experimentation
import FaultyDisk
import Foundation
import Statistics
import Storage
import Testing

@testable import SQLiteStorage

/// The power goes at every change to the files, and what is not synced is lost in part or whole.
///
/// One run is recorded, every write, sync and deletion of it; then the files are made as each cut
/// leaves them, and opened. A write that SQLite was not promised by a sync survives by sectors, at
/// random: none of them, half, or nearly all.
extension FaultyDiskTests {
  /// What had been acknowledged when so many changes had reached the files.
  private struct Milestone {
    var changes: Int64
    var decisions: [JournalEntry]
    var outcomes: [String]
    var anchor: Data?
  }

  private func recordedRun(in path: String) async throws -> [Milestone] {
    faulty_record(path)
    let database = try SQLiteDatabase(folder: path, logger: TemporaryFolder.logger)
    let anchor = URL(filePath: path + "/control.anchor")
    var milestones = [Milestone(changes: faulty_changes(), decisions: [], outcomes: [])]
    for number in 0..<8 {
      var next = try #require(milestones.last)
      next.decisions += try await database.journal.append(
        [try .sample(actor: "\(number)")], after: next.decisions.last?.sequence ?? 0)
      next.changes = faulty_changes()
      next.anchor = try? Data(contentsOf: anchor)
      milestones.append(next)
      try await database.outcomes.append(
        outcomes: [try Sample.outcome("\(number)")], comparisons: [])
      next.outcomes.append("\(number)")
      next.changes = faulty_changes()
      milestones.append(next)
    }
    // Closing checkpoints: the pages move from the log into the file, the most delicate moment.
    try database.close()
    var last = try #require(milestones.last)
    last.changes = faulty_changes()
    milestones.append(last)
    return milestones
  }

  private func check(_ milestone: Milestone, in path: String, _ place: Comment) async throws {
    let database = try SQLiteDatabase(folder: path, logger: TemporaryFolder.logger)
    #expect(try await database.journal.audit().findings == [], place)
    let decisions = try await database.journal.entries(after: 0)
    #expect(decisions.starts(with: milestone.decisions), place)
    // One more may have been on its way.
    #expect(decisions.count <= milestone.decisions.count + 1, place)
    let rows = try await database.outcomes.outcomes(
      of: try Sample.rollout(), run: 1, after: 0, limit: 100)
    #expect(rows.map(\.value.requestID).starts(with: milestone.outcomes), place)
    let rollups = try await database.outcomes.rollups(of: try Sample.rollout(), run: 1)
    #expect(rollups.values.reduce(0) { $0 + $1.answers } == rows.count, place)
    try database.close()
  }

  @Test(arguments: [0, 500, 950])
  func `the power fails at every change, and nothing acknowledged is lost`(
    permille: Int
  ) async throws {
    let worked = folder.path + "/worked"
    try FileManager.default.createDirectory(atPath: worked, withIntermediateDirectories: false)
    let milestones = try await recordedRun(in: worked)
    let total = faulty_changes()
    #expect(total > 100, "\(total) changes")
    var cuts = 0
    for change in stride(from: milestones[0].changes, through: total, by: 1) {
      let path = folder.path + "/cut"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
      #expect(faulty_cut(change, path, CInt(permille), UInt64(change)) == 0)
      let milestone = try #require(milestones.last { $0.changes <= change })
      try milestone.anchor?.write(to: URL(filePath: path + "/control.anchor"))
      try await check(milestone, in: path, "cut after change \(change) of \(total)")
      try FileManager.default.removeItem(atPath: path)
      cuts += 1
    }
    faulty_forget()
    #expect(cuts > 50, "\(cuts) cuts")
  }

  @Test(arguments: ["control.sqlite", "control.sqlite-wal", "metrics.sqlite-wal"])
  func `a bit that flips, or an end that is lost, is refused or leaves what came before it`(
    name: String
  ) async throws {
    let worked = folder.path + "/worked"
    try FileManager.default.createDirectory(atPath: worked, withIntermediateDirectories: false)
    let milestones = try await recordedRun(in: worked)
    // Before the files were closed, when there are logs beside them; after, when there are none.
    let isLog = name.hasSuffix("-wal")
    let last = try #require(isLog ? milestones.dropLast().last : milestones.last)
    var generator = SeededGenerator(seed: 11)
    var (refused, whole) = (0, 0)
    for round in 0..<120 {
      let path = folder.path + "/flipped"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
      #expect(faulty_cut(last.changes, path, 1000, 1) == 0)
      let file = URL(filePath: path + "/" + name)
      var bytes = try Data(contentsOf: file)
      try #require(bytes.count > 4_096, "\(name) has \(bytes.count) bytes")
      if round % 3 == 0 {
        bytes.removeLast(Int.random(in: 1..<bytes.count, using: &generator))
      } else {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      }
      try bytes.write(to: file)
      try last.anchor?.write(to: URL(filePath: path + "/control.anchor"))
      if try await isWhole(path, last) { whole += 1 } else { refused += 1 }
      try FileManager.default.removeItem(atPath: path)
    }
    faulty_forget()
    // Decisions are chained and anchored: what was hit is refused. Outcomes may lose their end.
    if name.hasPrefix("control") { #expect(refused > 20, "\(refused) refused, \(whole) whole") }
  }

  /// Whether the folder opens, and then with the decisions that were there; a journal that is not
  /// the one that was written is refused or found by its audit, never served from.
  private func isWhole(_ path: String, _ milestone: Milestone) async throws -> Bool {
    do {
      let database = try SQLiteDatabase(folder: path, logger: TemporaryFolder.logger)
      defer { try? database.close() }
      guard try await database.journal.audit().findings.isEmpty else { return false }
      let decisions = try await database.journal.entries(after: 0)
      #expect(decisions == milestone.decisions)
      let rows = try await database.outcomes.outcomes(
        of: try Sample.rollout(), run: 1, after: 0, limit: 100)
      #expect(milestone.outcomes.starts(with: rows.map(\.value.requestID)))
      return true
    } catch is StorageError {
      return false
    }
  }

  @Test func `a disk that breaks refuses every write, answers reads, and is well again later`()
    async throws
  {
    // Watched from the start, and well so far.
    faulty_fail(folder.path, 0, 1, 0)
    let database = try SQLiteDatabase(folder: folder.path, logger: TemporaryFolder.logger)
    let before = try await database.journal.append([try .sample(actor: "before")], after: 0)
    faulty_break(folder.path)
    for _ in 0..<3 {
      let decision = await #expect(throws: StorageError.self) {
        try await database.journal.append([try .sample(actor: "broken")], after: 1)
      }
      #expect(decision?.code == .unavailable)
      let outcome = await #expect(throws: StorageError.self) {
        try await database.outcomes.append(outcomes: [try Sample.outcome("1")], comparisons: [])
      }
      #expect(outcome?.code == .unavailable)
      #expect(try await database.journal.entries(after: 0) == before)
    }
    #expect(faulty_failures() >= 6)
    faulty_disarm()
    let after = try await database.journal.append([try .sample(actor: "after")], after: 1)
    try await database.outcomes.append(outcomes: [try Sample.outcome("2")], comparisons: [])
    #expect(try await database.journal.entries(after: 0) == before + after)
    #expect(try await database.journal.audit().findings == [])
    try database.close()
  }
}
