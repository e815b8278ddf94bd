import ArgumentParser
import Evaluation
import Foundation
import Tensors
import Transformer

/// `rollout bench`: measurements of this program itself, for `make bench` to put beside its peers.
struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure this program.",
    subcommands: [
      BenchEngineCommand.self, BenchAttentionCommand.self, BenchStoreCommand.self,
      BenchDecisionsCommand.self, BenchBanditsCommand.self, BenchBacktestCommand.self,
    ])
}

/// `rollout bench engine`: tokens a second of the embedded engine.
struct BenchEngineCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "engine",
    abstract: "Tokens a second of the embedded engine: reading prompts, and writing at a depth.",
    discussion: """
      Prints the median of the rounds. A prompt is made of tokens drawn with a fixed seed; what it \
      says makes no difference to the time, so it may be longer than the model was trained for. \
      The service multiplies in float32 unless told otherwise; this measures int8 unless told \
      otherwise, as llama.cpp does.

      EXAMPLES:
        rollout bench engine --weights .models/SmolLM2-135M-Instruct.Q4_1.gguf --threads 1 --json
        rollout bench engine --weights FILE --variant window:1020+4 --prefill 8192
      """)

  @Option(help: ArgumentHelp("A GGUF file.", valueName: "file"))
  var weights: String

  @Option(help: "Threads of the engine.")
  var threads = 1

  @Option(
    help: ArgumentHelp("How the engine multiplies: int8 or float32.", valueName: "int8|float32"))
  var arithmetic: Arithmetic = .int8

  @Option(help: "How the model attends, as `rollout evaluate` spells it.")
  var variant = "flash"

  @Option(help: ArgumentHelp("The gate of a gated variant.", valueName: "file"))
  var gate: String?

  @Option(help: ArgumentHelp("How keys and values are stored.", valueName: "f16|q8"))
  var kvCache: CacheFormat = .f16

  @Option(
    help: ArgumentHelp(
      "Instructions to use at most: scalar, avx2, avx512, amx, neon.", valueName: "level"))
  var kernels: String?

  @Option(help: ArgumentHelp("Lengths of prompts to read.", valueName: "tokens,…"))
  var prefill: TokenCounts = TokenCounts(counts: [128, 512, 2_048])

  @Option(
    help: ArgumentHelp("Lengths of text before the tokens to write.", valueName: "tokens,…"))
  var decodeDepth: TokenCounts = TokenCounts(counts: [0, 512])

  @Option(
    help: ArgumentHelp("Numbers of answers to write at once.", valueName: "n,…"))
  var concurrent: TokenCounts = TokenCounts(counts: [])

  @Option(help: "Measurements of each, of which the median is printed.")
  var rounds = 3

  @Flag(help: "Answer in JSON, for programs.")
  var json = false

  func validate() throws {
    guard (1...256).contains(threads), (1...100).contains(rounds),
      concurrent.counts.allSatisfy({ (1...64).contains($0) }), !prefill.counts.contains(0)
    else {
      throw ValidationError(
        "--threads is in 1...256, --rounds in 1...100, --concurrent in 1...64, and --prefill at "
          + "least 1.")
    }
    guard let kernels else { return }
    guard let level = Kernels.Level(rawValue: kernels), level.isAvailable else {
      let names = Kernels.Level.allCases.filter(\.isAvailable).map(\.rawValue)
      throw ValidationError(
        "--kernels \(kernels): this machine runs \(names.joined(separator: ", ")).")
    }
  }

  func run() async throws {
    do {
      let bench = try await EngineBench(self)
      let report = try await bench.report(self)
      Output.write(json ? try Output.json(report) : report.text)
    } catch let error as TransformerError {
      throw CommandFailure(.usage, error.message)
    } catch let error as EvaluationError {
      throw CommandFailure(.usage, error.message)
    }
  }
}

/// `rollout bench attention`: the time and memory of attention alone.
struct BenchAttentionCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attention",
    abstract: "Seconds and memory of the attention of one key/value head over a whole text.",
    discussion: """
      One key/value head of width 64 and three query heads, one thread: textbook loops, the \
      vectorised yardstick with all scores in memory, flash, and a window of 1,020 + 4.

      EXAMPLE:
        rollout bench attention --length 8192 --json
      """)

  @Option(help: "Positions of the text.")
  var length = 8_192

  @Option(
    help: ArgumentHelp("How matrix units multiply: int8 or float32.", valueName: "int8|float32"))
  var arithmetic: Arithmetic = .int8

  @Option(help: ArgumentHelp("Ways to leave out.", valueName: "way"))
  var skip: [String] = []

  @Flag(help: "Answer in JSON, for programs.")
  var json = false

  func validate() throws {
    guard (1...65_536).contains(length) else {
      throw ValidationError("--length is in 1...65536.")
    }
    if let stranger = skip.first(where: { AttentionBench.Way(rawValue: $0) == nil }) {
      let names = AttentionBench.Way.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("--skip \(stranger): there are \(names).")
    }
  }

  func run() async throws {
    guard let bench = AttentionBench(length: length, mode: arithmetic.mode) else {
      throw CommandFailure(.failed, "the system has no memory for \(length) positions")
    }
    var results: [String: AttentionBench.Result] = [:]
    for way in AttentionBench.Way.allCases where !skip.contains(way.rawValue) {
      results[way.rawValue] = bench.measure(way)
    }
    if json {
      Output.write(try Output.json(results))
      return
    }
    let lines = results.sorted { $0.value.seconds > $1.value.seconds }.map { name, result in
      let milliseconds = Int((result.seconds * 1e3).rounded())
      return "\(name): \(milliseconds) ms, \(result.extraBytes / 1_024) KiB beyond the data\n"
    }
    Output.write(lines.joined())
  }
}

/// Lengths in tokens, as the command line spells them: `128,512`.
struct TokenCounts: ExpressibleByArgument {
  var counts: [Int]

  init(counts: [Int]) { self.counts = counts }

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
    let counts = parts.compactMap { $0 }.filter { (0...1_048_576).contains($0) }
    guard counts.count == parts.count, !counts.isEmpty else { return nil }
    self.counts = counts
  }

  var defaultValueDescription: String { counts.map(String.init).joined(separator: ",") }
}
