import ArgumentParser
import Foundation

/// `rollout bench store`: the evidence store.
struct BenchStoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "store",
    abstract: "How fast outcomes are stored, how much room they take, how fast a page is answered.",
    discussion: """
      Fills a store of its own with outcomes of a seeded world, a pair with every tenth, in \
      batches as the service writes them; then asks what a comparison page asks, reads rows back, \
      and removes a tenth of them as retention does. The folder is made, and removed at the end.

      EXAMPLE:
        rollout bench store --outcomes 10000000 --json
      """)

  @Option(help: "Outcomes to store.")
  var outcomes = 1_000_000

  @Option(
    help: ArgumentHelp(
      "Where; a folder that is not there yet, on the disk to be measured.", valueName: "folder"))
  var folder = ".rollout-bench"

  @Flag(help: "Answer in JSON, for programs.")
  var json = false

  func validate() throws {
    guard (1...100_000_000).contains(outcomes) else {
      throw ValidationError("--outcomes is in 1...100000000.")
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
    guard var bench = StoreBench(count: outcomes, folder: folder) else { return }
    let report = try await bench.run()
    Output.write(json ? try Output.json(report) : report.text)
  }
}
