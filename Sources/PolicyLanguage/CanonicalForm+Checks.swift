import Experimentation

extension AnswerRule {
  var canonicalForm: CanonicalForm {
    switch self {
    case .json(let schema): .object(["json": schema.canonicalForm])
    case .matches(let pattern): .object(["matches": .text(pattern.text)])
    case .contains(let text): .object(["contains": .text(text)])
    case .lacks(let text): .object(["lacks": .text(text)])
    case .noRefusal: .object(["refusal": .text(CheckKey.Refusal.absent.rawValue)])
    case .language(let language): .object(["language": .text(language.rawValue)])
    case .calls(let function): .object(["calls": .text(function)])
    }
  }
}

extension AnswerSchema {
  fileprivate var canonicalForm: CanonicalForm {
    .object([
      "type": kinds.isEmpty ? nil : .list(kinds.map { .text($0.rawValue) }),
      "properties": properties.isEmpty ? nil : .object(properties.mapValues(\.canonicalForm)),
      "required": required.isEmpty ? nil : .list(required.map(CanonicalForm.text)),
      "additionalProperties": allowsOtherKeys ? nil : .text("false"),
      "items": items.first.map(\.canonicalForm),
      "enum": literals.isEmpty ? nil : .list(literals.map(\.canonicalForm)),
      "minimum": minimum.map(CanonicalForm.number), "maximum": maximum.map(CanonicalForm.number),
      "minLength": minLength.map(CanonicalForm.integer),
      "maxLength": maxLength.map(CanonicalForm.integer),
      "minItems": minItems.map(CanonicalForm.integer),
      "maxItems": maxItems.map(CanonicalForm.integer), "pattern": pattern.map { .text($0.text) },
    ])
  }
}

extension AnswerSchema.Literal {
  /// Told apart from a text that reads the same.
  fileprivate var canonicalForm: CanonicalForm {
    switch self {
    case .null: .object(["word": .text("null")])
    case .bool(let value): .object(["word": .text(value ? "true" : "false")])
    case .number(let value): .number(value)
    case .string(let text): .text(text)
    }
  }
}

extension JudgePolicy {
  var canonicalForm: CanonicalForm {
    .object([
      "model": .text(model.text), "rubric": .text(rubric), "share": .number(share.value),
      "concurrency": .integer(concurrency),
      "tokensPerDay": tokensPerDay.map(CanonicalForm.integer),
      "labels": labels.map { .integer($0.limit) },
      "labelShare": labels.map { .number($0.share.value) },
    ])
  }
}

extension EmbeddingPolicy {
  var canonicalForm: CanonicalForm {
    .object([
      "model": .text(model.text), "share": .number(share.value),
      "concurrency": .integer(concurrency),
      "tokensPerDay": tokensPerDay.map(CanonicalForm.integer),
    ])
  }
}
