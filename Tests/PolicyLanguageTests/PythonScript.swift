import Foundation
import Testing

/// A script beside these tests, run with the Python that has the pinned packages.
enum PythonScript {
  /// What the script prints about each of `texts`, a line each, which it finds in the file that is
  /// its last argument, a JSON value a line.
  static func verdicts(
    of script: String, _ arguments: [String], on texts: [String]
  ) throws -> [String] {
    let python = URL(
      filePath: ProcessInfo.processInfo.environment["ROLLOUT_PYTHON"]
        ?? Repository.root.appending(path: ".venv/bin/python").path)
    try #require(
      FileManager.default.isExecutableFile(atPath: python.path),
      "there is no Python with a validator at \(python.path): run `make test`")
    let folder = FileManager.default.temporaryDirectory.appending(path: "script-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (cases, output) = (folder.appending(path: "cases"), folder.appending(path: "verdicts"))
    try Data((texts.joined(separator: "\n") + "\n").utf8).write(to: cases)
    try Data().write(to: output)
    let process = Process()
    process.executableURL = python
    let path = Repository.root.appending(path: "Tests/PolicyLanguageTests/\(script)").path
    process.arguments = [path] + arguments + [cases.path]
    let file = try FileHandle(forWritingTo: output)
    process.standardOutput = file
    try process.run()
    try file.close()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(script) failed: run `make test`")
    let verdicts = try String(contentsOf: output, encoding: .utf8).split(separator: "\n")
    try #require(verdicts.count == texts.count)
    return verdicts.map(String.init)
  }
}
