extension ChatCompletionRequest {
  /// Appends this request as JSON, for an upstream. What an upstream reads was read by us first: no
  /// byte of the client's body is copied, and equal requests give equal bytes.
  ///
  /// - Parameters:
  ///   - bytes: appended to
  ///   - upstreamModel: what the upstream calls the model; `nil` keeps the client's name
  package func encode(into bytes: inout [UInt8], model upstreamModel: String? = nil) {
    JSONWriter.append(to: &bytes) { writer in
      writer.beginObject()
      writer.member("model", upstreamModel ?? model)
      writer.key("messages")
      writer.beginArray()
      for message in messages { message.encode(into: &writer) }
      writer.endArray()
      streaming.encode(into: &writer)
      sampling.encode(into: &writer)
      writer.member("max_tokens", maxTokens)
      writer.member("max_completion_tokens", maxCompletionTokens)
      writer.member("logprobs", logprobs)
      writer.member("top_logprobs", topLogprobs)
      writer.member("prompt_logprobs", promptLogprobs)
      writer.member("add_generation_prompt", addGenerationPrompt)
      writer.member("continue_final_message", continueFinalMessage)
      encodeTools(into: &writer)
      writer.member("metadata", metadata.map(JSONValue.object))
      writer.member("store", store)
      writer.member("user", user)
      writer.member("safety_identifier", safetyIdentifier)
      writer.member("prompt_cache_key", promptCacheKey)
      writer.member("service_tier", serviceTier)
      writer.member("reasoning_effort", reasoningEffort)
      writer.member("verbosity", verbosity)
      for member in forwarded.members { writer.member(member.key, member.value) }
      writer.endObject()
    }
  }

  /// This request as bytes; see `encode(into:model:)`.
  package func encoded(model upstreamModel: String? = nil) -> [UInt8] {
    var bytes: [UInt8] = []
    encode(into: &bytes, model: upstreamModel)
    return bytes
  }

  private func encodeTools(into writer: inout JSONWriter) {
    if !tools.isEmpty { writer.member("tools", .array(tools.map(JSONValue.object))) }
    writer.member("tool_choice", toolChoice?.json)
    writer.member("parallel_tool_calls", parallelToolCalls)
    writer.member("response_format", responseFormat?.json)
  }
}
