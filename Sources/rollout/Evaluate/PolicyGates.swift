import Evaluation
import Experimentation
import Foundation

/// What a policy's gates would say of numbers that `rollout evaluate` measures.
struct PolicyGates {
  /// Goals and guardrails of metrics that compare distributions: the others decide nothing, or look
  /// at what only traffic has.
  private(set) var gates: [QualityGate] = []
  /// Of the other goals and guardrails, which they are and why nothing is said of them.
  private(set) var untold: [String] = []

  init(_ policy: RolloutPolicy) {
    for gate in policy.metrics where gate.role.isRequired {
      guard let (measure, limit) = Self.loss(of: gate) else {
        untold.append("\(gate.name) (\(gate.metric.rawValue))")
        continue
      }
      let slice = gate.slice ?? SliceCondition()
      guard slice.labels.isEmpty, slice.headers.isEmpty else {
        untold.append("\(gate.name) (a slice by labels or headers)")
        continue
      }
      gates.append(
        QualityGate(name: gate.name, measure: measure, limit: limit, lengths: slice.promptTokens))
    }
  }

  /// The loss that a gate allows, where it is one of distributions.
  private static func loss(of gate: MetricGate) -> (QualityGate.Measure, Double)? {
    switch (gate.metric, gate.objective) {
    case (.tokenAgreement, .notWorse(.absolute(let margin))): (.disagreement, margin)
    case (.klDivergence, .notWorse(.absolute(let margin))): (.divergence, margin)
    case (.answerPerplexity, .notWorse(.relative(let margin))): (.perplexity, log1p(margin))
    case (.answerPerplexity, .better(.relative(let gain))): (.perplexity, log1p(-gain))
    default: nil
    }
  }

  /// Gates on what is found; policies have none, since traffic has no passkeys.
  static func retrieval(maximumLoss: Double) -> [QualityGate] {
    [
      QualityGate(name: "passkey", measure: .passkey, limit: maximumLoss),
      QualityGate(name: "needle", measure: .needle, limit: maximumLoss),
    ]
  }
}
