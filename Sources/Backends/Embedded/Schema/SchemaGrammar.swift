import Experimentation
import OpenAIAPI
import Transformer

/// Turns a JSON Schema into the grammar of the documents that satisfy it.
///
/// Supported: `type` (one or several); `properties`, `required`, `additionalProperties`; `items`,
/// `minItems`, `maxItems`; `minLength`, `maxLength`, `pattern`, `format`; `minimum`, `maximum` and
/// their exclusive forms with whole bounds; `enum`, `const`; `anyOf`; `allOf`; `$ref` to places in
/// the same schema, also to where it stands in itself; and the words that only describe. Any other
/// keyword is refused by name: a document that ignored it would look checked and be wrong. Members
/// come in the order in which the schema names them, and no others are written beside them, also
/// where `additionalProperties` would allow some.
struct SchemaGrammar {
  private var json = JSONGrammar()
  private let root: SchemaRoot
  /// What is referred to, by reference, and what of it is still to be laid.
  private var rules: [String: JSONGrammar.Rule] = [:]
  private var waiting: [String] = []
  /// References that a reference begins with, nothing being read before.
  private var beginnings: [String: Set<String>] = [:]

  /// Schemas that were laid and put together so far.
  private var work = 0

  /// Of `work`, so that a short schema cannot stand for a very long one.
  private static let workLimit = 65_536
  /// Places that are referred to.
  private static let referenceLimit = 1_024
  /// Schemas inside of each other, those of `allOf` and `anyOf` among them.
  private static let depthLimit = 96

  /// The grammar of a response format; `nil` for plain text.
  ///
  /// - Throws: 400 with the place and the keyword that cannot be honoured.
  static func grammar(of format: ResponseFormat) throws(APIError) -> Grammar? {
    let grammar: Grammar?
    switch format {
    case .text: return nil
    case .jsonObject:
      let json = JSONGrammar()
      grammar = json.builder.grammar(json.object)
    case .jsonSchema(let description):
      var compiler = SchemaGrammar(description["schema"] ?? .object(JSONObject()))
      let rule = try compiler.layAll()
      grammar = compiler.json.builder.grammar(rule)
    }
    guard let grammar else {
      throw SchemaPath.root.refusal(
        "it needs more than \(GrammarBuilder.stateLimit) states; lower 'maxLength' and 'maxItems'")
    }
    guard !grammar.isEmpty else {
      throw SchemaPath.root.refusal("no document of finite length satisfies it")
    }
    return grammar
  }

  private init(_ root: JSONValue) {
    self.root = SchemaRoot(root)
  }

  /// Lays the schema and whatever it refers to. What is referred to waits its turn, so that long
  /// chains of references are not followed inside of each other.
  private mutating func layAll() throws(APIError) -> JSONGrammar.Rule {
    let whole = try rule(of: "#", at: .root)
    while let reference = waiting.popLast() {
      guard let rule = rules[reference] else { continue }
      let path = SchemaPath(text: reference)
      let schema = try root.resolve(reference, at: path)
      try lay(schema, Place(from: rule.start, to: rule.end, path: path), in: reference)
    }
    try checkBeginnings()
    return whole
  }

  /// The rule of what stands at `reference`.
  ///
  /// - Parameter path: where the reference stands
  private mutating func rule(
    of reference: String, at path: SchemaPath
  ) throws(APIError) -> JSONGrammar.Rule {
    if let known = rules[reference] { return known }
    _ = try root.resolve(reference, at: path)
    guard rules.count < Self.referenceLimit else {
      throw path.refusal("a schema refers to at most \(Self.referenceLimit) places")
    }
    let rule = json.builder.makeRule()
    rules[reference] = rule
    waiting.append(reference)
    return rule
  }

