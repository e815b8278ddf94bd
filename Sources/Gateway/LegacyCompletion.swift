import OpenAIAPI

extension Completion {
  /// A chat answer as a legacy completion: contents become texts.
  init(_ completion: ChatCompletion) {
    self.init(
      id: completion.id, created: completion.created, model: completion.model,
      choices: completion.choices.map { choice in
        Choice(
          index: choice.index, text: choice.message.content ?? "",
          logprobs: choice.logprobs?.content.map { Logprobs($0, textOffset: 0) },
          finishReason: choice.finishReason, promptLogprobs: choice.promptLogprobs)
      },
      usage: completion.usage, systemFingerprint: completion.systemFingerprint)
  }
}

extension Completion.Choice {
  /// A chat piece as a legacy completion's.
  ///
  /// - Parameter textOffset: characters of the choice before this piece
  init(_ choice: ChatCompletionChunk.Choice, textOffset: Int) {
    self.init(
      index: choice.index, text: choice.delta.content ?? "",
      logprobs: choice.logprobs?.content.map {
        Completion.Logprobs($0, textOffset: textOffset)
      },
      finishReason: choice.finishReason)
  }
}

extension Completion.Logprobs {
  /// - Parameter textOffset: where the first of `tokens` starts, in characters
  init(_ tokens: [TokenLogprob], textOffset: Int) {
    self.init(topLogprobs: tokens.contains { !$0.alternatives.isEmpty } ? [] : nil)
    var offset = textOffset
    for token in tokens {
      self.tokens.append(token.token)
      tokenLogprobs.append(token.isFirstOfText ? nil : token.logprob)
      self.textOffset.append(offset)
      topLogprobs?.append(
        token.isFirstOfText
          ? nil : token.alternatives.map { Alternative(token: $0.token, logprob: $0.logprob) })
      offset += token.token.count
    }
  }
}
