import Experimentation
import Foundation
import Storage
import Testing

@testable import SQLiteStorage

/// The journal's head outside of the journal, and what it finds that the chain cannot.
@Suite struct AnchorTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Entries that each journal begins with: at least those that the cuts below take.
  private static let count = (try? JournalRecord.oneOfEach().count) ?? 11

  private static let liftGuards = """
    DROP TRIGGER journal_keeps_entries; DROP TRIGGER journal_loses_nothing;
    DROP TRIGGER journal_has_no_gaps;
    """

  /// A closed folder with a journal of eleven entries.
  private func write() async throws {
    let database = try folder.open()
    _ = try await database.journal.append(try JournalRecord.oneOfEach(), after: 0)
    try database.close()
  }

  private func audit() throws -> JournalAudit { try SQLiteDatabase.audit(folder: folder.path) }

  @Test func `every append moves the anchor before it returns`() async throws {
    let database = try folder.open()
    var known: Int64 = 0
    for _ in 0..<5 {
      let entries = try await database.journal.append([try .sample()], after: known)
      let last = try #require(entries.last)
      known = last.sequence
      let anchored = try JournalAnchor(path: folder.path + "/control.anchor").head()
      #expect(anchored == JournalHead(sequence: last.sequence, hash: last.hash))
    }
    let audit = try await database.journal.audit()
    #expect(audit.findings == [])
    #expect(audit.head == audit.anchor)
  }

  @Test func `a whole journal has no findings, open or closed`() async throws {
    try await write()
    let found = try audit()
    #expect(found.findings == [])
    #expect(found.head.sequence == Int64(Self.count))
    #expect(try await folder.open().journal.audit() == found)
  }

  @Test(arguments: [1, 3, count])
  func `a journal whose end was cut off is found and not served from`(cut: Int) async throws {
    try await write()
    try folder.tamper(
      with: folder.control,
      Self.liftGuards + "DELETE FROM journal WHERE sequence > \(Self.count - cut)")
    let finding = try #require(try audit().findings.first)
    #expect(finding.contains("ends at entry \(Self.count - cut)"))
    let error = try #require(throws: StorageError.self) { try folder.open() }
    #expect(error.code == .corrupt)
    #expect(error.message == finding)
  }

  @Test func `an older copy of the journal is found`() async throws {
    try await write()
    let copy = try folder.bytes(of: folder.control)
    let database = try folder.open()
    _ = try await database.journal.append([try .sample()], after: Int64(Self.count))
    try database.close()
    try copy.write(to: URL(filePath: folder.control))
    #expect(try audit().findings.count == 1)
    #expect(throws: StorageError.self) { try folder.open() }
    // Whoever means the older one says so.
    try FileManager.default.removeItem(atPath: folder.path + "/control.anchor")
    #expect(try audit().findings.first?.contains("no anchor") == true)
    try folder.open().close()
    #expect(try audit().findings == [])
  }

  @Test func `a journal that was written anew, chain and all, is found`() async throws {
    try await write()
    let anchor = try folder.bytes(of: folder.path + "/control.anchor")
    try FileManager.default.removeItem(atPath: folder.control)
    try FileManager.default.removeItem(atPath: folder.path + "/control.anchor")
    let database = try folder.open()
    for number in 0...Self.count {
      _ = try await database.journal.append(
        [try .sample(actor: "mallory")], after: Int64(number))
    }
    try database.close()
    try anchor.write(to: URL(filePath: folder.path + "/control.anchor"))
    #expect(try audit().findings.first?.contains("written anew") == true)
    #expect(throws: StorageError.self) { try folder.open() }
  }

  @Test func `an entry that was edited is found without a service`() async throws {
    try await write()
    try folder.tamper(
      with: folder.control,
      Self.liftGuards + "UPDATE journal SET actor = 'mallory' WHERE sequence = 4")
    let found = try audit()
    #expect(found.findings.first?.contains("entry 4 does not follow") == true)
    #expect(found.head.sequence == 3)
  }

  @Test func `a crash between the entry and its anchor leaves a whole journal`() async throws {
    try await write()
    let anchor = try folder.bytes(of: folder.path + "/control.anchor")
    let database = try folder.open()
    _ = try await database.journal.append([try .sample(), try .sample()], after: Int64(Self.count))
    try database.close()
    try anchor.write(to: URL(filePath: folder.path + "/control.anchor"))
    #expect(try audit().findings == [])
    try folder.open().close()
    #expect(try audit().anchor?.sequence == Int64(Self.count) + 2)
  }

  @Test func `a decision stands although its anchor cannot be written, and the audit says so`()
    async throws
  {
    let database = try folder.open()
    // A folder in the new file's place: nothing can be renamed over it, nor written into it.
    let obstacle = folder.path + "/control.anchor.new"
    try FileManager.default.createDirectory(
      atPath: obstacle, withIntermediateDirectories: false)
    let entries = try await database.journal.append([try .sample()], after: 0)
    #expect(entries.count == 1)
    #expect(try await database.journal.audit().findings.first?.contains("is behind") == true)
    try FileManager.default.removeItem(atPath: obstacle)
    _ = try await database.journal.append([try .sample()], after: 1)
    #expect(try await database.journal.audit().findings == [])
  }

  @Test(arguments: ["", "nothing of ours\n", "rollout-anchor-1 -3 abc\n"])
  func `a file that is no anchor is refused`(text: String) async throws {
    try await write()
    try Data(text.utf8).write(to: URL(filePath: folder.path + "/control.anchor"))
    let error = try #require(throws: StorageError.self) { try folder.open() }
    #expect(error.message.contains("no anchor of a journal"))
  }

  @Test func `a folder without a journal is no whole journal`() throws {
    #expect(throws: StorageError.self) { try audit() }
    #expect(!FileManager.default.fileExists(atPath: folder.control))
  }
}
