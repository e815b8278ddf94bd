import Backends
import Experimentation
import OpenAIAPI
import Testing

/// An answer read to its end.
struct CollectedAnswer: Sendable {
  var pieces: [ChatCompletionChunk.Choice] = []
  var summary: AnswerSummary?

  /// Reads `answer`, and sees to it that its end is its end.
  init(_ answer: Answer) async throws {
    for try await event in answer.events {
      #expect(summary == nil, "nothing comes after `finished`")
      switch event {
      case .choice(let choice): pieces.append(choice)
      case .finished(let summary): self.summary = summary
      }
    }
  }

  func text(_ choice: Int = 0) -> String {
    pieces.filter { $0.index == choice }.map { $0.delta.content ?? "" }.joined()
  }

  func finishReason(_ choice: Int = 0) -> FinishReason? {
    pieces.last { $0.index == choice }?.finishReason
  }
}

/// Names of models in tests, which are valid by their looks.
func modelName(_ text: String) throws -> ModelName { try #require(ModelName(text)) }

extension ChatCompletionRequest {
  /// One user's message.
  init(_ text: String, isStreamed: Bool = true) {
    self.init(model: "assistant", messages: [ChatMessage(role: .user, content: .text(text))])
    streaming.isOn = isStreamed
  }
}

extension Call {
  /// A call with all the time that a test has.
  init(
    _ request: ChatCompletionRequest, requestID: String = "req-1", priority: Priority = .live,
    within limit: Duration = .seconds(30), along: TokenTrace? = nil
  ) {
    self.init(
      .chat(request), requestID: requestID, priority: priority, deadline: .now + limit,
      along: along)
  }

  init(_ request: CompletionRequest, requestID: String = "req-1") {
    self.init(.text(request), requestID: requestID, priority: .live, deadline: .now + .seconds(30))
  }
}

extension Backend {
  func collect(_ call: Call) async throws -> CollectedAnswer {
    try await CollectedAnswer(try await answer(call))
  }

  /// How an answer fails, before its first event or after.
  func failure(_ call: Call) async -> BackendError? {
    do {
      _ = try await collect(call)
      return nil
    } catch {
      return error as? BackendError
    }
  }
}
