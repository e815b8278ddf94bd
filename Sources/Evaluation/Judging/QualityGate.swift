/// What a variant may lose against the reference, by one measure, at some lengths.
///
/// Every measure is written as a loss: 0 is as good as the reference, and more is worse.
package struct QualityGate: Hashable, Sendable {
  /// What is lost.
  package enum Measure: String, Hashable, Sendable, Encodable, CaseIterable {
    /// ln(perplexity / the reference's).
    case perplexity
    /// Mean KL(reference ‖ variant), in nats.
    case divergence
    /// The share of places at which the same token is not ranked first.
    case disagreement
    /// Passkeys found, the reference's share less the variant's.
    case passkey
    /// Needles found, likewise.
    case needle
  }

  /// What verdicts are reported under.
  package let name: String
  package let measure: Measure
  /// The loss that is allowed, in the measure's unit; below 0 for a gain that is wanted.
  package let limit: Double
  /// The lengths that it looks at, in tokens.
  package let lengths: ClosedRange<Int>

  package init(
    name: String, measure: Measure, limit: Double, lengths: ClosedRange<Int> = 0...Int.max
  ) {
    self.name = name
    self.measure = measure
    self.limit = limit
    self.lengths = lengths
  }
}
