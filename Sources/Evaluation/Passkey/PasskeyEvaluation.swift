import Statistics
package import Transformer

/// How often a variant finds a key at one length.
package struct PasskeyReport: Hashable, Sendable, Encodable {
  package let variant: String
  /// Tokens of prompt and answer.
  package let length: Int
  /// The share of earlier keys that is attended to, 0…1; `nil` where the content decides.
  package let keysSeen: Double?
  package let found: Int
  package let trials: Int
  /// Of `found` / `trials`: Wilson's interval, 95 %.
  package let lower: Double
  package let upper: Double
}

/// Passkey retrieval: greedy answers of each variant to the same seeded questions.
package struct PasskeyEvaluation: Sendable {
  private let engine: Engine
  private let tokenizer: Tokenizer
  private let template: ChatTemplate

  package init(engine: Engine, tokenizer: Tokenizer, template: ChatTemplate) {
    self.engine = engine
    self.tokenizer = tokenizer
    self.template = template
  }

  /// Asks every variant `trials` questions of `length` tokens.
  ///
  /// - Parameters:
  ///   - trials: at least 1
  ///   - seed: of keys and depths; the same questions for the same seed and length
  /// - Throws: `tooShort` for a length without room, or beyond a variant's context; what the engine
  ///   throws; `CancellationError`.
  package func run(
    _ variants: [ModelVariant], length: Int, trials: Int, seed: UInt64,
    progress: (EvaluationProgress) -> Void
  ) async throws -> [PasskeyReport] {
    guard trials >= 1 else {
      throw EvaluationError(.invalidRequest, "\(trials) trials; ask for at least 1")
    }
    for variant in variants where variant.contextLength < length {
      throw EvaluationError(
        .tooShort,
        "'\(variant.name)' has a context of \(variant.contextLength) tokens, too short for "
          + "\(length): ask for a smaller length, or write '\(variant.name),context:\(length)'")
    }
    var generator = SeededGenerator(seed: seed &+ UInt64(length))
    var tasks: [PasskeyTask] = []
    for _ in 0..<trials {
      tasks.append(
        try PasskeyTask(
          length: length, template: template, tokenizer: tokenizer, generator: &generator))
    }
    var reports: [PasskeyReport] = []
    for variant in variants {
      reports.append(try await run(variant, tasks, length: length, progress))
    }
    return reports
  }

  private func run(
    _ variant: ModelVariant, _ tasks: [PasskeyTask], length: Int,
    _ progress: (EvaluationProgress) -> Void
  ) async throws -> PasskeyReport {
    var summary = ProportionSummary()
    for (index, task) in tasks.enumerated() {
      try Task.checkCancellation()
      progress(
        EvaluationProgress(
          length: length, what: "questions to '\(variant.name)'", done: index,
          total: tasks.count))
      summary.append(try await answer(task, variant).contains(task.key))
    }
    let interval = FixedSampleInterval(summary)
    return PasskeyReport(
      variant: variant.name, length: length,
      keysSeen: variant.attention.keysSeen(length: length), found: summary.successes,
      trials: summary.trials, lower: interval?.lower ?? 0, upper: interval?.upper ?? 1)
  }

  private func answer(_ task: PasskeyTask, _ variant: ModelVariant) async throws -> String {
    let request = GenerationRequest(
      prompt: task.prompt, maximumTokens: PasskeyTask.answerTokens,
      stopTokens: tokenizer.endOfGeneration)
    var bytes: [UInt8] = []
    for try await event in try engine.generate(request, on: variant) {
      if case .token(let sampled, _) = event { bytes += tokenizer.bytes(of: sampled.token) }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
