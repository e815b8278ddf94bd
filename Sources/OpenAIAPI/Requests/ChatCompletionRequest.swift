/// A request for `POST /v1/chat/completions`: every field that the API documents, checked, and
/// six extensions (`top_k`, `min_p`, `repetition_penalty`, `prompt_logprobs`,
/// `add_generation_prompt`, `continue_final_message`).
///
/// Known fields come in four kinds:
/// - *typed*, below, with the API's own ranges and those of `RequestLimits`;
/// - *forwarded as they came*, because only an upstream can judge them: `ForwardedField`;
/// - *known and dropped*: `stream_options.include_obfuscation`; in messages `annotations`,
///   `reasoning`, `reasoning_content`; in text parts `cache_control`, `prompt_cache_breakpoint`;
/// - *retired*: `functions`, `function_call`, refused with the name of what replaced them.
///
/// Any other field is refused by name, as the API does, so that nothing reaches an upstream which
/// was not read here. `null` means absent, except for `model` and `messages`.
package struct ChatCompletionRequest: Hashable, Sendable {
  /// As the client names it: a rollout's or a model's name.
  package var model: String
  /// At least one.
  package var messages: [ChatMessage]
  package var sampling = Sampling()
  package var streaming = Streaming()
  /// `max_tokens`, the older name; at least 1.
  package var maxTokens: Int?
  /// `max_completion_tokens`; at least 1. Equal to `maxTokens` where both are given.
  package var maxCompletionTokens: Int?
  /// Whether to return log probabilities.
  package var logprobs: Bool?
  /// 0 … 20; only where `logprobs` is true.
  package var topLogprobs: Int?
  /// Extension: 0 … 20 alternatives to tell with each token of the prompt; see `PromptLogprobs`.
  package var promptLogprobs: Int?
  /// Extension: whether the conversation ends where the model begins to speak; `nil` for that it
  /// does.
  package var addGenerationPrompt: Bool?
  /// Extension: whether the last message, the model's own, is left open to be gone on with. Only
  /// where `addGenerationPrompt` is false, as at vLLM.
  package var continueFinalMessage: Bool?
  /// Offered tools as they came, each with a `type` and a name.
  package var tools: [JSONObject] = []
  package var toolChoice: ToolChoice?
  package var parallelToolCalls: Bool?
  package var responseFormat: ResponseFormat?
  /// At most 16 pairs of strings.
  package var metadata: JSONObject?
  package var store: Bool?
  /// Who is asking, in the client's words; a routing key, perhaps.
  package var user: String?
  package var safetyIdentifier: String?
  package var promptCacheKey: String?
  package var serviceTier: String?
  package var reasoningEffort: String?
  package var verbosity: String?
  /// See `ForwardedField`; in the order of the request, none of them null.
  package var forwarded = JSONObject()

  /// A request with nothing but a conversation.
  package init(model: String, messages: [ChatMessage]) {
    self.model = model
    self.messages = messages
  }

  /// Fields that are forwarded without being looked into.
  package enum ForwardedField: String, CaseIterable, Sendable {
    case audio, modalities, moderation, prediction
    case promptCacheOptions = "prompt_cache_options"
    case promptCacheRetention = "prompt_cache_retention"
    case webSearchOptions = "web_search_options"
  }

  /// How many tokens one answer may have at most, under either name; `nil` for no wish.
  package var tokenBudget: Int? { maxCompletionTokens ?? maxTokens }

  /// Whether tools are offered, without which a model would answer another question.
  package var offersTools: Bool { !tools.isEmpty }
}

extension ChatCompletionRequest {
  /// The conversation for whoever can only read and write text, the embedded engine above all.
  ///
  /// - Throws: a 400 that names the first field which needs more than text: a part that is no text,
  ///   tools offered or called, audio. The form of the answer is the caller's to honour.
  package func textMessages() throws(APIError) -> [TextMessage] {
    do { return try readAsText() } catch { throw APIError(request: error) }
  }

  private func readAsText() throws(FieldError) -> [TextMessage] {
    try requireTextOnlyAnswer()
    var texts: [TextMessage] = []
    texts.reserveCapacity(messages.count)
    for (index, message) in messages.enumerated() {
      let needsTools = message.role == .tool || !message.toolCalls.isEmpty
      guard !needsTools, let text = message.text ?? message.refusal else {
        let field = needsTools ? "messages[\(index)]" : "messages[\(index)].content"
        throw FieldError(
          .unsupported,
          "this model reads text only; \(needsTools ? "tool calls" : "other parts") need a model "
            + "that was made for them.", path: field)
      }
      texts.append(TextMessage(role: message.role, text: text))
    }
    return texts
  }

  private func requireTextOnlyAnswer() throws(FieldError) {
    let callsTools = toolChoice.map { $0 != .none } ?? true
    let refusals: [(String, Bool)] = [
      ("tools", !tools.isEmpty && callsTools),
      ("audio", forwarded["audio"] != nil),
      ("modalities", forwarded["modalities"].map { $0 != ["text"] } ?? false),
      ("web_search_options", forwarded["web_search_options"] != nil),
      ("moderation", forwarded["moderation"] != nil),
    ]
    for (field, isAsked) in refusals where isAsked {
      throw FieldError(
        .unsupported, "this model writes plain text only and cannot honour it.", path: field)
    }
  }
}
