import Statistics
package import Transformer

/// What is hidden in what.
package enum RetrievalSuite: String, Hashable, Sendable, CaseIterable {
  /// Five digits in filler.
  case passkey
  /// A fact in natural text.
  case needle
}

/// The same seeded questions for all variants.
package struct RetrievalPlan: Hashable, Sendable {
  package var suite: RetrievalSuite
  /// Tokens of prompt and answer.
  package var length: Int
  /// Questions, at least 1; where depths are asked for, at least one for each.
  package var trials: Int
  /// Taken in turn, each 0…1; `nil` draws one for each question.
  package var depths: [Double]?
  /// Of keys, facts, texts and drawn depths.
  package var seed: UInt64

  package init(
    _ suite: RetrievalSuite, length: Int, trials: Int, depths: [Double]? = nil, seed: UInt64
  ) {
    self.suite = suite
    self.length = length
    self.trials = trials
    self.depths = depths
    self.seed = seed
  }

  /// The questions.
  ///
  /// - Parameter prose: what needles are hidden in; passkeys have their own filler
  /// - Throws: `invalidRequest` outside the ranges above, `tooShort` for a length without room and
  ///   for prose that is shorter.
  package func questions(
    template: ChatTemplate, tokenizer: Tokenizer, prose: Prose
  ) throws(EvaluationError) -> [RetrievalQuestion] {
    try check(prose)
    let fitting = QuestionFitting(length: length, template: template, tokenizer: tokenizer)
    var generator = self.generator
    var questions: [RetrievalQuestion] = []
    for trial in 0..<trials {
      questions.append(try question(trial, fitting, prose, &generator))
    }
    return questions
  }

  /// Whether there can be such questions, at the cost of one.
  ///
  /// - Throws: what `questions` throws.
  package func check(
    template: ChatTemplate, tokenizer: Tokenizer, prose: Prose
  ) throws(EvaluationError) {
    try check(prose)
    var generator = self.generator
    let fitting = QuestionFitting(length: length, template: template, tokenizer: tokenizer)
    _ = try question(0, fitting, prose, &generator)
  }

  /// Suites draw apart, so that one does not follow the other.
  private var generator: SeededGenerator {
    let offset: UInt64 =
      switch suite {
      case .passkey: 0
      case .needle: 0x6e65_6564_6c65
      }
    return SeededGenerator(seed: seed &+ UInt64(clamping: length) &+ offset)
  }

  private func check(_ prose: Prose) throws(EvaluationError) {
    let depths = self.depths ?? [0]
    guard !depths.isEmpty, trials >= depths.count else {
      throw EvaluationError(
        .invalidRequest,
        "\(trials) trials for \(depths.count) depths; ask for at least one of each")
    }
    if let depth = depths.first(where: { !(0...1).contains($0) }) {
      throw EvaluationError(.invalidRequest, "a depth of \(depth * 100) %, not in 0…100")
    }
    if suite == .needle, prose.sentences.isEmpty {
      throw EvaluationError(.tooShort, "the text to hide needles in is empty")
    }
  }

  private func question(
    _ trial: Int, _ fitting: QuestionFitting, _ prose: Prose, _ generator: inout SeededGenerator
  ) throws(EvaluationError) -> RetrievalQuestion {
    let depth = depths.map { $0[trial % $0.count] }
    return switch suite {
    case .passkey: try PasskeyText(depth: depth, &generator).question(fitting)
    case .needle: try NeedleText(depth: depth, prose, &generator).question(fitting)
    }
  }
}

/// Retrieval: greedy answers of variants to questions that need the distance.
package struct RetrievalEvaluation: Sendable {
  private let engine: Engine
  private let tokenizer: Tokenizer

  package init(engine: Engine, tokenizer: Tokenizer) {
    self.engine = engine
    self.tokenizer = tokenizer
  }

  /// Asks one variant, one question after the other.
  ///
  /// - Parameters:
  ///   - questions: those that `plan` makes
  /// - Throws: `tooShort` for a length beyond the variant's context; what the engine throws;
  ///   `CancellationError`.
  package func run(
    _ variant: ModelVariant, _ questions: [RetrievalQuestion], _ plan: RetrievalPlan,
    progress: (EvaluationProgress) -> Void
  ) async throws -> RetrievalReport {
    try variant.checkContext(plan.length)
    var answered: [Bool] = []
    for (index, question) in questions.enumerated() {
      try Task.checkCancellation()
      progress(
        EvaluationProgress(
          length: plan.length, what: "\(plan.suite.rawValue) questions to '\(variant.name)'",
          done: index, total: questions.count))
      answered.append(question.isAnswered(by: try await answer(question, variant)))
    }
    return RetrievalReport(
      answered: answered, depths: questions.map(\.depth), asked: plan.depths)
  }

  private func answer(
    _ question: RetrievalQuestion, _ variant: ModelVariant
  ) async throws -> String {
    let request = GenerationRequest(
      prompt: question.prompt, maximumTokens: RetrievalQuestion.answerTokens,
      stopTokens: tokenizer.endOfGeneration)
    var bytes: [UInt8] = []
    for try await event in try engine.generate(request, on: variant) {
      if case .token(let sampled, _) = event { bytes += tokenizer.bytes(of: sampled.token) }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension ModelVariant {
  /// - Throws: `tooShort` for a sequence of `length` tokens that there is no room for.
  func checkContext(_ length: Int) throws(EvaluationError) {
    guard contextLength < length else { return }
    throw EvaluationError(
      .tooShort,
      "'\(name)' has a context of \(contextLength) tokens, too short for \(length): ask for a "
        + "smaller length, or give it a longer context (',context:\(length)' behind a spelling, "
        + "'context: \(length)' in a model's document)")
  }
}
