import Transformer

/// A stream of events, read to its end.
struct EngineAnswer {
  var promptTokens: Int?
  var cachedTokens: Int?
  var tokens: [Token] = []
  var topAlong: [Token] = []
  var result: GenerationResult?
}

func collect(
  _ stream: AsyncThrowingStream<GenerationEvent, any Error>
) async throws -> EngineAnswer {
  var answer = EngineAnswer()
  for try await event in stream {
    switch event {
    case .started(let promptTokens, let cachedTokens, _):
      answer.promptTokens = promptTokens
      answer.cachedTokens = cachedTokens
    case .token(let sampled, _): answer.tokens.append(sampled.token)
    case .readAlong(let top): answer.topAlong = top
    case .finished(let result): answer.result = result
    }
  }
  return answer
}

/// The error that `body` throws, or `nil`.
func errorCode(_ body: () async throws -> Void) async -> TransformerError.Code? {
  do {
    try await body()
    return nil
  } catch {
    return (error as? TransformerError)?.code
  }
}
