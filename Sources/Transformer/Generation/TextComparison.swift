/// How several variants continue one given text, against a reference: whole distributions, position
/// by position.
package struct TextComparison: Sendable {
  /// One variant at one place of the text.
  package struct TokenDivergence: Hashable, Sendable {
    /// Natural logarithm of the probability that the variant gives to the text's own token.
    package let logProbability: Double
    /// KL(reference ‖ variant) of the next-token distributions, in nats; at least 0. Exact to
    /// about 1e-7.
    package let divergence: Double
    /// Whether the variant ranks the same token first as the reference does.
    package let hasSameTop: Bool
  }

  /// The tokens that were scored, in order.
  package let tokens: [Token]
  /// What the reference gives to each of them, natural logarithms.
  package let reference: [Double]
  /// [candidates][tokens], candidates in the order in which they were given.
  package let candidates: [[TokenDivergence]]
  /// All compute counts as prefill.
  package let timings: GenerationTimings
}
