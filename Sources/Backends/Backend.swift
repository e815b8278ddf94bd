package import Experimentation
package import OpenAIAPI

/// Whoever can answer: a model in this process, or a server elsewhere.
package protocol Backend: Sendable {
  /// The policy's name of the model.
  var model: ModelName { get }

  /// What operators should know of how the model is run, each in a sentence whose subject is the
  /// model; usually nothing.
  var notes: [String] { get }

  /// Begins an answer.
  ///
  /// Returns as soon as the answer can be pulled; the work may begin with the first pull. Dropping
  /// the answer, or cancelling the task that pulls, ends the work.
  func answer(_ call: Call) async throws(BackendError) -> Answer

  /// Which weights answer from here on, as ``AnswerSummary/revision`` says it; `nil` for a model
  /// that is known by its answers alone.
  var revision: String? { get }

  /// What this model holds of a given answer, token by token, at the priority of shadows; `nil`
  /// for one that cannot score text, or not this one.
  func score(_ answer: GivenAnswer) async throws(BackendError) -> ScoredAnswer?

  /// How far this model's next-token distributions are from those of `reference` along the answer
  /// that `reference` gave; `nil` where that cannot be told.
  func distance(
    from reference: any Backend, along answer: GivenAnswer
  ) async throws(BackendError) -> DistributionDistance?

  /// Whether requests may offer the model functions to call.
  var takesTools: Bool { get }

  /// What the model makes of texts as vectors.
  ///
  /// - Throws: `invalidRequest` of one that makes none; `malformed` where they are not what
  ///   ``Embeddings`` says
  func embed(_ call: EmbeddingCall) async throws(BackendError) -> Embeddings
}

extension Backend {
  package var revision: String? { nil }

  /// Cannot score text.
  package func score(_ answer: GivenAnswer) async throws(BackendError) -> ScoredAnswer? { nil }

  package func distance(
    from reference: any Backend, along answer: GivenAnswer
  ) async throws(BackendError) -> DistributionDistance? {
    try await scoredDistance(from: reference, along: answer)
  }

  /// The distance by what both tell of the answer, each by itself.
  func scoredDistance(
    from reference: any Backend, along answer: GivenAnswer
  ) async throws(BackendError) -> DistributionDistance? {
    // One after the other: where the reference cannot, nobody else is bothered.
    guard let theirs = try await reference.score(answer), let mine = try await score(answer)
    else { return nil }
    return DistributionDistance(theirs, mine)
  }

  package var takesTools: Bool { true }

  /// Makes none.
  package func embed(_ call: EmbeddingCall) async throws(BackendError) -> Embeddings {
    throw BackendError(
      .invalidRequest,
      .invalidRequest("Model '\(model)' makes no embeddings.", param: "model"))
  }
}

extension Backend {
  /// Nothing.
  package var notes: [String] { [] }
}

/// One question to one model.
package struct Call: Sendable {
  package var prompt: Prompt
  /// Identifies the request in logs and at upstreams.
  package var requestID: String
  package var priority: Priority
  /// When the answer must be whole.
  package var deadline: ContinuousClock.Instant
  /// Text to read beside answering, or `nil`: see ``TokenTrace``.
  package var along: TokenTrace?

  package init(
    _ prompt: Prompt, requestID: String, priority: Priority, deadline: ContinuousClock.Instant,
    along: TokenTrace? = nil
  ) {
    self.prompt = prompt
    self.requestID = requestID
    self.priority = priority
    self.deadline = deadline
    self.along = along
  }

  /// What is asked, by the endpoint it came in by.
  package enum Prompt: Sendable {
    case chat(ChatCompletionRequest)
    case text(CompletionRequest)
  }

  /// Who waits for the answer.
  package enum Priority: Sendable {
    /// A person.
    case live
    /// Nobody: gives way to live work.
    case shadow
  }
}

/// The tokens of an answer, with what the model ranked first at each of them.
///
/// A model with the same vocabulary that reads the same text can be asked what *it* ranks first at
/// each place: the share of equal ranks is the token agreement. Unlike a comparison of two free
/// answers it is not thrown off by the first difference, and it means the same at any temperature.
package struct TokenTrace: Hashable, Sendable {
  /// Tells vocabularies apart; traces of different ones cannot be compared.
  package var vocabulary: String
  /// Token ids, in order.
  package var tokens: [Int32]
  /// For each token, the one that the model ranked first there; as many as `tokens`.
  package var top: [Int32]

  package init(vocabulary: String, tokens: [Int32] = [], top: [Int32] = []) {
    self.vocabulary = vocabulary
    self.tokens = tokens
    self.top = top
  }
}
