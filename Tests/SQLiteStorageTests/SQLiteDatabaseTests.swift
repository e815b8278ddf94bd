import Experimentation
import Foundation
import GRDB
import Storage
import Testing

@testable import SQLiteStorage

/// Opening, owning and losing the two files.
@Suite struct SQLiteDatabaseTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func `what was written is there after closing and opening`() async throws {
    var database = try folder.open()
    let entries = try await database.journal.append(try JournalRecord.oneOfEach(), after: 0)
    let outcome = try Sample.outcome("1")
    try await database.outcomes.append(outcomes: [outcome], comparisons: [])
    try database.close()

    database = try folder.open()
    #expect(try await database.journal.entries(after: 0) == entries)
    #expect(database.journal.headAtOpening.hash == entries.last?.hash)
    let read = try await database.outcomes.outcomes(
      of: try Sample.rollout(), run: 1, after: 0, limit: 10)
    #expect(read.map(\.value) == [outcome])
  }

  @Test func `keys outlive the process, and the newest ten thousand are kept`() async throws {
    var database = try folder.open()
    let print = String(repeating: "a", count: 64)
    let records = try (0..<100).map { try JournalRecord.sample(actor: "\($0)") }
    for batch in 0..<101 {
      let keys = try (0..<100).map { place in
        KeyedRecords(
          try #require(IdempotencyKey("\(batch * 100 + place)", fingerprint: print)),
          place..<place + 1)
      }
      _ = try await database.journal.append(records, after: Int64(batch * 100), keys: keys)
    }
    try database.close()
    database = try folder.open()
    #expect(try await database.journal.entries(ofKey: "99") == nil)
    #expect(try await database.journal.entries(ofKey: "100")?.entries.first?.sequence == 101)
    #expect(try await database.journal.entries(ofKey: "10099")?.entries.first?.sequence == 10_100)
  }

  @Test func `what a write returned for is on the disk`() throws {
    let database = try folder.open()
    #expect(try pragma("synchronous", database.journal.file) == 2)
    #expect(try pragma("foreign_keys", database.journal.file) == 1)
    #expect(try pragma("synchronous", database.outcomes.file) == 2)
    for file in [database.journal.file, database.outcomes.file] {
      let mode = try file.queue.read { try String.fetchOne($0, sql: "PRAGMA journal_mode") }
      #expect(mode == "wal")
    }
  }

  @Test func `a second owner is refused with the first one's process id`() throws {
    let first = try folder.open()
    let error = try refusal()
    #expect(error.code == .inUse)
    #expect(error.message.contains("process \(ProcessInfo.processInfo.processIdentifier),"))
    try first.close()
    try folder.open().close()
  }

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/flock")))
  func `a second process cannot own the folder`() throws {
    let first = try folder.open()
    #expect(try canLockFromAnotherProcess() == false)
    try first.close()
    #expect(try canLockFromAnotherProcess())
  }

  @Test func `another program cannot read or write the files meanwhile`() throws {
    let database = try folder.open()
    #expect(throws: DatabaseError.self) {
      try folder.tamper(with: folder.control, "SELECT * FROM journal")
    }
    try database.close()
    try folder.tamper(with: folder.control, "SELECT * FROM journal")
  }

  @Test func `a file that another program has open is refused`() throws {
    try folder.open().close()
    let other = try DatabaseQueue(path: folder.metrics)
    try other.writeWithoutTransaction { db in
      try db.execute(sql: "BEGIN IMMEDIATE")
      #expect(try refusal().code == .inUse)
      try db.execute(sql: "ROLLBACK")
    }
  }

  @Test func `a file of a newer version is refused and not changed`() throws {
    try folder.open().close()
    for file in [folder.control, folder.metrics] {
      try folder.tamper(with: file, "INSERT INTO grdb_migrations VALUES ('1000 from the future')")
      let before = try folder.bytes(of: file)
      let error = try refusal()
      #expect(error.code == .incompatible)
      #expect(error.message.contains("newer version"))
      #expect(try folder.bytes(of: file) == before)
      try folder.tamper(with: file, "DELETE FROM grdb_migrations WHERE identifier LIKE '1000 %'")
    }
    try folder.open().close()
  }

  @Test func `a database of another program is refused and not changed`() throws {
    try folder.tamper(with: folder.control, "CREATE TABLE cats (name TEXT)")
    let before = try folder.bytes(of: folder.control)
    #expect(try refusal().code == .incompatible)
    #expect(try folder.bytes(of: folder.control) == before)
  }

  @Test func `a file that is no database is refused`() throws {
    let text = Data(String(repeating: "no database\n", count: 1_000).utf8)
    try text.write(to: URL(filePath: folder.control))
    let error = try refusal()
    #expect(error.code == .incompatible)
    #expect(error.message.contains("is no SQLite database"))
    #expect(try folder.bytes(of: folder.control) == text)
  }

  @Test(arguments: ["control.sqlite", "metrics.sqlite"])
  func `a file that was cut short is refused`(name: String) async throws {
    let database = try folder.open()
    _ = try await database.journal.append(try JournalRecord.oneOfEach(), after: 0)
    let outcomes = try (0..<200).map { try Sample.outcome("\($0)") }
    try await database.outcomes.append(outcomes: outcomes, comparisons: [])
    try database.close()

    let path = folder.path + "/" + name
    let bytes = try folder.bytes(of: path)
    try bytes.prefix(bytes.count / 2).write(to: URL(filePath: path))
    #expect(try refusal().code == .corrupt)
  }

  @Test func `a missing folder is refused with how to make it`() throws {
    let error = try #require(throws: StorageError.self) {
      _ = try FolderLock(folder: folder.path + "/missing")
    }
    #expect(error.code == .unavailable)
    #expect(error.message.contains("mkdir -p"))
  }

  @Test func `a file in the folder's place is refused`() throws {
    try Data().write(to: URL(filePath: folder.path + "/file"))
    let error = try #require(throws: StorageError.self) {
      _ = try FolderLock(folder: folder.path + "/file")
    }
    #expect(error.code == .unavailable)
    #expect(error.message.contains("is not a folder"))
  }

  @Test func `a full disk loses nothing and is survived`() async throws {
    let database = try folder.open()
    let file = database.journal.file
    // SQLite's own limit stands for the disk's: the same error comes from the same place.
    let pages = try pragma("page_count", file)
    try setPragma("max_page_count", pages + 2, file)
    var known: Int64 = 0
    var refusal: StorageError?
    while refusal == nil, known < 1_000 {
      do {
        known = try await database.journal.append([try .sample()], after: known).last?.sequence ?? 0
      } catch let error as StorageError {
        refusal = error
      }
    }
    #expect(refusal?.code == .unavailable)
    #expect(try await database.journal.entries(after: 0).count == Int(known))

    try setPragma("max_page_count", 1_000_000, file)
    _ = try await database.journal.append([try .sample()], after: known)
    #expect(try await database.journal.audit().head.sequence == known + 1)
  }

  @Test func `a closed database refuses to answer`() async throws {
    let database = try folder.open()
    try database.close()
    await #expect(throws: StorageError.self) { try await database.journal.entries(after: 0) }
    await #expect(throws: StorageError.self) {
      try await database.journal.append([try .sample()], after: 0)
    }
  }

  @Test func `an append is not torn by its task's cancellation`() async throws {
    let database = try folder.open()
    let entries = try await withThrowingTaskGroup(of: [JournalEntry].self) { group in
      group.cancelAll()
      group.addTask { try await database.journal.append([try .sample()], after: 0) }
      return try await group.next()
    }
    #expect(entries?.count == 1)
    #expect(try await database.journal.entries(after: 0) == entries)
  }

  private func refusal() throws -> StorageError {
    try #require(throws: StorageError.self) { try folder.open() }
  }

  private func canLockFromAnotherProcess() throws -> Bool {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/flock")
    process.arguments = ["--nonblock", folder.path + "/rollout.lock", "true"]
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus == 0
  }

  private func pragma(_ name: String, _ file: DatabaseFile) throws -> Int {
    try #require(try file.queue.read { try Int.fetchOne($0, sql: "PRAGMA \(name)") })
  }

  private func setPragma(_ name: String, _ value: Int, _ file: DatabaseFile) throws {
    try file.queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA \(name) = \(value)") }
  }
}
