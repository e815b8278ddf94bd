import ArgumentParser
import Evaluation
import Experimentation
import Foundation
import Tensors
import Transformer

/// `rollout evaluate`: what attention variants cost in quality, on the real weights.
struct EvaluateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure what attention variants of one model cost in quality, before any traffic.",
    discussion: """
      Prints one table, a row for each variant at each length, of what the suites measure:

      perplexity reads the same pieces of text with every variant and compares their next-token \
      distributions with the reference's: the logarithm of the ratio of perplexities, the mean \
      Kullback-Leibler divergence and its 99th percentile, the share of places where both rank the \
      same token first. Windows of LENGTH tokens begin every half LENGTH, and the last half of \
      each is scored, so that every token has at least half LENGTH before it. Intervals are of 95 \
      % over blocks of 256 tokens, since tokens of one text are not independent.

      passkey hides five digits in filler and asks for them; needle hides a made-up fact in \
      natural text and asks who, where or what. Both print how many of TRIALS were found, with \
      Wilson's interval: a variant that looks harmless by perplexity may forget what it was told. \
      With --depths, each also prints what was found by how deep it stood.

      --policy takes the variants of a rollout, its incumbent as the reference, and says what its \
      gates on tokenAgreement, klDivergence and answerPerplexity make of these numbers: passes, \
      worse, or not enough to tell, where the interval holds the margin. A slice of promptTokens \
      looks at the lengths in it. What variants find is compared question by question with \
      --max-loss.

      Ends with 1 where something is shown to be worse than a gate or --max-loss allows, with 2 \
      for what cannot be measured.

      EXAMPLES:
        rollout evaluate --weights .models/SmolLM2-135M-Instruct.Q4_1.gguf \\
          --variant flash --variant window:508+4 --lengths 1k,2k
        rollout evaluate --weights .models/SmolLM2-135M-Instruct.Q4_1.gguf --suite passkey,needle \\
          --variant window:508+4 --lengths 1k,4k --depths 0,25,50,75,100
        rollout evaluate --policy policies/attention-shootout.yaml --lengths 512,2k
      """)

  @Option(
    help: ArgumentHelp(
      "A GGUF file, or a folder of safetensors; with --policy, instead of what its models name.",
      valueName: "file"))
  var weights: String?

  @Option(
    help: ArgumentHelp(
      "A rollout whose models are the variants: its file, which has the models' beside it, or a "
        + "folder.", valueName: "path"),
    completion: .file())
  var policy: String?

  @Option(help: "Which rollout, where the policy files have several.")
  var rollout: RolloutArgument?

  @Option(
    help: ArgumentHelp(
      "Where the weights of a policy's models lie; .models by default.", valueName: "folder"))
  var models: String?

  @Option(
    help: ArgumentHelp(
      "What to measure, of perplexity, passkey and needle; all by default.",
      valueName: "suite,…"),
    transform: EvaluationLists.suites)
  var suite = EvaluationSuite.allCases

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
      "A text in UTF-8 for perplexity, and to hide needles in; else the two novels of "
        + "fixtures/texts. May be given several times.", valueName: "file"))
  var texts: [String] = []

  // `unconditional`: a number with a sign is a value, which is then told its range.
  @Option(
    parsing: .unconditional,
    help: "Tokens to score at each length, for perplexity; at least one window of each text.")
  var tokens = 6_144

  @Option(
    parsing: .unconditional, help: "Questions at each length, for passkey and needle each.")
  var trials = 20

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Where passkeys and needles stand, in percent of the text; questions take the depths in "
        + "turn. Drawn by default.", valueName: "percent,…"),
    transform: EvaluationLists.depths)
  var depths: [Double]?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How much less than the reference a variant may find, in points; 10pp with --policy, else "
        + "nothing is judged.", valueName: "points"),
    transform: EvaluationLists.loss)
  var maxLoss: Double?

  @Option(parsing: .unconditional, help: "Of what is hidden, and of drawn places.")
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

  /// What passkeys and needles may be lost where a policy asks for verdicts.
  private static let usualLoss = 0.1

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
    if let depths, trials < depths.count {
      throw ValidationError(
        "--trials is \(trials), too few for \(depths.count) depths; each needs one at least.")
    }
    if suite == [.perplexity], depths != nil || maxLoss != nil {
      throw ValidationError(
        "--depths and --max-loss are about passkeys and needles; name one in --suite, or leave "
          + "them out.")
    }
    if suite == [.passkey], !texts.isEmpty {
      throw ValidationError(
        "--text is read for perplexity and to hide needles in; name one in --suite, or leave it "
          + "out.")
    }
    if policy == nil {
      guard weights != nil else {
        throw ValidationError("Name a model with --weights, or a rollout with --policy.")
      }
      if rollout != nil { throw ValidationError("--rollout names one of --policy's rollouts.") }
      if models != nil {
        throw ValidationError("--models is where the weights of --policy's models lie.")
      }
      if maxLoss != nil, variants.isEmpty {
        throw ValidationError("--max-loss judges variants; name one with --variant.")
      }
    } else if !variants.isEmpty || reference != nil || gate != nil {
      throw ValidationError(
        "--policy has the variants; leave --variant, --reference and --gate out.")
    }
  }

  func run() async throws {
    let progress = EvaluationNotes()
    defer { progress.finish() }
    let report: EvaluationReport
    do {
      let engine = try Engine(engineConfiguration)
      let subject = try subject(engine)
      note(subject)
      let evaluation = VariantEvaluation(
        engine: engine, tokenizer: subject.tokenizer, template: subject.template,
        reference: subject.reference, candidates: subject.candidates)
      let rows = try await evaluation.run(
        plan, texts: try evaluationTexts(), progress: progress.note)
      report = EvaluationReport(
        rows: rows, gates: subject.gates + retrievalGates, untold: subject.untold)
    } catch let error as EvaluationError {
      throw CommandFailure(.usage, error.message)
    } catch let error as TransformerError {
      throw CommandFailure(.usage, error.message)
    }
    progress.finish()
    Output.write(
      json ? try Output.json(report) : EvaluationText(style: .standardOutput).text(of: report))
    if report.verdict == .worse { throw ExitCode(ExitStatus.refused.rawValue) }
  }

  /// What is measured.
  private struct Subject {
    let tokenizer: Tokenizer
    /// `nil` for a model that was not made to chat.
    let template: ChatTemplate?
    let reference: ModelVariant
    let candidates: [ModelVariant]
    /// `nil` without a policy.
    var gates: [QualityGate] = []
    var untold: [String] = []
  }

  private var engineConfiguration: Engine.Configuration {
    var configuration = Engine.Configuration()
    configuration.threads = threads
    configuration.mode = arithmetic.mode
    configuration.cacheBytes = cacheGigabytes << 30
    configuration.cacheFormat = kvCache
    return configuration
  }

  private var plan: EvaluationPlan {
    EvaluationPlan(
      suites: suite, lengths: lengths.counts, scoredTokens: tokens, trials: trials, depths: depths,
      seed: seed)
  }

  /// Passkeys need none.
  private func evaluationTexts() throws -> [String] {
    guard suite != [.passkey] else { return [] }
    return try (texts.isEmpty ? Self.novels : texts).map { try TextFile.read($0) }
  }

  private var retrievalGates: [QualityGate] {
    (maxLoss ?? (policy == nil ? nil : Self.usualLoss))
      .map(PolicyGates.retrieval(maximumLoss:)) ?? []
  }

  private func subject(_ engine: Engine) throws -> Subject {
    if let policy { return try subject(of: policy, engine) }
    return try spelledSubject()
  }

  /// The variants that were spelled, of the weights that were named.
  private func spelledSubject() throws -> Subject {
    let file = try GGUFFile.open(path: weights ?? "")
    let tokenizer = try Tokenizer(file)
    let weights = try Weights(file)
    let gate = try gate.map { try GateOfModel.read(path: $0, for: file) }
    let asks = suite != [.perplexity]
    return Subject(
      tokenizer: tokenizer,
      template: asks ? try ChatTemplate(file, tokenizer: tokenizer) : nil,
      reference: try (reference ?? VariantSpelling("dense")).variant(of: weights, gate: gate),
      candidates: try variants.map { try $0.variant(of: weights, gate: gate) })
  }

  /// The variants that a rollout names, with what its gates allow.
  private func subject(of path: String, _ engine: Engine) throws -> Subject {
    let found = try PolicyVariants(
      path: path, rollout: rollout?.name, weights: weights, folder: models ?? ".models",
      engine: engine)
    guard found.candidates.count <= Engine.candidateLimit else {
      throw CommandFailure(
        .usage,
        "rollout '\(found.policy.name)' has \(found.candidates.count) candidates; at most "
          + "\(Engine.candidateLimit) are measured together")
    }
    let gates = PolicyGates(found.policy)
    return Subject(
      tokenizer: found.tokenizer, template: found.template, reference: found.reference,
      candidates: found.candidates,
      gates: gates.gates, untold: gates.untold)
  }

  /// Says what of the settings variants cannot have.
  private func note(_ subject: Subject) {
    var settings = engineConfiguration
    settings.keepsPrefixes = false
    for variant in [subject.reference] + subject.candidates {
      for exception in variant.exceptions(to: settings) {
        Output.writeError("note: '\(variant.name.escaped)' \(exception)\n")
      }
    }
  }
}
