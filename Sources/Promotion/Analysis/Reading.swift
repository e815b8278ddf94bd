import Experimentation

/// What one answer says about a metric.
enum Reading: Hashable, Sendable {
  /// In the metric's unit; finite.
  case value(Double)
  /// There should be a value and there is none: the answer is an error
  /// (``Measurements/isError``), or the model does not report it.
  ///
  /// Missing values count as the worst in what lets a candidate pass and not at all in what
  /// condemns it: could not measure is neither measured well nor measured badly.
  case missing
  /// The answer has nothing to say: the client went away at once or wanted no stream, the service
  /// was full, the answer had one token and so no time between tokens. Nobody's doing, nobody's
  /// evidence.
  case void
}

extension Measurements {
  /// What an answer to live traffic says about `metric` by itself.
  ///
  /// An answer without failure that has no time to first token or between tokens was not streamed,
  /// as its client wished: nobody's doing. Other values should be there.
  ///
  /// - Parameter score: where scores have the value (``MetricGate/score``)
  func reading(of metric: Metric, score: ScoreID? = nil) -> Reading {
    let reading = streamedReading(of: metric, score: score)
    guard failure == nil, reading == .missing else { return reading }
    switch metric {
    case .timeToFirstToken, .timePerOutputToken: return .void
    case .errorRate, .latency, .tokensPerSecond, .outputTokens, .cost, .tokenAgreement,
      .prefixAgreement, .exactMatch, .tokenF1, .rougeL, .lengthRatio, .embeddingSimilarity,
      .callEquality, .klDivergence, .answerPerplexity, .judgePreference, .check, .feedback,
      .preference:
      return .missing
    }
  }

  /// What an answer that was streamed says about `metric` by itself.
  fileprivate func streamedReading(of metric: Metric, score: ScoreID? = nil) -> Reading {
    if let value = value(of: metric, score: score) {
      return value.isFinite ? .value(value) : .missing
    }
    guard let isError else { return .void }
    // A whole answer that a check says nothing about: the service had no time for it, or the rule
    // does not apply to such an answer. No fault of the model's.
    if !isError, metric == .check { return .void }
    if !isError, metric == .timePerOutputToken, let outputTokens, outputTokens < 2 { return .void }
    if !isError, metric == .tokensPerSecond, outputTokens == 0 { return .void }
    return .missing
  }
}

extension Comparison {
  /// What the pair says about `metric`: the incumbent's value and how the candidate did; `nil` when
  /// it says nothing.
  ///
  /// Shadows are always streamed and no client waits for them, so that one which was cancelled was
  /// given up by the service. A request that the incumbent called invalid is the client's mistake;
  /// one that the candidate alone refused is the candidate's failure.
  ///
  /// - Parameter score: where scores have the value (``MetricGate/score``)
  func readings(
    of metric: Metric, score: ScoreID? = nil
  ) -> (incumbent: Double, candidate: Reading)? {
    if candidateMeasurements.failure == .cancelled { return nil }
    if metric.isOfPair {
      // Without an answer of the incumbent there is nothing to agree with.
      guard incumbentMeasurements.failure == nil, candidateMeasurements.isError != nil else {
        return nil
      }
      let ideal = metric.valueOfItself
      guard let value = value(of: metric).flatMap(metric.bounded) else {
        // Nobody was asked about two whole answers, nothing came of it, be it that a server
        // did not read one, or there is nothing to compare in them: no fault of theirs.
        if metric.isOfSomePairs, candidateMeasurements.failure == nil { return nil }
        return (ideal, .missing)
      }
      return (ideal, .value(value))
    }
    guard incumbentMeasurements.failure != .invalidRequest,
      case .value(let incumbent) = incumbentMeasurements.reading(of: metric, score: score)
    else { return nil }
    return (incumbent, candidateMeasurements.streamedReading(of: metric, score: score))
  }
}

extension Metric {
  /// A value of a pair within the metric's range; `nil` for one that cannot be.
  fileprivate func bounded(_ value: Double) -> Double? {
    guard value.isFinite, value >= 0 else { return nil }
    if self == .klDivergence { return min(value, 1) }
    return scale != .proportion || value <= 1 ? value : nil
  }

  /// Why there is no value yet, where no pair is to blame for it.
  func silence(of model: ModelName) -> String {
    switch self {
    case .callEquality: "no pair called a function"
    case .klDivergence, .answerPerplexity, .tokenAgreement:
      "no answer was read by both the incumbent and '\(model)' yet"
    case .judgePreference:
      "no verdict on '\(model)' yet; rollout_judge_pairs_total tells what became of pairs"
    case .embeddingSimilarity: "no answer of '\(model)' was embedded beside the incumbent's yet"
    case .errorRate, .timeToFirstToken, .timePerOutputToken, .latency, .tokensPerSecond,
      .outputTokens, .cost, .prefixAgreement, .exactMatch, .tokenF1, .rougeL, .lengthRatio, .check,
      .feedback, .preference:
      "no pair of answers yet"
    }
  }

  /// Why values of the metric may be missing altogether, as a sentence about the model.
  func absence(of model: ModelName) -> String {
    switch self {
    case .prefixAgreement, .exactMatch, .tokenF1, .rougeL, .lengthRatio:
      "no answer of '\(model)' could be compared"
    case .klDivergence, .answerPerplexity, .tokenAgreement:
      "no answer could be read by both the incumbent and '\(model)'"
    case .embeddingSimilarity: "no answer of '\(model)' could be embedded"
    case .callEquality: "neither '\(model)' nor the incumbent called a function"
    case .judgePreference: "no answer of '\(model)' could be judged"
    case .check: "no answer of '\(model)' could be checked"
    case .timeToFirstToken: "'\(model)' reports no time to first token"
    case .timePerOutputToken: "'\(model)' reports no time per output token"
    case .tokensPerSecond, .outputTokens: "'\(model)' reports no output tokens"
    case .cost: "'\(model)' has no price, or reports no tokens"
    case .latency, .errorRate: "'\(model)' gave no whole answer"
    case .feedback: "nobody has said anything of '\(model)'"
    case .preference: "nobody has chosen between '\(model)' and another model"
    }
  }
}
