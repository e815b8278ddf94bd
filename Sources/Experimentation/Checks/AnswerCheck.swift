/// A rule that a whole answer passes or does not, with the name under which a policy has it.
///
/// Looked at in every answer of the rollout, by itself, so that every strategy has its share of
/// answers that pass: metric ``Metric/check``.
package struct AnswerCheck: Hashable, Sendable, Codable {
  /// The metric's, without the slices that it is looked at in.
  package var name: String
  package var rule: AnswerRule

  package init(name: String, rule: AnswerRule) {
    self.name = name
    self.rule = rule
  }
}

/// What an answer must be like.
package enum AnswerRule: Hashable, Sendable, Codable {
  /// The text is one JSON value of the schema and nothing else.
  case json(AnswerSchema)
  /// The pattern matches somewhere in the text.
  case matches(TextPattern)
  /// The text has these words in it, letter by letter.
  case contains(String)
  /// The text does not have these words in it.
  case lacks(String)
  /// The model does what it was asked, rather than saying that it cannot.
  case noRefusal
  /// The text is written in the language.
  case language(AnswerLanguage)
  /// The answer calls the function of that name, with an object of JSON as arguments.
  case calls(String)

  /// Whether only an answer to a request with tools can pass; models in this process take none.
  package var needsTools: Bool {
    if case .calls = self { true } else { false }
  }
}

/// A language that answers are told apart by.
package enum AnswerLanguage: String, Hashable, Sendable, Codable, CaseIterable {
  case arabic = "ar"
  case chinese = "zh"
  case dutch = "nl"
  case english = "en"
  case french = "fr"
  case german = "de"
  case greek = "el"
  case hebrew = "he"
  case hindi = "hi"
  case italian = "it"
  case japanese = "ja"
  case korean = "ko"
  case polish = "pl"
  case portuguese = "pt"
  case russian = "ru"
  case spanish = "es"
}
