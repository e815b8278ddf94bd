extension ChatCompletionRequest {
  /// A copy that may be sent to a shadow: the same conversation, without whatever could cause an
  /// effect or name a person.
  ///
  /// Kept: model, messages (with the tool calls and tool answers of their history, which are text
  /// by now), `tools`, `tool_choice`, `parallel_tool_calls`, sampling, streaming, budgets, log
  /// probabilities, `response_format`, `reasoning_effort`, `verbosity`, `prediction`,
  /// `add_generation_prompt`, `continue_final_message`. Tools are functions that the *client* runs
  /// when it reads a call of one; nobody reads a shadow's, so that offering them does nothing but
  /// ask the same question.
  ///
  /// Removed:
  /// - `web_search_options`: a tool that the upstream runs itself.
  /// - `store`, `metadata`, `prompt_cache_key`, `prompt_cache_options`, `prompt_cache_retention`:
  ///   they leave something behind at the upstream.
  /// - `user`, `safety_identifier`: they name a person. Also every message's `name`.
  /// - `service_tier`: a shadow does not pay for priority.
  /// - `prompt_logprobs`: what the shadow holds of the prompt is compared otherwise.
  /// - `audio`, `modalities`, `moderation`: billed work whose result nobody hears.
  ///
  /// - Returns: `nil` if a message has a part that an upstream would have to fetch (an image, a
  ///   video, a recording at a URL) or look up (a file by its id, an earlier recording): fetching
  ///   is an effect, and without the part the prompt is another one. Parts that carry their own
  ///   bytes (`data:` URLs, `file_data`) stay.
  package func sanitisedForShadow() -> ChatCompletionRequest? {
    guard !messages.contains(where: \.reachesElsewhere) else { return nil }
    var copy = self
    for index in copy.messages.indices { copy.messages[index].name = nil }
    copy.promptLogprobs = nil
    copy.store = nil
    copy.metadata = nil
    copy.user = nil
    copy.safetyIdentifier = nil
    copy.promptCacheKey = nil
    copy.serviceTier = nil
    copy.forwarded.members.removeAll { $0.key != ForwardedField.prediction.rawValue }
    return copy
  }
}

extension ChatMessage {
  /// Whether answering would make an upstream fetch or look up something.
  fileprivate var reachesElsewhere: Bool {
    if audio != nil { return true }
    guard case .parts(let parts)? = content else { return false }
    return parts.contains { part in
      guard case .other(let type, let object) = part else { return false }
      return !ChatMessage.carriesItsBytes(type: type, object[type])
    }
  }

  private static func carriesItsBytes(type: String, _ payload: JSONValue?) -> Bool {
    guard case .object(let payload)? = payload else { return false }
    switch type {
    case "input_audio": return payload["data"] != nil
    case "file": return payload["file_data"] != nil && payload["file_id"] == nil
    default:
      guard case .string(let url)? = payload["url"] else { return false }
      return url.utf8.prefix(5).elementsEqual("data:".utf8)
    }
  }
}
