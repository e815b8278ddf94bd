/// What is believed of scores before a step starts: their mean and variance, frozen for the step.
///
/// The test stays exact whatever the numbers; good ones make it fast. What matters is that they
/// were fixed before the step's first outcome, because then the evidence of shards adds up.
package struct Centring: Hashable, Sendable {
  /// m, in [0, 1].
  package let mean: Double
  /// V of the scores around m, in (0, 1].
  package let variance: Double

  /// Knows nothing: the mean ½ and the greatest possible variance ¼.
  package static let unknown = Centring(trustedMean: 0.5, variance: 0.25)

  private init(trustedMean mean: Double, variance: Double) {
    self.mean = mean
    self.variance = variance
  }

  /// - Parameters:
  ///   - mean: Of all scores, both variants together, in [0, 1].
  ///   - variance: Around that mean, in (0, 1].
  /// - Throws: `invalidParameter` outside these ranges.
  package init(mean: Double, variance: Double) throws(StatisticsError) {
    try require(mean >= 0 && mean <= 1, "the centring's mean must be in [0, 1], not \(mean)")
    try require(
      variance > 0 && variance <= 1, "the centring's variance must be in (0, 1], not \(variance)")
    self.init(trustedMean: mean, variance: variance)
  }

  /// From earlier scores in [0, 1], drawn towards `unknown` as if ten more had been seen there, so
  /// that a lucky handful does not make the anchor overconfident.
  package init(history: SampleSummary) {
    let weight = Double(history.count) / (Double(history.count) + 10)
    let mean = min(max(history.mean ?? 0.5, 0), 1)
    let variance = min(max(history.variance ?? 0.25, 0), 1)
    self.init(
      trustedMean: weight * mean + (1 - weight) * 0.5,
      variance: weight * variance + (1 - weight) * 0.25)
  }
}
