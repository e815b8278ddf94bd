package import Experimentation

/// A question to recorded traffic: what would this policy have done?
package struct BacktestPlan: Sendable {
  package var policy: RolloutPolicy
  /// Models of the policy that nothing is recorded of, each with a model whose records stand for
  /// it.
  package var assumptions: [ModelName: ModelName]
  /// Where all chance comes from.
  package var seed: UInt64

  package init(
    policy: RolloutPolicy, assumptions: [ModelName: ModelName] = [:], seed: UInt64 = 1
  ) {
    (self.policy, self.assumptions, self.seed) = (policy, assumptions, seed)
  }
}

/// Why a trace cannot answer a plan's question.
package struct BacktestRefusal: Error, Hashable, Sendable {
  /// What, in a sentence.
  package var message: String
  /// What to do about it.
  package var remedy: String
}
