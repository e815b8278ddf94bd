package import Experimentation
package import OpenAIAPI

/// The first choice of a whole answer, as far as checks look at it.
package struct CheckedAnswer: Hashable, Sendable {
  /// Bytes of text or of arguments that are looked at; a longer answer is not checked at all, as
  /// its beginning may pass what the whole does not. Ten times what most models may say at once.
  package static let maximumBytes = 64 << 10

  /// What the model calls.
  package struct FunctionCall: Hashable, Sendable {
    package var name: String
    /// As the model wrote them.
    package var arguments: String

    package init(name: String, arguments: String) {
      (self.name, self.arguments) = (name, arguments)
    }
  }

  package var text: String
  /// Whether the model declined in the field that the protocol has for it.
  package var hasDeclined = false
  package var calls: [FunctionCall] = []

  package init(text: String) { self.text = text }

  package init(_ completion: ChatCompletion) {
    let message = completion.choices.first?.message
    text = message?.content ?? ""
    hasDeclined = message?.refusal?.isEmpty == false
    calls =
      message?.toolCalls.map { call in
        switch call.call {
        case .function(let name, let arguments): FunctionCall(name: name, arguments: arguments)
        case .custom(let name, let input): FunctionCall(name: name, arguments: input)
        }
      } ?? []
  }

  /// Bytes of text and arguments.
  package var byteCount: Int {
    calls.reduce(text.utf8.count) { $0 + $1.arguments.utf8.count + $1.name.utf8.count }
  }
}

extension CheckedAnswer {
  /// All that the answer says, for who compares texts: a call is its function's name and its
  /// arguments, on a line of its own.
  package var words: String {
    ([text].filter { !$0.isEmpty } + calls.map { "\($0.name) \($0.arguments)" })
      .joined(separator: "\n")
  }

  /// What the checks say, by their names; of one that says nothing there is no score.
  package func scores(_ checks: [AnswerCheck]) -> AnswerScores {
    var scores = AnswerScores()
    guard byteCount <= Self.maximumBytes else { return scores }
    for check in checks {
      scores[ScoreID(check: check.name)] = passes(check.rule).map { $0 ? 1 : 0 }
    }
    return scores
  }

  /// Whether the answer passes, or `nil` when the rule says nothing about such an answer: rules on
  /// texts about one that only calls functions, a language about a text too short to tell.
  package func passes(_ rule: AnswerRule) -> Bool? {
    if case .calls(let name) = rule { return calls.count == 1 && calls[0].isSound(name) }
    if text.isEmpty, !calls.isEmpty { return nil }
    switch rule {
    case .json(let schema): return SchemaCheck.passes(text, schema)
    case .matches(let pattern): return pattern.matches(text)
    case .contains(let words): return text.utf8.contains(words.utf8)
    case .lacks(let words): return !text.utf8.contains(words.utf8)
    case .noRefusal: return !hasDeclined && !Refusal.isOne(text)
    case .language(let language): return LanguageGuess.language(of: text).map { $0 == language }
    case .calls: return nil
    }
  }
}

extension CheckedAnswer.FunctionCall {
  /// Whether it calls `name` with an object.
  fileprivate func isSound(_ name: String) -> Bool {
    guard self.name == name, let value = try? JSONValue(parsing: Array(arguments.utf8)) else {
      return false
    }
    if case .object = value { return true }
    return false
  }
}

extension String.UTF8View {
  /// Whether `needle` stands in it, byte by byte.
  ///
  /// - Complexity: O(self · needle) at worst, of at most 64 KiB and 2 KiB
  fileprivate func contains(_ needle: String.UTF8View) -> Bool {
    let (hay, needle) = (Array(self), Array(needle))
    guard let first = needle.first, needle.count <= hay.count else { return needle.isEmpty }
    return (0...(hay.count - needle.count)).contains { start in
      hay[start] == first && hay[start..<start + needle.count].elementsEqual(needle)
    }
  }
}
