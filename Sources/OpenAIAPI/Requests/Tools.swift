/// Which of the offered tools the model may or must call.
package enum ToolChoice: Hashable, Sendable {
  case none, auto, required
  /// A certain tool, or a set of allowed ones, as it came.
  case named(JSONObject)
}

/// What form the answer must have.
package enum ResponseFormat: Hashable, Sendable {
  case text
  /// Any valid JSON.
  case jsonObject
  /// JSON of a schema: the object under `json_schema`, as it came.
  case jsonSchema(JSONObject)
}

extension ToolChoice {
  init?(_ value: JSONValue) throws(FieldError) {
    switch value {
    case .null: return nil
    case .string("none"): self = .none
    case .string("auto"): self = .auto
    case .string("required"): self = .required
    case .object(let object):
      try requireWord(in: object, "type", of: ["function", "custom", "allowed_tools"])
      self = .named(object)
    case .string(let word):
      throw FieldError(
        .invalidValue,
        "found '\(excerpt(word))'. Supported values are: 'none', 'auto', 'required'.")
    default: throw FieldError.type(value, expected: "a string or an object")
    }
  }

  var json: JSONValue {
    switch self {
    case .none: "none"
    case .auto: "auto"
    case .required: "required"
    case .named(let object): .object(object)
    }
  }
}

extension ResponseFormat {
  init?(_ value: JSONValue) throws(FieldError) {
    guard let object = try value.object() else { return nil }
    for member in object.members where !["type", "json_schema"].contains(member.key) {
      throw FieldError.unknown(member.key, known: ["type", "json_schema"])
    }
    switch try requireWord(in: object, "type", of: ["text", "json_object", "json_schema"]) {
    case "text": self = .text
    case "json_object": self = .jsonObject
    default:
      guard case .object(let schema)? = object["json_schema"] else {
        throw FieldError.missing("json_schema", "Send an object with 'name' and 'schema'.")
      }
      guard case .string? = schema["name"] else {
        throw FieldError.missing("name", "Name the schema.").inside("json_schema")
      }
      self = .jsonSchema(schema)
    }
  }

  var json: JSONValue {
    switch self {
    case .text: ["type": "text"]
    case .jsonObject: ["type": "json_object"]
    case .jsonSchema(let schema): ["type": "json_schema", "json_schema": .object(schema)]
    }
  }
}

/// Checks one offered tool, which is forwarded as it came.
func validatedTool(_ value: JSONValue) throws(FieldError) -> JSONObject {
  let tool = try value.object().required("an object")
  let kind = try requireWord(in: tool, "type", of: ["function", "custom"])
  for member in tool.members where member.key != "type" && member.key != kind {
    throw FieldError.unknown(member.key, known: ["type", kind])
  }
  guard case .object(let definition)? = tool[kind] else {
    throw FieldError.missing(kind, "Describe the tool.")
  }
  guard let name = definition.members.first(where: { $0.key == "name" }) else {
    throw FieldError.missing("name", "Name the tool.").inside(kind)
  }
  do { _ = try name.name(upTo: 64).required("a string") } catch { throw error.inside(kind) }
  return tool
}

/// Checks `metadata`: at most 16 pairs of strings, of 64 and 512 bytes.
func validatedMetadata(_ value: JSONValue) throws(FieldError) -> JSONObject? {
  guard let metadata = try value.object() else { return nil }
  guard metadata.members.count <= 16 else {
    throw FieldError(
      .arrayTooLong, "too many pairs. Expected at most 16, but got \(metadata.members.count).")
  }
  for member in metadata.members {
    guard member.key.utf8.count <= 64 else {
      throw FieldError(.stringTooLong, "keys have at most 64 bytes.", path: excerpt(member.key))
    }
    guard try member.string(upTo: 512) != nil else {
      throw FieldError.type(.null, expected: "a string").inside(member.key)
    }
  }
  return metadata
}

@discardableResult
private func requireWord(
  in object: JSONObject, _ key: String, of words: [String]
) throws(FieldError) -> String {
  let allowed = words.map { "'\($0)'" }.joined(separator: ", ")
  switch object[key] {
  case .string(let word)? where words.contains(word): return word
  case .string(let word)?:
    throw FieldError(
      .invalidValue, "found '\(excerpt(word))'. Supported values are: \(allowed).", path: key)
  case nil: throw FieldError.missing(key, "Supported values are: \(allowed).")
  case let other?: throw FieldError.type(other, expected: "a string").inside(key)
  }
}
