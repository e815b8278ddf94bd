/// What would have come of another policy, from decisions that chance made under a logged one.
///
/// With the weight w = πₑ(a|x)/π_b(a|x) of the action that was taken (STATISTICS 2(h)):
///
///     IPS = mean(w r)                        SNIPS = Σ w r / Σ w
///     clipped IPS = mean(min(w, M) r)        ESS = (Σ w)² / Σ w²
///     DR = mean(Σₐ πₑ(a|x) q(x, a) + w (r − q(x, a)))
///
/// Horvitz and Thompson 1952; Dudík, Langford and Li, "Doubly robust policy evaluation and
/// learning", ICML 2011; Swaminathan and Joachims, "The self-normalized estimator for
/// counterfactual learning", NIPS 2015; Kish, "Survey sampling", 1965, for the ESS.
///
/// The interval holds the value at every look at once, however the weights are spread: two
/// empirical-Bernstein sequences (``EmpiricalBernsteinBound``) on the scores m + w (r − m), whose
/// mean is the value whatever m is, and whose spread is small where m, the mean weighted reward of
/// the decisions before, is near r. It is not around any one of the estimates.
///
/// The propensities must be the ones that were drawn from, and πₑ may give a chance only to actions
/// that π_b might have taken: what was never tried cannot be told. Decisions must be separate
/// draws: where a user stays on one model, a decision is a user, not a request.
package struct OffPolicyEvaluation: Hashable, Sendable {
  /// Below this effective sample size nothing is reported (STATISTICS 2(h)). It is at most 1/s²
  /// where one decision has a share s of all weight, so that none has more than a tenth.
  package static let leastEffectiveCount = 100.0
  /// Nor where the mean weight, which is expected to be 1, is further from it than so many standard
  /// errors: the propensities are then not those that were drawn from.
  private static let greatestDeviation = 6.0

  /// Decisions that the centring m = 1/2 of the interval's first score is worth.
  private static let centringCount = 10.0

  /// No weight is above this.
  package let greatestWeight: Double
  /// M of the clipped estimate.
  package let clip: Double
  /// Decisions that could not be used, and moved nothing.
  package private(set) var ignored = 0
  private var weights = SampleSummary()
  private var greatestSeen = 0.0
  private var rewards = SampleSummary()
  private var clippedRewards = SampleSummary()
  private var scores = SampleSummary()
  private var lower: EmpiricalBernsteinBound
  private var upper: EmpiricalBernsteinBound

  /// - Parameters:
  ///   - greatestWeight: What no weight can exceed, by the design of both policies and known before
  ///     any decision; at least 1. Decisions beyond are ignored.
  ///   - alpha: In (0, 1): the chance that the interval ever misses the truth.
  ///   - clip: Above 0.
  /// - Throws: `invalidParameter`.
  package init(
    greatestWeight: Double, alpha: Double = 0.05, clip: Double = 10
  ) throws(StatisticsError) {
    try require(
      greatestWeight >= 1 && greatestWeight.isFinite,
      "greatestWeight must be at least 1, not \(greatestWeight)")
    try require(alpha > 0 && alpha < 1, "alpha must be in (0, 1), not \(alpha)")
    try require(clip > 0, "clip must be above 0, not \(clip)")
    (self.greatestWeight, self.clip) = (greatestWeight, clip)
    lower = EmpiricalBernsteinBound(greatestLoss: greatestWeight, alpha: alpha / 2)
    upper = lower
  }

  /// Decisions that count.
  package var count: Int { weights.count }

  /// Takes one logged decision in.
  ///
  /// - Parameters:
  ///   - reward: r in [0, 1], whichever way is better.
  ///   - propensity: π_b(a|x) in (0, 1]: the chance with which the action was taken.
  ///   - chance: πₑ(a|x) in [0, 1]: the chance that the evaluated policy takes it with.
  ///   - prediction: What a model that has not seen this reward expects of it; `nil` is 0, with
  ///     which DR is IPS.
  /// - Returns: Whether the decision could be used; if not, it is counted as ignored.
  @discardableResult
  package mutating func append(
    reward: Double, propensity: Double, chance: Double, prediction: RewardPrediction? = nil
  ) -> Bool {
    let weight = chance / propensity
    guard (0...1).contains(reward), (0...1).contains(chance), propensity > 0, propensity <= 1,
      weight <= greatestWeight * (1 + 1e-9)
    else {
      ignored = ignored.exactlyAdding(1)
      return false
    }
    // Scores of both sides are centred on what came before.
    let prior = Self.centringCount
    let total = Double(weights.count)
    let centre = min(
      max(
        (prior / 2 + total * (rewards.mean ?? 0)) / (prior + total * (weights.mean ?? 0)), 0), 1)
    let score = centre + weight * (reward - centre)
    lower.append(score)
    upper.append(1 - score)
    weights.append(weight)
    greatestSeen = max(greatestSeen, weight)
    rewards.append(weight * reward)
    clippedRewards.append(min(weight, clip) * reward)
    let expected = prediction ?? RewardPrediction(ofAction: 0, ofPolicy: 0)
    scores.append(expected.ofPolicy + weight * (reward - expected.ofAction))
    return true
  }

  /// The estimates, or why there are none.
  package var result: OffPolicyResult {
    guard let mean = weights.mean, mean > 0, let importance = rewards.mean,
      let clipped = clippedRewards.mean, let robust = scores.mean
    else { return .refused(.unsupported) }
    let total = Double(count)
    // (Σ w)²/Σ w² = n/(1 + s²/w̄²), without large sums.
    let spread = weights.squaredDeviations / total / (mean * mean)
    let effective = total / (1 + spread)
    if effective < Self.leastEffectiveCount {
      return .refused(
        .fewEffective(
          effective, missing: missing(factor: Self.leastEffectiveCount / effective)))
    }
    let error = (weights.varianceOfMean ?? 0).squareRoot()
    if abs(mean - 1) > Self.greatestDeviation * error + 1e-9 {
      return .refused(.implausible(meanWeight: mean))
    }
    return .estimate(
      OffPolicyEstimate(
        count: count, effectiveCount: effective, largestShare: greatestSeen / (mean * total),
        importance: importance,
        clipped: clipped, selfNormalised: importance / mean, doublyRobust: robust,
        interval: ConfidenceInterval(
          estimate: importance / mean, lower: max(0, lower.lowerBound),
          upper: min(1, 1 - upper.lowerBound))))
  }

  /// Decisions like those so far that are missing until there are `factor` times as many.
  private func missing(factor: Double) -> Int? {
    let missing = (Double(count) * (factor - 1)).rounded(.up)
    return missing < 1e15 ? max(1, Int(missing)) : nil
  }
}

