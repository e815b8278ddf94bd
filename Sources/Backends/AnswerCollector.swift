import Experimentation
package import OpenAIAPI

/// Folds the events of an answer into a whole one, within bounds.
package struct AnswerCollector: Sendable {
  private let id: String
  private let created: Int
  private let model: String
  private var accumulator: ChatCompletionAccumulator
  /// Set by the last event.
  package private(set) var summary: AnswerSummary?

  /// - Parameters:
  ///   - id: of the answer, as the client will see it
  ///   - created: Unix time in seconds
  ///   - model: who answers
  ///   - limits: of what may be held
  package init(
    id: String, created: Int, model: String, limits: ResponseLimits = .standard
  ) {
    self.id = id
    self.created = created
    self.model = model
    accumulator = ChatCompletionAccumulator(limits: limits)
  }

  /// Takes the next event in.
  ///
  /// - Throws: `malformed` when the answer is more than may be held.
  package mutating func take(_ event: AnswerEvent) throws(BackendError) {
    switch event {
    case .choice(let choice):
      do {
        try accumulator.add(
          ChatCompletionChunk(id: id, created: created, model: model, choices: [choice]))
      } catch { throw BackendError(.malformed, error) }
    case .finished(let summary):
      self.summary = summary
    }
  }

  /// The answer as far as it has come.
  package var completion: ChatCompletion {
    var completion = accumulator.completion
    completion.id = id
    completion.created = created
    completion.model = model
    completion.usage = summary?.usage
    return completion
  }

  /// The text of the first choice; empty when it has none.
  package var text: String { completion.choices.first?.message.content ?? "" }

  /// Why the first choice ended, or `nil` when it did not.
  package var finishReason: FinishReason? { completion.choices.first?.finishReason }
}
