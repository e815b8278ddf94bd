import Foundation
import OpenAIAPI

/// Where in a schema something stands: a JSON pointer as a fragment (RFC 6901, section 6), which is
/// how `$ref` names places and how refusals do.
struct SchemaPath: Hashable {
  /// `#/properties/name`; `#` for the schema itself.
  let text: String

  static let root = SchemaPath(text: "#")

  /// The place of the member `key` of what stands here.
  func at(_ key: String) -> SchemaPath {
    // Places are for messages, which show little of them: a long key is not copied for each.
    guard text.utf8.count <= 4_096 else { return self }
    let escaped = key.replacing("~", with: "~0").replacing("/", with: "~1")
    return SchemaPath(text: "\(text)/\(escaped)")
  }

  /// The place of an element of the array that stands here.
  func at(_ index: Int) -> SchemaPath { at("\(index)") }

  /// 400 that names the place.
  func refusal(_ problem: String) -> APIError {
    .invalidRequest(
      "Invalid 'response_format.json_schema.schema' at '\(excerpt)': \(problem).",
      param: "response_format", code: "invalid_json_schema")
  }

  /// Short enough for a message, whatever clients call their properties.
  private var excerpt: String { text.count <= 200 ? text : "…" + text.suffix(199) }
}

/// A whole schema, in which references are followed.
struct SchemaRoot {
  private let whole: JSONValue
  /// What most references name, by reference: found at once, however many there are.
  private var definitions: [String: JSONValue] = [:]

  init(_ whole: JSONValue) {
    self.whole = whole
    for key in ["$defs", "definitions"] {
      guard case .object(let object)? = whole[key] else { continue }
      for member in object.members {
        definitions[SchemaPath.root.at(key).at(member.key).text] = member.value
      }
    }
  }

  /// What stands at a local reference, `#/$defs/name`.
  ///
  /// - Parameter path: where the reference stands
  /// - Throws: 400 for a reference out of the schema, or to nothing.
  func resolve(_ reference: String, at path: SchemaPath) throws(APIError) -> JSONValue {
    if reference == "#" { return whole }
    if let known = definitions[reference] { return known }
    guard reference.hasPrefix("#/") else {
      throw path.refusal(
        "'\(reference.prefix(100))' is not a place in this schema; references are JSON pointers "
          + "such as '#/$defs/name'")
    }
    var value = whole
    for part in reference.dropFirst(2).split(separator: "/", omittingEmptySubsequences: false) {
      let key = (String(part).removingPercentEncoding ?? String(part))
        .replacing("~1", with: "/").replacing("~0", with: "~")
      let next: JSONValue? =
        if case .array(let elements) = value {
          Int(key).flatMap { elements.indices.contains($0) ? elements[$0] : nil }
        } else { value[key] }
      guard let next else {
        throw path.refusal("there is nothing at '\(reference.prefix(100))'")
      }
      value = next
    }
    return value
  }
}
