/// What the policy in force asks to be measured of answers beyond what every answer has.
///
/// Work that a policy does not ask for is not done: an answer on a route without a rollout is not
/// looked at at all.
package struct ScorePlan: Hashable, Sendable {
  /// Of each whole answer, live ones and shadows alike; no name twice.
  package var checks: [AnswerCheck] = []
  /// Of each pair of whole answers (``Metric/isOfTexts``).
  package var texts: [Metric] = []
  /// Of each pair, along the incumbent's answer (``Metric/isOfDistributions``).
  package var distributions: [Metric] = []
  /// Whether agreement along the incumbent's answer is wanted. It comes with the candidate's own
  /// answer where both run in this process; elsewhere both have to score the answer for it.
  package var agreement = false
  /// Who is asked which answer of a pair is better, where a gate looks at it.
  package var judge: JudgePolicy?
  /// Whose embeddings of both answers are compared, where a gate looks at it.
  package var embeddings: EmbeddingPolicy?
  /// Whether the function calls of both answers are compared.
  package var comparesCalls = false

  /// Nothing.
  package init() {}

  package init(_ policy: RolloutPolicy) {
    for gate in policy.metrics {
      if let check = gate.check, !checks.contains(where: { $0.name == check.name }) {
        checks.append(check)
      }
      if gate.metric.isOfDistributions, !distributions.contains(gate.metric) {
        distributions.append(gate.metric)
      }
      if gate.metric == .tokenAgreement { agreement = true }
      if gate.metric == .judgePreference { judge = policy.judge }
      if gate.metric == .embeddingSimilarity { embeddings = policy.embeddings }
      if gate.metric == .callEquality { comparesCalls = true }
      if gate.metric.isOfTexts, !texts.contains(gate.metric) { texts.append(gate.metric) }
    }
  }
}
