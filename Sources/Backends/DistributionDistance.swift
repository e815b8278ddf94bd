/// How far one model's next-token distributions are from another's, along one text.
package struct DistributionDistance: Hashable, Sendable {
  /// Mean over the text's tokens of KL(reference ‖ candidate), in nats; at least 0.
  package var divergence: Double
  /// The text's perplexity under the candidate over that under the reference: the exponential of
  /// the mean of ln(p reference / p candidate) over its tokens.
  package var perplexityRatio: Double
  /// Tokens that were read for it, by both models together.
  package var tokens: Int

  package init(divergence: Double, perplexityRatio: Double, tokens: Int) {
    self.divergence = divergence
    self.perplexityRatio = perplexityRatio
    self.tokens = tokens
  }
}
