/// `BoundedMeanTest` that learns centring and variance from the stream itself.
///
/// This is the reference form that the paper simulates: each request is centred on the mean of
/// those before it, so it needs no history and adapts, but the requests must come one by one in the
/// order of assignment, and two streams cannot be merged. For backtests and for planning.
package struct StreamingMeanTest: SequentialTest {
  package let claim: Claim
  package let minimumDetectableEffect: Double
  package private(set) var evidence = EvidenceSums(components: MeanBets.components)
  /// Requests that the centring stands for: the prior's and those seen.
  private var count: Double
  private var scoreSum: Double
  private var squareSum: Double

  /// - Parameters:
  ///   - claim: As for `BoundedMeanTest`.
  ///   - minimumDetectableEffect: As for `BoundedMeanTest`.
  ///   - prior: Where learning starts.
  ///   - priorCount: How many requests the prior is worth, above 0.
  /// - Throws: `invalidParameter`.
  package init(
    claim: Claim, minimumDetectableEffect: Double, prior: Centring, priorCount: Double = 50
  ) throws(StatisticsError) {
    try claim.validate(below: 1)
    try require(
      minimumDetectableEffect > 0 && minimumDetectableEffect <= 1,
      "minimumDetectableEffect must be in (0, 1], not \(minimumDetectableEffect)")
    try require(priorCount > 0 && priorCount.isFinite, "priorCount must be above 0")
    self.claim = claim
    self.minimumDetectableEffect = minimumDetectableEffect
    count = priorCount
    scoreSum = prior.mean * priorCount
    squareSum = prior.variance * priorCount
  }

  /// Takes one request in; see `BoundedMeanTest`.
  @discardableResult
  package mutating func append(outcome: Double, isTreatment: Bool, propensity: Double) -> Bool {
    guard (0...1).contains(outcome), Propensity.isUsable(propensity) else {
      evidence.ignore()
      return false
    }
    let mean = min(max(scoreSum / count, 0), 1)
    let score = CentredScore(
      outcome: outcome, centring: mean, isTreatment: isTreatment, propensity: propensity)
    let bets = score.bets(
      for: claim, effect: minimumDetectableEffect,
      variance: squareSum / count / (propensity * (1 - propensity)))
    evidence.add(bets.logFactor)
    scoreSum += outcome
    squareSum += (outcome - mean) * (outcome - mean)
    count += 1
    return true
  }

  package var logEvidence: Double { Mixture.anchored.logEvidence(evidence) }
}
