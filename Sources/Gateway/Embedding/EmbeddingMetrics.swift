import Experimentation

/// What is counted of embeddings, apart from answers, whose times they would distort.
extension GatewayMetrics {
  /// Who wanted vectors.
  enum EmbeddingRole: String { case pair, live }

  /// A pair whose answers were to be embedded, by what became of it.
  func pairEmbedded(_ model: ModelName, _ outcome: EmbeddingOutcome) {
    count(
      "rollout_embedding_pairs_total", [("model", model.text), ("outcome", outcome.rawValue)])
  }

  /// Tokens that a model read for vectors; they are in no other count.
  func embedded(_ model: ModelName, _ role: EmbeddingRole, tokens: Int) {
    count(
      "rollout_embedding_tokens_total", [("model", model.text), ("role", role.rawValue)],
      by: tokens)
  }

  /// A client's request for vectors, by what became of it.
  func embeddingRequested(_ model: ModelName, _ failure: FailureClass?) {
    count(
      "rollout_embedding_requests_total",
      [("model", model.text), ("outcome", failure?.rawValue ?? "ok")])
  }
}