/// What a model of rewards says before a reward is seen.
package struct RewardPrediction: Hashable, Sendable {
  /// q(x, a), of the action that was taken.
  package var ofAction: Double
  /// Σₐ πₑ(a|x) q(x, a).
  package var ofPolicy: Double

  package init(ofAction: Double, ofPolicy: Double) {
    self.ofAction = ofAction
    self.ofPolicy = ofPolicy
  }
}

/// The value of a policy that was not in force, estimated in four ways.
package struct OffPolicyEstimate: Hashable, Sendable {
  /// Decisions.
  package let count: Int
  /// ESS: so many decisions of the evaluated policy itself would tell as much.
  package let effectiveCount: Double
  /// Of all weight, that of one decision at most.
  package let largestShare: Double
  /// IPS.
  package let importance: Double
  /// Clipped IPS: less spread, and too low.
  package let clipped: Double
  /// SNIPS.
  package let selfNormalised: Double
  /// DR; IPS where nothing was predicted.
  package let doublyRobust: Double
  /// Holds the value at every look at once; its estimate is SNIPS.
  package let interval: ConfidenceInterval
}

/// Estimates, or why there are none.
package enum OffPolicyResult: Hashable, Sendable {
  case estimate(OffPolicyEstimate)
  case refused(OffPolicyRefusal)
}

/// Why nothing is said of a policy. Decisions that are missing are counted at the log's mix; `nil`
/// when it cannot be told how many.
package enum OffPolicyRefusal: Hashable, Sendable {
  /// No decision of the log is one that the policy might have made.
  case unsupported
  /// The effective sample size is below `OffPolicyEvaluation.leastEffectiveCount`.
  case fewEffective(Double, missing: Int?)
  /// The weights are not 1 on average: propensities that were not drawn from, or actions that the
  /// log never tries.
  case implausible(meanWeight: Double)
}
