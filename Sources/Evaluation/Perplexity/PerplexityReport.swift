/// What a variant costs in quality on given texts, at one length.
package struct PerplexityReport: Hashable, Sendable, Encodable {
  /// An estimate with the interval that holds the truth with 95 % confidence; its ends are `nil`
  /// where there are too few blocks to know a spread.
  package struct Estimate: Hashable, Sendable, Encodable {
    package let estimate: Double
    package let lower: Double?
    package let upper: Double?
  }

  /// How far the variant is from the reference.
  package struct Difference: Hashable, Sendable, Encodable {
    /// ln(perplexity / reference's perplexity): 0 is as good, above 0 is worse.
    package let logRatio: Estimate
    /// Mean KL(reference ‖ variant) of the next-token distributions, in nats.
    package let meanDivergence: Estimate
    /// The divergence that 99 of 100 tokens do not exceed; `nil` below 100 tokens.
    package let divergence99: Double?
    /// The share of places where both rank the same token first, 0…1.
    package let sameTop: Estimate
  }

  package let variant: String
  /// Tokens of a window.
  package let context: Int
  /// Tokens between windows; each scored token has at least `context` − `stride` before it.
  package let stride: Int
  /// The share of earlier keys that is attended to, 0…1; `nil` where the content decides.
  package let keysSeen: Double?
  package let windows: Int
  package let scoredTokens: Int
  /// Independent units of the intervals.
  package let blocks: Int
  /// exp(−mean ln p).
  package let perplexity: Double
  /// `nil` for the reference itself.
  package let difference: Difference?
}
