import Evaluation
import Foundation
import Tensors
import Transformer

/// One engine with one variant, to be measured.
struct EngineBench {
  /// What a run has measured.
  struct Report: Encodable {
    let threads: Int
    let kernels: String
    let variant: String
    /// Tokens a second, by tokens of the prompt.
    var prefill: [String: Double] = [:]
    /// Tokens a second, by tokens before.
    var decode: [String: Double] = [:]
    /// Tokens a second of all answers, by answers written at once.
    var concurrent: [String: Double] = [:]
    /// From opening the file to a first token.
    let loadMilliseconds: Double
    let weightBytes: Int
    /// What all threads together read from memory in a second.
    var readBytesPerSecond = 0.0
    /// The most memory that the process has had, after all of the above, beyond what the program
    /// took before it opened the weights; `nil` if unknown.
    var residentBytes: Int?

    var text: String {
      func rows(_ title: String, _ values: [String: Double]) -> String {
        values.sorted { (Int($0.key) ?? 0) < (Int($1.key) ?? 0) }
          .map { "\(title) \($0.key): \(Int($0.value.rounded())) tokens/s\n" }.joined()
      }
      return "\(threads) thread(s), \(kernels), \(variant)\n" + rows("prefill", prefill)
        + rows("decode at", decode) + rows("answers at once", concurrent)
        + "first token \(Int(loadMilliseconds.rounded())) ms after opening the file\n"
    }
  }

  /// Tokens written at each depth.
  private static let answerTokens = 64
  /// A text of so many tokens takes longer than anything that a first round would have to wait for.
  private static let longText = 4_096

  private let engine: Engine
  private let variant: ModelVariant
  private let loadMilliseconds: Double
  private let programBytes: Int?

  /// Loads the weights and writes one token.
  init(_ command: BenchEngineCommand) async throws {
    var configuration = Engine.Configuration()
    configuration.threads = command.threads
    configuration.mode = command.arithmetic.mode
    configuration.cacheFormat = command.kvCache
    if let level = command.kernels.flatMap(Kernels.Level.init(rawValue:)),
      let kernels = Kernels(level)
    {
      configuration.kernels = kernels
    }
    // A prompt that was read before must be read again.
    configuration.keepsPrefixes = false
    let spelling = try VariantSpelling(command.variant)
    programBytes = MemoryBench.peakResidentBytes
    // Before the clock runs: checking a gate hashes the weights.
    let gate = try command.gate.map {
      try GateOfModel.read(path: $0, for: GGUFFile.open(path: command.weights))
    }
    let begin = ContinuousClock.now
    engine = try Engine(configuration)
    let weights = try Weights(try GGUFFile.open(path: command.weights), threads: command.threads)
    let longest =
      max(command.prefill.counts.max() ?? 0, command.decodeDepth.counts.max() ?? 0) + 256
    variant = try spelling.variant(
      of: weights, contextLength: max(weights.parameters.contextLength, longest), gate: gate)
    _ = try await Self.generate(1, tokens: 1, engine, variant)
    loadMilliseconds = (ContinuousClock.now - begin) / .milliseconds(1)
  }

  func report(_ command: BenchEngineCommand) async throws -> Report {
    var report = Report(
      threads: command.threads, kernels: engine.configuration.kernels.level.rawValue,
      variant: command.variant, loadMilliseconds: loadMilliseconds,
      weightBytes: variant.weights.byteCount)
    let prompts = Set(command.prefill.counts)
    let depths = Set(command.decodeDepth.counts)
    for count in prompts.union(depths).sorted() {
      // One text serves both, where both are wanted.
      let speeds = try await speeds(
        count, tokens: depths.contains(count) ? Self.answerTokens : 1, rounds: command.rounds)
      if prompts.contains(count) { report.prefill["\(count)"] = speeds.prefill }
      if depths.contains(count) { report.decode["\(count)"] = speeds.decode }
    }
    for count in command.concurrent.counts {
      report.concurrent["\(count)"] = try await decodeTogether(count, rounds: command.rounds)
    }
    report.residentBytes = MemoryBench.peakResidentBytes.flatMap { peak in
      programBytes.map { peak - $0 }
    }
    // Last, because it takes memory itself.
    report.readBytesPerSecond = MemoryBench.readBytesPerSecond(threads: command.threads)
    return report
  }

  /// Prompt tokens read a second, and tokens written a second behind them.
  private func speeds(
    _ count: Int, tokens: Int, rounds: Int
  ) async throws -> (prefill: Double, decode: Double) {
    let length = max(1, count)
    // A round to warm up does not count; a long text has warmed up after its first thousands.
    if length < Self.longText { _ = try await generate(length, tokens: tokens) }
    var prefill: [Double] = []
    var decode: [Double] = []
    for _ in 0..<rounds {
      let result = try await generate(length, tokens: tokens)
      prefill.append(Double(length) / result.timings.prefillSeconds)
      decode.append(Double(result.answerTokens - 1) / result.timings.decodeSeconds)
    }
    return (Self.median(prefill), Self.median(decode))
  }

  /// Tokens that `count` answers written at once, after next to nothing, get a second together.
  private func decodeTogether(_ count: Int, rounds: Int) async throws -> Double {
    var rates: [Double] = []
    for round in 0...rounds {
      let begin = ContinuousClock.now
      let answered = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<count {
          group.addTask { try await generate(1, tokens: Self.answerTokens).answerTokens }
        }
        return try await group.reduce(0, +)
      }
      let rate = Double(answered) / ((ContinuousClock.now - begin) / .seconds(1))
      // The first round warms up.
      if round > 0 { rates.append(rate) }
    }
    return Self.median(rates)
  }

  private func generate(_ count: Int, tokens: Int) async throws -> GenerationResult {
    try await Self.generate(count, tokens: tokens, engine, variant)
  }

  private static func generate(
    _ count: Int, tokens: Int, _ engine: Engine, _ variant: ModelVariant
  ) async throws -> GenerationResult {
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

  private static func median(_ values: [Double]) -> Double {
    values.sorted()[values.count / 2]
  }
}
