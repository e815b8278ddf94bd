extension Completion {
  /// Reads an upstream's answer or streamed piece, skipping fields that only it knows.
  ///
  /// - Throws: 502 `malformed` with the field that is wrong, or the error that the upstream put
  ///   into a body of status 200 or into its stream.
  package init(decoding body: [UInt8], limits: ResponseLimits = .standard) throws(APIError) {
    let members = try body.withUnsafeBufferPointer { (bytes) throws(APIError) in
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
      case "usage":
        usage = try member.reading { value throws(FieldError) in try Usage(value) }
      case "choices":
        hasChoices = true
        choices =
          try member.elements(upTo: limits.maximumCompletionChoices) { value throws(FieldError) in
            try Choice(value, limits)
          } ?? []
      default: break
      }
    }
    guard hasChoices || usage != nil else {
      throw FieldError.missing("choices", "An answer has choices.")
    }
  }

  /// Appends this answer as JSON, in the shape that the official clients read.
  package func encode(into bytes: inout [UInt8]) {
    JSONWriter.append(to: &bytes) { writer in
      writer.beginObject()
      writer.member("id", id)
      writer.member("object", "text_completion")
      writer.member("created", created)
      writer.member("model", model)
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
  }

  /// This answer as bytes.
  package func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    encode(into: &bytes)
    return bytes
  }
}

extension Completion.Choice {
  init(_ value: JSONValue, _ limits: ResponseLimits) throws(FieldError) {
    self.init(index: 0, text: "", finishReason: nil)
    for member in try value.object().required("an object").members {
      switch member.key {
      case "index":
        index = try member.integer(in: 0...limits.maximumCompletionChoices - 1) ?? 0
      case "text": text = try member.string(upTo: limits.maximumBytes) ?? ""
      case "finish_reason": finishReason = try FinishReason(member)
      case "prompt_logprobs": promptLogprobs = try PromptLogprobs(member, limits)
      case "logprobs":
        logprobs = try member.reading { value throws(FieldError) in
          try Completion.Logprobs(value, limits)
        }
      default: break
      }
    }
  }

  func encode(into writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("text", text)
    writer.member("index", index)
    writer.key("logprobs")
    if let logprobs { logprobs.encode(into: &writer) } else { writer.null() }
    writer.memberOrNull("finish_reason", finishReason?.rawValue)
    if let promptLogprobs {
      writer.key("prompt_logprobs")
      promptLogprobs.encode(into: &writer)
    }
    writer.endObject()
  }
}

extension Completion.Logprobs {
  private static let range = -Double.infinity...Double.infinity

  init?(_ value: JSONValue, _ limits: ResponseLimits) throws(FieldError) {
    guard let object = try value.object() else { return nil }
    self.init()
    let bound = limits.maximumTokens
    for member in object.members {
      switch member.key {
      case "tokens":
        tokens =
          try member.elements(upTo: bound) { value throws(FieldError) in
            try value.string(upTo: Int.max).required("a string")
          } ?? []
      case "token_logprobs":
        tokenLogprobs =
          try member.elements(upTo: bound) { value throws(FieldError) in
            try value.number(in: Self.range)
          } ?? []
      case "top_logprobs":
        topLogprobs = try member.elements(upTo: bound) { value throws(FieldError) in
          try Self.alternatives(value, limits)
        }
      case "text_offset":
        textOffset =
          try member.elements(upTo: bound) { value throws(FieldError) in
            try value.integer(in: 0...Int.max).required("an integer")
          } ?? []
      default: break
      }
    }
    guard tokens.count == tokenLogprobs.count else {
      throw FieldError(
        .invalidValue,
        "\(tokens.count) tokens, but \(tokenLogprobs.count) log probabilities.",
        path: "token_logprobs")
    }
  }

  private static func alternatives(
    _ value: JSONValue, _ limits: ResponseLimits
  ) throws(FieldError) -> [Alternative]? {
    guard let object = try value.object() else { return nil }
    guard object.members.count <= limits.maximumAlternatives else {
      throw FieldError(.arrayTooLong, "more than \(limits.maximumAlternatives) alternatives.")
    }
    var alternatives: [Alternative] = []
    alternatives.reserveCapacity(object.members.count)
    for member in object.members {
      let logprob = try member.number(in: range) ?? TokenLogprob.unlikely
      alternatives.append(Alternative(token: member.key, logprob: logprob))
    }
    return alternatives
  }

  func encode(into writer: inout JSONWriter) {
    writer.beginObject()
    writer.key("tokens")
    writer.beginArray()
    for token in tokens { writer.value(token) }
    writer.endArray()
    writer.key("token_logprobs")
    writer.beginArray()
    for logprob in tokenLogprobs {
      if let logprob { writer.value(TokenLogprob.bounded(logprob)) } else { writer.null() }
    }
    writer.endArray()
    writer.key("top_logprobs")
    encodeTop(into: &writer)
    writer.key("text_offset")
    writer.beginArray()
    for offset in textOffset { writer.value(offset) }
    writer.endArray()
    writer.endObject()
  }

  /// Alternatives that are spelled alike, as tokens of broken UTF-8 may be, are written once: JSON
  /// objects have each key once. The likeliest stays.
  private func encodeTop(into writer: inout JSONWriter) {
    guard let topLogprobs else { return writer.null() }
    writer.beginArray()
    for alternatives in topLogprobs {
      guard let alternatives else {
        writer.null()
        continue
      }
      var keys = UniqueKeys()
      var written: [JSONObject.Member] = []
      for alternative in alternatives where keys.insert(alternative.token, after: written) {
        let logprob = TokenLogprob.bounded(alternative.logprob)
        written.append(JSONObject.Member(alternative.token, .double(logprob)))
      }
      writer.value(.object(JSONObject(written)))
    }
    writer.endArray()
  }
}
