import Experimentation
import OpenAIAPI
import Testing

@testable import Backends

/// Answers that say what they cost.
@Suite struct PricedBackendTests {
  /// Answers with what it was given.
  private struct Fixed: Backend {
    let model: ModelName
    let usage: Usage?
    var revision: String? { "weights-1" }

    func answer(_ call: Call) async throws(BackendError) -> Answer {
      let timing = AnswerTiming(queue: 0, firstToken: nil, perOutputToken: nil, total: 1)
      return Answer(events: [.finished(AnswerSummary(usage: usage, timing: timing))])
    }
  }

  private func cost(_ usage: Usage?) async throws -> Double? {
    let price = Price(inputPerMillion: 2, outputPerMillion: 8, currency: "USD")
    let backend = PricedBackend(
      Fixed(model: try #require(ModelName("a")), usage: usage), price: price)
    #expect(backend.revision == "weights-1")
    let call = Call(
      .text(try CompletionRequest(decoding: Array(#"{"model":"a","prompt":"x"}"#.utf8))),
      requestID: "r", priority: .live, deadline: .now + .seconds(1))
    for try await event in try await backend.answer(call).events {
      if case .finished(let summary) = event { return summary.cost }
    }
    Issue.record("no end")
    return nil
  }

  @Test func `tokens cost what the list says`() async throws {
    // (1,000 · 2 + 250 · 8) / 1,000,000, exact in binary up to one rounding.
    let cost = try #require(await cost(Usage(promptTokens: 1_000, completionTokens: 250)))
    #expect(abs(cost - 0.004) < 1e-15)
  }

  @Test func `what was not counted has no cost`() async throws {
    #expect(try await cost(nil) == nil)
  }
}
