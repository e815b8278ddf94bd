import ArgumentParser
import Foundation
import Transformer

/// `rollout bench`: measurements of this program itself, for `make bench` to put beside its peers.
struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure this program.",
    subcommands: [BenchEngineCommand.self])
}

/// `rollout bench engine`: tokens a second of the embedded engine.
struct BenchEngineCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "engine",
    abstract: "Tokens a second of the embedded engine: reading prompts, and writing at a depth.",
    discussion: """
      Prints the median of the rounds. A prompt is made of tokens drawn with a fixed seed; what it \
      says makes no difference to the time.

      EXAMPLE:
        rollout bench engine --weights .models/SmolLM2-135M-Instruct.Q4_1.gguf --threads 1 --json
      """)

  @Option(help: ArgumentHelp("A GGUF file.", valueName: "file"))
  var weights: String

  @Option(help: "Threads of the engine.")
  var threads = 1

  @Option(
    help: ArgumentHelp("How the engine multiplies: int8 or float32.", valueName: "int8|float32"))
  var arithmetic: Arithmetic = .float32

  @Option(
    help: ArgumentHelp(
      "dense, flash, or one that sees 1024 keys: window, quest, moba, hybrid.", valueName: "kind"))
  var attention: BenchAttention = .flash

  @Option(help: ArgumentHelp("Lengths of prompts to read.", valueName: "tokens,…"))
  var prefill: TokenCounts = TokenCounts(counts: [128, 512, 2_048])

  @Option(
    help: ArgumentHelp("Lengths of text before the tokens to write.", valueName: "tokens,…"))
  var decodeDepth: TokenCounts = TokenCounts(counts: [0, 512])

  @Option(
    help: ArgumentHelp("Numbers of answers to write at once.", valueName: "n,…"))
  var sequences: TokenCounts = TokenCounts(counts: [])

  @Option(help: "Measurements of each, of which the median is printed.")
  var rounds = 3

  @Flag(help: "Answer in JSON, for programs.")
  var json = false

  /// Tokens written at each depth.
  private static let answerTokens = 64

  func validate() throws {
    guard (1...256).contains(threads), (1...100).contains(rounds) else {
      throw ValidationError("--threads is in 1...256 and --rounds in 1...100.")
    }
  }

  func run() async throws {
    do {
      let bench = try EngineBench(self)
      var report = Report(threads: threads)
      for count in prefill.counts {
        report.prefill["\(count)"] = try await bench.prefill(count, rounds: rounds)
      }
      for depth in decodeDepth.counts {
        report.decode["\(depth)"] = try await bench.decode(
          depth, tokens: Self.answerTokens, rounds: rounds)
      }
      for count in sequences.counts {
        report.together["\(count)"] = try await bench.decodeTogether(
          max(1, count), tokens: Self.answerTokens, rounds: rounds)
      }
      Output.write(json ? try Output.json(report) : report.text)
    } catch let error as TransformerError {
      throw CommandFailure(.usage, error.message)
    }
  }

  private struct Report: Encodable {
    var threads: Int
    /// Tokens a second, by tokens of the prompt.
    var prefill: [String: Double] = [:]
    /// Tokens a second, by tokens before.
    var decode: [String: Double] = [:]
    /// Tokens a second of all answers, by answers written at once.
    var together: [String: Double] = [:]

    var text: String {
      func rows(_ title: String, _ values: [String: Double]) -> String {
        values.sorted { (Int($0.key) ?? 0) < (Int($1.key) ?? 0) }
          .map { "\(title) \($0.key): \(Int($0.value.rounded())) tokens/s\n" }.joined()
      }
      return "\(threads) thread(s)\n" + rows("prefill", prefill) + rows("decode at", decode)
        + rows("answers at once", together)
    }
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

/// The attention kinds of the bench, as the command line spells them.
enum BenchAttention: String, ExpressibleByArgument, CaseIterable {
  case dense, flash, window, quest, moba, hybrid

  var kind: AttentionKind {
    get throws(TransformerError) {
      switch self {
      case .dense: .dense
      case .flash: .flash
      case .window: .slidingWindow(window: 1_020, sinks: 4)
      case .quest: .blockSparse(try BlockSparse(.quest, keys: 1_024))
      case .moba: .blockSparse(try BlockSparse(.moba, blockSize: 64, keys: 1_024))
      case .hybrid: .hybrid(try Hybrid(keys: 1_024))
      }
    }
  }
}

/// One engine with one variant, to be measured.
private struct EngineBench {
  private let engine: Engine
  private let variant: ModelVariant

  init(_ command: BenchEngineCommand) throws(TransformerError) {
    var configuration = Engine.Configuration()
    configuration.threads = command.threads
    configuration.mode = command.arithmetic.mode
    // The same prompt again and again: it is to be read each time.
    configuration.keepsPrefixes = false
    engine = try Engine(configuration)
    let weights = try Weights(try GGUFFile.open(path: command.weights))
    let longest =
      max(command.prefill.counts.max() ?? 0, command.decodeDepth.counts.max() ?? 0) + 256
    variant = try ModelVariant(
      name: "bench", weights: weights, attention: try command.attention.kind,
      // What the text says makes no difference here, so it may be longer than the model was
      // trained for.
      rotary: RotaryTables(
        RotaryTable(weights.parameters),
        contextLength: max(weights.parameters.contextLength, longest)))
  }

  /// Prompt tokens read a second.
  func prefill(_ count: Int, rounds: Int) async throws -> Double {
    try await median(rounds) {
      let timings = try await generate(prompt: max(1, count), tokens: 1).timings
      return Double(max(1, count)) / timings.prefillSeconds
    }
  }

  /// Tokens written a second after `depth` tokens.
  func decode(_ depth: Int, tokens: Int, rounds: Int) async throws -> Double {
    try await median(rounds) {
      let result = try await generate(prompt: max(1, depth), tokens: tokens)
      return Double(result.answerTokens - 1) / result.timings.decodeSeconds
    }
  }

  /// Tokens that `count` answers written at once, after next to nothing, get a second together.
  func decodeTogether(_ count: Int, tokens: Int, rounds: Int) async throws -> Double {
    try await median(rounds) {
      let begin = ContinuousClock.now
      let answered = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<count {
          group.addTask { try await generate(prompt: 1, tokens: tokens).answerTokens }
        }
        return try await group.reduce(0, +)
      }
      return Double(answered) / ((ContinuousClock.now - begin) / .seconds(1))
    }
  }

  private func generate(prompt count: Int, tokens: Int) async throws -> GenerationResult {
    var seed: UInt64 = 1
    let size = UInt64(variant.weights.parameters.vocabularySize)
    let prompt = (0..<count).map { _ -> Token in
      // Knuth's multiplier; any spread of tokens will do.
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Token((seed >> 33) % size)
    }
    let request = GenerationRequest(prompt: prompt, maximumTokens: tokens)
    for try await event in try engine.generate(request, on: variant) {
      if case .finished(let result) = event { return result }
    }
    throw TransformerError(.cancelled, "the engine stopped")
  }

  private func median(_ rounds: Int, _ measure: () async throws -> Double) async throws -> Double {
    // One round to warm up, which does not count.
    _ = try await measure()
    var values: [Double] = []
    for _ in 0..<rounds { values.append(try await measure()) }
    return values.sorted()[values.count / 2]
  }
}
