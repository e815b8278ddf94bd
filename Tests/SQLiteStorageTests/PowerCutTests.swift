import Experimentation
import FaultyDisk
import Foundation
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

  @Test func `a disk that breaks refuses every write, answers reads, and is well again later`()
    async throws
  {
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
