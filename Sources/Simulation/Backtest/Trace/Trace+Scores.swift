import Experimentation

extension MetricGate {
  /// What rows have its value under; `nil` for what every row has, or none.
  fileprivate var recordedScore: ScoreID? {
    if let score { return score }
    let isColumn = metric == .tokenAgreement || metric == .prefixAgreement
    return metric.isOfPair && !isColumn ? ScoreID(metric) : nil
  }
}

extension Trace {
  /// What is to be known of how far gates on checks, texts and judgements can be trusted, in
  /// sentences.
  func notes(onScoresOf policy: RolloutPolicy) -> [String] {
    policy.metrics.compactMap { gate in
      guard let score = gate.recordedScore else { return nil }
      guard scoreIDs.contains(score) else {
        return "gate '\(gate.name)' reads '\(score.text)', of which the trace has no score"
      }
      return gate.check == nil
        ? nil
        : "gate '\(gate.name)' counts answers as they were checked when they were recorded, by the "
          + "rule that had its name then"
    }
  }
}
