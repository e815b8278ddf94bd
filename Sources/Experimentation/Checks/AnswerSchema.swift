/// What a JSON value must be like: the part of JSON Schema (draft 2020-12) that says what an answer
/// has to look like, read strictly.
///
/// A keyword that is not here is a mistake of the policy, not something to pass over: a schema that
/// is checked in part says of answers that they pass when they do not.
package struct AnswerSchema: Hashable, Sendable, Codable {
  /// Kinds of values.
  package enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
    case object, array, string, number, integer, boolean, null
  }

  /// A value that is written out.
  package enum Literal: Hashable, Sendable, Codable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
  }

  /// Any of these; empty for every kind.
  package var kinds: [Kind] = []
  /// Of objects, by key.
  package var properties: [String: AnswerSchema] = [:]
  /// Keys that an object must have.
  package var required: [String] = []
  /// Whether an object may have keys beyond ``properties``.
  package var allowsOtherKeys = true
  /// Of arrays: what each item must be like; at most one.
  package var items: [AnswerSchema] = []
  /// The value is one of these; empty for every value.
  package var literals: [Literal] = []
  package var minimum: Double?
  package var maximum: Double?
  /// Of strings, in Unicode scalars.
  package var minLength: Int?
  package var maxLength: Int?
  package var minItems: Int?
  package var maxItems: Int?
  /// Of strings.
  package var pattern: TextPattern?

  /// Every value.
  package init() {}

  /// Schemas inside of each other, and keys altogether, of one check.
  package static let depthLimit = 8
  package static let propertyLimit = 128
}
