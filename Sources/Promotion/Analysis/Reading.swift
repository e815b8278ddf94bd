import Experimentation

/// What one answer says about a metric.
enum Reading: Hashable, Sendable {
  /// In the metric's unit; finite.
  case value(Double)
  /// There should be a value and there is none: the model failed, or does not report it.
  ///
  /// A candidate's missing values count as the worst in what lets it pass and not at all in what
  /// condemns it: could not measure is neither measured well nor measured badly.
  case missing
  /// The answer has nothing to say: the client went away, the service was full, the answer had one
  /// token and so no time between tokens. Nobody's doing, nobody's evidence.
  case void
}

extension Measurements {
  /// What the answer says about `metric` by itself; metrics of a pair are read off a comparison.
  func reading(of metric: Metric) -> Reading {
    if let value = value(of: metric) { return value.isFinite ? .value(value) : .missing }
    if let failure { return failure.isOfModel ? .missing : .void }
    if metric == .timePerOutputToken, let outputTokens, outputTokens < 2 { return .void }
    return .missing
  }
}

extension Comparison {
  /// How well the candidate agreed with the incumbent.
  func agreement(by metric: Metric) -> Reading {
    // Without an answer of the incumbent there is nothing to agree with, which says nothing about
    // the candidate; nor does a shadow that was given up.
    if incumbentMeasurements.failure != nil { return .void }
    if let failure = candidateMeasurements.failure, !failure.isOfModel { return .void }
    let value = metric == .tokenAgreement ? tokenAgreement : prefixAgreement
    guard let value, (0...1).contains(value) else { return .missing }
    return .value(value)
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
    case .outputTokens: "'\(model)' reports no output tokens"
    case .latency, .errorRate: "'\(model)' gave no whole answer"
    }
  }
}
