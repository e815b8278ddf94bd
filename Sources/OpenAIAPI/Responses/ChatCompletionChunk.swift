/// One event of a streamed chat answer.
package struct ChatCompletionChunk: Hashable, Sendable {
  /// A piece of a tool call; pieces of one `index` belong together.
  package struct ToolCallDelta: Hashable, Sendable {
    /// Which call of the choice, from 0.
    package var index: Int
    /// Only in a call's first piece.
    package var id: String?
    /// Only in a call's first piece.
    package var name: String?
    /// To be appended.
    package var arguments: String?

    /// A piece.
    package init(index: Int, id: String? = nil, name: String? = nil, arguments: String? = nil) {
      self.index = index
      self.id = id
      self.name = name
      self.arguments = arguments
    }
  }

  /// What is new in a choice.
  package struct Delta: Hashable, Sendable {
    /// Only in a choice's first chunk.
    package var role: ChatMessage.Role?
    /// To be appended.
    package var content: String?
    /// To be appended.
    package var refusal: String?
    /// To be appended.
    package var reasoning: String?
    package var toolCalls: [ToolCallDelta]

    /// A delta; an empty one by default.
    package init(
      role: ChatMessage.Role? = nil, content: String? = nil, refusal: String? = nil,
      reasoning: String? = nil, toolCalls: [ToolCallDelta] = []
    ) {
      self.role = role
      self.content = content
      self.refusal = refusal
      self.reasoning = reasoning
      self.toolCalls = toolCalls
    }
  }

  /// What is new in one of `n` answers.
  package struct Choice: Hashable, Sendable {
    /// From 0.
    package var index: Int
    package var delta: Delta
    package var logprobs: ChatLogprobs?
    /// Only in a choice's last chunk.
    package var finishReason: FinishReason?
    /// Of the prompt; never streamed, but part of the answer that pieces add up to.
    package var promptLogprobs: PromptLogprobs?

    /// A piece of a choice.
    package init(
      index: Int = 0, delta: Delta, logprobs: ChatLogprobs? = nil,
      finishReason: FinishReason? = nil, promptLogprobs: PromptLogprobs? = nil
    ) {
      self.index = index
      self.delta = delta
      self.logprobs = logprobs
      self.finishReason = finishReason
      self.promptLogprobs = promptLogprobs
    }
  }

  package var id: String
  /// Unix time in seconds.
  package var created: Int
  /// Who answers.
  package var model: String
  /// Empty in the chunk that carries only the usage.
  package var choices: [Choice]
  /// Only in the last chunk, and only if asked for.
  package var usage: Usage?
  package var systemFingerprint: String?
  package var serviceTier: String?

  /// A chunk.
  package init(
    id: String, created: Int, model: String, choices: [Choice], usage: Usage? = nil,
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

extension ChatCompletionChunk {
  /// Reads the data of one event of an upstream, skipping fields that only it knows.
  ///
  /// - Throws: 502 `malformed` with the field that is wrong, or the error that the upstream sent
  ///   inside of its stream.
  package init(decoding data: [UInt8], limits: ResponseLimits = .standard) throws(APIError) {
    let members = try data.withUnsafeBufferPointer { (bytes) throws(APIError) in
      try limits.members(of: bytes)
    }
    do { try self.init(members, limits) } catch { throw APIError(response: error) }
  }

  private init(_ members: [JSONObject.Member], _ limits: ResponseLimits) throws(FieldError) {
    self.init(id: "", created: 0, model: "", choices: [])
    var hasChoices = false
    for member in members {
      switch member.key {
      case "id": id = try member.string(upTo: 1_024) ?? ""
      case "created": created = try member.integer(in: 0...Int.max) ?? 0
      case "model": model = try member.string(upTo: 1_024) ?? ""
      case "system_fingerprint": systemFingerprint = try member.string(upTo: 1_024)
      case "service_tier": serviceTier = try member.string(upTo: 1_024)
      case "usage":
        usage = try member.reading { value throws(FieldError) in try Usage(value) }
      case "choices":
        hasChoices = true
        choices =
          try member.elements(upTo: limits.maximumChoices) { value throws(FieldError) in
            try Choice(value, limits)
          } ?? []
      default: break
      }
    }
    guard hasChoices || usage != nil else {
      throw FieldError.missing("choices", "A chunk has choices or the usage.")
    }
  }
}

extension ChatCompletionChunk.Choice {
  init(_ value: JSONValue, _ limits: ResponseLimits) throws(FieldError) {
    self.init(delta: ChatCompletionChunk.Delta())
    for member in try value.object().required("an object").members {
      switch member.key {
      case "index": index = try member.integer(in: 0...limits.maximumChoices - 1) ?? 0
      case "delta":
        delta = try member.reading { value throws(FieldError) in
          try ChatCompletionChunk.Delta(value, limits)
        }
      case "finish_reason": finishReason = try FinishReason(member)
      case "logprobs":
        logprobs = try member.reading { value throws(FieldError) in
          try ChatLogprobs(value, limits)
        }
      default: break
      }
    }
  }
}

extension ChatCompletionChunk.Delta {
  init(_ value: JSONValue, _ limits: ResponseLimits) throws(FieldError) {
    self.init()
    for member in try value.object()?.members ?? [] {
      switch member.key {
      case "role": role = try member.string(upTo: 256).flatMap(ChatMessage.Role.init(rawValue:))
      case "content": content = try member.string(upTo: limits.maximumBytes)
      case "refusal": refusal = try member.string(upTo: limits.maximumBytes)
      case "reasoning_content", "reasoning":
        guard case .string = member.value else { break }
        reasoning = try member.string(upTo: limits.maximumBytes)
      case "tool_calls":
        toolCalls =
          try member.elements(upTo: limits.maximumToolCalls) { value throws(FieldError) in
            try ChatCompletionChunk.ToolCallDelta(value, limits)
          } ?? []
      default: break
      }
    }
  }
}

extension ChatCompletionChunk.ToolCallDelta {
  init(_ value: JSONValue, _ limits: ResponseLimits) throws(FieldError) {
    self.init(index: 0)
    for member in try value.object().required("an object").members {
      switch member.key {
      case "index": index = try member.integer(in: 0...limits.maximumToolCalls - 1) ?? 0
      case "id": id = try member.string(upTo: 1_024)
      case "function":
        for field in try member.object()?.members ?? [] {
          do {
            switch field.key {
            case "name": name = try field.string(upTo: 1_024)
            case "arguments": arguments = try field.string(upTo: limits.maximumBytes)
            default: break
            }
          } catch { throw error.inside(member.key) }
        }
      default: break
      }
    }
  }
}

// MARK: - Encoding

extension ChatCompletionChunk {
  /// This chunk as JSON, the data of one event. `ChunkEncoder` writes the same, for many chunks of
  /// one stream and cheaper.
  package func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    JSONWriter.append(to: &bytes) { writer in
      writer.beginObject()
      writer.member("id", id)
      writer.member("object", "chat.completion.chunk")
      writer.member("created", created)
      writer.member("model", model)
      writer.member("service_tier", serviceTier)
      writer.member("system_fingerprint", systemFingerprint)
      writer.key("choices")
      writer.beginArray()
      for choice in choices { choice.encode(into: &writer) }
      writer.endArray()
      if let usage {
        writer.key("usage")
        usage.encode(into: &writer)
      }
      writer.endObject()
    }
    return bytes
  }
}

extension ChatCompletionChunk.Choice {
  func encode(into writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("index", index)
    writer.key("delta")
    writer.beginObject()
    writer.member("role", delta.role?.rawValue)
    writer.member("content", delta.content)
    writer.member("refusal", delta.refusal)
    writer.member("reasoning_content", delta.reasoning)
    if !delta.toolCalls.isEmpty {
      writer.key("tool_calls")
      writer.beginArray()
      for call in delta.toolCalls { call.encode(into: &writer) }
      writer.endArray()
    }
    writer.endObject()
    writer.key("logprobs")
    if let logprobs { logprobs.encode(into: &writer) } else { writer.null() }
    writer.memberOrNull("finish_reason", finishReason?.rawValue)
    writer.endObject()
  }
}

extension ChatCompletionChunk.ToolCallDelta {
  fileprivate func encode(into writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("index", index)
    writer.member("id", id)
    if id != nil { writer.member("type", "function") }
    writer.key("function")
    writer.beginObject()
    writer.member("name", name)
    writer.member("arguments", arguments)
    writer.endObject()
    writer.endObject()
  }
}
