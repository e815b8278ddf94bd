import ArgumentParser
import Evaluation
import Foundation
import Tensors
import Transformer

/// `rollout evaluate`: what attention variants cost in quality, on the real weights.
struct EvaluateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure what attention variants of one model cost in quality, before any traffic.",
    discussion: """
      perplexity reads the same pieces of text with every variant and compares their next-token \
      distributions with the reference's: the logarithm of the ratio of perplexities, the mean \
      Kullback-Leibler divergence and its 99th percentile, the share of places where both rank the \
      same token first. Windows of LENGTH tokens begin every half LENGTH, and the last half of \
      each is scored, so that every token has at least half LENGTH before it. Intervals are of 95 \
      % over blocks of 256 tokens, since tokens of one text are not independent.

      passkey hides five digits in a long text and asks for them: found of trials, with Wilson's \
      interval. A variant that looks harmless by perplexity may forget what it was told.

      EXAMPLE:
        rollout evaluate --weights .models/SmolLM2-135M-Instruct.Q4_1.gguf --suite perplexity \\
          --variant flash --variant window:508+4 --lengths 2k,8k
        rollout evaluate --weights .models/SmolLM2-135M-Instruct.Q4_1.gguf --suite passkey \\
          --variant flash --variant window:508+4 --lengths 1k,4k
      """)

  @Option(help: ArgumentHelp("A GGUF file, or a folder of safetensors.", valueName: "file"))
  var weights: String

  @Option(help: "What to measure.")
  var suite: EvaluationSuite

  @Option(
    name: .customLong("variant"),
    help: ArgumentHelp(
      "A variant: dense, flash, window:508+4, quest:512, moba:512/64, hybrid:512, "
        + "hybrid-quest:512/16 (keys in all/in a block), gated:512 with --gate; add ,yarn:2 (or "
        + "linear, ntk, dynamicNTK) "
        + "or ,context:12288 for a longer context. May be given several times.",
      valueName: "spelling"))
  var variants: [VariantSpelling] = []

  @Option(
    help: ArgumentHelp(
      "The variant that the others are measured against; dense by default.",
      valueName: "spelling"))
  var reference: VariantSpelling?

  @Option(help: ArgumentHelp("The gate of gated variants.", valueName: "file"))
  var gate: String?

  @Option(help: ArgumentHelp("Tokens of a sequence: 2048, or 2k.", valueName: "tokens,…"))
  var lengths: SequenceLengths = SequenceLengths(counts: [2_048])

  @Option(
    name: .customLong("text"),
    help: ArgumentHelp(
      "A text in UTF-8 for perplexity; else the two novels of fixtures/texts. May be given several "
        + "times.", valueName: "file"))
  var texts: [String] = []

  // `unconditional`: a number with a sign is a value, which is then told its range.
  @Option(
    parsing: .unconditional,
    help: "Tokens to score at each length, for perplexity; at least one window of each text.")
  var tokens = 6_144

  @Option(parsing: .unconditional, help: "Questions at each length, for passkey.")
  var trials = 20

  @Option(parsing: .unconditional, help: "Of the keys and their places, for passkey.")
  var seed: UInt64 = 1

  @Option(parsing: .unconditional, help: "Threads of the engine.")
  var threads = 2

  @Option(
    help: ArgumentHelp("How the engine multiplies: int8 or float32.", valueName: "int8|float32"))
  var arithmetic: Arithmetic = .float32

  @Option(
    help: ArgumentHelp(
      "How attention caches are kept: f16, or q8 (8 bits). Variants that cannot be are named, and "
        + "keep f16.", valueName: "f16|q8"))
  var kvCache: CacheFormat = .f16

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("GiB that all KV caches may take together.", valueName: "count"))
  var cacheGigabytes = 4

  @Flag(help: "Answer in JSON, for programs.")
  var json = false

  private static let novels = [
    "fixtures/texts/northanger-abbey.txt", "fixtures/texts/persuasion.txt",
  ]

  func validate() throws {
    for (name, value, range) in [
      ("threads", threads, 1...256), ("cache-gigabytes", cacheGigabytes, 1...1_024),
      ("tokens", tokens, 1...1_048_576), ("trials", trials, 1...10_000),
    ] where !range.contains(value) {
      throw ValidationError(
        "--\(name) is \(value), not in \(range.lowerBound)...\(range.upperBound).")
    }
    guard variants.count <= Engine.candidateLimit, texts.count <= 64 else {
      throw ValidationError(
        "at most \(Engine.candidateLimit) times --variant and 64 times --text.")
    }
  }

  func run() async throws {
    let progress = EvaluationNotes()
    defer { progress.finish() }
    do {
      let file = try GGUFFile.open(path: weights)
      let tokenizer = try Tokenizer(file)
      let measured = MeasuredModel(
        weights: try Weights(file), tokenizer: tokenizer, engine: try Engine(engineConfiguration),
        gate: try gate.map { try GateOfModel.read(path: $0, for: file) })
      switch suite {
      case .perplexity:
        let reports = try await perplexity(measured, progress)
        progress.finish()
        Output.write(
          json ? try Output.json(reports) : EvaluationText(style: .standardOutput).text(of: reports)
        )
      case .passkey:
        let template = try ChatTemplate(file, tokenizer: tokenizer)
        let reports = try await passkey(measured, template, progress)
        progress.finish()
        Output.write(
          json ? try Output.json(reports) : EvaluationText(style: .standardOutput).text(of: reports)
        )
      }
    } catch let error as EvaluationError {
      throw CommandFailure(.usage, error.message)
    } catch let error as TransformerError {
      throw CommandFailure(.usage, error.message)
    }
  }

  /// What is measured, and what runs it.
  private struct MeasuredModel {
    let weights: Weights
    let tokenizer: Tokenizer
    let engine: Engine
    let gate: Gate?
  }

  private var engineConfiguration: Engine.Configuration {
    var configuration = Engine.Configuration()
    configuration.threads = threads
    configuration.mode = arithmetic.mode
    configuration.cacheBytes = cacheGigabytes << 30
    configuration.cacheFormat = kvCache
    return configuration
  }

  /// A variant as it was spelled, of this model. Says what of the settings it cannot have.
  private func variant(_ spelling: VariantSpelling, of model: MeasuredModel) throws -> ModelVariant
  {
    let variant = try spelling.variant(of: model.weights, gate: model.gate)
    var settings = engineConfiguration
    settings.keepsPrefixes = false
    for exception in variant.exceptions(to: settings) {
      Output.writeError("note: '\(spelling.text.escaped)' \(exception)\n")
    }
    return variant
  }

  private func perplexity(
    _ model: MeasuredModel, _ progress: EvaluationNotes
  ) async throws -> [PerplexityReport] {
    let evaluation = PerplexityEvaluation(
      engine: model.engine,
      reference: try variant(reference ?? VariantSpelling("dense"), of: model),
      candidates: try variants.map { try variant($0, of: model) })
    let texts = self.texts.isEmpty ? Self.novels : self.texts
    let tokens = try texts.map { try TextFile.read($0) }.map {
      model.tokenizer.encode($0, special: false)
    }
    var windows: [TextWindows] = []
    for length in lengths.counts {
      windows.append(
        try TextWindows(
          tokens, context: length, stride: length / 2, scoredTokens: self.tokens))
    }
    var reports: [PerplexityReport] = []
    for windows in windows {
      reports += try await evaluation.run(windows, progress: progress.note)
    }
    return reports
  }

  private func passkey(
    _ model: MeasuredModel, _ template: ChatTemplate, _ progress: EvaluationNotes
  ) async throws -> [PasskeyReport] {
    let evaluation = PasskeyEvaluation(
      engine: model.engine, tokenizer: model.tokenizer, template: template)
    let spellings = try [reference ?? VariantSpelling("dense")] + variants
    let measured = try spellings.map { try variant($0, of: model) }
    var reports: [PasskeyReport] = []
    for length in lengths.counts {
      reports += try await evaluation.run(
        measured, length: length, trials: trials, seed: seed, progress: progress.note)
    }
    return reports
  }
}

