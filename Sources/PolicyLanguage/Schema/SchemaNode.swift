import Experimentation

/// A piece of a JSON Schema.
indirect enum SchemaNode: Hashable {
  case boolean(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case list([SchemaNode])
  case object([String: SchemaNode])

  static func strings(_ strings: [String]) -> SchemaNode { .list(strings.map(SchemaNode.string)) }

  /// A text that matches as a whole.
  static func pattern(_ pattern: String) -> SchemaNode {
    ["type": "string", "pattern": .string(pattern)]
  }
}

extension SchemaNode: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  init(stringLiteral value: String) { self = .string(value) }
  init(booleanLiteral value: Bool) { self = .boolean(value) }
  init(integerLiteral value: Int) { self = .integer(value) }
  init(arrayLiteral elements: SchemaNode...) { self = .list(elements) }

  init(dictionaryLiteral elements: (String, SchemaNode)...) {
    self = .object(Dictionary(elements, uniquingKeysWith: { _, last in last }))
  }
}

extension SchemaNode: Encodable {
  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .boolean(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .list(let nodes): try container.encode(nodes)
    case .object(let members): try container.encode(members)
    }
  }
}

// MARK: - Values

extension ValueForm {
  /// What JSON Schema can say of it. It never refuses what the readers take; what depends on other
  /// places, on letters not digits, or on the file system is left to them.
  var schema: SchemaNode {
    switch self {
    case .words(let words, nil): ["enum": .strings(words)]
    case .words(let words, let shape?):
      ["anyOf": [["enum": .strings(words)], .pattern(shape.pattern)]]
    case .word(let shape): .pattern(shape.pattern)
    case .text: Self.anyText
    case .path: ["allOf": [Self.anyText, ["not": .pattern("(^|/)\\.\\.(/|$)")]]]
    case .pattern(let pattern): .pattern(pattern)
    case .truth: ["type": "boolean"]
    case .integer(let range): Self.wholeNumber(range)
    case .integers(let values): ["enum": .list(values.map(SchemaNode.integer))]
    case .number(let bounds): Self.realNumber(bounds)
    case .percentOfRequests(let bounds):
      ["anyOf": [Self.realNumber(bounds), ValueForm.quantity(["%"]).schema]]
    case .quantity(let units):
      // Bounds of a number inside of a text are beyond patterns.
      .pattern("^-?\(Self.digits)(\\.[0-9]+)?(\(units.joined(separator: "|")))$")
    case .duration: ValueForm.quantity(DurationUnit.allCases.map(\.rawValue)).schema
    case .mapping(let key): ["$ref": .string("#/$defs/\(key.definition)")]
    case .list(let form, let count): Self.array(of: form.schema, count)
    case .oneOrSeveral(let form, let most):
      ["anyOf": [form.schema, Self.array(of: form.schema, 1...most)]]
    case .weights:
      [
        "type": "object", "minProperties": 1, "propertyNames": .pattern(WordShape.name.pattern),
        "additionalProperties": ValueForm.quantity(["%"]).schema,
      ]
    case .wordOrWords(let words):
      [
        "anyOf": [
          ["enum": .strings(words)], Self.array(of: ["enum": .strings(words)], 1...words.count),
        ]
      ]
    case .literals(let count):
      Self.array(of: ["type": .strings(["string", "number", "boolean", "null"])], count)
    case .answerSchema:
      [
        "anyOf": [
          ["const": .string(SchemaReader.anyValue)], ValueForm.mapping(SchemaKey.self).schema,
        ]
      ]
    case .schemas:
      [
        "type": "object", "maxProperties": .integer(AnswerSchema.propertyLimit),
        "additionalProperties": ValueForm.mapping(SchemaKey.self).schema,
      ]
    case .bands(let edges, let tokens):
      ["anyOf": [["const": ["promptTokens"]], Self.edgeList(edges, tokens)]]
    }
  }

  /// A whole number as people write it.
  static let digits = "(0|[1-9][0-9]*)"

  private static let anyText: SchemaNode = [
    "type": "string", "minLength": 1, "maxLength": .integer(PolicyNode.maximumTextLength),
  ]

  private static func wholeNumber(_ range: ClosedRange<Int>) -> SchemaNode {
    [
      "type": "integer", "minimum": .integer(range.lowerBound),
      "maximum": .integer(range.upperBound),
    ]
  }

  private static func realNumber(_ bounds: Bounds) -> SchemaNode {
    [
      "type": "number",
      bounds.isLowInside ? "minimum" : "exclusiveMinimum": .number(bounds.low),
      bounds.isHighInside ? "maximum" : "exclusiveMaximum": .number(bounds.high),
    ]
  }

  private static func array(of node: SchemaNode, _ count: ClosedRange<Int>) -> SchemaNode {
    [
      "type": "array", "items": node, "minItems": .integer(count.lowerBound),
      "maxItems": .integer(count.upperBound),
    ]
  }

  private static func edgeList(_ edges: ClosedRange<Int>, _ tokens: ClosedRange<Int>) -> SchemaNode
  {
    let list = array(of: wholeNumber(tokens), edges)
    return [
      "type": "object", "properties": ["promptTokens": list], "required": ["promptTokens"],
      "additionalProperties": false,
    ]
  }
}

// MARK: - Rules

extension KeyRule {
  var schema: SchemaNode {
    switch self {
    case .exactlyOne(let keys): ["oneOf": .list(keys.map(Self.has))]
    case .atMostOne(let keys):
      [
        "not": [
          "anyOf": .list(
            keys.indices.flatMap { first in
              keys[(first + 1)...].map { Self.hasAll([keys[first], $0]) }
            })
        ]
      ]
    case .atLeastOne(let keys): ["anyOf": .list(keys.map(Self.has))]
    case .all(let keys): Self.hasAll(keys)
    case .none(let keys):
      [
        "properties": .object(
          Dictionary(uniqueKeysWithValues: keys.map { ($0.rawValue, .boolean(false)) }))
      ]
    case .words(let key, let words): Self.isOne(of: words, key)
    case .when(let key, let words, let rules):
      [
        "if": ["allOf": [Self.has(key), Self.isOne(of: words, key)]],
        "then": ["allOf": .list(rules.map(\.schema))],
      ]
    case .beside(let keys, let rules):
      [
        "if": ["anyOf": .list(keys.map(Self.has))],
        "then": ["allOf": .list(rules.map(\.schema))],
      ]
    }
  }

  private static func has(_ key: Key) -> SchemaNode { hasAll([key]) }

  private static func hasAll(_ keys: [Key]) -> SchemaNode {
    ["required": .strings(keys.map(\.rawValue))]
  }

  private static func isOne(of words: [String], _ key: Key) -> SchemaNode {
    ["properties": .object([key.rawValue: ["enum": .strings(words)]])]
  }
}
