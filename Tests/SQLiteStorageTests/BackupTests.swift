import Experimentation
import Foundation
import Storage
import Testing

@testable import SQLiteStorage

/// Copies that are made while somebody writes.
@Suite struct BackupTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func `a copy made while both files are written is whole, and knows its own end`()
    async throws
  {
    let database = try folder.open()
    // Long enough for the copies to take many steps.
    for batch in 0..<40 {
      let outcomes = try (0..<500).map { try Sample.outcome("\(batch)-\($0)") }
      try await database.outcomes.append(outcomes: outcomes, comparisons: [])
    }
    let before = try await append(20, to: database, after: 0)
    let copied = try TemporaryFolder()
    let after = try await withThrowingTaskGroup(of: Int64.self) { group in
      group.addTask { try await append(300, to: database, after: before) }
      group.addTask {
        try write(try await database.copy(.outcomes), to: copied.metrics)
        let journal = try await database.copy(.journal)
        try write(journal, to: copied.control)
        let head = try #require(journal.head)
        try SQLiteDatabase.anchor(head, in: copied.path)
        return head.sequence
      }
      var ends: [Int64] = []
      for try await end in group { ends.append(end) }
      return ends
    }
    #expect(after.max() == before + 300)
    let audit = try SQLiteDatabase.audit(folder: copied.path)
    #expect(audit.findings == [])
    #expect((before...before + 300).contains(audit.head.sequence))

    let restored = try copied.open()
    let entries = try await restored.journal.entries(after: 0)
    #expect(entries.count == Int(audit.head.sequence))
    #expect(try await database.journal.entries(after: 0).starts(with: entries))
    let rows = try await restored.outcomes.outcomes(
      of: try Sample.rollout(), run: 1, after: 0, limit: 100_000)
    #expect((20_020...20_320).contains(rows.count))
    // A restored one is written to like any other.
    _ = try await append(1, to: restored, after: audit.head.sequence)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path).allSatisfy {
        !$0.hasPrefix("copy")
      })
  }

  @Test func `there is one copy at a time, and the next when nobody reads it any more`()
    async throws
  {
    let database = try folder.open()
    _ = try await append(3, to: database, after: 0)
    var copy: StoreCopy? = try await database.copy(.journal)
    let error = await #expect(throws: StorageError.self) { try await database.copy(.outcomes) }
    #expect(error?.code == .conflict)
    #expect(try copy?.read(0, 16) == Array("SQLite format 3\0".utf8))
    #expect(try copy?.read(copy?.byteCount ?? 0, 16) == [])
    copy = nil
    copy = try await database.copy(.outcomes)
    #expect(copy?.head == nil)
    #expect((copy?.byteCount ?? 0) > 0)
  }

  @Test func `a copy that is given up, or outlived by nobody, hurts no writer`() async throws {
    let database = try folder.open()
    for batch in 0..<20 {
      let outcomes = try (0..<500).map { try Sample.outcome("\(batch)-\($0)") }
      try await database.outcomes.append(outcomes: outcomes, comparisons: [])
    }
    var known: Int64 = 0
    for _ in 0..<20 {
      let copying = Task { try await database.copy(.outcomes) }
      copying.cancel()
      known = try await append(2, to: database, after: known)
      _ = try? await copying.value
    }
    // The next one has the place of those that were given up.
    #expect(try await database.copy(.outcomes).byteCount > 0)
    // One that is under way while the file is closed ends, one way or the other.
    let last = Task { try await database.copy(.outcomes).byteCount }
    try database.close()
    _ = try? await last.value
    #expect(try await folder.open().journal.entries(after: 0).count == 40)
  }

  @Test func `what a crash left half made goes with the next opening`() throws {
    try folder.open().close()
    let left = folder.path + "/copy.sqlite"
    try Data("half".utf8).write(to: URL(filePath: left))
    try folder.open().close()
    #expect(!FileManager.default.fileExists(atPath: left))
  }

  /// Writes entries one by one, and an outcome with each.
  ///
  /// - Returns: the last one's sequence
  private func append(
    _ count: Int, to database: SQLiteDatabase, after sequence: Int64
  ) async throws -> Int64 {
    var known = sequence
    for number in 0..<count {
      known = try await database.journal.append([try .sample()], after: known).last?.sequence ?? 0
      try await database.outcomes.append(
        outcomes: [try Sample.outcome("\(sequence)+\(number)")], comparisons: [])
    }
    return known
  }

  private func write(_ copy: StoreCopy, to path: String) throws {
    var bytes = Data()
    while bytes.count < copy.byteCount {
      let piece = try copy.read(bytes.count, 1 << 16)
      try #require(!piece.isEmpty)
      bytes += piece
    }
    try bytes.write(to: URL(filePath: path))
  }
}
