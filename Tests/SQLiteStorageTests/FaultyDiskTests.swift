import Experimentation
import FaultyDisk
import Foundation
import Storage
import Testing

@testable import SQLiteStorage

/// A disk whose n-th call fails, for every n, and one that is full.
///
/// After SQLite's own tests of I/O errors: whatever call it is, what was acknowledged is there
/// afterwards, nothing is there that was not asked for, and the files are whole.
@Suite(.serialized) struct FaultyDiskTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder(inMemory: true)
    #expect(faulty_install() == 0)
  }

  /// A kind of call, and whether a write that fails has written half.
  struct Fault: CustomStringConvertible, Sendable {
    var calls: faulty_call
    var isTorn = false
    var name: String
    var description: String { name }
  }

  static let faults = [
    Fault(calls: FAULTY_SYNC, name: "fsync"), Fault(calls: FAULTY_WRITE, name: "write"),
    Fault(calls: FAULTY_WRITE, isTorn: true, name: "torn write"),
    Fault(calls: FAULTY_TRUNCATE, name: "ftruncate"),
  ]

  /// What was acknowledged.
  private struct Promises {
    var decisions: [JournalEntry] = []
    var outcomes: [String] = []
    var refusals = 0
  }

  /// Opens the folder and writes decisions and outcomes in turns; goes on when one is refused.
  private func work(in path: String) async -> Promises {
    var promises = Promises()
    guard let database = try? open(path) else {
      promises.refusals += 1
      return promises
    }
    for number in 0..<10 {
      do {
        let known = try await database.journal.entries(after: 0).last?.sequence ?? 0
        promises.decisions += try await database.journal.append(
          [try .sample(actor: "\(number)")], after: known)
        try await database.outcomes.append(
          outcomes: [try Sample.outcome("\(number)")], comparisons: [])
        promises.outcomes.append("\(number)")
      } catch {
        #expect(error is StorageError)
        promises.refusals += 1
      }
    }
    try? database.close()
    return promises
  }

  private func open(_ path: String) throws -> SQLiteDatabase {
    try SQLiteDatabase(folder: path, logger: TemporaryFolder.logger)
  }

  /// Opens it; the thread that ran the last read may hold the folder a moment longer.
  private func openSoon(_ path: String) async throws -> SQLiteDatabase {
    for _ in 0..<100 {
      do { return try open(path) } catch let error as StorageError where error.code == .inUse {
        try await Task.sleep(for: .milliseconds(10))
      }
    }
    return try open(path)
  }

  private func check(_ promises: Promises, in path: String, _ place: String) async throws {
    let database = try await openSoon(path)
    #expect(try await database.journal.audit().findings == [], "\(place)")
    let decisions = try await database.journal.entries(after: 0)
    // One whose writer was told otherwise may be there as well; none that was acknowledged is not.
    #expect(Set(decisions).isSuperset(of: promises.decisions), "\(place)")
    #expect(Set(decisions.map(\.record.actor)).count == decisions.count, "\(place)")
    let rows = try await database.outcomes.outcomes(
      of: try Sample.rollout(), run: 1, after: 0, limit: 100)
    #expect(Set(rows.map(\.value.requestID)).isSuperset(of: promises.outcomes), "\(place)")
    let rollups = try await database.outcomes.rollups(of: try Sample.rollout(), run: 1)
    #expect(rollups.values.reduce(0) { $0 + $1.answers } == rows.count, "\(place)")
    try database.close()
  }

  @Test(arguments: faults)
  func `whichever call fails, what was acknowledged is there`(fault: Fault) async throws {
    var failed = 0
    for n in 1...50 {
      let path = folder.path + "/\(n)"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
      faulty_fail(path, CInt(fault.calls.rawValue), Int64(n), fault.isTorn ? 1 : 0)
      let promises = await work(in: path)
      let hasFailed = faulty_failures() > 0
      faulty_disarm()
      try await check(promises, in: path, "\(fault) \(n)")
      try FileManager.default.removeItem(atPath: path)
      if hasFailed { failed += 1 }
      if !hasFailed && faulty_calls() < n { break }
    }
    // The test is one only if calls did fail: there are as many as this to begin with.
    #expect(failed >= (fault.calls == FAULTY_TRUNCATE ? 1 : 20), "\(failed) calls failed")
  }

  @Test(arguments: Array(stride(from: 20_000, through: 240_000, by: 20_000)))
  func `a disk that fills up refuses, and takes more when there is room`(bytes: Int) async throws {
    faulty_fill(folder.path, Int64(bytes))
    let promises = await work(in: folder.path)
    faulty_disarm()
    try await check(promises, in: folder.path, "\(bytes) bytes")
    let database = try open(folder.path)
    let known = try await database.journal.entries(after: 0).last?.sequence ?? 0
    _ = try await database.journal.append([try .sample(actor: "later")], after: known)
    try database.close()
  }

  @Test func `when the disk is all but full outcomes give way and decisions do not`() async throws {
    var limits = SQLiteOutcomeStore.Limits()
    limits.freeBytes = { _ in 1_000_000 }
    limits.reservedBytes = 2_000_000
    let database = try SQLiteDatabase(
      folder: folder.path, limits: limits, logger: TemporaryFolder.logger)
    let error = await #expect(throws: StorageError.self) {
      try await database.outcomes.append(outcomes: [try Sample.outcome("1")], comparisons: [])
    }
    #expect(error?.code == .unavailable)
    #expect(try await database.journal.append([try .sample()], after: 0).count == 1)
  }

  @Test func `the file of outcomes stays below its bound, and takes more when rows went`()
    async throws
  {
    var limits = SQLiteOutcomeStore.Limits()
    limits.maximumBytes = 400_000
    let database = try SQLiteDatabase(
      folder: folder.path, limits: limits, logger: TemporaryFolder.logger)
    var batches = 0
    var refusal: StorageError?
    while refusal == nil, batches < 1_000 {
      let rows = try (0..<100).map { try Sample.outcome("\(batches)-\($0)") }
      do {
        try await database.outcomes.append(outcomes: rows, comparisons: [])
        batches += 1
      } catch {
        refusal = error
      }
    }
    #expect(refusal?.code == .unavailable)
    #expect(batches > 2)
    let retention = Retention(maximumRows: batches * 50)
    while try await database.outcomes.prune(
      retention, nowMilliseconds: 0, keeping: [], limit: 100) > 0
    {}
    try await database.outcomes.append(outcomes: [try Sample.outcome("more")], comparisons: [])
    try database.close()
    #expect(try folder.bytes(of: folder.metrics).count <= 400_000)
  }
}

