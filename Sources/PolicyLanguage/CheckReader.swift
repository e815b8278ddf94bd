import Experimentation

/// Reads what an answer must be like: `check:`.
struct CheckReader {
  let log: DiagnosticLog

  /// `nil` when there was a mistake.
  func rule(_ node: PolicyNode) -> AnswerRule? {
    guard let reader = MappingReader<CheckKey>(node, log: log) else { return nil }
    let keys = reader.present(CheckKey.allCases)
    guard let key = keys.first, let value = reader[key] else {
      if !reader.hasAny(CheckKey.allCases) {
        log.report(.oneOf, at: node.position, "a check needs one of \(CheckKey.allCases.list)")
      }
      return nil
    }
    guard keys.count == 1 else {
      log.report(
        .oneOf, at: reader.position(of: keys[1]),
        "a check has '\(key.rawValue)' or '\(keys[1].rawValue)', not both",
        hint: "write a second metric for a second check")
      return nil
    }
    switch key {
    case .json: return SchemaReader.schema(value, log).map { .json($0) }
    case .matches: return value.pattern(log).map { .matches($0) }
    case .contains: return value.text("the letters to look for", log).map { .contains($0) }
    case .lacks: return value.text("the letters to look for", log).map { .lacks($0) }
    case .refusal:
      let word: CheckKey.Refusal? = reader.word(key, "what there may be of refusals")
      return word.map { _ in .noRefusal }
    case .language:
      let language: AnswerLanguage? = reader.word(key, "a language")
      return language.map { .language($0) }
    case .calls: return function(value).map { .calls($0) }
    }
  }

  private func function(_ node: PolicyNode) -> String? {
    guard let text = node.text("a function's name", log) else { return nil }
    if CheckKey.function.matches(text) { return text }
    log.report(
      .invalidName, at: node.position, "'\(text.clipped)' is no function's name",
      hint: "it has 1 to 64 of a-z, A-Z, 0-9, '_' and '-', and begins with a letter or '_'")
    return nil
  }
}

extension PolicyNode {
  /// A regular expression.
  func pattern(_ log: DiagnosticLog) -> TextPattern? {
    guard let text = text("a regular expression", log) else { return nil }
    do { return try TextPattern(text) } catch {
      log.report(
        .invalidPattern, at: position, "this pattern cannot be used: \(error.problem)",
        hint: "quotes in single marks keep backslashes: '\\d+'")
      return nil
    }
  }
}

/// Reads a schema, with those inside of it.
struct SchemaReader {
  private let log: DiagnosticLog
  private var properties = 0

  private init(log: DiagnosticLog) { self.log = log }

  /// `any`, or a schema; `nil` when there was a mistake.
  static func schema(_ node: PolicyNode, _ log: DiagnosticLog) -> AnswerSchema? {
    if case .scalar(let scalar) = node.content {
      if scalar.text == anyValue { return AnswerSchema() }
      node.refuseChoice(scalar.text, "'\(anyValue)' or a schema", of: [anyValue], log)
      return nil
    }
    var reader = SchemaReader(log: log)
    return reader.schema(node, depth: 1)
  }

  static let anyValue = "any"

  private mutating func schema(_ node: PolicyNode, depth: Int) -> AnswerSchema? {
    guard depth <= AnswerSchema.depthLimit else {
      log.report(
        .outOfRange, at: node.position,
        "more than \(AnswerSchema.depthLimit) schemas inside of each other")
      return nil
    }
    guard let reader = MappingReader<SchemaKey>(node, log: log) else { return nil }
    // What could not be read was reported, and such a policy is refused.
    var schema = AnswerSchema()
    schema.kinds = reader[.type].flatMap(kinds) ?? []
    schema.properties = reader[.properties].map { members($0, depth: depth) } ?? [:]
    schema.items = reader[.items].flatMap { self.schema($0, depth: depth + 1) }.map { [$0] } ?? []
    schema.required = reader.list(.required)?.compactMap { $0.text("a key", log) } ?? []
    schema.allowsOtherKeys =
      reader[.additionalProperties].flatMap { $0.truth("additionalProperties", log) } ?? true
    schema.literals =
      reader[.literals]?.list("enum", SchemaKey.literalCount, log)?.compactMap(literal) ?? []
    schema.minimum = reader.number(.minimum)
    schema.maximum = reader.number(.maximum)
    schema.minLength = reader.integer(.minLength)
    schema.maxLength = reader.integer(.maxLength)
    schema.minItems = reader.integer(.minItems)
    schema.maxItems = reader.integer(.maxItems)
    schema.pattern = reader[.pattern].flatMap { $0.pattern(log) }
    SchemaRules(schema: schema, reader: reader).check()
    return schema
  }

  private func kinds(_ node: PolicyNode) -> [AnswerSchema.Kind] {
    let words = AnswerSchema.Kind.allCases
    guard case .list = node.content else {
      return node.choiceOfText("a type", among: words, log).map { [$0] } ?? []
    }
    let items = node.list("type", 1...words.count, log) ?? []
    let kinds = items.compactMap { $0.choiceOfText("a type", among: words, log) }
    return words.filter(kinds.contains)
  }

  private mutating func members(_ node: PolicyNode, depth: Int) -> [String: AnswerSchema] {
    guard case .mapping(let entries) = node.content else {
      log.report(.wrongKind, at: node.position, "expected schemas by key, found \(node.kind)")
      return [:]
    }
    properties += entries.count
    guard properties <= AnswerSchema.propertyLimit else {
      log.report(
        .outOfRange, at: node.position,
        "a check has schemas of at most \(AnswerSchema.propertyLimit) keys")
      return [:]
    }
    var members: [String: AnswerSchema] = [:]
    for entry in entries {
      if members[entry.key] != nil {
        log.report(
          .duplicateKey, at: entry.keyPosition, "key '\(entry.key.clipped)' is there twice")
      }
      members[entry.key] = schema(entry.value, depth: depth + 1)
    }
    return members
  }

  private func literal(_ node: PolicyNode) -> AnswerSchema.Literal? {
    guard let scalar = node.scalar("a value", log) else { return nil }
    if scalar.isQuoted { return .string(scalar.text) }
    switch scalar.text {
    case "null": return .null
    case "true": return .bool(true)
    case "false": return .bool(false)
    default: break
    }
    if NumberForm(scalar.text) == .notNumber {
      return node.text("a value", log).map { .string($0) }
    }
    return node.number("a value", log).map { .number($0.value) }
  }
}

extension PolicyNode {
  /// One word of a closed set that is a text to all readers of YAML.
  fileprivate func choiceOfText<Value: RawRepresentable<String>>(
    _ expected: String, among values: [Value], _ log: DiagnosticLog
  ) -> Value? {
    guard text(expected, log) != nil else { return nil }
    return choice(expected, among: values, log)
  }
}
