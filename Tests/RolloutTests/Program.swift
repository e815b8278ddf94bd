import Foundation
import Testing

/// The program as a user runs it: a real process with real arguments.
enum Program {
  /// How a run ended.
  struct Result: Sendable {
    var status: Int32
    var output: String
    var errors: String
  }

  /// The package's root.
  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The weights that the tests run.
  static func weights() throws -> URL {
    let environment = ProcessInfo.processInfo.environment["ROLLOUT_MODEL"]
    let url =
      environment.map { URL(fileURLWithPath: $0) }
      ?? root.appendingPathComponent(".models/SmolLM2-135M-Instruct.Q4_1.gguf")
    try #require(
      FileManager.default.fileExists(atPath: url.path),
      "there are no weights at \(url.path): run `make model`")
    return url
  }

  /// The executable that was built together with these tests.
  static func executable() throws -> URL {
    let folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    let candidates = [
      folder.appendingPathComponent("rollout"), root.appendingPathComponent(".build/debug/rollout"),
    ]
    return try #require(
      candidates.first { FileManager.default.isExecutableFile(atPath: $0.path) },
      "the program is not built: run `swift build`")
  }

  /// Runs the program to its end, for at most `seconds`.
  static func run(
    _ arguments: [String], environment: [String: String] = [:], seconds: Double = 120
  ) async throws -> Result {
    try await run(try executable(), arguments, environment: environment, seconds: seconds)
  }

  /// Runs any program to its end, for at most `seconds`.
  static func run(
    _ executable: URL, _ arguments: [String], environment: [String: String],
    seconds: Double = 120
  ) async throws -> Result {
    let folder = try TemporaryFolder()
    let output = try folder.file("stdout")
    let errors = try folder.file("stderr")
    let process = Process()
    process.executableURL = executable
    process.arguments = arguments
    process.currentDirectoryURL = root
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    try process.run(writingTo: output, errors)
    let deadline = ContinuousClock.now + .seconds(seconds)
    while process.isRunning {
      if ContinuousClock.now > deadline { process.terminate() }
      try await Task.sleep(for: .milliseconds(20))
    }
    return Result(
      status: process.terminationStatus,
      output: try String(contentsOf: output, encoding: .utf8),
      errors: try String(contentsOf: errors, encoding: .utf8))
  }
}

extension Process {
  /// Starts, with its output and errors going into files.
  ///
  /// A process that has ended keeps what it was given: left open, the files of a thousand runs were
  /// descriptors of the tests, and Foundation cannot start a process beside so many.
  func run(writingTo output: URL, _ errors: URL) throws {
    let files = [try FileHandle(forWritingTo: output), try FileHandle(forWritingTo: errors)]
    defer { for file in files { try? file.close() } }
    (standardOutput, standardError) = (files[0], files[1])
    try run()
  }
}

/// A folder that goes when its owner does.
final class TemporaryFolder: Sendable {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory
      .appendingPathComponent("rollout-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  /// Makes an empty file.
  func file(_ name: String) throws -> URL {
    let file = url.appendingPathComponent(name)
    try Data().write(to: file)
    return file
  }

  /// Writes a file.
  @discardableResult
  func write(_ text: String, to name: String) throws -> URL {
    let file = url.appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try text.write(to: file, atomically: true, encoding: .utf8)
    return file
  }
}
