import ArgumentParser
import Foundation

/// `rollout bench decisions`: how often, and how soon, the statistics decide rightly.
struct BenchDecisionsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "decisions",
    abstract: "How often decisions are wrong under continuous looking, and how soon they come.",
    discussion: """
      Draws the situations of STATISTICS T1–T3, T5–T7 and T9 from a seed, shows each request to \
      the service's own tests and to the rules of others, and counts. Ends with 1 when one of ours \
      errs oftener than it promises, or takes more than 10 % longer than the paper's figures.

      EXAMPLES:
        rollout bench decisions --write fixtures/benchmarks/decisions.json
        rollout bench decisions --table T9 --runs 200
      """)

  @Option(help: "Where all draws come from; the same seed gives the same report.")
  var seed: UInt64 = 20_240_607

  @Option(help: "Runs of each situation.")
  var runs = 1_000

  @Option(help: ArgumentHelp("Only the situations of one table.", valueName: "T1…T9"))
  var table: String?

  @Option(help: "Threads; else one for each core.")
  var threads: Int?

  @Option(help: ArgumentHelp("Also write the report there, as JSON.", valueName: "file"))
  var write: String?

  @Flag(help: "Answer in JSON, for programs.")
  var json = false

  func validate() throws {
    guard (1...100_000).contains(runs), (1...256).contains(threads ?? 1) else {
      throw ValidationError("--runs is in 1...100000 and --threads in 1...256.")
    }
    let tables = Set(DecisionPlan.experiments(runs: 1).map(\.table)).sorted()
    if let table, !tables.contains(table) {
      throw ValidationError("--table \(table): there are \(tables.joined(separator: ", ")).")
    }
  }

  func run() async throws {
    let tables = try ScoreTables()
    let seed = seed
    var command = "rollout bench decisions --seed \(seed) --runs \(runs)"
    if let table { command += " --table \(table)" }
    var report = DecisionReport(command: command, seed: seed, runs: runs)
    let experiments = DecisionPlan.experiments(runs: runs).filter {
      table == nil || $0.table == table
    }
    let width = threads ?? ProcessInfo.processInfo.activeProcessorCount
    for (index, experiment) in experiments.enumerated() {
      Output.writeError(
        "\(index + 1)/\(experiments.count) \(experiment.table) \(experiment.traffic) "
          + "\(experiment.truth)\n")
      report.add(
        experiment, try await Self.times(of: experiment, seed: seed, tables, threads: width))
    }
    let text = try Output.json(report)
    if let write { try text.write(toFile: write, atomically: true, encoding: .utf8) }
    Output.write(json ? text : report.text(.standardOutput))
    if !report.misses.isEmpty { throw ExitCode(ExitStatus.refused.rawValue) }
  }

  /// The times of every run; each run's chance hangs on its number alone, so neither the threads
  /// nor their order matter.
  private static func times(
    of experiment: DecisionExperiment, seed: UInt64, _ tables: ScoreTables, threads: Int
  ) async throws -> [[Int?]] {
    try await withThrowingTaskGroup(of: [(Int, [Int?])].self) { group in
      for thread in 0..<threads {
        group.addTask {
          try stride(from: thread, to: experiment.runs, by: threads).map {
            ($0, try experiment.run($0, seed, tables))
          }
        }
      }
      var times = [[Int?]](repeating: [], count: experiment.runs)
      for try await part in group {
        for (run, found) in part { times[run] = found }
      }
      return times
    }
  }
}
