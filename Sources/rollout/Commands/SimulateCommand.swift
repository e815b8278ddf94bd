import ArgumentParser
import Experimentation
import Foundation
import Simulation

/// `rollout simulate`: what would happen, from a seed, in minutes of a clock that nobody waits for.
struct SimulateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Let a scenario happen in a simulated world, and tell what happened and why.",
    discussion: """
      The router and the controller are those of the service; users, models, the disk and time are \
      simulated from the seed. The same seed tells the same story. Ends with 1 when something \
      happened that never may: then the seed shows it again.

      EXAMPLES:
        rollout simulate                            the scenarios that there are
        rollout simulate --scenario incident --seed 7
        rollout simulate --scenario doubled-errors --runs 100
        rollout simulate --scenario world.json --json
        rollout simulate --race --runs 10000        promote against rollback against apply

      A scenario's file is JSON; what it leaves out is as in the scenario it is based on:
        {"base": "harmless", "policy": "policies/", "rollout": "assistant", "hours": 12,
         "requestsPerSecond": 2, "candidate": {"errorRate": 0.02}, "crashHours": [1.5]}
      """)

  @Option(
    help: ArgumentHelp("A scenario's name, or a JSON file.", valueName: "name|file"),
    completion: .file())
  var scenario: String?

  // `unconditional`: a number with a sign is a value, which is then told its range.
  @Option(parsing: .unconditional, help: "Where all chance comes from.")
  var seed: UInt64 = 1

  @Option(
    parsing: .unconditional,
    help: "Worlds to simulate, with the seeds that follow; more than one are only counted.")
  var runs = 1

  @Flag(help: "Race promotion, rollback and apply instead, with crashes in the middle of writing.")
  var race = false

  @Flag(help: "Say what each decision was based on.")
  var verbose = false

  @Flag(help: "Answer in JSON, for programs.")
  var json = false

  func validate() throws {
    guard (1...10_000_000).contains(runs) else {
      throw ValidationError("--runs is in 1...10000000.")
    }
    if race, scenario != nil { throw ValidationError("--race has a scenario of its own.") }
  }

  func run() async throws {
    if race { return try await runRace() }
    guard let scenario else {
      let text = Scenario.all.map { "\($0.name): \($0.summary)\n" }.joined()
      Output.write(text)
      return
    }
    let world = try ScenarioFile.scenario(scenario)
    if runs == 1 {
      let story = await ScenarioWorld.story(of: world, seed: seed)
      let report = StoryReport(story)
      Output.write(
        json
          ? try Output.json(report)
          : report.text(.standardOutput, summary: world.summary, isVerbose: verbose))
      try fail(story.violations, seed: seed)
      return
    }
    let stories = await SeedSweep.run(seed: seed, runs: runs) { seed in
      await ScenarioWorld.story(of: world, seed: seed)
    }
    let report = StoryCounts(stories, of: world, seed: seed)
    Output.write(json ? try Output.json(report) : report.text(.standardOutput))
    for story in stories { try fail(story.violations, seed: story.seed) }
  }

  private func runRace() async throws {
    let begin = ContinuousClock.now
    let endings = await SeedSweep.run(seed: seed, runs: runs) { await Race.run(seed: $0) }
    let report = RaceReport(endings, seconds: (ContinuousClock.now - begin) / .seconds(1))
    if runs == 1, !json, let only = endings.first {
      Output.write(only.trace.map { "\($0)\n" }.joined())
    }
    Output.write(json ? try Output.json(report) : report.text(.standardOutput))
    if !report.failures.isEmpty { throw ExitCode(ExitStatus.refused.rawValue) }
  }

  private func fail(_ violations: [Invariants.Violation], seed: UInt64) throws {
    guard !violations.isEmpty else { return }
    Output.writeError(
      "seed \(seed): " + violations.map(\.description).joined(separator: "; ") + "\n")
    throw ExitCode(ExitStatus.refused.rawValue)
  }
}

/// Runs a world for each of many seeds, as many at once as there are cores.
enum SeedSweep {
  /// The results in the order of the seeds `seed`, `seed` + 1, …
  static func run<Result: Sendable>(
    seed: UInt64, runs: Int, _ world: @escaping @Sendable (UInt64) async -> Result
  ) async -> [Result] {
    let threads = min(runs, ProcessInfo.processInfo.activeProcessorCount)
    return await withTaskGroup(of: [(Int, Result)].self) { group in
      for thread in 0..<threads {
        group.addTask {
          var results: [(Int, Result)] = []
          for run in stride(from: thread, to: runs, by: threads) {
            results.append((run, await world(seed &+ UInt64(run))))
          }
          return results
        }
      }
      var all: [(Int, Result)] = []
      for await part in group { all += part }
      return all.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }
}
