import OpenAIAPI

/// One request as the upstream reads it, and how its answer is read: the two endpoints' formats.
struct UpstreamExchange: Sendable {
  /// Behind the base URL.
  let path: String
  let body: [UInt8]
  let isStreamed: Bool
  private let isChat: Bool
  private let wantsPromptLogprobs: Bool

  init(_ call: Call, upstreamModel: String) {
    switch call.prompt {
    case .chat(var request):
      path = "/chat/completions"
      isChat = true
      wantsPromptLogprobs = request.promptLogprobs != nil
      isStreamed = request.streaming.isOn
      // Without the count nobody knows the time per token.
      request.streaming.includesUsage = isStreamed
      body = request.encoded(model: upstreamModel)
    case .text(var request):
      path = "/completions"
      isChat = false
      wantsPromptLogprobs = request.promptLogprobs != nil
      isStreamed = request.streaming.isOn
      request.streaming.includesUsage = isStreamed
      body = request.encoded(model: upstreamModel)
    }
  }

  /// Of an answer in one piece: 16 MiB where it tells of the prompt, of which this service itself
  /// tells up to 131,072 entries.
  var limits: ResponseLimits {
    var limits = ResponseLimits.standard
    if wantsPromptLogprobs { limits.maximumBytes = 16 << 20 }
    return limits
  }

  /// Reads an answer in one piece.
  func decodeWhole(
    _ body: [UInt8], _ limits: ResponseLimits
  ) throws(APIError) -> ChatCompletion {
    if isChat { return try ChatCompletion(decoding: body, limits: limits) }
    return ChatCompletion(try Completion(decoding: body, limits: limits))
  }

  /// Whether the server knew every extension that was asked for; one that does not leaves its field
  /// out.
  func isHonoured(by completion: ChatCompletion) -> Bool {
    !wantsPromptLogprobs || completion.choices.allSatisfy { $0.promptLogprobs != nil }
  }

  /// Reads the data of one event.
  func decodeChunk(
    _ data: [UInt8], _ limits: ResponseLimits
  ) throws(APIError) -> (
    choices: [ChatCompletionChunk.Choice], usage: Usage?, model: String
  ) {
    if isChat {
      let chunk = try ChatCompletionChunk(decoding: data, limits: limits)
      return (chunk.choices, chunk.usage, chunk.model)
    }
    let completion = try Completion(decoding: data, limits: limits)
    return (
      completion.choices.map(ChatCompletionChunk.Choice.init), completion.usage, completion.model
    )
  }
}

extension ChatCompletion {
  /// A legacy completion as a chat answer: its texts become contents.
  init(_ completion: Completion) {
    self.init(
      id: completion.id, created: completion.created, model: completion.model,
      choices: completion.choices.map { choice in
        Choice(
          index: choice.index, message: Message(content: choice.text),
          finishReason: choice.finishReason, logprobs: choice.logprobs.map(ChatLogprobs.init),
          promptLogprobs: choice.promptLogprobs)
      },
      usage: completion.usage, systemFingerprint: completion.systemFingerprint)
  }
}

extension ChatCompletionChunk.Choice {
  /// A legacy completion's piece as a chat piece.
  init(_ choice: Completion.Choice) {
    self.init(
      index: choice.index, delta: ChatCompletionChunk.Delta(content: choice.text),
      logprobs: choice.logprobs.map(ChatLogprobs.init), finishReason: choice.finishReason)
  }
}

extension ChatLogprobs {
  /// A legacy completion's log probabilities, token by token.
  init(_ logprobs: Completion.Logprobs) {
    self.init(
      content: logprobs.tokens.indices.map { index in
        let alternatives = logprobs.topLogprobs.flatMap { $0[index] } ?? []
        var token = TokenLogprob(
          token: logprobs.tokens[index],
          logprob: logprobs.tokenLogprobs[index] ?? TokenLogprob.unlikely,
          alternatives: alternatives.map {
            TokenLogprob.Alternative(token: $0.token, logprob: $0.logprob)
          })
        token.isFirstOfText = index == 0 && logprobs.tokenLogprobs[0] == nil
        return token
      })
  }
}
