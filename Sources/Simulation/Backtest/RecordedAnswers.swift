import Experimentation

/// The answers that the models of a policy gave, for requests that they answered and for others.
///
/// Where a model answered the very request, its answer is that. Else it is drawn from the model's
/// answers to prompts of the same band: right on average, silent on what hangs on one request.
struct RecordedAnswers: Sendable {
  /// Where an answer came from.
  enum Source: Sendable {
    /// The model answered the client of this very request.
    case recorded
    /// It answered this very request as a shadow.
    case paired
    /// Drawn from its answers in the same band of prompt lengths.
    case resampled
    /// Drawn from all of its answers, since it has none in the band.
    case otherBand
  }

  /// Where a pair came from.
  enum PairSource: Sendable {
    case recorded
    /// Drawn whole, so that its two answers still belong together.
    case resampled
    /// Of two answers to different requests, since no pair of the two models is recorded.
    case composed
  }

  private struct Pool: Sendable {
    /// The model in the trace.
    let model: Int32
    var byBand = [[Int32]](repeating: [], count: PromptBand.allCases.count)
    var all: [Int32] = []
    /// Pairs with the policy's incumbent.
    var pairsByBand = [[Int32]](repeating: [], count: PromptBand.allCases.count)
    var pairs: [Int32] = []
  }

  let trace: Trace
  private var pools: [ModelName: Pool] = [:]
  private let incumbent: Int32

  /// - Throws: `BacktestRefusal` when a model of the policy has no records, nor anybody's to stand
  ///   for them.
  init(_ trace: Trace, for plan: BacktestPlan) throws(BacktestRefusal) {
    self.trace = trace
    let models = [plan.policy.incumbent] + plan.policy.candidates
    if let stranger = plan.assumptions.keys.sorted().first(where: { !models.contains($0) }) {
      throw BacktestRefusal(
        message: "'\(stranger)' is no model of rollout '\(plan.policy.name)'",
        remedy: "assume records for one of \(models.map { "'\($0)'" }.joined(separator: ", "))")
    }
    incumbent =
      trace.models.firstIndex(of: plan.assumptions[plan.policy.incumbent] ?? plan.policy.incumbent)
      .map(Int32.init) ?? -1
    for model in models {
      let source = plan.assumptions[model] ?? model
      let found = trace.models.firstIndex(of: source).map { pool(of: Int32($0)) }
      guard let found, !found.all.isEmpty else {
        let known = trace.modelNames.filter { $0 != source }.map { "'\($0)'" }
        let others = known.isEmpty ? "" : ", only of \(known.joined(separator: ", "))"
        throw BacktestRefusal(
          message: "the trace has no answer of '\(source)'\(others)",
          remedy: "record some, as with a shadow step, or let another model's stand for it: "
            + "--assume \(model)=MODEL")
      }
      pools[model] = found
    }
  }

  private func pool(of model: Int32) -> Pool {
    var pool = Pool(model: model)
    for request in trace.requests {
      let band = trace.band(of: request).rawValue
      if request.model == model {
        pool.byBand[band].append(request.answer)
        pool.all.append(request.answer)
      }
      forEachPair(of: request) { place, pair in
        if pair.incumbent == model, request.model != model {
          pool.byBand[band].append(pair.incumbentAnswer)
          pool.all.append(pair.incumbentAnswer)
        }
        guard pair.candidate == model else { return }
        pool.byBand[band].append(pair.candidateAnswer)
        pool.all.append(pair.candidateAnswer)
        guard pair.incumbent == incumbent else { return }
        pool.pairsByBand[band].append(place)
        pool.pairs.append(place)
      }
    }
    return pool
  }

  private func forEachPair(of request: Trace.Request, _ body: (Int32, Trace.Pair) -> Void) {
    var next = request.pair
    while next >= 0 {
      let pair = trace.pairs[Int(next)]
      body(next, pair)
      next = pair.next
    }
  }
}

// MARK: - Answering

extension RecordedAnswers {
  /// What `model` answers to `request`, with where that comes from.
  func answer(
    of model: ModelName, to request: Trace.Request, _ draws: inout Draws
  ) -> (answer: TraceAnswer, source: Source)? {
    guard let pool = pools[model] else { return nil }
    if request.model == pool.model { return (trace.answers[Int(request.answer)], .recorded) }
    var found: (Int32, Source)?
    forEachPair(of: request) { _, pair in
      if pair.candidate == pool.model { found = (pair.candidateAnswer, .paired) }
      if pair.incumbent == pool.model { found = (pair.incumbentAnswer, .recorded) }
    }
    if let (place, source) = found { return (trace.answers[Int(place)], source) }
    return resampled(pool, request, &draws)
  }

  private func resampled(
    _ pool: Pool, _ request: Trace.Request, _ draws: inout Draws
  ) -> (answer: TraceAnswer, source: Source)? {
    let band = pool.byBand[trace.band(of: request).rawValue]
    let places = band.isEmpty ? pool.all : band
    guard !places.isEmpty else { return nil }
    let place = places[draws.index(below: places.count)]
    return (trace.answers[Int(place)], band.isEmpty ? .otherBand : .resampled)
  }

  /// What a shadow of `candidate` beside the incumbent's `answer` to `request` shows.
  func comparison(
    with candidate: ModelName, to request: Trace.Request, beside answer: TraceAnswer,
    _ draws: inout Draws
  ) -> (pair: RecordedPair, source: PairSource)? {
    guard let pool = pools[candidate] else { return nil }
    var found: Trace.Pair?
    forEachPair(of: request) { _, pair in
      if pair.candidate == pool.model, pair.incumbent == incumbent { found = pair }
    }
    if let found { return (recorded(found), .recorded) }
    let band = pool.pairsByBand[trace.band(of: request).rawValue]
    let places = band.isEmpty ? pool.pairs : band
    if !places.isEmpty {
      let place = places[draws.index(below: places.count)]
      return (recorded(trace.pairs[Int(place)]), .resampled)
    }
    guard let other = resampled(pool, request, &draws) else { return nil }
    return (RecordedPair(incumbent: answer, candidate: other.answer), .composed)
  }

  private func recorded(_ pair: Trace.Pair) -> RecordedPair {
    RecordedPair(
      incumbent: trace.answers[Int(pair.incumbentAnswer)],
      candidate: trace.answers[Int(pair.candidateAnswer)],
      tokenAgreement: pair.tokenAgreement.isNaN ? nil : pair.tokenAgreement,
      prefixAgreement: pair.prefixAgreement.isNaN ? nil : pair.prefixAgreement,
      scores: pair.scores)
  }
}

/// Two answers with how they compare.
struct RecordedPair: Sendable {
  var incumbent: TraceAnswer
  var candidate: TraceAnswer
  var tokenAgreement: Double?
  var prefixAgreement: Double?
  var scores = AnswerScores()
}
