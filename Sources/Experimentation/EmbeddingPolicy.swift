/// A model whose embeddings say how much two answers to one prompt are alike in meaning:
/// `embeddings:` of a rollout.
///
/// Any model that is declared, one of the trial's own too: it is not told who wrote what, and
/// measures a distance rather than gives an opinion.
package struct EmbeddingPolicy: Hashable, Sendable, Codable {
  package var model: ModelName
  /// The share of pairs that it is asked about.
  package var share: Share
  /// Pairs that it embeds at once, 1…64.
  package var concurrency: Int
  /// Tokens that it may read a day, or `nil` for no such bound.
  package var tokensPerDay: Int?

  package init(
    model: ModelName, share: Share = .all, concurrency: Int = 1, tokensPerDay: Int? = nil
  ) {
    self.model = model
    self.share = share
    self.concurrency = concurrency
    self.tokensPerDay = tokensPerDay
  }
}
