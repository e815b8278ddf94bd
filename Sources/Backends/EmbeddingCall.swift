/// Texts that a model shall make vectors of.
package struct EmbeddingCall: Sendable {
  /// At least one, none of them empty.
  package var texts: [String]
  /// How many numbers a vector shall have; `nil` for as many as the model makes.
  package var dimensions: Int?
  /// Identifies the request in logs and at upstreams.
  package var requestID: String
  package var priority: Call.Priority
  /// When all vectors must be there.
  package var deadline: ContinuousClock.Instant

  package init(
    _ texts: [String], dimensions: Int? = nil, requestID: String, priority: Call.Priority,
    deadline: ContinuousClock.Instant
  ) {
    self.texts = texts
    self.dimensions = dimensions
    self.requestID = requestID
    self.priority = priority
    self.deadline = deadline
  }
}

/// What a model made of texts.
package struct Embeddings: Hashable, Sendable {
  /// One for each text, in their order: all of one dimension, finite, none of them all zeros.
  package var vectors: [[Float]]
  /// That were read; `nil` when nobody counted.
  package var tokens: Int?

  package init(vectors: [[Float]], tokens: Int?) {
    self.vectors = vectors
    self.tokens = tokens
  }
}
