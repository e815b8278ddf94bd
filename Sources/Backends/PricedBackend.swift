package import Experimentation
import OpenAIAPI

/// A backend whose answers say what they cost.
package struct PricedBackend: Backend {
  private let backend: any Backend
  private let price: Price

  package init(_ backend: any Backend, price: Price) {
    self.backend = backend
    self.price = price
  }

  package var model: ModelName { backend.model }
  package var revision: String? { backend.revision }
  package var notes: [String] { backend.notes }
  package var takesTools: Bool { backend.takesTools }

  package func score(_ answer: GivenAnswer) async throws(BackendError) -> ScoredAnswer? {
    try await backend.score(answer)
  }

  package func answer(_ call: Call) async throws(BackendError) -> Answer {
    let answer = try await backend.answer(call)
    let events = PricedEvents(answer.events, price)
    return Answer { try await events.next() }
  }

  /// Without a cost, which belongs to answers.
  package func embed(_ call: EmbeddingCall) async throws(BackendError) -> Embeddings {
    try await backend.embed(call)
  }
}

/// The events of one answer, the last of them with its cost.
///
/// `@unchecked Sendable`: an answer is pulled by one task at a time, and nobody else knows of this
/// object.
private final class PricedEvents: @unchecked Sendable {
  private var events: AsyncThrowingStream<AnswerEvent, any Error>.Iterator
  private let price: Price

  init(_ events: AsyncThrowingStream<AnswerEvent, any Error>, _ price: Price) {
    self.events = events.makeAsyncIterator()
    self.price = price
  }

  func next() async throws -> AnswerEvent? {
    let event = try await events.next()
    guard case .finished(var summary) = event else { return event }
    if let usage = summary.usage {
      summary.cost = price.cost(
        promptTokens: usage.promptTokens, outputTokens: usage.completionTokens)
    }
    return .finished(summary)
  }
}
