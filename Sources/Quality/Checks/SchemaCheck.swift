import Experimentation
import OpenAIAPI

/// Whether a text is JSON of a schema.
enum SchemaCheck {
  /// The whole text must be one value: what stands in a fence of Markdown, or behind a sentence, is
  /// text that has JSON in it. White space around it is allowed, equal keys are not.
  static func passes(_ text: String, _ schema: AnswerSchema) -> Bool {
    let limits = JSONLimits(
      maximumBytes: CheckedAnswer.maximumBytes, acceptsEscapedNUL: true)
    guard let value = try? JSONValue(parsing: Array(text.utf8), limits: limits) else {
      return false
    }
    return passes(value, schema)
  }

  /// As deep as the schema, which is bounded.
  static func passes(_ value: JSONValue, _ schema: AnswerSchema) -> Bool {
    guard schema.kinds.isEmpty || schema.kinds.contains(where: { value.isA($0) }),
      schema.literals.isEmpty || schema.literals.contains(where: { value.equals($0) })
    else { return false }
    switch value {
    case .null, .bool: return true
    case .integer(let number): return isWithin(Double(number), schema)
    case .double(let number): return isWithin(number, schema)
    case .string(let text): return passes(text: text, schema)
    case .array(let items): return passes(items: items, schema)
    case .object(let object): return passes(object: object, schema)
    }
  }

  private static func isWithin(_ number: Double, _ schema: AnswerSchema) -> Bool {
    number >= schema.minimum ?? -.infinity && number <= schema.maximum ?? .infinity
  }

  private static func passes(text: String, _ schema: AnswerSchema) -> Bool {
    let count = text.unicodeScalars.count
    guard count >= schema.minLength ?? 0, count <= schema.maxLength ?? .max else { return false }
    return schema.pattern?.matches(text) ?? true
  }

  private static func passes(items: [JSONValue], _ schema: AnswerSchema) -> Bool {
    guard items.count >= schema.minItems ?? 0, items.count <= schema.maxItems ?? .max else {
      return false
    }
    guard let each = schema.items.first else { return true }
    return items.allSatisfy { passes($0, each) }
  }

  private static func passes(object: JSONObject, _ schema: AnswerSchema) -> Bool {
    if !schema.required.isEmpty {
      let keys = Set(object.members.map { ExactText(text: $0.key) })
      guard schema.required.allSatisfy({ keys.contains(ExactText(text: $0)) }) else { return false }
    }
    return object.members.allSatisfy { member in
      guard let index = schema.properties.index(forKey: member.key),
        ExactText(text: schema.properties[index].key) == ExactText(text: member.key)
      else { return schema.allowsOtherKeys }
      return passes(member.value, schema.properties[index].value)
    }
  }
}

/// A text that equals those of the same code points, as texts of JSON do: "é" as one is not "é" as
/// two, which to Swift they are.
private struct ExactText: Hashable {
  var text: String

  static func == (left: Self, right: Self) -> Bool {
    left.text.utf8.elementsEqual(right.text.utf8)
  }

  func hash(into hasher: inout Hasher) {
    for byte in text.utf8 { hasher.combine(byte) }
    hasher.combine(0xFF as UInt8)
  }
}

extension JSONValue {
  fileprivate func isA(_ kind: AnswerSchema.Kind) -> Bool {
    switch (self, kind) {
    case (.object, .object), (.array, .array), (.string, .string), (.bool, .boolean),
      (.null, .null), (.integer, .integer), (.integer, .number), (.double, .number):
      true
    // To JSON Schema 1.0 is an integer.
    case (.double(let value), .integer): value == value.rounded()
    default: false
    }
  }

  fileprivate func equals(_ literal: AnswerSchema.Literal) -> Bool {
    switch (self, literal) {
    case (.null, .null): true
    case (.bool(let value), .bool(let other)): value == other
    case (.integer(let value), .number(let other)): Double(value) == other
    case (.double(let value), .number(let other)): value == other
    case (.string(let value), .string(let other)): ExactText(text: value) == ExactText(text: other)
    default: false
    }
  }
}
