package import Transformer

/// Everything that is measured of variants of one model, as one table: a row for each variant at
/// each length.
package struct VariantEvaluation: Sendable {
  private let engine: Engine
  private let tokenizer: Tokenizer
  private let template: ChatTemplate?
  private let reference: ModelVariant
  private let candidates: [ModelVariant]

  /// - Parameters:
  ///   - template: for questions; `nil` for a model that was not made to chat, which has perplexity
  ///     only
  ///   - reference: what the candidates are measured against
  ///   - candidates: of the same weights; at most `Engine.candidateLimit`
  package init(
    engine: Engine, tokenizer: Tokenizer, template: ChatTemplate?, reference: ModelVariant,
    candidates: [ModelVariant]
  ) {
    self.engine = engine
    self.tokenizer = tokenizer
    self.template = template
    self.reference = reference
    self.candidates = candidates
  }

  private var variants: [ModelVariant] { [reference] + candidates }

  /// Measures, a length after the other. What can be refused is refused before anything is
  /// measured.
  ///
  /// - Parameter texts: for perplexity, and to hide needles in
  /// - Returns: by length as given, the reference first.
  /// - Throws: `tooShort` for a length beyond a text or a variant's context, or without room for a
  ///   question; `invalidRequest` for a plan without meaning; what the engine throws;
  ///   `CancellationError`.
  package func run(
    _ plan: EvaluationPlan, texts: [String], progress: (EvaluationProgress) -> Void
  ) async throws -> [EvaluationRow] {
    let prose = Prose(plan.suites.contains(.needle) ? texts : [])
    let windows = try windows(plan, texts)
    let template = try check(plan, prose)
    var rows: [EvaluationRow] = []
    for (index, length) in plan.lengths.enumerated() {
      var measured = variants.enumerated().map { place, variant in
        EvaluationRow(
          variant: variant.name, isReference: place == 0, length: length,
          keysSeen: variant.attention.keysSeen(length: length))
      }
      if plan.suites.contains(.perplexity) {
        let evaluation = PerplexityEvaluation(
          engine: engine, reference: reference, candidates: candidates)
        let reports = try await evaluation.run(windows[index], progress: progress)
        for (place, report) in reports.enumerated() { measured[place].perplexity = report }
      }
      if let template {
        for suite in RetrievalSuite.allCases
        where plan.suites.contains(where: { $0.retrieval == suite }) {
          try await ask(plan.retrieval(suite, length), template, prose, &measured, progress)
        }
      }
      rows += measured
    }
    return rows
  }

  private func windows(
    _ plan: EvaluationPlan, _ texts: [String]
  ) throws(EvaluationError) -> [TextWindows] {
    guard plan.suites.contains(.perplexity) else { return [] }
    let tokens = texts.map { tokenizer.encode($0, special: false) }
    var windows: [TextWindows] = []
    for length in plan.lengths {
      windows.append(
        try TextWindows(
          tokens, context: length, stride: length / 2, scoredTokens: plan.scoredTokens))
    }
    return windows
  }

  /// - Returns: what questions are put in; `nil` where none are asked.
  private func check(
    _ plan: EvaluationPlan, _ prose: Prose
  ) throws(EvaluationError) -> ChatTemplate? {
    for length in plan.lengths {
      for variant in variants { try variant.checkContext(length) }
    }
    let suites = plan.suites.compactMap(\.retrieval)
    guard !suites.isEmpty else { return nil }
    guard let template else {
      throw EvaluationError(
        .invalidRequest,
        "the model has no chat template to ask questions with; ask for the suite perplexity alone")
    }
    for length in plan.lengths {
      for suite in suites {
        try plan.retrieval(suite, length)
          .check(template: template, tokenizer: tokenizer, prose: prose)
      }
    }
    return template
  }

  private func ask(
    _ plan: RetrievalPlan, _ template: ChatTemplate, _ prose: Prose,
    _ rows: inout [EvaluationRow], _ progress: (EvaluationProgress) -> Void
  ) async throws {
    let evaluation = RetrievalEvaluation(engine: engine, tokenizer: tokenizer)
    let questions = try plan.questions(template: template, tokenizer: tokenizer, prose: prose)
    for (place, variant) in variants.enumerated() {
      let report = try await evaluation.run(variant, questions, plan, progress: progress)
      switch plan.suite {
      case .passkey: rows[place].passkey = report
      case .needle: rows[place].needle = report
      }
    }
  }
}
