import ArgumentParser
import Console
import Experimentation
import Foundation
import NIOCore
import SQLiteStorage
import Storage

/// `rollout export`: outcomes for other programs.
struct ExportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write what was measured as CSV or as JSON lines.",
    discussion: """
      Rows in the order of assignment; times are seconds, unknown is empty (CSV) or null. Asks the \
      running service; with --data it reads the folder of one that does not run. Memory does not \
      grow with the number of rows.

      EXAMPLES:
        rollout export assistant --format csv --output outcomes.csv
        rollout export assistant --kind rollups --run 2
      """)

  @Argument(help: "The rollout.")
  var name: RolloutArgument

  @Option(help: "csv or jsonl.")
  var format: Export.Format = .jsonl

  @Option(help: "outcomes, comparisons, feedback, labels or rollups.")
  var kind: Export.Kind = .outcomes

  @Option(help: ArgumentHelp("The run; the latest by default.", valueName: "n"))
  var run: Int?

  @Option(
    help: ArgumentHelp("Where to write; standard output by default.", valueName: "file"))
  var output: String?

  @Option(help: ArgumentHelp("A data folder that no service has open.", valueName: "folder"))
  var data: String?

  @Option(
    help: ArgumentHelp(
      "The control address of the service; else ROLLOUT_SERVER, else http://127.0.0.1:8081.",
      valueName: "url"))
  var server: String?

  func run() async throws {
    // A pipe that nobody reads any more is an error of the write, however the program was started.
    signal(SIGPIPE, SIG_IGN)
    // Under another name until it is whole: an export that fails leaves the one before.
    let part = output.map { $0 + ".part" }
    let file = try Self.open(part)
    if let data {
      try await export(from: data, to: file)
    } else {
      let address = server ?? ProcessInfo.processInfo.environment["ROLLOUT_SERVER"] ?? ""
      let query =
        [("kind", kind.rawValue), ("format", format.rawValue)]
        + (run.map { [("run", String($0))] } ?? [])
      try await ControlClient.use(address) { client in
        try await client.export(of: name.name, query: query) {
          try Self.write(Data($0.readableBytesView), to: file)
        }
      }
    }
    if let output, let part { try Self.finish(file, part, as: output) }
  }

  private func export(from folder: String, to file: FileHandle) async throws {
    guard FileManager.default.fileExists(atPath: folder + "/metrics.sqlite") else {
      throw CommandFailure(.usage, "'\(folder)' is no data folder", remedy: "name it with --data")
    }
    do {
      let outcomes = try SQLiteDatabase.outcomes(folder: folder)
      let runs = try await outcomes.runs().map(\.id)
        .filter { $0.rollout == name.name && (run == nil || $0.run == run) }
      guard let latest = runs.max(by: { $0.run < $1.run }) else {
        throw CommandFailure(.notFound, "'\(folder)' has no such run of '\(name.name)'")
      }
      try await Export(of: latest, kind, as: format).write(
        from: outcomes, labels: outcomes
      ) {
        try Self.write(Data($0.utf8), to: file)
      }
      try outcomes.close()
    } catch let error as StorageError {
      throw CommandFailure(.failed, error.message)
    }
  }

  private static func finish(_ file: FileHandle, _ part: String, as output: String) throws {
    do { try file.close() } catch {
      throw CommandFailure(.failed, "the export cannot be written: \(error.localizedDescription)")
    }
    guard rename(part, output) == 0 else {
      throw CommandFailure(
        .failed, "'\(output)' cannot be written: \(String(cString: strerror(errno)))",
        remedy: "what was exported is in '\(part)'")
    }
  }

  private static func open(_ output: String?) throws -> FileHandle {
    guard let output else { return .standardOutput }
    guard FileManager.default.createFile(atPath: output, contents: nil),
      let file = FileHandle(forWritingAtPath: output)
    else { throw CommandFailure(.failed, "'\(output)' cannot be written") }
    return file
  }

  private static func write(_ data: Data, to file: FileHandle) throws {
    do { try file.write(contentsOf: data) } catch {
      let cause = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
      // Whoever reads the pipe has what it wanted, as `head` has after its lines.
      if cause?.domain == NSPOSIXErrorDomain, cause?.code == Int(EPIPE) { throw ExitCode.success }
      throw CommandFailure(
        .failed, "the export cannot be written: \((cause ?? error).localizedDescription)")
    }
  }
}

extension Export.Format: ExpressibleByArgument {}
extension Export.Kind: ExpressibleByArgument {}
