import Experimentation
import Statistics

/// Errors in a canary or split step: each unit was answered by one model.
///
/// The exact betting test of STATISTICS 2(b) on each unit's share of failed answers, weighted by
/// the propensity of the step. Exact matters here more than anywhere: errors are few, and where a
/// model has none an asymptotic interval has no width, passing or holding for ever (STATISTICS,
/// principle 6 and pitfall 1). With no errors at all it passes a margin of half a point after some
/// 800 units of each model.
///
/// Units are counted by their share of errors, so the state is small, exact, and free of order; the
/// evidence of k equal units is that of one, doubled and added. Where units stay on their model a
/// unit's share goes on changing with its answers; then the test is exact over units whose answers
/// are complete, as any analysis by unit is.
struct ErrorEvidence: Hashable, Sendable {
  /// Errors are rare: scores are centred on none, and this guess is what the first bet is made for.
  static let expectedErrorRate = 0.003

  /// What a unit has shown.
  private struct Mark: Hashable {
    var isCandidate: Bool
    var errors: Int
    var answers: Int

    var share: Double { Double(errors) / Double(answers) }

    /// Marks of equal share are one; clean units, the most, are all alike.
    var reduced: Mark {
      errors == 0 ? Mark(isCandidate: isCandidate, errors: 0, answers: 1) : self
    }
  }

  private struct UnitKey: Hashable {
    var hash: UInt64
    var isCandidate: Bool
  }

  let border: GateBorder
  private let levels: ErrorLevels
  private let isSticky: Bool
  /// π: the candidate's share of what it and the incumbent answer.
  private let propensity: Double
  /// The two tests before any unit.
  private let passing: BoundedMeanTest
  private let failing: BoundedMeanTest
  private var units: [UnitKey: Mark] = [:]
  private var census: [Mark: Int] = [:]
  private var incumbentAnswers = 0
  private var candidateAnswers = 0

  /// - Parameter propensity: in (0, 1)
  init(
    border: GateBorder, levels: ErrorLevels, isSticky: Bool, propensity: Double
  ) throws(StatisticsError) {
    self.border = border
    self.levels = levels
    self.isSticky = isSticky
    self.propensity = propensity
    let centring = try Centring(mean: 1, variance: Self.expectedErrorRate)
    passing = try BoundedMeanTest(
      claim: border.passClaim, minimumDetectableEffect: border.plannedEffect, centring: centring)
    failing = try BoundedMeanTest(
      claim: border.failClaim.claim, minimumDetectableEffect: border.plannedEffect,
      centring: centring)
  }

  /// Takes an answer in; one that failed by nobody's fault but the client's or the service's has no
  /// value and says nothing.
  mutating func add(_ outcome: Outcome, isCandidate: Bool) {
    guard case .value(let value) = outcome.measurements.reading(of: .errorRate) else { return }
    let key = UnitKey(hash: outcome.assignment.unitHash, isCandidate: isCandidate)
    let before = isSticky ? units[key] : nil
    if isSticky && before == nil && units.count >= UnitMeans.capacity { return }
    var mark = before ?? Mark(isCandidate: isCandidate, errors: 0, answers: 0)
    mark.answers += 1
    mark.errors += value > 0 ? 1 : 0
    if isSticky { units[key] = mark }
    if let before { count(before, -1) }
    count(mark, 1)
    if isCandidate { candidateAnswers += 1 } else { incumbentAnswers += 1 }
  }

  private mutating func count(_ mark: Mark, _ change: Int) {
    let left = census[mark.reduced, default: 0] + change
    census[mark.reduced] = left == 0 ? nil : left
  }

