import Experimentation
import Statistics

/// Errors in canary and split steps: each unit was answered by one model.
///
/// Exact tests on each unit's share of failed answers, weighted by the propensity: betting on the
/// difference of shares where the policy's margin is in points (STATISTICS 2(b)), the conditional
/// test of relative risk where it is in percent of the incumbent's errors (2(a)). Exact matters
/// here more than anywhere: errors are few, and where a model has none an asymptotic interval has
/// no width, passing or holding for ever (STATISTICS, principle 6 and pitfall 1).
///
/// Evidence goes on from step to step of a run and costs no alpha for it, since each unit is
/// weighed by its own step's propensity (2(i)). What sets in later is looked for by tests of harm
/// that start with each step; their mean is an e-process again.
///
/// A share, not "any error", is what counts of a unit, though the latter is rarer to be wrong: with
/// a hundred answers each, errors of 1 % and of 3 % meet 63 % and 95 % of the units, and a tripled
/// rate would pass as one and a half times as many.
struct ErrorEvidence: Hashable, Sendable {
  private let border: GateBorder
  private let isSticky: Bool
  private let propensities: StepPropensities
  /// Before any unit.
  private let blank: UnitEvidence.Tests
  /// How many steps may start a test of harm.
  private let stepCount: Int
  private var steps: [Int: UnitEvidence] = [:]
  /// Units that were seen with another candidate; none of them is dealt anew between these two.
  private var elsewhere: Set<UInt64> = []
  /// Units of which an answer said nothing, with the first step in which that was.
  private var unmeasured: [UInt64: Int] = [:]

  init(
    border: GateBorder, candidate: ModelName, policy: RolloutPolicy
  ) throws(StatisticsError) {
    self.border = border
    isSticky = policy.assignment.unit != .request
    propensities = StepPropensities(of: candidate, in: policy)
    stepCount = policy.steps.count {
      $0.traffic.sharesTraffic && !$0.traffic.isShadow && !$0.traffic.isInterleaved
    }
    blank = try Self.tests(border)
  }

  private static func tests(_ border: GateBorder) throws(StatisticsError) -> UnitEvidence.Tests {
    let passing: ShareTest
    let failing: ShareTest
    if border.comparison == .risk {
      let (claims, planned) = (border.riskClaims, border.plannedRiskRatio)
      passing = try ShareTest(ratio: claims.pass, isSwapped: false, plannedRatio: planned)
      failing = try ShareTest(
        ratio: claims.fail, isSwapped: claims.isFailSwapped, plannedRatio: planned)
    } else {
      let claims = border.meanClaims(margin: border.margin)
      // What is bad is rare, so scores are centred on none.
      let centring = try Centring(mean: 1, variance: border.expectedBadShare)
      let effect = border.margin > 0 ? border.margin : 0.05
      passing = try ShareTest(
        difference: claims.pass, isSwapped: false, effect: effect, centring: centring)
      failing = try ShareTest(
        difference: claims.fail, isSwapped: claims.isFailSwapped, effect: effect,
        centring: centring)
    }
    return UnitEvidence.Tests(passing: passing, sparing: passing, failing: failing)
  }

  /// Whether candidate and incumbent share the traffic of `step`.
  func isMeasurable(in step: Int) -> Bool { propensities.propensity(in: step) != nil }

  /// Takes an answer to the traffic of `step` in; one that failed by nobody's fault but the
  /// client's or the service's has no value and says nothing.
  ///
  /// - Parameter shares: in force when the answer was assigned
  mutating func add(
    _ outcome: Outcome, isCandidate: Bool, step: Int, shares: [ModelName: Share]
  ) {
    let unit = outcome.assignment.unitHash
    let answer: UnitEvidence.Answer
    switch outcome.measurements.reading(of: border.metric, score: border.score) {
    case .value(let value):
      let share = min(max(value, 0), 1)
      let badness = border.metric.direction == .lower ? share : 1 - share
      answer = .value(badness: badness, coordinate: share)
    case .missing: answer = .missing
    case .void: return note(unmeasured: unit, in: step)
    }
    var evidence =
      steps.removeValue(forKey: step) ?? UnitEvidence(blank, worst: 1, isSticky: isSticky)
    evidence.add(answer, of: unit, isCandidate: isCandidate) {
      propensity(of: unit, in: step, under: shares)
    }
    steps[step] = evidence
  }

  /// Notes that another candidate answered a unit.
  mutating func note(elsewhere unit: UInt64) {
    if isSticky && elsewhere.count < UnitEvidence.capacity { elsewhere.insert(unit) }
  }

  /// Notes that a unit was dealt in `step`, though its answer says nothing: in later steps it is
  /// not new.
  mutating func note(unmeasured unit: UInt64, in step: Int) {
    guard isSticky, unmeasured[unit] != nil || unmeasured.count < UnitEvidence.capacity else {
      return
    }
    unmeasured[unit] = min(unmeasured[unit] ?? step, step)
  }

