extension ChatCompletionRequest {
  /// Reads a body.
  ///
  /// - Throws: 400 with the first mistake (its field in `param`, or its line and column if the body
  ///   is not even JSON), or 413 for a body that is too large.
  package init(decoding body: [UInt8], limits: RequestLimits = .standard) throws(APIError) {
    let value: JSONValue
    do { value = try JSONValue(parsing: body, limits: limits.json) } catch { throw APIError(error) }
    try self.init(value, limits: limits)
  }

  /// Reads a body out of memory that someone else owns; nothing is kept of it.
  package init(
    decoding body: UnsafeBufferPointer<UInt8>, limits: RequestLimits = .standard
  ) throws(APIError) {
    let value: JSONValue
    do { value = try JSONValue(parsing: body, limits: limits.json) } catch { throw APIError(error) }
    try self.init(value, limits: limits)
  }

  /// Reads a body that was parsed before.
  package init(_ value: JSONValue, limits: RequestLimits = .standard) throws(APIError) {
    do { self = try ChatCompletionRequest.read(value, limits) } catch {
      throw APIError(request: error)
    }
  }

  private static func read(
    _ value: JSONValue, _ limits: RequestLimits
  ) throws(FieldError) -> ChatCompletionRequest {
    guard case .object(let object) = value else {
      throw FieldError.type(value, expected: "an object")
    }
    var request = ChatCompletionRequest(model: "", messages: [])
    var hasMessages = false
    for member in object.members {
      switch member.key {
      case "model":
        request.model = try member.reading { value throws(FieldError) in
          try value.name(upTo: limits.maximumModelNameBytes).required("a string")
        }
      case "messages":
        hasMessages = true
        request.messages = try member.reading { value throws(FieldError) in
          try messages(value, limits)
        }
      default: try request.take(member, limits)
      }
    }
    guard !request.model.isEmpty else { throw FieldError.missing("model", "Name a model.") }
    guard hasMessages else { throw FieldError.missing("messages", "Send an array of messages.") }
    try request.validate()
    return request
  }

  private static func messages(
    _ value: JSONValue, _ limits: RequestLimits
  ) throws(FieldError) -> [ChatMessage] {
    let elements = try value.array(upTo: limits.maximumMessages).required("an array")
    guard !elements.isEmpty else {
      throw FieldError(.emptyArray, "the array is empty. Expected at least one message.")
    }
    return try elements.reading { element throws(FieldError) in try ChatMessage(element, limits) }
  }

  private mutating func take(
    _ member: JSONObject.Member, _ limits: RequestLimits
  ) throws(FieldError) {
    if try sampling.take(member, limits) { return }
    if try streaming.take(member) { return }
    if try takeText(member, limits) { return }
    if try takeTools(member, limits) { return }
    switch member.key {
    case "max_tokens": maxTokens = try member.integer(in: 1...max(1, limits.maximumTokens))
    case "max_completion_tokens":
      maxCompletionTokens = try member.integer(in: 1...max(1, limits.maximumTokens))
    case "logprobs": logprobs = try member.boolean()
    case "top_logprobs": topLogprobs = try member.integer(in: 0...20)
    case "prompt_logprobs": promptLogprobs = try member.integer(in: 0...20)
    case "add_generation_prompt": addGenerationPrompt = try member.boolean()
    case "continue_final_message": continueFinalMessage = try member.boolean()
    case "metadata":
      metadata = try member.reading { value throws(FieldError) in try validatedMetadata(value) }
    case "store": store = try member.boolean()
    default:
      guard ForwardedField(rawValue: member.key) != nil else {
        throw FieldError.unknown(member.key, known: ChatCompletionRequest.fields)
      }
      if member.value != .null { forwarded.members.append(member) }
    }
  }

  private mutating func takeText(
    _ member: JSONObject.Member, _ limits: RequestLimits
  ) throws(FieldError) -> Bool {
    let bytes = limits.maximumNameBytes
    switch member.key {
    case "user": user = try member.name(upTo: bytes)
    case "safety_identifier": safetyIdentifier = try member.name(upTo: bytes)
    case "prompt_cache_key": promptCacheKey = try member.name(upTo: bytes)
    case "service_tier": serviceTier = try member.name(upTo: bytes)
    case "reasoning_effort": reasoningEffort = try member.name(upTo: bytes)
    case "verbosity": verbosity = try member.name(upTo: bytes)
    default: return false
    }
    return true
  }

  private mutating func takeTools(
    _ member: JSONObject.Member, _ limits: RequestLimits
  ) throws(FieldError) -> Bool {
    switch member.key {
    case "tools":
      tools =
        try member.elements(upTo: limits.maximumTools) { value throws(FieldError) in
          try validatedTool(value)
        } ?? []
    case "tool_choice":
      toolChoice = try member.reading { value throws(FieldError) in try ToolChoice(value) }
    case "parallel_tool_calls": parallelToolCalls = try member.boolean()
    case "response_format":
      responseFormat = try member.reading { value throws(FieldError) in try ResponseFormat(value) }
    case "functions", "function_call":
      guard member.value != .null else { return true }
      let successor = member.key == "functions" ? "tools" : "tool_choice"
      throw FieldError(
        .unsupported, "the API replaced it by '\(successor)'; send that.", path: member.key)
    default: return false
    }
    return true
  }

  /// What can only be said once all fields are read.
  private func validate() throws(FieldError) {
    try streaming.validate()
    try streaming.validate(promptLogprobs: promptLogprobs)
    if topLogprobs != nil, logprobs != true {
      throw FieldError(
        .invalidValue, "only allowed when 'logprobs' is true.", path: "top_logprobs")
    }
    if let maxTokens, let maxCompletionTokens, maxTokens != maxCompletionTokens {
      throw FieldError(
        .invalidValue,
        "differs from 'max_completion_tokens' (\(maxTokens), \(maxCompletionTokens)); send one.",
        path: "max_tokens")
    }
    if toolChoice != nil, toolChoice != ToolChoice.none, tools.isEmpty {
      throw FieldError(.invalidValue, "only allowed when 'tools' are offered.", path: "tool_choice")
    }
    try validateEnd()
  }

  /// How the conversation ends.
  private func validateEnd() throws(FieldError) {
    guard continueFinalMessage == true else { return }
    guard addGenerationPrompt == false else {
      throw FieldError(
        .invalidValue, "only allowed when 'add_generation_prompt' is false.",
        path: "continue_final_message")
    }
    guard let last = messages.last, last.role == .assistant, last.toolCalls.isEmpty,
      last.text?.isEmpty == false
    else {
      throw FieldError(
        .invalidValue, "only allowed when the last message is a text of the assistant's.",
        path: "continue_final_message")
    }
  }

  /// Every name that this route knows, for suggestions.
  private static let fields =
    ["model", "messages"] + Sampling.fields + Streaming.fields + [
      "max_tokens", "max_completion_tokens", "logprobs", "top_logprobs", "prompt_logprobs",
      "add_generation_prompt", "continue_final_message", "tools", "tool_choice",
      "parallel_tool_calls", "response_format", "metadata", "store", "user",
      "safety_identifier",
      "prompt_cache_key", "service_tier", "reasoning_effort", "verbosity",
    ] + ForwardedField.allCases.map(\.rawValue)
}
