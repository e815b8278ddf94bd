import Foundation

/// The language as a JSON Schema (draft 2020-12), for editors that complete and check while one
/// writes.
///
/// Made of what the readers read by, ``KeyEntry`` and ``KeyRule``. It says less than they do: what
/// YAML hides, what files say together and what numbers in texts mean is theirs alone. What it
/// refuses, they refuse.
package enum PolicySchema {
  /// The schema as JSON, indented, keys in order.
  ///
  /// - Throws: nothing that happens: texts and finite numbers always have a form in JSON.
  package static func text() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(root), as: UTF8.self) + "\n"
  }

  static var root: SchemaNode {
    let kind = { (word: String) -> SchemaNode in ["properties": ["kind": ["const": .string(word)]]]
    }
    return [
      "$schema": "https://json-schema.org/draft/2020-12/schema",
      "title": .string("A policy of rollout, \(PolicyParser.apiVersion)"),
      "description": "What can answer (kind: Model), or how traffic finds out (kind: Rollout).",
      "type": "object",
      "required": ["kind"],
      "properties": ["kind": ["enum": ["Model", "Rollout"]]],
      "allOf": [
        ["if": kind("Model"), "then": ["$ref": .string("#/$defs/\(ModelKey.definition)")]],
        ["if": kind("Rollout"), "then": ["$ref": .string("#/$defs/\(RolloutKey.definition)")]],
      ],
      "$defs": .object(
        Dictionary(
          uniqueKeysWithValues: Vocabulary.objects.map { ($0.definition, $0.definitionSchema) })),
    ]
  }
}

extension PolicyKey {
  /// Its name among the definitions of the schema.
  static var definition: String {
    object.split(separator: " ").last.map(String.init) ?? object
  }

  fileprivate static var definitionSchema: SchemaNode {
    let keys = Array(allCases)
    var node: [String: SchemaNode] = [
      "type": "object",
      "additionalProperties": false,
      "properties": .object(
        Dictionary(uniqueKeysWithValues: keys.map { ($0.rawValue, $0.describedSchema) })),
    ]
    let required = keys.filter { $0.presence == .required }.map(\.rawValue)
    if !required.isEmpty { node["required"] = .strings(required) }
    if !rules.isEmpty { node["allOf"] = .list(rules.map(\.schema)) }
    return .object(node)
  }

  private var describedSchema: SchemaNode {
    let entry = entry
    guard case .object(var node) = entry.form.schema else { return entry.form.schema }
    var description = entry.summary
    if case .value(let value) = entry.usual { description += "; \(value) when it is not there" }
    if case .note(let note) = entry.usual { description += " (\(note))" }
    node["description"] = .string(description)
    return .object(node)
  }
}
