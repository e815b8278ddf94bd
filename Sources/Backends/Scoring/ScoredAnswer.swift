package import OpenAIAPI

/// What a model holds of a given answer, token by token, in its own tokenisation.
package struct ScoredAnswer: Hashable, Sendable {
  /// [tokens of the answer][what is told there]: the answer's own token first, then others, among
  /// them the likeliest. None is empty.
  package var places: [[PromptLogprobs.Entry]]
  /// Tokens that were read and written for it, those of the prompt too, as often as it was read.
  package var tokens: Int

  package init(places: [[PromptLogprobs.Entry]], tokens: Int) {
    self.places = places
    self.tokens = tokens
  }

  /// Natural logarithm of the probability of the whole answer.
  var logProbability: Double { places.reduce(0) { $0 + ($1.first?.logprob ?? 0) } }
}
