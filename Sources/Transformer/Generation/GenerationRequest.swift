/// What to continue, and how.
package struct GenerationRequest: Sendable {
  /// At least one token.
  package var prompt: [Token]
  /// At least 1; `nil` for what the context leaves. Never more than the context leaves.
  package var maximumTokens: Int?
  package var sampling: SamplingOptions
  /// Tokens that end the answer; they are not part of it.
  package var stopTokens: Set<Token>
  package var priority: Priority
  /// Another's answer to the same prompt, to be read beside: `GenerationEvent.readAlong` tells what
  /// this model ranks first at each of its places. The prompt is not read again for it, and the
  /// answer is not changed by it; where it cannot be read (no room in the context or the cache)
  /// there is no such event.
  package var along: [Token]
  /// What the answer must look like. Its end tokens are among `stopTokens`. `nil` for any answer.
  package var constraint: OutputConstraint?

  package init(
    prompt: [Token], maximumTokens: Int? = nil, sampling: SamplingOptions = .greedy,
    stopTokens: Set<Token> = [], priority: Priority = .live, along: [Token] = [],
    constraint: OutputConstraint? = nil
  ) {
    self.prompt = prompt
    self.maximumTokens = maximumTokens
    self.sampling = sampling
    self.stopTokens = stopTokens
    self.priority = priority
    self.along = along
    self.constraint = constraint
  }
}

/// What happens while an answer is generated: `started`, the first `token`, `readAlong` if it was
/// asked for, more of `token`, `finished`.
package enum GenerationEvent: Sendable {
  /// The first work on the request begins, after `queueSeconds` of waiting. The keys and values of
  /// `cachedTokens` of the prompt were there from an earlier request.
  case started(promptTokens: Int, cachedTokens: Int, queueSeconds: Double)
  /// The next token, and where the request's time went so far.
  case token(SampledToken, timings: GenerationTimings)
  /// One for each token of `GenerationRequest.along`: the likeliest at its place. Not sent when
  /// none was asked for.
  case readAlong(top: [Token])
  case finished(GenerationResult)
}

/// How an answer ended.
package struct GenerationResult: Hashable, Sendable {
  /// Why there are no more tokens.
  package enum Reason: String, Hashable, Sendable {
    /// The model drew a stop token.
    case stop
    /// The answer has as many tokens as the request or the context allow.
    case length
  }

  package let reason: Reason
  package let promptTokens: Int
  /// Of those, the ones whose keys and values were there from an earlier request.
  package let cachedTokens: Int
  /// Tokens of the answer, the stop token not counted.
  package let answerTokens: Int
  package let timings: GenerationTimings
}

/// Where a request's time went: what the model itself took, apart from waiting for others.
package struct GenerationTimings: Hashable, Sendable {
  /// From the request to the first work on it.
  package var queueSeconds: Double = 0
  /// What reading the whole prompt takes: the sum of this request's own prefill chunks, the first
  /// draw included, and for tokens that were cached what reading them took when it was done.
  package var prefillSeconds: Double = 0
  /// The part of `prefillSeconds` that was not spent now, because tokens were cached.
  package var cachedSeconds: Double = 0
  /// The sum of this request's own decode steps; of steps shared with other requests, what they
  /// would have cost this one alone (`Yardstick`).
  package var decodeSeconds: Double = 0
  /// Waiting for other requests' work between this one's, and beside it in shared steps.
  package var interleavedSeconds: Double = 0

  /// Of no work.
  package init() {}

  /// What the model itself took, and would have taken without a cache of prefixes.
  package var computeSeconds: Double { prefillSeconds + decodeSeconds }
}
