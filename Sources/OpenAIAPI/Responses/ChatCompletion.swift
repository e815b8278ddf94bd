/// The answer of `POST /v1/chat/completions` in one piece.
package struct ChatCompletion: Hashable, Sendable {
  /// What the assistant says.
  package struct Message: Hashable, Sendable {
    /// `nil` if it called tools or refused instead.
    package var content: String?
    package var refusal: String?
    package var toolCalls: [ToolCall]
    /// What it thought, at servers that tell (`reasoning_content`, or `reasoning`).
    package var reasoning: String?

    /// A message.
    package init(
      content: String?, refusal: String? = nil, toolCalls: [ToolCall] = [],
      reasoning: String? = nil
    ) {
      self.content = content
      self.refusal = refusal
      self.toolCalls = toolCalls
      self.reasoning = reasoning
    }
  }

  /// One of `n` answers.
  package struct Choice: Hashable, Sendable {
    /// From 0.
    package var index: Int
    package var message: Message
    /// `nil` only if the upstream told none.
    package var finishReason: FinishReason?
    package var logprobs: ChatLogprobs?
    /// Of the prompt. On the wire a chat answer has it once, beside the choices, as vLLM does.
    package var promptLogprobs: PromptLogprobs?

    /// A choice.
    package init(
      index: Int, message: Message, finishReason: FinishReason?, logprobs: ChatLogprobs? = nil,
      promptLogprobs: PromptLogprobs? = nil
    ) {
      self.index = index
      self.message = message
      self.finishReason = finishReason
      self.logprobs = logprobs
      self.promptLogprobs = promptLogprobs
    }
  }

  package var id: String
  /// Unix time in seconds.
  package var created: Int
  /// Who answered.
  package var model: String
  package var choices: [Choice]
  /// `nil` if the upstream did not count.
  package var usage: Usage?
  package var systemFingerprint: String?
  package var serviceTier: String?

  /// An answer.
  package init(
    id: String, created: Int, model: String, choices: [Choice], usage: Usage?,
    systemFingerprint: String? = nil, serviceTier: String? = nil
  ) {
    self.id = id
    self.created = created
    self.model = model
    self.choices = choices
    self.usage = usage
    self.systemFingerprint = systemFingerprint
    self.serviceTier = serviceTier
  }
}

// MARK: - Decoding

extension ChatCompletion {
  /// Reads an upstream's answer, skipping fields that only it knows.
  ///
  /// - Throws: 502 `malformed` with the field that is wrong, or the error that the upstream put
  ///   into a body of status 200.
  package init(decoding body: [UInt8], limits: ResponseLimits = .standard) throws(APIError) {
    let members = try body.withUnsafeBufferPointer { (bytes) throws(APIError) in
      try limits.members(of: bytes)
    }
    do { try self.init(members, limits) } catch { throw APIError(response: error) }
  }

  private init(_ members: [JSONObject.Member], _ limits: ResponseLimits) throws(FieldError) {
    self.init(id: "", created: 0, model: "", choices: [], usage: nil)
    var hasChoices = false
    var promptLogprobs: PromptLogprobs?
    for member in members {
      switch member.key {
      case "id": id = try member.string(upTo: 1_024) ?? ""
      case "created": created = try member.integer(in: 0...Int.max) ?? 0
      case "model": model = try member.string(upTo: 1_024) ?? ""
      case "system_fingerprint": systemFingerprint = try member.string(upTo: 1_024)
      case "service_tier": serviceTier = try member.string(upTo: 1_024)
      case "usage":
        usage = try member.reading { value throws(FieldError) in try Usage(value) }
      case "prompt_logprobs": promptLogprobs = try PromptLogprobs(member, limits)
      case "choices":
        hasChoices = true
        choices =
          try member.elements(upTo: limits.maximumChoices) { value throws(FieldError) in
            try Choice(value, limits)
          } ?? []
      default: break
      }
    }
    guard hasChoices else { throw FieldError.missing("choices", "An answer has choices.") }
    for index in choices.indices { choices[index].promptLogprobs = promptLogprobs }
  }
}

extension ChatCompletion.Choice {
  init(_ value: JSONValue, _ limits: ResponseLimits) throws(FieldError) {
    var message: ChatCompletion.Message?
    self.init(index: 0, message: ChatCompletion.Message(content: nil), finishReason: nil)
    for member in try value.object().required("an object").members {
      switch member.key {
      case "index": index = try member.integer(in: 0...limits.maximumChoices - 1) ?? 0
      case "message":
        message = try member.reading { value throws(FieldError) in
          try ChatCompletion.Message(value, limits)
        }
      case "finish_reason": finishReason = try FinishReason(member)
      case "logprobs":
        logprobs = try member.reading { value throws(FieldError) in
          try ChatLogprobs(value, limits)
        }
      default: break
      }
    }
    guard let message else { throw FieldError.missing("message", "A choice has a message.") }
    self.message = message
  }
}

extension ChatCompletion.Message {
  init(_ value: JSONValue, _ limits: ResponseLimits) throws(FieldError) {
    self.init(content: nil)
    for member in try value.object().required("an object").members {
      switch member.key {
      case "content": content = try member.string(upTo: limits.maximumBytes)
      case "refusal": refusal = try member.string(upTo: limits.maximumBytes)
      case "reasoning_content", "reasoning":
        guard case .string = member.value else { break }
        reasoning = try member.string(upTo: limits.maximumBytes)
      case "tool_calls":
        toolCalls =
          try member.elements(upTo: limits.maximumToolCalls) { value throws(FieldError) in
            try ToolCall(value, isStrict: false)
          } ?? []
      default: break
      }
    }
  }
}

// MARK: - Encoding

extension ChatCompletion {
  /// Appends this answer as JSON, in the shape that the official clients read.
  package func encode(into bytes: inout [UInt8]) {
    JSONWriter.append(to: &bytes) { writer in
      writer.beginObject()
      writer.member("id", id)
      writer.member("object", "chat.completion")
      writer.member("created", created)
      writer.member("model", model)
      writer.key("choices")
      writer.beginArray()
      for choice in choices { choice.encode(into: &writer) }
      writer.endArray()
      if let usage {
        writer.key("usage")
        usage.encode(into: &writer)
      }
      if let promptLogprobs = choices.first?.promptLogprobs {
        writer.key("prompt_logprobs")
        promptLogprobs.encode(into: &writer)
      }
      writer.member("service_tier", serviceTier)
      writer.member("system_fingerprint", systemFingerprint)
      writer.endObject()
    }
  }

  /// This answer as bytes.
  package func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    encode(into: &bytes)
    return bytes
  }
}

extension ChatCompletion.Choice {
  fileprivate func encode(into writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("index", index)
    writer.key("message")
    writer.beginObject()
    writer.member("role", "assistant")
    writer.memberOrNull("content", message.content)
    writer.memberOrNull("refusal", message.refusal)
    writer.member("reasoning_content", message.reasoning)
    message.toolCalls.encode(into: &writer)
    writer.endObject()
    writer.key("logprobs")
    if let logprobs { logprobs.encode(into: &writer) } else { writer.null() }
    writer.memberOrNull("finish_reason", finishReason?.rawValue)
    writer.endObject()
  }
}