  private func propensity(
    of unit: UInt64, in step: Int, under shares: [ModelName: Share]
  ) -> Double? {
    guard isSticky else { return propensities.propensity(under: shares) }
    if elsewhere.contains(unit) { return nil }
    let seen = steps.filter { $0.key < step }.compactMap { entry in
      entry.value.hasCandidate(unit).map { (step: entry.key, hadCandidate: $0) }
    }
    if seen.isEmpty {
      if let first = unmeasured[unit], first < step { return nil }
      return propensities.propensity(under: shares)
    }
    if seen.contains(where: \.hadCandidate) { return nil }
    return propensities.propensity(under: shares, incumbentIn: seen.map(\.step))
  }
}

// MARK: - Verdicts

extension ErrorEvidence {
  /// The verdict on all steps, as seen from `step`, of whose answers the means and counts are.
  func judgement(
    of model: ModelName, against other: ModelName, in step: Int, levels: ErrorLevels,
    plannedCount: Int
  ) -> Judgement {
    let here = steps[step]
    let (before, after) = (
      here?.incumbent.units ?? SampleSummary(), here?.candidate.units ?? SampleSummary()
    )
    guard let here, let incumbentMean = before.mean, let candidateMean = after.mean else {
      let silent = before.count == 0 ? other : model
      return .nothing(.noData, "no answer of '\(silent)' in this step yet")
    }
    let tests = summed
    var judgement = Judgement(
      verdict: .inconclusive,
      interval: interval(here, in: step, levels: levels, plannedCount: plannedCount),
      incumbentMean: incumbentMean, candidateMean: candidateMean,
      samples: min(here.incumbent.values, here.candidate.values))
    tests.decide(
      &judgement, logHarm: logHarm, levels: levels,
      answersPerUnit: Double(judgement.samples) / Double(before.count + after.count),
      forecast: forecast(
        errorRate: border.metric.direction == .lower ? incumbentMean : 1 - incumbentMean,
        propensity: propensities.propensity(in: step) ?? 0.5,
        alpha: levels.pass))
    return judgement
  }

  /// The tests over all steps.
  private var summed: UnitEvidence.Tests {
    steps.values.reduce(into: blank) { sum, evidence in
      sum.passing.merge(evidence.tests.passing)
      sum.sparing.merge(evidence.tests.sparing)
      sum.failing.merge(evidence.tests.failing)
    }
  }

  /// ln Σ E⁽ᵏ⁾/S of the tests of harm that started with each of S steps; those that have not
  /// started count as 1.
  private var logHarm: Double {
    var sum = blank.failing
    var logs: [Double] = []
    for (_, evidence) in steps.sorted(by: { $0.key > $1.key }) {
      sum.merge(evidence.tests.failing)
      logs.append(sum.logEvidence)
    }
    logs += [Double](repeating: 0, count: max(0, stepCount - logs.count))
    return (try? UnionGate(count: logs.count))?.logEvidence(logs) ?? 0
  }

  /// For a candidate that fails as often as the incumbent.
  private func forecast(
    errorRate: Double, propensity: Double, alpha: Double
  ) -> SampleSizePlanner.Forecast? {
    let rate = min(max(errorRate, GateBorder.expectedErrorRate), 0.5)
    if border.comparison == .risk {
      let planned = border.plannedRiskRatio
      return SampleSizePlanner.relativeRisk(
        controlRisk: rate, trueRatio: 1, borderRatio: border.ratio,
        anchorRatio: border.ratio / planned, propensity: propensity, alpha: alpha)
    }
    return SampleSizePlanner.boundedMean(
      scoreVariance: rate * (1 - rate) / (propensity * (1 - propensity)),
      trueDistance: border.margin, minimumDetectableEffect: max(border.margin, 1e-6),
      greatestLoss: 1 / min(propensity, 1 - propensity), alpha: alpha)
  }

  /// For people, of the step in force.
  private func interval(
    _ here: UnitEvidence, in step: Int, levels: ErrorLevels, plannedCount: Int
  ) -> ConfidenceInterval? {
    let (before, after) = (here.incumbent.units, here.candidate.units)
    guard let incumbentMean = before.mean, let candidateMean = after.mean else { return nil }
    let (few, many) = (here.incumbent.unitsWithBad, here.candidate.unitsWithBad)
    if border.comparison == .risk {
      if !isSticky, let propensity = propensities.propensity(in: step),
        let ratio = RelativeRiskConfidenceSequence.interval(
          [.init(propensity: propensity, controlEvents: few, treatmentEvents: many)],
          alpha: levels.pass)
      {
        return ConfidenceInterval(
          estimate: ratio.estimate - 1, lower: ratio.lower - 1, upper: ratio.upper - 1)
      }
      // A ratio to nothing is none.
      guard incumbentMean > 0 else { return nil }
      return .unbounded(candidateMean / incumbentMean - 1)
    }
    // Bounded only once there are enough units, and enough with errors, of each model.
    guard min(few, many) >= AsymptoticConfidenceSequence.leastEvents,
      let bounded = AsymptoticConfidenceSequence.difference(
        control: before, treatment: after, alpha: levels.pass, plannedCount: plannedCount)
    else { return .unbounded(candidateMean - incumbentMean) }
    return bounded
  }
}

extension ConfidenceInterval {
  /// An estimate of which nothing can be said yet.
  static func unbounded(_ estimate: Double) -> ConfidenceInterval {
    ConfidenceInterval(estimate: estimate, lower: -.infinity, upper: .infinity)
  }
}
