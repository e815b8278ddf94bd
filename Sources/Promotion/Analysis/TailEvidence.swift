import Experimentation
import Statistics

/// A quantile of a latency in a canary or split step.
///
/// STATISTICS 2(c): an answer beyond τ is a rare event like an error, where τ is the incumbent's
/// quantile from earlier answers, and for the candidate τ times the ratio at the border. If the
/// candidate's quantile is at the border, both have events equally often. What is tested is the
/// ratio of the tails beyond; what is shown is the quantiles.
///
/// Of a unit counts the share of its answers beyond, as of errors.
struct TailEvidence: Hashable, Sendable {
  private let border: GateBorder
  private let quantile: Double
  private let propensity: Double
  private let isSticky: Bool
  /// From the first answer on that there is a threshold for.
  private var evidence: UnitEvidence?
  private var incumbentMissing = 0
  private var candidateMissing = 0
  private var incumbent = QuantileSketch()
  private var candidate = QuantileSketch()

  /// - Parameter propensity: in (0, 1)
  init(border: GateBorder, quantile: Double, isSticky: Bool, propensity: Double) {
    (self.border, self.quantile) = (border, quantile)
    (self.isSticky, self.propensity) = (isSticky, propensity)
  }

  /// Takes an answer in.
  ///
  /// - Parameters:
  ///   - propensity: of the candidate when the answer was assigned
  ///   - threshold: from answers before this one
  mutating func add(
    _ outcome: Outcome, isCandidate: Bool, propensity: Double, threshold: TailThreshold
  ) throws(StatisticsError) {
    let answer: UnitEvidence.Answer
    switch outcome.measurements.reading(of: border.metric) {
    case .value(let value):
      if isCandidate { candidate.append(value) } else { incumbent.append(value) }
      let limit = (threshold.value ?? .infinity) * (isCandidate ? border.ratio : 1)
      answer = .value(badness: value > limit ? 1 : 0, coordinate: border.coordinate(value))
    case .missing:
      if isCandidate { candidateMissing += 1 } else { incumbentMissing += 1 }
      answer = .missing
    case .void: return
    }
    guard threshold.value != nil, let planned = threshold.plannedRatio else { return }
    if evidence == nil { evidence = try Self.start(plannedRatio: planned, isSticky: isSticky) }
    guard var known = evidence else { return }
    // Taken out and put back, so that it is changed in place.
    evidence = nil
    known.add(answer, of: outcome.assignment.unitHash, isCandidate: isCandidate) { propensity }
    evidence = known
  }

  private static func start(
    plannedRatio: Double, isSticky: Bool
  ) throws(StatisticsError) -> UnitEvidence {
    let passing = try ShareTest(
      ratio: .notWorse(margin: 0), isSwapped: false, plannedRatio: plannedRatio)
    let failing = try ShareTest(ratio: .worse(), isSwapped: false, plannedRatio: plannedRatio)
    return UnitEvidence(
      UnitEvidence.Tests(passing: passing, sparing: passing, failing: failing), worst: 1,
      isSticky: isSticky)
  }

  func judgement(
    of model: ModelName, against other: ModelName, threshold: TailThreshold, levels: ErrorLevels,
    plannedCount: Int
  ) -> Judgement {
    if candidate.count == 0 && candidateMissing > 0 {
      return .nothing(.error, border.metric.absence(of: model))
    }
    if incumbent.count == 0 && incumbentMissing > 0 {
      return .nothing(.error, border.metric.absence(of: other))
    }
    guard let before = incumbent.estimate(quantile), let after = candidate.estimate(quantile) else {
      let silent = incumbent.count == 0 ? other : model
      return .nothing(.noData, "no answer of '\(silent)' that tells it in this step yet")
    }
    var judgement = Judgement(
      verdict: .inconclusive,
      interval: border.ratioOfQuantiles(
        incumbent, candidate, quantile, alpha: levels.pass, plannedCount: plannedCount),
      incumbentMean: border.coordinate(before), candidateMean: border.coordinate(after),
      samples: min(incumbent.count, candidate.count))
    guard let evidence else {
      judgement.samplesMissing = threshold.missing
      judgement.explanation =
        "the quantile is set by \(threshold.needed) answers of '\(other)', of which "
        + "\(threshold.missing) are missing"
      return judgement
    }
    let units = evidence.tests.passing.observations
    evidence.tests.decide(
      &judgement, logHarm: evidence.tests.failing.logEvidence, levels: levels,
      answersPerUnit: Double(judgement.samples) / Double(max(1, units)),
      forecast: SampleSizePlanner.relativeRisk(
        controlRisk: 1 - quantile, trueRatio: 1 / (threshold.plannedRatio ?? 1.5), borderRatio: 1,
        anchorRatio: 1 / (threshold.plannedRatio ?? 1.5), propensity: propensity,
        alpha: levels.pass))
    judgement.noteMissing(candidateMissing, of: model)
    return judgement
  }
}

extension GateBorder {
  /// Candidate's quantile over incumbent's, as a difference of coordinates; each bounded at α/2,
  /// so that both hold together (STATISTICS 2(c)). For answers that are independent of each other.
  func ratioOfQuantiles(
    _ incumbent: QuantileSketch, _ candidate: QuantileSketch, _ quantile: Double, alpha: Double,
    plannedCount: Int
  ) -> ConfidenceInterval? {
    func logarithms(_ sketch: QuantileSketch) -> ConfidenceInterval? {
      guard
        let interval = QuantileConfidenceSequence.interval(
          sketch, quantile: quantile, alpha: alpha / 2, plannedCount: plannedCount),
        interval.estimate > 0
      else { return nil }
      return ConfidenceInterval(
        estimate: .log(interval.estimate),
        lower: interval.lower > 0 ? .log(interval.lower) : -.infinity,
        upper: interval.upper.isFinite ? .log(interval.upper) : .infinity)
    }
    guard let before = logarithms(incumbent), let after = logarithms(candidate) else { return nil }
    return ConfidenceInterval(
      estimate: after.estimate - before.estimate, lower: after.lower - before.upper,
      upper: after.upper - before.lower)
  }
}
