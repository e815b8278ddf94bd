import OpenAIAPI

/// Makes one schema of several that must all hold: `allOf`, and a `$ref` with words beside it.
///
/// What is inside (of properties, of items) is not put together here but becomes an `allOf` of its
/// own, for when it is laid.
struct SchemaMerge {
  /// What references are resolved in.
  let root: SchemaRoot

  /// The reference that `object` is, beside words that describe; also as the only one of an
  /// `allOf`, which is how some libraries write it.
  static func onlyReference(of object: JSONObject) -> String? {
    let said = object.members.filter { !SchemaKeywords.describing.contains($0.key) }
    guard said.count == 1, let member = said.first else { return nil }
    switch (member.key, member.value) {
    case ("$ref", .string(let reference)): return reference
    case ("allOf", .array(let schemas)):
      guard schemas.count == 1, case .object(let only)? = schemas.first else { return nil }
      return onlyReference(of: only)
    default: return nil
    }
  }

  /// `object` without `allOf` and `$ref` of its own.
  ///
  /// - Parameter work: counts the schemas that are put together
  func flattened(
    _ object: JSONObject, at path: SchemaPath, work: inout Int
  ) throws(APIError) -> JSONObject {
    guard object["allOf"] != nil || object["$ref"] != nil else { return object }
    var result = JSONObject()
    var parts = [Part(schema: .object(object), path: path, followed: [])]
    let before = work
    // Innermost last: a stack, so that nothing is followed inside of something else.
    while let part = parts.popLast() {
      work += 1
      guard work - before <= 1_024 else {
        throw path.refusal("it is put together of too many schemas")
      }
      if part.schema == .bool(true) { continue }
      guard case .object(var object) = part.schema else {
        throw part.path.refusal("found \(part.schema.kind); a schema is an object")
      }
      var more: [Part] = []
      let keywords = SchemaKeywords(object: object, path: part.path)
      for (index, schema) in (try keywords.schemas("allOf") ?? []).enumerated() {
        more.append(
          Part(
            schema: schema, path: part.path.at("allOf").at(index), followed: part.followed))
      }
      if let reference = try keywords.text("$ref") {
        guard !part.followed.contains(reference) else {
          throw part.path.at("$ref").refusal(
            "'\(reference.prefix(100))' comes back to itself within 'allOf'")
        }
        more.append(
          Part(
            schema: try root.resolve(reference, at: part.path.at("$ref")),
            path: SchemaPath(text: reference),
            followed: part.followed.union([reference])))
      }
      object.members.removeAll { ["allOf", "$ref"].contains($0.key) }
      result = try merged(result, object, at: part.path)
      // Far more than there are keywords: to look one up walks all of them.
      guard result.members.count <= 64 else {
        throw part.path.refusal("a schema has at most 64 keywords")
      }
      parts += more.reversed()
    }
    return result
  }

  private struct Part {
    let schema: JSONValue
    let path: SchemaPath
    /// References on the way to it.
    let followed: Set<String>
  }

  private func merged(
    _ one: JSONObject, _ other: JSONObject, at path: SchemaPath
  ) throws(APIError) -> JSONObject {
    let said = JSONObject(other.members.filter { !SchemaKeywords.describing.contains($0.key) })
    if one.members.isEmpty { return said }
    var result = one
    for member in said.members
    where !["properties", "additionalProperties"].contains(member.key) {
      guard let known = one[member.key] else {
        result.members.append(member)
        continue
      }
      result[member.key] = try merged(member.key, known, member.value, at: path)
    }
    try mergeProperties(one, said, into: &result, at: path)
    return result
  }

  private func merged(
    _ key: String, _ one: JSONValue, _ other: JSONValue, at path: SchemaPath
  ) throws(APIError) -> JSONValue {
    if one == other { return one }
    switch (key, one, other) {
    case ("minLength", .integer(let one), .integer(let other)),
      ("minItems", .integer(let one), .integer(let other)),
      ("minimum", .integer(let one), .integer(let other)),
      ("exclusiveMinimum", .integer(let one), .integer(let other)):
      return .integer(max(one, other))
    case ("maxLength", .integer(let one), .integer(let other)),
      ("maxItems", .integer(let one), .integer(let other)),
      ("maximum", .integer(let one), .integer(let other)),
      ("exclusiveMaximum", .integer(let one), .integer(let other)):
      return .integer(min(one, other))
    case ("enum", .array(let one), .array(let other)):
      return .array(one.filter(Set(other).contains))
    case ("required", .array(let one), .array(let other)):
      let known = Set(one)
      return .array(one + other.filter { !known.contains($0) })
    case ("items", _, _): return ["allOf": .array([one, other])]
    case ("anyOf", .array(let one), .array(let other)):
      return .array(one.map { ["allOf": .array([$0, ["anyOf": .array(other)]])] })
    case ("type", _, _): return types(one, other)
    default:
      throw path.at(key).refusal("two values of '\(key.prefix(64))' cannot be honoured together")
    }
  }

  /// The types that both sides name; none of them where they contradict each other.
  private func types(_ one: JSONValue, _ other: JSONValue) -> JSONValue {
    func names(_ value: JSONValue) -> [JSONValue] {
      if case .array(let list) = value { list } else { [value] }
    }
    let (first, second) = (Set(names(one)), Set(names(other)))
    // Each integer is a number.
    let common = first.filter {
      second.contains($0) || ($0 == "integer" && second.contains("number"))
    }.union(second.filter { $0 == "integer" && first.contains("number") })
    let ordered = SchemaKeywords.types.map { JSONValue.string($0) }.filter(common.contains)
    return .array(ordered)
  }

  /// A property must satisfy what each side says of it: where it is named, that, else what is said
  /// of additional ones.
  private func mergeProperties(
    _ one: JSONObject, _ other: JSONObject, into result: inout JSONObject, at path: SchemaPath
  ) throws(APIError) {
    let keys = ["properties", "additionalProperties"]
    guard keys.contains(where: { one[$0] != nil }), keys.contains(where: { other[$0] != nil })
    else {
      for member in other.members where keys.contains(member.key) { result.members.append(member) }
      return
    }
    let sides = try [one, other].map { side throws(APIError) in try Side(side, at: path) }
    var properties = JSONObject()
    var seen: Set<String> = []
    for key in sides.flatMap(\.names) where seen.insert(key).inserted {
      if let value = Self.both(sides[0].schema(of: key), sides[1].schema(of: key)) {
        properties.members.append(JSONObject.Member(key, value))
      }
    }
    result["properties"] = .object(properties)
    result["additionalProperties"] =
      Self.both(sides[0].additional, sides[1].additional) ?? .bool(false)
  }

  /// What one schema says of properties.
  private struct Side {
    /// In order.
    let names: [String]
    let additional: JSONValue
    private let properties: [String: JSONValue]

    init(_ object: JSONObject, at path: SchemaPath) throws(APIError) {
      let named = JSONObject(object.members.filter { $0.key == "properties" })
      let members = try SchemaKeywords(object: named, path: path).properties().0.members
      names = members.map(\.key)
      properties = Dictionary(members.map { ($0.key, $0.value) }) { first, _ in first }
      additional = object["additionalProperties"] ?? true
    }

    func schema(of key: String) -> JSONValue { properties[key] ?? additional }
  }

  /// The schema of what satisfies both; `nil` where nothing does.
  private static func both(_ one: JSONValue, _ other: JSONValue) -> JSONValue? {
    if one == .bool(false) || other == .bool(false) { return nil }
    if one == .bool(true) || one == other { return other }
    return other == .bool(true) ? one : ["allOf": .array([one, other])]
  }
}
