import ArgumentParser
import Foundation

/// `rollout bench backtest`: how fast recorded traffic answers.
struct BenchBacktestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backtest",
    abstract: "How long a backtest of many recorded requests takes.",
    discussion: """
      Writes a trace of a seeded world as 'rollout export' does, half of it answered by the \
      candidate and a tenth shadowed, reads it, and runs it through a rollout that goes on to its \
      end. The folder is made, and removed at the end.

      EXAMPLE:
        rollout bench backtest --requests 1000000 --json
      """)

  @Option(help: "Recorded requests.")
  var requests = 1_000_000

  @Option(help: "Where all chance comes from.")
  var seed: UInt64 = 1

  @Option(
    help: ArgumentHelp(
      "Where the trace is written; a folder that is not there yet.", valueName: "folder"))
  var folder = ".rollout-bench"

  @Flag(help: "Answer in JSON, for programs.")
  var json = false

  func validate() throws {
    guard (1...10_000_000).contains(requests) else {
      throw ValidationError("--requests is in 1...10000000.")
    }
  }

  func run() async throws {
    guard !FileManager.default.fileExists(atPath: folder) else {
      throw CommandFailure(
        .usage, "'\(folder)' is there already",
        remedy: "remove it, or name a new folder with --folder")
    }
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw CommandFailure(.failed, "'\(folder)' cannot be made: \(error.localizedDescription)")
    }
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let bench = BacktestBench(requests: requests, folder: folder, seed: seed)
    guard let report = try await bench.run() else { return }
    Output.write(json ? try Output.json(report) : report.text)
  }
}