  /// Refuses a schema that is nothing but itself, `{"$ref": "#"}` and longer ways round.
  private func checkBeginnings() throws(APIError) {
    // What leads only to what ends is taken out, until nothing is left or only circles are.
    var open = beginnings
    while true {
      let ended = open.filter { $0.value.allSatisfy { open[$0] == nil } }.map(\.key)
      guard !ended.isEmpty else { break }
      for reference in ended { open[reference] = nil }
    }
    guard let circle = open.keys.min() else { return }
    throw SchemaPath(text: circle).refusal("it refers to itself without anything in between")
  }

  /// Between which states a schema is laid, and where it stands.
  private struct Place {
    let from: JSONGrammar.State
    let to: JSONGrammar.State
    let path: SchemaPath
    var depth = 0

    /// The same states, for another schema.
    func of(_ path: SchemaPath) -> Place {
      Place(from: from, to: to, path: path, depth: depth + 1)
    }
  }

  /// - Parameter reference: what is being laid, while nothing of it was read yet
  private mutating func lay(
    _ schema: JSONValue, _ place: Place, in reference: String?
  ) throws(APIError) {
    guard json.builder.isWithinLimit else { return }
    work += 1
    guard work <= Self.workLimit else {
      throw place.path.refusal("it is put together of more than \(Self.workLimit) schemas")
    }
    guard place.depth <= Self.depthLimit else {
      throw place.path.refusal(
        "schemas are put together more than \(Self.depthLimit) deep; does an 'allOf' come back "
          + "to itself?")
    }
    if schema == .bool(true) {
      return json.builder.call(json.value, from: place.from, to: place.to)
    }
    guard case .object(var object) = schema else {
      throw place.path.refusal(
        "found \(schema.kind); a schema that something satisfies is an object")
    }
    if let target = SchemaMerge.onlyReference(of: object) {
      let rule = try rule(of: target, at: place.path.at("$ref"))
      if let reference { beginnings[reference, default: []].insert(target) }
      return json.builder.call(rule, from: place.from, to: place.to)
    }
    object = try SchemaMerge(root: root).flattened(object, at: place.path, work: &work)
    // A contradiction, of which nothing is laid: perhaps of one way among several.
    if object["type"] == .array([]), schema["type"] != .array([]) { return }
    let keywords = SchemaKeywords(object: object, path: place.path)
    if let choices = try keywords.schemas("anyOf") {
      let siblings = JSONObject(object.members.filter { $0.key != "anyOf" })
      let isAlone = SchemaKeywords(object: siblings, path: place.path).isFree
      for (index, choice) in choices.enumerated() {
        try lay(
          isAlone ? choice : ["allOf": .array([.object(siblings), choice])],
          place.of(place.path.at("anyOf").at(index)), in: reference)
      }
      return
    }
    try lay(keywords, place)
  }

  private mutating func lay(_ keywords: SchemaKeywords, _ place: Place) throws(APIError) {
    let types = try keywords.types()
    if let values = try keywords.values() {
      try keywords.allow(["enum", "const", "type"])
      return try lay(values, types, place)
    }
    guard let types else {
      try keywords.allow([], hint: "; say its 'type' beside it")
      return json.builder.call(json.value, from: place.from, to: place.to)
    }
    try keywords.allow(keywordsOf: types)
    for type in types { try lay(type, keywords, place) }
  }

  private mutating func lay(
    _ type: String, _ keywords: SchemaKeywords, _ place: Place
  ) throws(APIError) {
    let (from, to) = (place.from, place.to)
    switch type {
    case "object": try layObject(keywords, place)
    case "array":
      let (least, most) = try keywords.counts("minItems", "maxItems")
      let item = json.builder.makeRule()
      try lay(
        keywords["items"] ?? true,
        Place(from: item.start, to: item.end, path: place.path.at("items"), depth: place.depth + 1),
        in: nil)
      json.layArray(of: item, least, most, from: from, to: to)
    case "string": try layString(keywords, place)
    case "integer", "number":
      guard let range = try keywords.range() else {
        return json.builder.call(
          type == "integer" ? json.integer : json.number, from: from, to: to)
      }
      let isLaid =
        type == "integer"
        ? range.layIntegers(&json, from: from, to: to) : range.layNumbers(&json, from: from, to: to)
      guard isLaid else { throw place.path.refusal("no \(type) is within its bounds") }
    case "boolean":
      json.builder.read("true".utf8, from: from, to: to)
      json.builder.read("false".utf8, from: from, to: to)
    default: json.builder.read("null".utf8, from: from, to: to)
    }
  }

