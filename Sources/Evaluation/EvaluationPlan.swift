/// What `VariantEvaluation` measures.
package enum EvaluationSuite: String, Hashable, Sendable, CaseIterable {
  /// Next-token distributions over given texts, beside the reference's.
  case perplexity
  /// Five digits in filler.
  case passkey
  /// A fact in natural text.
  case needle

  /// Of suites that ask questions.
  var retrieval: RetrievalSuite? {
    switch self {
    case .perplexity: nil
    case .passkey: .passkey
    case .needle: .needle
    }
  }
}

/// What is measured, at which lengths, and at what cost.
package struct EvaluationPlan: Hashable, Sendable {
  package var suites: [EvaluationSuite]
  /// Tokens of a window, or of prompt and answer.
  package var lengths: [Int]
  /// At each length, for perplexity; at least one window of each text.
  package var scoredTokens: Int
  /// Questions at each length, of each suite that asks.
  package var trials: Int
  /// Where in their texts facts stand, each 0…1, taken in turn; `nil` draws.
  package var depths: [Double]?
  /// Of all that is drawn.
  package var seed: UInt64

  package init(
    suites: [EvaluationSuite], lengths: [Int], scoredTokens: Int, trials: Int,
    depths: [Double]? = nil, seed: UInt64
  ) {
    self.suites = suites
    self.lengths = lengths
    self.scoredTokens = scoredTokens
    self.trials = trials
    self.depths = depths
    self.seed = seed
  }

  func retrieval(_ suite: RetrievalSuite, _ length: Int) -> RetrievalPlan {
    RetrievalPlan(suite, length: length, trials: trials, depths: depths, seed: seed)
  }
}
