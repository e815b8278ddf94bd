/// How far one model's next-token distributions are from another's, along one text.
package struct DistributionDistance: Hashable, Sendable {
  /// Mean over the text's tokens of KL(reference ‖ candidate), in nats; at least 0. `nil` where the
  /// two do not read the text in the same tokens.
  package var divergence: Double?
  /// Whether `divergence` is a lower bound, of distributions that are told in part.
  package var isBound: Bool
  /// The text's perplexity under the candidate over that under the reference: the exponential of
  /// ln(p reference / p candidate) of the whole text, by each of the reference's tokens. Exact.
  package var perplexityRatio: Double
  /// Share of the text's tokens at which both rank the same token first; `nil` with `divergence`.
  package var sameTop: Double?
  /// Tokens that were read for it, by both models together.
  package var tokens: Int

  package init(
    divergence: Double?, isBound: Bool, perplexityRatio: Double, sameTop: Double?, tokens: Int
  ) {
    self.divergence = divergence
    self.isBound = isBound
    self.perplexityRatio = perplexityRatio
    self.sameTop = sameTop
    self.tokens = tokens
  }
}
