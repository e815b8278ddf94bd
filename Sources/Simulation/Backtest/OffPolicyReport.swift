package import Experimentation
package import Statistics

/// A policy that was not in force, of which recorded traffic is asked what it would have brought.
package struct OffPolicyQuestion: Sendable {
  /// As people name it.
  package var title: String
  /// The chances of the models, in their order, for one request; they sum to 1.
  package var chances: @Sendable (OffPolicyContext) -> [Double]

  package init(
    title: String, chances: @escaping @Sendable (OffPolicyContext) -> [Double]
  ) {
    (self.title, self.chances) = (title, chances)
  }

  /// The same chances for every request.
  init(title: String, always chances: [Double]) {
    self.init(title: title) { _ in chances }
  }
}

/// What a policy may know of a request before it chooses.
package struct OffPolicyContext: Hashable, Sendable {
  package var band: PromptBand
  package var atMilliseconds: Int64
}

/// What recorded traffic says of one metric under one policy that was not in force.
package struct OffPolicyLine: Hashable, Sendable {
  package var metric: Metric
  /// As `OffPolicyQuestion` names it.
  package var question: String
  /// Units of assignment of which the metric was not measured.
  package var unmeasured: Int
  /// In scores of 0…1 (``value(of:)``).
  package var result: OffPolicyResult

  /// What a score stands for, in the metric's unit; a geometric mean on the logarithmic scale.
  package func value(of score: Double) -> Double { metric.value(ofScore: score) }
}

extension Metric {
  /// Where a value lies on the metric's range, 0…1; shares are their own scores.
  func score(of value: Double) -> Double {
    switch scale {
    case .proportion: return min(max(value, 0), 1)
    case .logarithm(let range):
      let (low, high) = (Double.log(range.lowerBound), Double.log(range.upperBound))
      let clipped = min(max(value, range.lowerBound), range.upperBound)
      return (.log(clipped) - low) / (high - low)
    }
  }

  fileprivate func value(ofScore score: Double) -> Double {
    switch scale {
    case .proportion: return score
    case .logarithm(let range):
      let (low, high) = (Double.log(range.lowerBound), Double.log(range.upperBound))
      return .exp(low + score * (high - low))
    }
  }
}

/// What recorded traffic says of the models and the splits of a policy, by the propensities that it
/// was recorded with.
///
/// Only steps of the record in which chance gave requests to all of the policy's models count: what
/// was never tried cannot be told. A decision is a unit of assignment at its first such step, with
/// the mean of its answers there: a user who stays on one model was dealt one card, not a thousand,
/// and none that is new by coming back.
package enum OffPolicyReport {
  /// One line for each metric and question: each model alone, and the mix of each split step.
  package static func lines(of policy: RolloutPolicy, on trace: Trace) -> [OffPolicyLine] {
    let models = [policy.incumbent] + policy.candidates
    var questions: [OffPolicyQuestion] = []
    for (step, shares) in policy.splits {
      let chances = models.map { shares[$0]?.value ?? 0 }
      let mix = zip(models, chances).filter { $0.1 > 0 }
        .map { "\($0.0) \(Share($0.1) ?? .none)" }.joined(separator: ", ")
      questions.append(OffPolicyQuestion(title: "step \(step + 1): \(mix)", always: chances))
    }
    guard !questions.isEmpty else { return [] }
    let arms = models.indices.map { arm in
      OffPolicyQuestion(
        title: "\(models[arm]) alone", always: models.indices.map { $0 == arm ? 1 : 0 })
    }
    return lines(of: policy, on: trace, asking: arms + questions)
  }

  /// One line for each metric and question.
  package static func lines(
    of policy: RolloutPolicy, on trace: Trace, asking questions: [OffPolicyQuestion]
  ) -> [OffPolicyLine] {
    let metrics = policy.metrics.map(\.metric).reduce(into: [Metric]()) { metrics, metric in
      if !metric.isOfPair, !metric.isFromUsers, !metrics.contains(metric) { metrics.append(metric) }
    }
    guard !metrics.isEmpty else { return [] }
    let decisions = LoggedDecisions(
      trace, models: [policy.incumbent] + policy.candidates, metrics: metrics)
    return metrics.indices.flatMap { metric in
      let table = decisions.rewards(of: metric)
      return questions.map { question in
        OffPolicyLine(
          metric: metrics[metric], question: question.title,
          unmeasured: decisions.unmeasured(metric),
          result: decisions.answer(
            question, metric: metric, table, alpha: policy.analysis.alpha))
      }
    }
  }
}

extension RolloutPolicy {
  /// Steps that split traffic by weights, with who gets how much.
  fileprivate var splits: [(step: Int, shares: [ModelName: Share])] {
    steps.enumerated().compactMap { index, step in
      guard case .split(let weights) = step.traffic else { return nil }
      return (index, weights)
    }
  }
}
