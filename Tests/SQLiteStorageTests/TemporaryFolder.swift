import Foundation
import GRDB
import Logging
import SQLiteStorage

/// A folder that goes when the value does.
final class TemporaryFolder: Sendable {
  let path: String

  /// - Parameter inMemory: on a file system in memory, where there is one: for tests that sync
  ///   thousands of times
  init(inMemory: Bool = false) throws {
    let memory = "/dev/shm"
    let isThere = inMemory && FileManager.default.isWritableFile(atPath: memory)
    let parent = isThere ? URL(filePath: memory) : FileManager.default.temporaryDirectory
    let url = parent.appending(path: "rollout-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path(percentEncoded: false)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  var control: String { path + "/control.sqlite" }
  var metrics: String { path + "/metrics.sqlite" }

  static var logger: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

  func open() throws -> SQLiteDatabase { try SQLiteDatabase(folder: path, logger: Self.logger) }

  /// Does to a closed file what a person with an SQLite shell could.
  func tamper(with file: String, _ sql: String) throws {
    let queue = try DatabaseQueue(path: file)
    try queue.writeWithoutTransaction { try $0.execute(sql: sql) }
    try queue.close()
  }

  func bytes(of file: String) throws -> Data { try Data(contentsOf: URL(filePath: file)) }
}
