/// A call of a tool that the model asked for. What it asked for is text: we never run it.
package struct ToolCall: Hashable, Sendable {
  /// The two kinds of the API.
  package enum Call: Hashable, Sendable {
    /// `arguments` is JSON as the model wrote it, which need not be valid.
    case function(name: String, arguments: String)
    case custom(name: String, input: String)
  }

  /// What the tool's answer refers to.
  package var id: String
  package var call: Call

  /// A call.
  package init(id: String, call: Call) {
    self.id = id
    self.call = call
  }

  /// Of the tool.
  package var name: String {
    switch call {
    case .function(let name, _), .custom(let name, _): name
    }
  }
}

extension ToolCall {
  /// Reads a call out of a request or an answer.
  ///
  /// - Parameter isStrict: whether an unknown field is a mistake: in requests, not in answers
  init(_ value: JSONValue, isStrict: Bool) throws(FieldError) {
    var id: String?
    var isCustom = false
    var function: (name: String, text: String)?
    var custom: (name: String, text: String)?
    for member in try value.object().required("an object").members {
      switch member.key {
      case "id": id = try member.string(upTo: 1_024)
      case "type":
        isCustom =
          try member.reading { value throws(FieldError) in try value.word(Kind.self) }
          == .custom
      case "function":
        function = try member.reading { value throws(FieldError) in
          try ToolCall.named(value, text: "arguments", isStrict: isStrict)
        }
      case "custom":
        custom = try member.reading { value throws(FieldError) in
          try ToolCall.named(value, text: "input", isStrict: isStrict)
        }
      // Some clients echo the place of a streamed call.
      case "index": break
      default:
        if isStrict {
          throw FieldError.unknown(member.key, known: ["id", "type", "function", "custom"])
        }
      }
    }
    guard let id = id ?? (isStrict ? nil : "") else {
      throw FieldError.missing("id", "Name the call.")
    }
    switch (isCustom, function, custom) {
    case (false, let function?, _):
      self.init(id: id, call: .function(name: function.name, arguments: function.text))
    case (true, _, let custom?):
      self.init(id: id, call: .custom(name: custom.name, input: custom.text))
    default:
      throw FieldError.missing(isCustom ? "custom" : "function", "Say what was called.")
    }
  }

  private enum Kind: String, CaseIterable { case function, custom }

  private static func named(
    _ value: JSONValue, text textKey: String, isStrict: Bool
  ) throws(FieldError) -> (name: String, text: String) {
    var name: String?
    var text: String?
    for member in try value.object().required("an object").members {
      switch member.key {
      case "name": name = try member.name(upTo: 1_024)
      case textKey: text = try member.string(upTo: Int.max)
      default: if isStrict { throw FieldError.unknown(member.key, known: ["name", textKey]) }
      }
    }
    guard let name else { throw FieldError.missing("name", "Name the tool.") }
    return (name, text ?? "")
  }

  func encode(into writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("id", id)
    switch call {
    case .function(let name, let arguments):
      writer.member("type", "function")
      writer.key("function")
      writer.beginObject()
      writer.member("name", name)
      writer.member("arguments", arguments)
    case .custom(let name, let input):
      writer.member("type", "custom")
      writer.key("custom")
      writer.beginObject()
      writer.member("name", name)
      writer.member("input", input)
    }
    writer.endObject()
    writer.endObject()
  }
}

extension [ToolCall] {
  /// Writes `tool_calls`, unless there are none.
  func encode(into writer: inout JSONWriter) {
    if isEmpty { return }
    writer.key("tool_calls")
    writer.beginArray()
    for call in self { call.encode(into: &writer) }
    writer.endArray()
  }
}
