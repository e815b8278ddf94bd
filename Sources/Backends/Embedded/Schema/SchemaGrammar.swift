import OpenAIAPI
import Transformer

/// Turns a JSON Schema into the grammar of the documents that satisfy it.
///
/// Supported: `type` (one or several), `properties`, `required`, `additionalProperties` as a truth
/// value, `items`, `minItems`, `maxItems`, `minLength`, `maxLength`, `enum`, `const`, `anyOf`, and
/// the words that only describe. Any other keyword is refused by name: a document that ignored it
/// would look checked and be wrong. Members come in the order in which the schema names them, and
/// no others are written, also where `additionalProperties` would allow some.
struct SchemaGrammar {
  private static let describing: Set<String> = [
    "title", "description", "default", "examples", "$schema", "$id", "$comment", "deprecated",
    "readOnly", "writeOnly",
  ]
  private static let types = [
    "object", "array", "string", "integer", "number", "boolean", "null",
  ]
  private static let keywords: [String: Set<String>] = [
    "object": ["properties", "required", "additionalProperties"],
    "array": ["items", "minItems", "maxItems"], "string": ["minLength", "maxLength"],
  ]

  private var json = JSONGrammar()

  /// The grammar of a response format; `nil` for plain text.
  ///
  /// - Throws: 400 with the place and the keyword that cannot be honoured.
  static func grammar(of format: ResponseFormat) throws(APIError) -> Grammar? {
    var compiler = SchemaGrammar()
    let rule: JSONGrammar.Rule
    switch format {
    case .text: return nil
    case .jsonObject: rule = compiler.json.object
    case .jsonSchema(let description):
      let root = compiler.json.builder.makeRule()
      try compiler.lay(
        description["schema"] ?? .object(JSONObject()), from: root.start, to: root.end,
        at: "schema")
      rule = root
    }
    guard let grammar = compiler.json.builder.grammar(rule) else {
      throw refusal(
        "schema",
        "it needs more than \(GrammarBuilder.stateLimit) states; lower 'maxLength' and 'maxItems'")
    }
    return grammar
  }

  private static func refusal(_ path: String, _ problem: String) -> APIError {
    .invalidRequest(
      "Invalid 'response_format.json_schema.\(path)': \(problem).", param: "response_format",
      code: "invalid_json_schema")
  }

  private mutating func lay(
    _ schema: JSONValue, from: JSONGrammar.State, to: JSONGrammar.State, at path: String
  ) throws(APIError) {
    if schema == .bool(true) { return json.builder.call(json.value, from: from, to: to) }
    guard case .object(let object) = schema else {
      throw Self.refusal(
        path, "found \(schema.kind); a schema that something satisfies is an object")
    }
    let types = try Self.types(object, at: path)
    if object["enum"] != nil || object["const"] != nil {
      try Self.check(object, ["enum", "const", "type"], at: path)
      return try layValues(object, types, from: from, to: to, at: path)
    }
    if let choices = object["anyOf"] {
      try Self.check(object, ["anyOf"], at: path)
      guard case .array(let choices) = choices, !choices.isEmpty else {
        throw Self.refusal("\(path).anyOf", "found \(choices.kind); send an array of schemas")
      }
      for (index, choice) in choices.enumerated() {
        try lay(choice, from: from, to: to, at: "\(path).anyOf[\(index)]")
      }
      return
    }
    guard let types else {
      try Self.check(object, [], at: path, hint: "; say its 'type' beside it")
      return json.builder.call(json.value, from: from, to: to)
    }
    try Self.check(
      object, types.reduce(into: ["type"]) { $0.formUnion(Self.keywords[$1] ?? []) }, at: path)
    for type in types { try lay(type, object, from: from, to: to, at: path) }
  }

  private mutating func lay(
    _ type: String, _ object: JSONObject, from: JSONGrammar.State, to: JSONGrammar.State,
    at path: String
  ) throws(APIError) {
    switch type {
    case "object": try layObject(object, from: from, to: to, at: path)
    case "array":
      let (least, most) = try Self.bounds(object, "minItems", "maxItems", at: path)
      let item = json.builder.makeRule()
      try lay(object["items"] ?? true, from: item.start, to: item.end, at: "\(path).items")
      json.layArray(of: item, least, most, from: from, to: to)
    case "string":
      let (least, most) = try Self.bounds(object, "minLength", "maxLength", at: path)
      json.layString(least, most, from: from, to: to)
    case "integer": json.builder.call(json.integer, from: from, to: to)
    case "number": json.builder.call(json.number, from: from, to: to)
    case "boolean":
      json.builder.read("true".utf8, from: from, to: to)
      json.builder.read("false".utf8, from: from, to: to)
    default: json.builder.read("null".utf8, from: from, to: to)
    }
  }