  private mutating func layString(
    _ keywords: SchemaKeywords, _ place: Place
  ) throws(APIError) {
    let (least, most) = try keywords.counts("minLength", "maxLength")
    let format = try keywords.text("format").map { name throws(APIError) in
      guard let format = StringFormat(rawValue: name) else {
        let known = StringFormat.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
        throw place.path.at("format").refusal(
          "'\(name.prefix(64))' is not supported; supported are \(known)")
      }
      return format
    }
    guard let text = try keywords.text("pattern") ?? format?.pattern else {
      return json.layString(least, most, from: place.from, to: place.to)
    }
    let limits = ["minLength", "maxLength", "format"].filter {
      keywords[$0] != nil && ($0 != "format" || keywords["pattern"] != nil)
    }
    if let other = limits.first {
      throw place.path.at(other).refusal(
        "beside '\(keywords["pattern"] == nil ? "format" : "pattern")' it is not supported; "
          + "say it in the pattern")
    }
    do {
      json.layString(try StringPattern(text), from: place.from, to: place.to)
    } catch {
      throw place.path.at("pattern").refusal(error.problem)
    }
  }

  private mutating func layObject(
    _ keywords: SchemaKeywords, _ place: Place
  ) throws(APIError) {
    let (properties, required) = try keywords.properties()
    let additional = keywords["additionalProperties"] ?? true
    let path = place.path.at("additionalProperties")
    if properties.members.isEmpty, additional != .bool(false) {
      let value = json.builder.makeRule()
      try lay(
        additional, Place(from: value.start, to: value.end, path: path, depth: place.depth + 1),
        in: nil)
      return json.layMap(of: value, from: place.from, to: place.to)
    }
    guard [true, false].contains(additional) || additional.isObject else {
      throw path.refusal("found \(additional.kind); send a schema or a truth value")
    }
    var members: [(key: [UInt8], value: JSONGrammar.Rule, isRequired: Bool)] = []
    for property in properties.members {
      let rule = json.builder.makeRule()
      try lay(
        property.value,
        Place(
          from: rule.start, to: rule.end, path: place.path.at("properties").at(property.key),
          depth: place.depth + 1), in: nil)
      members.append((Self.bytes(.string(property.key)), rule, required.contains(property.key)))
    }
    json.layObject(members, from: place.from, to: place.to)
  }

  private mutating func lay(
    _ values: [JSONValue], _ types: [String]?, _ place: Place
  ) throws(APIError) {
    let fitting = values.filter { value in types?.contains { value.isOf($0) } ?? true }
    guard !fitting.isEmpty else {
      throw place.path.refusal("no value satisfies 'const', 'enum' and 'type' together")
    }
    for value in fitting {
      json.builder.read(Self.bytes(value), from: place.from, to: place.to)
    }
  }

  /// As it is written, compact.
  private static func bytes(_ value: JSONValue) -> [UInt8] {
    var bytes: [UInt8] = []
    JSONWriter.append(to: &bytes) { $0.value(value) }
    return bytes
  }
}

extension JSONValue {
  fileprivate var isObject: Bool {
    if case .object = self { true } else { false }
  }

  /// Whether it is of a type, as schemas name types.
  fileprivate func isOf(_ type: String) -> Bool {
    switch (type, self) {
    case ("object", .object), ("array", .array), ("string", .string), ("integer", .integer),
      ("number", .integer), ("number", .double), ("boolean", .bool), ("null", .null):
      true
    default: false
    }
  }
}
