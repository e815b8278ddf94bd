import Experimentation
import OpenAIAPI

extension UpstreamBackend {
  /// Bytes of an answer that a server is asked to score, at most.
  static let scoredTextLimit = 64 << 10

  /// Of an answer without the field that its document's `scoring` promises.
  package static let lacksLogprobs = "prompt_logprobs_missing"

  /// Two requests, one after the other: see ``ScoringRequests``. An answer of more than 64 KiB is
  /// not scored.
  package func score(_ answer: GivenAnswer) async throws(BackendError) -> ScoredAnswer? {
    guard let scoring = specification.scoring, answer.text.utf8.count <= Self.scoredTextLimit,
      let requests = ScoringRequests(answer, logprobs: scoring.logprobs)
    else { return nil }
    let prompt = try await read(requests.prompt, answer)
    let whole = try await read(requests.whole, answer)
    do {
      return ScoredAnswer(
        places: try AnswerPlace.entries(in: whole.logprobs, behind: prompt.logprobs, answer.text),
        tokens: prompt.tokens + whole.tokens)
    } catch {
      throw BackendError(
        .malformed,
        .badGateway("'\(model)' did not score the answer that it was given.", code: error.rawValue))
    }
  }

  private func read(
    _ prompt: Call.Prompt, _ answer: GivenAnswer
  ) async throws(BackendError) -> (logprobs: PromptLogprobs, tokens: Int) {
    let call = Call(
      prompt, requestID: answer.requestID, priority: .shadow, deadline: answer.deadline)
    let exchange = UpstreamExchange(call, upstreamModel: specification.model)
    let limits = UpstreamTimeLimits(specification.timeouts, deadline: call.deadline)
    let completion = try await completion(of: call, exchange, limits)
    guard let logprobs = completion.choices.first?.promptLogprobs else {
      throw BackendError(
        .malformed,
        .badGateway(
          "'\(model)' left prompt_logprobs out of its answer.", code: Self.lacksLogprobs))
    }
    return (logprobs, completion.usage?.totalTokens ?? logprobs.positions.count)
  }
}
