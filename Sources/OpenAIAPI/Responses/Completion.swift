/// The answer of `POST /v1/completions`, whole or one streamed piece: the API gives both one shape.
package struct Completion: Hashable, Sendable {
  /// The log probabilities of a text, token by token: equally long arrays.
  package struct Logprobs: Hashable, Sendable {
    package var tokens: [String]
    /// `nil` for a token that nothing came before, the first of an echoed prompt.
    package var tokenLogprobs: [Double?]
    /// Per token the likeliest alternatives, the likeliest first, or `nil` where unknown. `nil` as
    /// a whole if none were asked for.
    package var topLogprobs: [[Alternative]?]?
    /// Where each token starts in the text, in characters as the API counts them.
    package var textOffset: [Int]

    /// A token that could have stood there.
    package struct Alternative: Hashable, Sendable {
      package var token: String
      package var logprob: Double

      /// An alternative.
      package init(token: String, logprob: Double) {
        self.token = token
        self.logprob = logprob
      }
    }

    /// Log probabilities of nothing, to be appended to.
    package init(
      tokens: [String] = [], tokenLogprobs: [Double?] = [],
      topLogprobs: [[Alternative]?]? = nil, textOffset: [Int] = []
    ) {
      self.tokens = tokens
      self.tokenLogprobs = tokenLogprobs
      self.topLogprobs = topLogprobs
      self.textOffset = textOffset
    }
  }

  /// One text, or what is new in it.
  package struct Choice: Hashable, Sendable {
    /// From 0; choice `n · p + i` is the i-th answer to the p-th prompt.
    package var index: Int
    package var text: String
    package var logprobs: Logprobs?
    /// `nil` in all streamed pieces but the last.
    package var finishReason: FinishReason?
    /// Of the choice's prompt; never streamed.
    package var promptLogprobs: PromptLogprobs?

    /// A choice.
    package init(
      index: Int, text: String, logprobs: Logprobs? = nil, finishReason: FinishReason?,
      promptLogprobs: PromptLogprobs? = nil
    ) {
      self.index = index
      self.text = text
      self.logprobs = logprobs
      self.finishReason = finishReason
      self.promptLogprobs = promptLogprobs
    }
  }

  package var id: String
  /// Unix time in seconds.
  package var created: Int
  /// Who answered.
  package var model: String
  package var choices: [Choice]
  /// `nil` if unknown, and in streamed pieces but the last.
  package var usage: Usage?
  package var systemFingerprint: String?

  /// An answer or a piece of one.
  package init(
    id: String, created: Int, model: String, choices: [Choice], usage: Usage? = nil,
    systemFingerprint: String? = nil
  ) {
    self.id = id
    self.created = created
    self.model = model
    self.choices = choices
    self.usage = usage
    self.systemFingerprint = systemFingerprint
  }
}
