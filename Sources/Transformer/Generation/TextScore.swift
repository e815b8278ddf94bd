/// What a model holds of each token of a given text, without generating any.
package struct TextScore: Sendable {
  /// What a model holds of one token of the text.
  package struct TokenScore: Hashable, Sendable {
    package let token: Token
    /// Natural logarithm of the token's probability after all that precedes it.
    package let logProbability: Double
    /// The likeliest token at this place, and of equals the one with the least id.
    package let best: Token
    package let bestLogProbability: Double
    /// 1 for the likeliest: one more than the tokens that are likelier. `nil` unless alternatives
    /// were asked for.
    package let rank: Int?
    /// The likeliest tokens, best first; as many as were asked for.
    package let alternatives: [SampledToken.Alternative]
  }

  /// One for each token of the continuation.
  package let tokens: [TokenScore]
  /// All compute counts as prefill.
  package let timings: GenerationTimings

  /// The continuation's log-probability.
  package var logProbability: Double { tokens.reduce(0) { $0 + $1.logProbability } }
}
