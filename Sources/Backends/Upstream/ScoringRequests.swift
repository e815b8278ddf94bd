import OpenAIAPI

/// What a server is asked so that it scores a given answer.
///
/// The server reads the prompt with the answer behind it, in its own template and its own tokens,
/// and tells `prompt_logprobs` of all of it: an extension of vLLM's that rollout has too. For chat
/// the answer is the last message, left open (`continue_final_message`). Where the answer begins is
/// not guessed: the prompt is read by itself as well, and its tokens must be those that the whole
/// begins with. Both requests draw one token, the least that a server draws, at a temperature of 1,
/// which divides no logit.
struct ScoringRequests {
  /// The prompt by itself.
  var prompt: Call.Prompt
  /// The prompt with the answer behind it.
  var whole: Call.Prompt

  /// - Returns: `nil` for a prompt that no text can be put behind: tokens, several texts, a gap to
  ///   fill, an echo, and for an answer without text
  init?(_ answer: GivenAnswer, logprobs: Int) {
    guard !answer.text.isEmpty else { return nil }
    switch answer.prompt {
    case .chat(let asked):
      guard let (prompt, whole) = Self.chats(asked, answer.text, logprobs) else { return nil }
      self.prompt = .chat(prompt)
      self.whole = .chat(whole)
    case .text(let asked):
      guard let text = asked.onlyText, asked.echo != true, asked.suffix == nil else { return nil }
      var request = CompletionRequest(model: asked.model, prompt: .text(text))
      request.sampling.temperature = 1
      request.maxTokens = 1
      request.promptLogprobs = 1
      prompt = .text(request)
      request.prompt = .text(text + answer.text)
      request.promptLogprobs = logprobs
      whole = .text(request)
    }
  }

  private static func chats(
    _ asked: ChatCompletionRequest, _ text: String, _ logprobs: Int
  ) -> (ChatCompletionRequest, ChatCompletionRequest)? {
    var request = ChatCompletionRequest(model: asked.model, messages: asked.messages)
    // Templates look at it.
    request.reasoningEffort = asked.reasoningEffort
    request.addGenerationPrompt = asked.addGenerationPrompt
    request.continueFinalMessage = asked.continueFinalMessage
    request.sampling.temperature = 1
    request.maxTokens = 1
    request.promptLogprobs = 1
    let prompt = request
    if asked.continueFinalMessage == true {
      guard let open = request.messages.popLast(), let begun = open.text else { return nil }
      request.messages.append(ChatMessage(.assistant, begun + text))
    } else {
      request.messages.append(ChatMessage(.assistant, text))
    }
    request.addGenerationPrompt = false
    request.continueFinalMessage = true
    request.promptLogprobs = logprobs
    return (prompt, request)
  }
}

extension CompletionRequest {
  /// The one text that it goes on from; `nil` for tokens and for several.
  fileprivate var onlyText: String? {
    switch prompt {
    case .text(let text): text
    case .texts(let texts): texts.count == 1 ? texts.first : nil
    case .tokens, .tokenLists: nil
    }
  }
}
