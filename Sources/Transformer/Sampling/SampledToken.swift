/// A token that was drawn, with how likely the model itself held it to be.
package struct SampledToken: Hashable, Sendable {
  package let token: Token
  /// Natural logarithm of the probability in the model's own distribution: softmax of the logits
  /// at temperature 1, before biases, penalties and truncation, whatever was drawn from.
  ///
  /// This is what OpenAI's `logprobs` mean, and what makes answers drawn with different options
  /// comparable. `nil` unless `SamplingOptions.logProbabilities` asked for it.
  package let logProbability: Double?
  /// The likeliest tokens of the same distribution, best first; the drawn one may be among them.
  package let alternatives: [Alternative]

  /// One of the likeliest tokens, whether it was drawn or not.
  package struct Alternative: Hashable, Sendable {
    package let token: Token
    package let logProbability: Double
  }
}