  func judgement(of model: ModelName, against other: ModelName, plannedCount: Int) -> Judgement {
    let (before, after) = (summary(isCandidate: false), summary(isCandidate: true))
    guard let incumbentMean = before.mean, let candidateMean = after.mean else {
      let silent = before.count == 0 ? other : model
      return .nothing(.noData, "no answer of '\(silent)' in this step yet")
    }
    var judgement = Judgement(
      verdict: .inconclusive, interval: interval(before, after, plannedCount: plannedCount),
      incumbentMean: incumbentMean, candidateMean: candidateMean,
      samples: min(incumbentAnswers, candidateAnswers))
    let harm = evidence(failing, isSwapped: border.failClaim.sign < 0)
    judgement.logHarm = harm.logEvidence
    if harm.isRejected(alpha: levels.fail) {
      judgement.verdict = .fail
      judgement.explanation = "shown to be beyond the margin"
      return judgement
    }
    let proof = evidence(passing, isSwapped: false)
    if proof.isRejected(alpha: levels.pass) {
      judgement.verdict = .pass
    } else {
      let share = Double(judgement.samples) / Double(before.count + after.count)
      judgement.samplesMissing = proof.observationsMissing(
        alpha: levels.pass, planned: forecast(errorRate: incumbentMean)
      ).map {
        Int((Double($0) * share).rounded(.up))
      }
      judgement.explanation = "not shown yet"
    }
    return judgement
  }

  /// For a candidate that fails as often as the incumbent.
  private func forecast(errorRate: Double) -> SampleSizePlanner.Forecast? {
    let rate = min(max(errorRate, Self.expectedErrorRate), 0.5)
    return SampleSizePlanner.boundedMean(
      scoreVariance: rate * (1 - rate) / (propensity * (1 - propensity)),
      trueDistance: border.plannedEffect, minimumDetectableEffect: border.plannedEffect,
      greatestLoss: 1 / min(propensity, 1 - propensity), alpha: levels.pass)
  }

  /// One observation for each unit of a model.
  private func summary(isCandidate: Bool) -> SampleSummary {
    census.filter { $0.key.isCandidate == isCandidate }
      .sorted { ($0.key.errors, $0.key.answers) < ($1.key.errors, $1.key.answers) }
      .compactMap { SampleSummary(count: $0.value, mean: $0.key.share, squaredDeviations: 0) }
      .reduce(SampleSummary(), +)
  }

  /// For people; bounded only once there are enough units, and enough with errors, of each model.
  private func interval(
    _ before: SampleSummary, _ after: SampleSummary, plannedCount: Int
  ) -> ConfidenceInterval? {
    guard let incumbentMean = before.mean, let candidateMean = after.mean else { return nil }
    let withErrors = [false, true].map { isCandidate in
      census.reduce(0) { count, entry in
        let (mark, units) = entry
        return count + (mark.isCandidate == isCandidate && mark.errors > 0 ? units : 0)
      }
    }
    if withErrors.allSatisfy({ $0 >= AsymptoticConfidenceSequence.leastEvents }),
      let bounded = AsymptoticConfidenceSequence.difference(
        control: before, treatment: after, alpha: levels.pass, plannedCount: plannedCount)
    {
      return bounded
    }
    return ConfidenceInterval(
      estimate: candidateMean - incumbentMean, lower: -.infinity, upper: .infinity)
  }

  /// The evidence of all units as they are now.
  ///
  /// - Parameter isSwapped: whether the incumbent takes the candidate's part
  /// - Complexity: O(kinds of marks · log units)
  private func evidence(_ blank: BoundedMeanTest, isSwapped: Bool) -> BoundedMeanTest {
    var all = blank
    for (mark, count) in census {
      var some = blank
      some.append(
        outcome: 1 - mark.share, isTreatment: mark.isCandidate != isSwapped,
        propensity: isSwapped ? 1 - propensity : propensity)
      var left = count
      while left > 0 {
        if left & 1 == 1 { merge(some, into: &all) }
        left >>= 1
        if left > 0 { merge(some, into: &some) }
      }
    }
    return all
  }

  private func merge(_ part: BoundedMeanTest, into sum: inout BoundedMeanTest) {
    // Tests of one claim, as these are, always add up.
    try? sum.merge(part)
  }
}
