/// Reading given texts: what variants hold of them, without generating any.
extension Engine {
  /// The most variants that `compare` takes besides the reference: each has a KV cache of its own.
  package static let candidateLimit = 16

  /// What `variant` holds of `continuation` after `prompt`: its log-probability, token by token.
  ///
  /// - Parameters:
  ///   - prompt: at least one token
  ///   - continuation: at least one token
  ///   - alternatives: how many of the likeliest tokens to tell with each token, 0…20, and its
  ///     rank; `nil` for neither
  /// - Throws: as `generate` and its stream do.
  package func score(
    prompt: [Token], continuation answer: [Token], alternatives: Int? = nil,
    on variant: ModelVariant, priority: Priority = .live
  ) async throws -> TextScore {
    try check(prompt, "prompt", variant)
    try check(answer, "continuation", variant)
    if let alternatives, !(0...20).contains(alternatives) {
      throw TransformerError(.invalidRequest, "\(alternatives) alternatives; ask for 0 to 20")
    }
    let length = prompt.count + answer.count
    guard length <= variant.contextLength else { throw tooLong(length, variant) }
    let cache = try emptyCache(variant, priority, length: length)
    return try await result { continuation in
      ScoringJob(
        prompt: prompt, answer: answer, alternatives: alternatives, variant: variant,
        priority: priority, cache: cache, continuation: continuation, submitted: .now)
    }
  }

  /// What `variant` makes of a text as a vector of length 1: the mean over its tokens of the last
  /// layer's hidden states, normalised as the head reads them. As wide as the model.
  ///
  /// - Parameter text: at least one token
  /// - Throws: as `generate` and its stream do; `promptTooLong` beyond the context.
  package func embed(
    _ text: [Token], on variant: ModelVariant, priority: Priority = .live
  ) async throws -> [Float] {
    try check(text, "text", variant)
    guard text.count <= variant.contextLength else { throw tooLong(text.count, variant) }
    let cache = try emptyCache(variant, priority, length: text.count)
    return try await result { continuation in
      EmbeddingJob(
        text, variant: variant, priority: priority, cache: cache, continuation: continuation)
    }
  }

  /// How far the next-token distributions of `candidates` are from those of `reference` along one
  /// text, position by position.
  ///
  /// All variants read the text side by side, in chunks: whatever the length, at most
  /// 2 · `Workspace.logitRows` rows as wide as the vocabulary are held.
  ///
  /// - Parameters:
  ///   - text: at least two tokens; each is read at its place in the text
  ///   - first: the place of the first token that is scored, 1 ..< `text.count`
  ///   - reference: what the candidates are measured against
  ///   - candidates: at most `candidateLimit`, of the same weights as the reference
  /// - Throws: as `score` does.
  package func compare(
    _ text: [Token], scoringFrom first: Int, reference: ModelVariant, candidates: [ModelVariant],
    priority: Priority = .live
  ) async throws -> TextComparison {
    guard (1..<max(2, text.count)).contains(first), text.count >= 2 else {
      throw TransformerError(
        .invalidRequest, "a text of \(text.count) tokens cannot be scored from place \(first)")
    }
    guard candidates.count <= Self.candidateLimit else {
      throw TransformerError(
        .invalidRequest,
        "\(candidates.count) candidates at once; compare at most \(Self.candidateLimit)")
    }
    let variants = [reference] + candidates
    var readers: [ComparisonJob.Reader] = []
    for variant in variants {
      guard variant.weights === reference.weights else {
        throw TransformerError(
          .invalidRequest, "'\(variant.name)' has other weights than '\(reference.name)'")
      }
      try check(text, "text", variant)
      guard text.count <= variant.contextLength else { throw tooLong(text.count, variant) }
      readers.append(
        ComparisonJob.Reader(
          variant: variant, cache: try emptyCache(variant, priority, length: text.count)))
    }
    return try await result { [readers] continuation in
      ComparisonJob(
        text, scoringFrom: first, readers: readers, priority: priority,
        continuation: continuation, submitted: .now)
    }
  }

  /// Runs a job that yields one value, and waits for it. Cancelling the waiting task ends the job.
  private func result<Value: Sendable>(
    _ makeJob: (AsyncThrowingStream<Value, any Error>.Continuation) -> any Job
  ) async throws -> Value {
    let (stream, continuation) = AsyncThrowingStream<Value, any Error>.makeStream(
      bufferingPolicy: .bufferingOldest(1))
    let job = makeJob(continuation)
    continuation.onTermination = { [pool] _ in pool.cancel(job) }
    try pool.submit(job)
    for try await value in stream { return value }
    throw TransformerError(.cancelled, "the task that wanted the text read was cancelled")
  }
}