/// What `rollout evaluate` can measure.
enum EvaluationSuite: String, ExpressibleByArgument, CaseIterable {
  case perplexity, passkey
}

/// Lengths in tokens, as the command line spells them: `2048,4k`.
struct SequenceLengths: ExpressibleByArgument {
  var counts: [Int]

  init(counts: [Int]) { self.counts = counts }

  init?(argument: String) {
    let counts = argument.split(separator: ",", omittingEmptySubsequences: false).map {
      word -> Int? in
      let isThousands = word.last == "k"
      guard let number = Int(isThousands ? word.dropLast() : word), (1...1_048_576).contains(number)
      else { return nil }
      let count = isThousands ? number * 1_024 : number
      return (2...1_048_576).contains(count) ? count : nil
    }
    guard counts.allSatisfy({ $0 != nil }), (1...16).contains(counts.count) else { return nil }
    self.counts = counts.compactMap { $0 }
  }

  var defaultValueDescription: String { counts.map(String.init).joined(separator: ",") }
}

extension VariantSpelling: ExpressibleByArgument {
  /// A spelling that is none is told with its reason when the variants are made.
  package init?(argument: String) {
    do { try self.init(argument) } catch {
      Output.writeError("error: \(error.message.escaped)\n")
      return nil
    }
  }
}
