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
  func reading(of metric: Metric) -> Reading {
    let reading = streamedReading(of: metric)
    guard failure == nil, reading == .missing else { return reading }
    switch metric {
    case .timeToFirstToken, .timePerOutputToken: return .void
    case .errorRate, .latency, .tokensPerSecond, .outputTokens, .cost, .tokenAgreement,
      .prefixAgreement, .feedback, .preference:
      return .missing
    }
  }

  /// What an answer that was streamed says about `metric` by itself.
  fileprivate func streamedReading(of metric: Metric) -> Reading {
    if let value = value(of: metric) { return value.isFinite ? .value(value) : .missing }
    guard let isError else { return .void }
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
  func readings(of metric: Metric) -> (incumbent: Double, candidate: Reading)? {
    if candidateMeasurements.failure == .cancelled { return nil }
    if metric.isOfPair {
      // Without an answer of the incumbent there is nothing to agree with.
      guard incumbentMeasurements.failure == nil, candidateMeasurements.isError != nil else {
        return nil
      }
      let agreement = metric == .tokenAgreement ? tokenAgreement : prefixAgreement
      guard let agreement, (0...1).contains(agreement) else { return (1, .missing) }
      return (1, .value(agreement))
    }
    guard incumbentMeasurements.failure != .invalidRequest,
      case .value(let incumbent) = incumbentMeasurements.reading(of: metric)
    else { return nil }
    return (incumbent, candidateMeasurements.streamedReading(of: metric))
  }
}

extension Metric {
  /// Why values of the metric may be missing altogether, as a sentence about the model.
  func absence(of model: ModelName) -> String {
    switch self {
    case .tokenAgreement: "'\(model)' cannot score text"
    case .prefixAgreement: "no answer of '\(model)' could be compared"
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
