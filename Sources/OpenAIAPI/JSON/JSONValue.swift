/// One JSON value, as strict readers see it: key order is kept, whole numbers are apart from
/// fractions, and no key stands twice in an object.
///
///     let value = try JSONValue(parsing: Array(#"{"model":"tiny"}"#.utf8))
///     value["model"]  // .string("tiny")
///
/// Why not Foundation's: it keeps the first of two equal keys, where most servers keep the last, so
/// that one body could mean one thing to us and another to the upstream.
package enum JSONValue: Hashable, Sendable {
  case null
  case bool(Bool)
  /// Written without fraction and exponent, and within 64 bits with sign.
  case integer(Int64)
  /// Any other number, `1.0`, `1e3`, `-0` and whole numbers beyond 64 bits among them. Finite when
  /// it was parsed.
  case double(Double)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)

  /// The member of that name, or `nil` where there is none or this is no object.
  package subscript(key: String) -> JSONValue? {
    if case .object(let object) = self { object[key] } else { nil }
  }

  /// What a person would call this value, for messages: `a string`, `null`, `an array`.
  package var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .integer: "an integer"
    case .double: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}

/// The members of a JSON object in the order in which they were written.
///
/// Looking a key up walks all members, so decoders walk `members` once instead of asking for each
/// name. Keys are unique by construction when parsed.
package struct JSONObject: Hashable, Sendable {
  /// One key and its value.
  package struct Member: Hashable, Sendable {
    package var key: String
    package var value: JSONValue

    /// A member.
    package init(_ key: String, _ value: JSONValue) {
      self.key = key
      self.value = value
    }
  }

  /// In written order.
  package var members: [Member]

  /// An object of these members; the caller sees to it that no key stands twice.
  package init(_ members: [Member] = []) {
    self.members = members
  }

  /// The value of that key. Setting replaces in place, appends a new key, and removes on `nil`.
  ///
  /// - Complexity: O(members).
  package subscript(key: String) -> JSONValue? {
    get {
      for member in members where member.key == key { return member.value }
      return nil
    }
    set {
      let index = members.firstIndex { $0.key == key }
      switch (index, newValue) {
      case (let index?, let value?): members[index].value = value
      case (let index?, nil): members.remove(at: index)
      case (nil, let value?): members.append(Member(key, value))
      case (nil, nil): break
      }
    }
  }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  /// An object written as a literal, in that order.
  package init(dictionaryLiteral elements: (String, JSONValue)...) {
    self.init(elements.map { Member($0.0, $0.1) })
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
  /// A string.
  package init(stringLiteral value: String) { self = .string(value) }
  /// An integer.
  package init(integerLiteral value: Int64) { self = .integer(value) }
  /// A double.
  package init(floatLiteral value: Double) { self = .double(value) }
  /// A boolean.
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  /// An array.
  package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  /// An object, in the order written.
  package init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(JSONObject(elements.map { JSONObject.Member($0.0, $0.1) }))
  }
  /// Null.
  package init(nilLiteral: ()) { self = .null }
}
