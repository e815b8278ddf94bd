import Experimentation

/// What stands behind `check:`.
enum CheckKey: String, PolicyKey {
  case json, matches, contains, lacks, refusal, language, calls

  static let object = "a check"

  /// What there may be of what `refusal` asks for.
  enum Refusal: String, CaseIterable { case absent }

  /// Of a function.
  static let function = WordShape(first: "a-zA-Z_", rest: "a-zA-Z0-9_-", length: 1...64)

  var presence: KeyPresence { .optional }

  var entry: KeyEntry {
    switch self {
    case .json:
      KeyEntry(
        .answerSchema, usual: "one of seven",
        """
        the whole text is one JSON value of this schema, with nothing before or behind it; `any` \
        takes every value
        """)
    case .matches:
      KeyEntry(
        .text, usual: "one of seven",
        """
        the text has a place that this regular expression matches: literals, classes, groups, \
        alternatives, counts, `^`, `$`, `\\b`, and `(?i)` in front
        """)
    case .contains:
      KeyEntry(.text, usual: "one of seven", "the text has these letters in it, case and all")
    case .lacks:
      KeyEntry(.text, usual: "one of seven", "the text does not have these letters in it")
    case .refusal:
      KeyEntry(
        .words(Refusal.allCases.map(\.rawValue)), usual: "one of seven",
        "`absent`: the answer does not begin by saying that it cannot or will not, in English")
    case .language:
      KeyEntry(
        .words(AnswerLanguage.allCases.map(\.rawValue)), usual: "one of seven",
        "most of the text is in this language; a text too short to tell is not counted")
    case .calls:
      KeyEntry(
        .word(Self.function), usual: "one of seven",
        "the answer calls this function, with an object of JSON as arguments")
    }
  }

  static var rules: [KeyRule<Self>] { [.exactlyOne(allCases)] }
}

/// What a JSON value must be like, in the words of JSON Schema.
enum SchemaKey: String, PolicyKey {
  case type, properties, required, additionalProperties, items
  case literals = "enum"
  case minimum, maximum, minLength, maxLength, minItems, maxItems, pattern

  static let object = "a schema"

  static let lengths = 0...1_000_000
  static let numbers = Bounds(from: -1e15, to: 1e15)
  static let literalCount = 1...64

  var presence: KeyPresence { .optional }

  var entry: KeyEntry {
    switch self {
    case .type:
      KeyEntry(
        .wordOrWords(AnswerSchema.Kind.allCases.map(\.rawValue)), usual: "every kind",
        "`object`, or `[string, \"null\"]`")
    case .properties:
      KeyEntry(.schemas, usual: "every value", "by key, what its value must be like")
    case .required:
      KeyEntry(
        .list(.text, 1...AnswerSchema.propertyLimit), usual: "no key", "keys that must be there")
    case .additionalProperties:
      KeyEntry(.truth, or: "true", "whether keys that are not under `properties` may be there")
    case .items:
      KeyEntry(.mapping(SchemaKey.self), usual: "every value", "what each item must be like")
    case .literals:
      KeyEntry(.literals(Self.literalCount), usual: "every value", "the value is one of these")
    case .minimum: KeyEntry(.number(Self.numbers), usual: "none", "of numbers")
    case .maximum: KeyEntry(.number(Self.numbers), usual: "none", "of numbers")
    case .minLength: KeyEntry(.integer(Self.lengths), or: "0", "of texts, in code points")
    case .maxLength: KeyEntry(.integer(Self.lengths), usual: "none", "of texts, in code points")
    case .minItems: KeyEntry(.integer(Self.lengths), or: "0", "of lists")
    case .maxItems: KeyEntry(.integer(Self.lengths), usual: "none", "of lists")
    case .pattern: KeyEntry(.text, usual: "none", "of texts; as under `matches`")
    }
  }
}
