package import OpenAIAPI

/// An answer under way: pieces as they come, and what it cost at the end.
///
/// Pulled by one task. Dropping it ends the work behind it.
package struct Answer: Sendable {
  /// Pieces of choices, then exactly one `finished`. Fails with ``BackendError``, or with
  /// `CancellationError` when the pulling task is cancelled.
  package var events: AsyncThrowingStream<AnswerEvent, any Error>

  /// An answer whose events are made when they are asked for, so that whoever reads slowly slows
  /// the maker down.
  package init(pulling next: @escaping @Sendable () async throws -> AnswerEvent?) {
    events = AsyncThrowingStream(unfolding: next)
  }

  /// An answer that is there already.
  package init(events made: [AnswerEvent]) {
    events = AsyncThrowingStream { continuation in
      for event in made { continuation.yield(event) }
      continuation.finish()
    }
  }
}

/// One step of an answer.
package enum AnswerEvent: Hashable, Sendable {
  /// What is new in a choice. A legacy completion's text comes as `content` too.
  case choice(ChatCompletionChunk.Choice)
  /// The last one.
  case finished(AnswerSummary)
}

/// What an answer cost and what it was made of.
package struct AnswerSummary: Hashable, Sendable {
  /// `nil` when an upstream did not count.
  package var usage: Usage?
  package var timing: AnswerTiming
  /// The first choice, token by token; `nil` when the backend does not tell.
  package var trace: TokenTrace?
  /// What this model ranked first along `Call.along`, one for each token; `nil` when it was not
  /// asked or cannot say (another vocabulary, no access to the distribution).
  package var topAlong: [Int32]?
  /// Which weights answered: the SHA-256 of the engine's files, or what an upstream calls the model
  /// that it answered with. An upstream's fingerprint is no part of it: it differs among the
  /// replicas of one model.
  package var revision: String?
  /// By the model's price list; `nil` without one, or without counted tokens.
  package var cost: Double?

  package init(
    usage: Usage?, timing: AnswerTiming, trace: TokenTrace? = nil, topAlong: [Int32]? = nil,
    revision: String? = nil
  ) {
    self.usage = usage
    self.timing = timing
    self.trace = trace
    self.topAlong = topAlong
    self.revision = revision
  }
}

/// Where the time of an answer went, in seconds.
///
/// Only what the model itself caused is compared between models: a candidate that waited behind
/// live work would look slow.
package struct AnswerTiming: Hashable, Sendable {
  /// Spent waiting behind other work in this process. 0 for upstreams, whose queues nobody sees.
  package var queue: Double
  /// Until the first token was out, without `queue`; `nil` when the answer came in one piece. Of an
  /// embedded model it is what reading the whole prompt takes, cached or not, because how much of a
  /// prompt is cached depends on a model's share of the traffic. An upstream's is as it was seen.
  package var firstToken: Double?
  /// For each token after the first; `nil` below two tokens or in one piece.
  package var perOutputToken: Double?
  /// The whole answer, without `queue`.
  package var total: Double

  package init(queue: Double, firstToken: Double?, perOutputToken: Double?, total: Double) {
    self.queue = queue
    self.firstToken = firstToken
    self.perOutputToken = perOutputToken
    self.total = total
  }
}
