import OpenAIAPI

/// Reads keywords of one schema, and refuses those that are not honoured where they stand.
struct SchemaKeywords {
  /// Words that say nothing about documents, or only name places for references.
  static let describing: Set<String> = [
    "title", "description", "default", "examples", "$schema", "$id", "$comment", "deprecated",
    "readOnly", "writeOnly", "$defs", "definitions",
  ]
  static let types = ["object", "array", "string", "integer", "number", "boolean", "null"]

  private static let ofNumbers: Set<String> = [
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
  ]
  private static let ofTypes: [String: Set<String>] = [
    "object": ["properties", "required", "additionalProperties"],
    "array": ["items", "minItems", "maxItems"],
    "string": ["minLength", "maxLength", "pattern", "format"],
    "integer": ofNumbers, "number": ofNumbers,
  ]
  private static let hints = [
    "oneOf": "; 'anyOf' is supported", "multipleOf": "; 'minimum' and 'maximum' are supported",
    "patternProperties": "; 'properties' and 'additionalProperties' are supported",
    "prefixItems": "; 'items' is supported",
  ]

  let object: JSONObject
  let path: SchemaPath

  subscript(key: String) -> JSONValue? { object[key] }

  /// Whether nothing is said but what describes.
  var isFree: Bool { object.members.allSatisfy { Self.describing.contains($0.key) } }

  /// Refuses any keyword but `known` and those that describe.
  func allow(_ known: Set<String>, hint: String = "") throws(APIError) {
    for member in object.members
    where !known.contains(member.key) && !Self.describing.contains(member.key) {
      throw path.at(member.key).refusal(
        "this model cannot honour the keyword '\(member.key.prefix(64))' here"
          + (Self.hints[member.key] ?? hint))
    }
  }

  /// Refuses any keyword that belongs to none of `types`.
  func allow(keywordsOf types: [String]) throws(APIError) {
    try allow(types.reduce(into: ["type"]) { $0.formUnion(Self.ofTypes[$1] ?? []) })
  }

  /// The types that are named; `nil` where none is. Each integer is a number, and is written once.
  func types() throws(APIError) -> [String]? {
    guard let type = object["type"] else { return nil }
    var names: [String] = []
    let written = if case .array(let list) = type { list } else { [type] }
    for name in written {
      guard case .string(let name) = name, Self.types.contains(name) else {
        throw path.at("type").refusal(
          "supported are \(Self.types.map { "'\($0)'" }.joined(separator: ", "))")
      }
      if !names.contains(name) { names.append(name) }
    }
    guard !names.isEmpty else { throw path.at("type").refusal("name at least one type") }
    return names.contains("number") ? names.filter { $0 != "integer" } : names
  }

  /// How many of something there may be.
  func counts(_ least: String, _ most: String) throws(APIError) -> (Int, Int?) {
    func count(_ name: String) throws(APIError) -> Int? {
      guard let value = object[name] else { return nil }
      guard case .integer(let number) = value, (0...10_000).contains(number) else {
        throw path.at(name).refusal("send an integer in 0...10000")
      }
      return Int(number)
    }
    let (low, high) = (try count(least) ?? 0, try count(most))
    guard low <= high ?? low else { throw path.refusal("'\(least)' is above '\(most)'") }
    return (low, high)
  }

  /// What `minimum` and its like leave of numbers; `nil` where they say nothing.
  func range() throws(APIError) -> NumberRange? {
    func bound(_ name: String) throws(APIError) -> Int64? {
      guard let value = object[name] else { return nil }
      let limit = NumberRange.limit
      switch value {
      case .integer(let number) where (-limit...limit).contains(number): return number
      case .double(let number)
      where number.rounded() == number && number.magnitude < Double(limit):
        return Int64(number)
      default:
        throw path.at(name).refusal("send a whole number of at most 18 digits")
      }
    }
    let range = NumberRange(
      minimum: try bound("minimum"), above: try bound("exclusiveMinimum"),
      maximum: try bound("maximum"), below: try bound("exclusiveMaximum"))
    return range.isUnbounded ? nil : range
  }

  /// The text of a keyword.
  func text(_ name: String) throws(APIError) -> String? {
    guard let value = object[name] else { return nil }
    guard case .string(let text) = value else {
      throw path.at(name).refusal("found \(value.kind); send a string")
    }
    return text
  }

  /// Properties of one object, at most.
  static let propertyLimit = 1_024

  /// The properties and the names of those that must be there.
  func properties() throws(APIError) -> (JSONObject, required: Set<String>) {
    guard case .object(let properties) = object["properties"] ?? .object(JSONObject()) else {
      throw path.at("properties").refusal("send an object of schemas")
    }
    guard properties.members.count <= Self.propertyLimit else {
      throw path.at("properties").refusal("an object has at most \(Self.propertyLimit)")
    }
    let known = Set(properties.members.map(\.key))
    var names: Set<String> = []
    for name in try list("required") ?? [] {
      guard case .string(let name) = name, known.contains(name) else {
        throw path.at("required").refusal("each name is one of 'properties'")
      }
      names.insert(name)
    }
    return (properties, names)
  }

  /// The elements of a keyword that is an array.
  func list(_ name: String) throws(APIError) -> [JSONValue]? {
    guard let value = object[name] else { return nil }
    guard case .array(let list) = value else {
      throw path.at(name).refusal("found \(value.kind); send an array")
    }
    return list
  }

  /// The schemas of `anyOf` or `allOf`, at least one.
  func schemas(_ name: String) throws(APIError) -> [JSONValue]? {
    guard let schemas = try list(name) else { return nil }
    guard (1...256).contains(schemas.count) else {
      throw path.at(name).refusal("send 1 to 256 schemas")
    }
    return schemas
  }

  /// The values that `enum` and `const` leave; `nil` where they say nothing.
  func values() throws(APIError) -> [JSONValue]? {
    var values = object["const"].map { [$0] }
    if let choices = try list("enum") {
      values = values?.filter(choices.contains) ?? choices
    }
    return values
  }
}
