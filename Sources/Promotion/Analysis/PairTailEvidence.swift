import Experimentation
import Statistics

/// A quantile of a latency in a shadow step: both models answered the same request.
///
/// McNemar's test on who is beyond a common threshold (STATISTICS 2(d)): only pairs of which one is
/// beyond count, and if the candidate's quantile is at the border, they are as often one way as the
/// other. For the candidate the threshold is times the ratio at the border.
struct PairTailEvidence: Hashable, Sendable {
  private let border: GateBorder
  private let quantile: Double
  private let levels: ErrorLevels
  private var threshold: TailThreshold
  /// From the first pair on that there is a threshold for.
  private var tests: Tests?
  private var incumbent = QuantileSketch()
  private var candidate = QuantileSketch()
  private var missing = 0

  private struct Tests: Hashable, Sendable {
    var passing: McNemarTest
    var failing: McNemarTest
    /// The odds that the first bet was made for.
    var plannedOdds: Double

    init(plannedRatio: Double) throws(StatisticsError) {
      // Of pairs that agree for the most part, those that do not lean further.
      plannedOdds = .exp(1.3 * .log(plannedRatio))
      passing = try McNemarTest(claim: .treatmentIsBetter, plannedOddsRatio: plannedOdds)
      failing = try McNemarTest(claim: .treatmentIsWorse, plannedOddsRatio: plannedOdds)
    }
  }

  init(border: GateBorder, quantile: Double, levels: ErrorLevels) {
    (self.border, self.quantile, self.levels) = (border, quantile, levels)
    threshold = TailThreshold(quantile: quantile, ratio: border.ratio)
  }

  /// Takes a pair in; one that the incumbent has no value for says nothing about the candidate.
  mutating func add(_ comparison: Comparison) throws(StatisticsError) {
    guard let (before, reading) = comparison.readings(of: border.metric) else { return }
    var after: Double?
    switch reading {
    case .value(let value): after = value
    case .missing: missing += 1
    case .void: return
    }
    if let limit = threshold.value, let planned = threshold.plannedRatio {
      var known: Tests
      if let tests { known = tests } else { known = try Tests(plannedRatio: planned) }
      // The worst there can be for what lets the candidate pass; nothing for what condemns it.
      let isBad = after.map { $0 > limit * border.ratio }
      known.passing.append(controlIsBad: before > limit, treatmentIsBad: isBad ?? true)
      if let isBad { known.failing.append(controlIsBad: before > limit, treatmentIsBad: isBad) }
      tests = known
    }
    threshold.append(before)
    guard let after else { return }
    incumbent.append(before)
    candidate.append(after)
  }

  func judgement(of model: ModelName, plannedCount: Int) -> Judgement {
    guard let before = incumbent.estimate(quantile), let after = candidate.estimate(quantile) else {
      return missing > 0
        ? .nothing(.error, border.metric.absence(of: model))
        : .nothing(.noData, "no pair of answers yet")
    }
    var judgement = Judgement(
      verdict: .inconclusive,
      interval: border.ratioOfQuantiles(
        incumbent, candidate, quantile, alpha: levels.pass, plannedCount: plannedCount),
      incumbentMean: border.coordinate(before), candidateMean: border.coordinate(after),
      samples: candidate.count)
    guard let tests else {
      judgement.samplesMissing = threshold.missing
      judgement.explanation =
        "the quantile is set by \(threshold.needed) pairs, of which \(threshold.missing) are "
        + "missing"
      return judgement
    }
    judgement.logHarm = tests.failing.logEvidence
    judgement.logProof = tests.passing.logEvidence
    if tests.failing.isRejected(alpha: levels.fail) {
      judgement.verdict = .fail
      judgement.explanation = Judgement.beyond
    } else if tests.passing.isRejected(alpha: levels.pass) {
      judgement.verdict = .pass
    } else {
      judgement.samplesMissing = tests.passing.observationsMissing(
        alpha: levels.pass, planned: nil)
      judgement.explanation = "not shown yet"
      judgement.noteMissing(missing, of: model)
    }
    return judgement
  }
}
