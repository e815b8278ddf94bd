import Experimentation

/// What stands behind `embeddings:`.
enum EmbeddingsKey: String, PolicyKey {
  case model, percent, concurrency, tokenBudget

  static let object = "embeddings"

  var presence: KeyPresence { self == .model ? .required : .optional }

  var entry: KeyEntry {
    switch self {
    case .model:
      KeyEntry(.word(.name), "any model that makes embeddings, one in this process too")
    case .percent:
      KeyEntry(
        .percentOfRequests(Bounds(above: 0, to: 100)), or: "100",
        "share of the pairs that are compared by them, above 0 to 100")
    case .concurrency:
      KeyEntry(
        .integer(1...64), or: "1",
        "pairs that it embeds at once, 1 to 64; one that comes meanwhile is not compared")
    case .tokenBudget:
      KeyEntry(
        .quantity(TokenRateUnit.allCases.map(\.rawValue)), usual: "none",
        "tokens that it may read: `200k/day`, `5M/day`")
    }
  }
}

/// Reads whose embeddings are compared.
struct EmbeddingsReader {
  let log: DiagnosticLog

  /// `nil` when there was a mistake.
  func embeddings(_ node: PolicyNode) -> EmbeddingPolicy? {
    guard let reader = MappingReader<EmbeddingsKey>(node, log: log) else { return nil }
    let model: ModelName? = reader[.model].flatMap { $0.name("the model's name", log) }
    let share = reader[.percent].map { $0.percentOfRequests(log) } ?? .all
    let concurrency = reader.integer(.concurrency, or: 1)
    let budget = reader[.tokenBudget].flatMap { $0.tokensPerDay(log) }
    guard let model, let share, let concurrency else { return nil }
    return EmbeddingPolicy(
      model: model, share: share, concurrency: concurrency, tokensPerDay: budget)
  }
}