  private mutating func layObject(
    _ object: JSONObject, from: JSONGrammar.State, to: JSONGrammar.State, at path: String
  ) throws(APIError) {
    let additional = object["additionalProperties"] ?? true
    guard case .bool(let allowsMore) = additional else {
      throw Self.refusal("\(path).additionalProperties", "only true and false are supported")
    }
    guard case .object(let properties) = object["properties"] ?? .object(JSONObject()) else {
      throw Self.refusal("\(path).properties", "send an object of schemas")
    }
    let required = try Self.required(object, among: properties, at: path)
    if properties.members.isEmpty, allowsMore {
      return json.builder.call(json.object, from: from, to: to)
    }
    var members: [(key: [UInt8], value: JSONGrammar.Rule, isRequired: Bool)] = []
    for property in properties.members {
      let rule = json.builder.makeRule()
      try lay(
        property.value, from: rule.start, to: rule.end, at: "\(path).properties.\(property.key)")
      members.append((Self.bytes(.string(property.key)), rule, required.contains(property.key)))
    }
    json.layObject(members, from: from, to: to)
  }

  private mutating func layValues(
    _ object: JSONObject, _ types: [String]?, from: JSONGrammar.State, to: JSONGrammar.State,
    at path: String
  ) throws(APIError) {
    var values = object["const"].map { [$0] }
    if let choices = object["enum"] {
      guard case .array(let choices) = choices, !choices.isEmpty else {
        throw Self.refusal("\(path).enum", "send an array of values")
      }
      values = values?.filter(choices.contains) ?? choices
    }
    let fitting = (values ?? []).filter { value in
      types?.contains { Self.isOf($0, value) } ?? true
    }
    guard !fitting.isEmpty else {
      throw Self.refusal(path, "no value satisfies 'const', 'enum' and 'type' together")
    }
    for value in fitting { json.builder.read(Self.bytes(value), from: from, to: to) }
  }

  // MARK: Reading keywords

  private static func types(
    _ object: JSONObject, at path: String
  ) throws(APIError) -> [String]? {
    guard let type = object["type"] else { return nil }
    var names: [String] = []
    let written = if case .array(let list) = type { list } else { [type] }
    for name in written {
      guard case .string(let name) = name, types.contains(name) else {
        throw refusal(
          "\(path).type", "supported are \(types.map { "'\($0)'" }.joined(separator: ", "))")
      }
      // Each integer is a number, and is written once.
      if !names.contains(name) { names.append(name) }
    }
    guard !names.isEmpty else { throw refusal("\(path).type", "name at least one type") }
    return names.contains("number") ? names.filter { $0 != "integer" } : names
  }

  private static func check(
    _ object: JSONObject, _ known: Set<String>, at path: String, hint: String = ""
  ) throws(APIError) {
    for member in object.members
    where !known.contains(member.key) && !describing.contains(member.key) {
      throw refusal(path, "this model cannot honour the keyword '\(member.key)' here\(hint)")
    }
  }

  private static func bounds(
    _ object: JSONObject, _ least: String, _ most: String, at path: String
  ) throws(APIError) -> (Int, Int?) {
    func bound(_ name: String) throws(APIError) -> Int? {
      guard let value = object[name] else { return nil }
      guard case .integer(let number) = value, (0...10_000).contains(number) else {
        throw refusal("\(path).\(name)", "send an integer in 0...10000")
      }
      return Int(number)
    }
    let (low, high) = (try bound(least) ?? 0, try bound(most))
    guard low <= high ?? low else {
      throw refusal(path, "'\(least)' is above '\(most)'")
    }
    return (low, high)
  }

  private static func required(
    _ object: JSONObject, among properties: JSONObject, at path: String
  ) throws(APIError) -> Set<String> {
    guard let required = object["required"] else { return [] }
    guard case .array(let list) = required else {
      throw refusal("\(path).required", "send an array of names")
    }
    var names: Set<String> = []
    for name in list {
      guard case .string(let name) = name, properties[name] != nil else {
        throw refusal("\(path).required", "each name is one of 'properties'")
      }
      names.insert(name)
    }
    return names
  }

  private static func isOf(_ type: String, _ value: JSONValue) -> Bool {
    switch (type, value) {
    case ("object", .object), ("array", .array), ("string", .string), ("integer", .integer),
      ("number", .integer), ("number", .double), ("boolean", .bool), ("null", .null):
      true
    default: false
    }
  }

  /// As it is written, compact.
  private static func bytes(_ value: JSONValue) -> [UInt8] {
    var bytes: [UInt8] = []
    JSONWriter.append(to: &bytes) { $0.value(value) }
    return bytes
  }
}
