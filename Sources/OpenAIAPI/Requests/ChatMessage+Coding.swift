extension ChatMessage {
  private static let fields = [
    "role", "content", "name", "tool_calls", "tool_call_id", "refusal", "audio",
  ]

  /// Fields that clients send back from an answer, and that say nothing to a model: accepted and
  /// dropped, as is `function_call` when it is null.
  private static let ignoredFields: Set<String> = [
    "annotations", "reasoning", "reasoning_content",
  ]

  init(_ value: JSONValue, _ limits: RequestLimits) throws(FieldError) {
    var role: Role?
    self.init(role: .user, content: nil)
    for member in try value.object().required("an object").members {
      switch member.key {
      case "role":
        role = try member.reading { value throws(FieldError) in try value.word(Role.self) }
      case "content":
        content = try member.reading { value throws(FieldError) in
          try Content(value, limits)
        }
      case "name": name = try member.name(upTo: limits.maximumNameBytes)
      case "tool_calls":
        toolCalls =
          try member.elements(upTo: limits.maximumTools) { value throws(FieldError) in
            try ToolCall(value, isStrict: true)
          } ?? []
      case "tool_call_id": toolCallID = try member.name(upTo: limits.maximumNameBytes)
      case "refusal": refusal = try member.string(upTo: Int.max)
      case "audio": audio = try member.object()
      case let key where ChatMessage.ignoredFields.contains(key): break
      case "function_call" where member.value == .null: break
      default: throw FieldError.unknown(member.key, known: ChatMessage.fields)
      }
    }
    guard let role else { throw FieldError.missing("role", "Say who speaks.") }
    self.role = role
    try validate()
  }

  /// Which fields belong to which role.
  private func validate() throws(FieldError) {
    if role != .assistant {
      for (key, isSet) in [
        ("tool_calls", !toolCalls.isEmpty), ("refusal", refusal != nil), ("audio", audio != nil),
      ] where isSet {
        throw FieldError(
          .invalidValue, "only messages with role 'assistant' have this.", path: key)
      }
    }
    if role == .tool, toolCallID == nil {
      throw FieldError.missing("tool_call_id", "Say which call this message answers.")
    }
    if role != .tool, toolCallID != nil {
      throw FieldError(
        .invalidValue, "only messages with role 'tool' have this.", path: "tool_call_id")
    }
    let isSilent = toolCalls.isEmpty && refusal == nil && audio == nil
    if content == nil, isSilent {
      throw FieldError.missing("content", "Send a string or an array of content parts.")
    }
    if role != .assistant, case .parts(let parts)? = content {
      for (index, part) in parts.enumerated() {
        guard case .refusal = part else { continue }
        throw FieldError(.invalidValue, "only an assistant refuses.", path: "content[\(index)]")
      }
    }
  }

  func encode(into writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("role", role.rawValue)
    switch content {
    case .text(let text): writer.member("content", text)
    case .parts(let parts):
      writer.key("content")
      writer.beginArray()
      for part in parts { part.encode(into: &writer) }
      writer.endArray()
    case nil: writer.nullMember("content")
    }
    writer.member("name", name)
    toolCalls.encode(into: &writer)
    writer.member("tool_call_id", toolCallID)
    writer.member("refusal", refusal)
    writer.member("audio", audio.map(JSONValue.object))
    writer.endObject()
  }
}

extension ChatMessage.Content {
  init?(_ value: JSONValue, _ limits: RequestLimits) throws(FieldError) {
    switch value {
    case .null: return nil
    case .string(let text): self = .text(text)
    case .array(let elements):
      guard !elements.isEmpty else {
        throw FieldError(.emptyArray, "the array is empty. Expected at least one content part.")
      }
      _ = try value.array(upTo: limits.maximumParts)
      self = .parts(
        try elements.reading { element throws(FieldError) in try ContentPart(element) })
    default: throw FieldError.type(value, expected: "a string or an array of content parts")
    }
  }
}

extension ContentPart {
  init(_ value: JSONValue) throws(FieldError) {
    let object = try value.object().required("an object")
    guard let type = object["type"] else {
      throw FieldError.missing("type", "Say what kind of part this is, for example 'text'.")
    }
    guard case .string(let kind) = type else {
      throw FieldError.type(type, expected: "a string").inside("type")
    }
    switch kind {
    case "text": self = .text(try ContentPart.text(of: object, key: "text"))
    case "refusal": self = .refusal(try ContentPart.text(of: object, key: "refusal"))
    case _ where ContentPart.forwardedKinds.contains(kind):
      try ContentPart.validate(object, kind: kind)
      self = .other(type: kind, object)
    default:
      let known = (["text", "refusal"] + ContentPart.forwardedKinds).joined(separator: "', '")
      throw FieldError(
        .invalidValue, "found '\(excerpt(kind))'. Supported values are: '\(known)'.", path: "type")
    }
  }

  /// Hints to caches of other providers: accepted, and dropped from text parts.
  private static let ignoredFields: Set<String> = ["cache_control", "prompt_cache_breakpoint"]

  private static func text(of object: JSONObject, key: String) throws(FieldError) -> String {
    var text: String?
    for member in object.members {
      switch member.key {
      case key: text = try member.string(upTo: Int.max)
      case "type": break
      case let key where ignoredFields.contains(key): break
      default: throw FieldError.unknown(member.key, known: ["type", key])
      }
    }
    guard let text else { throw FieldError.missing(key, "Send a string.") }
    return text
  }

  /// A forwarded part holds its payload under the name of its kind, and nothing else.
  private static func validate(_ object: JSONObject, kind: String) throws(FieldError) {
    for member in object.members where member.key != kind && member.key != "type" {
      guard ignoredFields.contains(member.key) else {
        throw FieldError.unknown(member.key, known: ["type", kind])
      }
    }
    guard let payload = object[kind] else {
      throw FieldError.missing(kind, "Send the content of this part.")
    }
    guard case .object = payload else {
      throw FieldError.type(payload, expected: "an object").inside(kind)
    }
  }

  func encode(into writer: inout JSONWriter) {
    switch self {
    case .text(let text):
      writer.beginObject()
      writer.member("type", "text")
      writer.member("text", text)
      writer.endObject()
    case .refusal(let text):
      writer.beginObject()
      writer.member("type", "refusal")
      writer.member("refusal", text)
      writer.endObject()
    case .other(_, let object): writer.value(.object(object))
    }
  }
}
