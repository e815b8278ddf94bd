import OpenAIAPI

/// The events of an answer that came in one piece.
enum WholeAnswer {
  static func events(of completion: ChatCompletion, seconds: Double) -> [AnswerEvent] {
    let choices = completion.choices.map { choice in
      AnswerEvent.choice(
        ChatCompletionChunk.Choice(
          index: choice.index,
          delta: ChatCompletionChunk.Delta(
            role: .assistant, content: choice.message.content, refusal: choice.message.refusal,
            reasoning: choice.message.reasoning,
            toolCalls: choice.message.toolCalls.enumerated().map { delta(of: $1, index: $0) }),
          logprobs: choice.logprobs, finishReason: choice.finishReason,
          promptLogprobs: choice.promptLogprobs))
    }
    let timing = AnswerTiming(queue: 0, firstToken: nil, perOutputToken: nil, total: seconds)
    let revision = completion.model.isEmpty ? nil : completion.model
    return choices + [
      .finished(AnswerSummary(usage: completion.usage, timing: timing, revision: revision))
    ]
  }

  private static func delta(
    of call: ToolCall, index: Int
  ) -> ChatCompletionChunk.ToolCallDelta {
    switch call.call {
    case .function(let name, let arguments):
      ChatCompletionChunk.ToolCallDelta(
        index: index, id: call.id, name: name, arguments: arguments)
    case .custom(let name, let input):
      ChatCompletionChunk.ToolCallDelta(index: index, id: call.id, name: name, arguments: input)
    }
  }
}