/// A real file system without room, where this process may mount one.
@Suite struct FullVolumeTests {
  @Test(.enabled(if: Volume.isPossible, "mounting needs root"))
  func `a full volume refuses a decision and loses none`() async throws {
    let volume = try Volume(bytes: 1 << 20)
    defer { volume.unmount() }
    let database = try SQLiteDatabase(folder: volume.path, logger: TemporaryFolder.logger)
    var known: Int64 = 0
    var refusal: StorageError?
    while refusal == nil, known < 10_000 {
      do {
        let record = try JournalRecord.sample(reason: String(repeating: "x", count: 2_000))
        known = try await database.journal.append([record], after: known).last?.sequence ?? known
      } catch let error as StorageError {
        refusal = error
      }
    }
    #expect(refusal?.code == .unavailable)
    #expect(known > 10)
    // Reading works all the while, and writing does again when there is room.
    #expect(try await database.journal.entries(after: 0).count == Int(known))
    try volume.grow(to: 8 << 20)
    _ = try await database.journal.append([try .sample()], after: known)
    #expect(try await database.journal.audit().findings == [])
    try database.close()
    let again = try SQLiteDatabase(folder: volume.path, logger: TemporaryFolder.logger)
    #expect(again.journal.headAtOpening.sequence == known + 1)
    try again.close()
  }
}

/// A file system in memory with a size.
private struct Volume {
  let path: String

  static let isPossible = {
    guard geteuid() == 0, let volume = try? Volume(bytes: 1 << 20) else { return false }
    volume.unmount()
    return true
  }()

  init(bytes: Int) throws {
    path = FileManager.default.temporaryDirectory.path + "/rollout-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    do {
      try Self.run("mount", "-t", "tmpfs", "-o", "size=\(bytes)", "tmpfs", path)
    } catch {
      try? FileManager.default.removeItem(atPath: path)
      throw error
    }
  }

  func grow(to bytes: Int) throws {
    try Self.run("mount", "-o", "remount,size=\(bytes)", path)
  }

  func unmount() {
    try? Self.run("umount", "--lazy", path)
    try? FileManager.default.removeItem(atPath: path)
  }

  private static func run(_ arguments: String...) throws {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = arguments
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw CocoaError(.fileWriteUnknown) }
  }
}
