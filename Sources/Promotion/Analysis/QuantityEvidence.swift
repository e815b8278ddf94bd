import Experimentation
import Statistics

/// A latency, a length or a cost in a canary or split step: each unit was answered by one model.
///
/// The exact betting test on clipped logarithms (STATISTICS 2(b)). The metrics' own ranges span e¹⁵
/// and would leave the bets nothing to bet with, so the first answers of the step set the scale:
/// their middle is ½, and values count as at most 16 times as much or as little. Whatever they say,
/// the tests are exact for the mean on that scale, as long as these answers say nothing else. Units
/// that they came from count from their next answer on, like new ones: the scale is one of all
/// answers together, whoever gave them.
///
/// Values that hang on the load are those of one step; the asymptotic interval is for people.
struct QuantityEvidence: Hashable, Sendable {
  /// Answers that set the scale.
  static let scalingCount = 50
  /// ln 16: far enough out that a lognormal with σ = 1 loses half a percent of a shift by clipping,
  /// and near enough that a 5 % canary's bets are not held back.
  static let clip = Double.log(16)
  /// ln 4: a missing value counts as four times worse than the middle, as in pairs.
  private static let missingDistance = GateBorder.ratioLimit
  /// σ of logarithms that is believed as much as ten answers.
  private static let expectedSpread = 0.5

  private let border: GateBorder
  /// The chance of the candidate when the step began; units come once a step.
  private let propensity: Double
  private var evidence: UnitEvidence
  /// Coordinates of the first answers; `centre` when there are enough.
  private var first: [Double] = []
  private var centre: Double?

  /// - Parameter propensity: in (0, 1)
  init(
    border: GateBorder, isSticky: Bool, propensity: Double
  ) throws(StatisticsError) {
    (self.border, self.propensity) = (border, propensity)
    evidence = UnitEvidence(
      try Self.tests(border, variance: Self.variance(of: [], around: 0)),
      worst: 0.5 + Self.missingDistance / (2 * Self.clip), isSticky: isSticky)
  }

  private static func tests(
    _ border: GateBorder, variance: Double
  ) throws(StatisticsError) -> UnitEvidence.Tests {
    let margin = border.margin / (2 * clip)
    let claims = border.meanClaims(margin: margin)
    let effect = margin > 0 ? margin : 0.05
    let centring = try Centring(mean: 0.5, variance: variance)
    let passing = try ShareTest(
      difference: claims.pass, isSwapped: false, effect: effect, centring: centring)
    let failing = try ShareTest(
      difference: claims.fail, isSwapped: claims.isFailSwapped, effect: effect, centring: centring)
    return UnitEvidence.Tests(passing: passing, sparing: passing, failing: failing)
  }

  /// Of scores around ½, in (0, 1].
  private static func variance(of coordinates: [Double], around centre: Double) -> Double {
    let width = 2 * clip
    let squares = coordinates.reduce(10 * expectedSpread * expectedSpread) { sum, value in
      let distance = min(max(value - centre, -clip), clip)
      return sum + distance * distance
    }
    return squares / (width * width * Double(coordinates.count + 10))
  }

  /// Takes an answer in.
  ///
  /// - Parameter propensity: of the candidate when the answer was assigned
  mutating func add(_ outcome: Outcome, isCandidate: Bool, propensity: Double) {
    let answer: UnitEvidence.Answer
    switch outcome.measurements.reading(of: border.metric) {
    case .value(let value):
      let coordinate = border.coordinate(value)
      answer = .value(badness: badness(coordinate), coordinate: coordinate)
    case .missing: answer = .missing
    case .void: return
    }
    let known = centre == nil ? nil : propensity
    evidence.add(answer, of: outcome.assignment.unitHash, isCandidate: isCandidate) { known }
    if centre == nil, case .value(_, let coordinate) = answer { scale(by: coordinate) }
  }

  /// The place of a value on the scale, 0 the best and 1 the worst; without a scale it is not used.
  private func badness(_ coordinate: Double) -> Double {
    guard let centre else { return 0.5 }
    let distance = (coordinate - centre) * -border.orientation
    return min(max(0.5 + distance / (2 * Self.clip), 0), 1)
  }

  private mutating func scale(by coordinate: Double) {
    first.append(coordinate)
    guard first.count >= Self.scalingCount else { return }
    let middle = first.sorted()[first.count / 2]
    // The variance is in (0, 1] and the margin was good for the tests that are there.
    if let tests = try? Self.tests(border, variance: Self.variance(of: first, around: middle)) {
      evidence.restart(tests)
    }
    centre = middle
    first = []
  }

  func judgement(
    of model: ModelName, against other: ModelName, levels: ErrorLevels, plannedCount: Int
  ) -> Judgement {
    let (before, after) = (evidence.incumbent, evidence.candidate)
    if let absence = border.absence(before, after, of: model, against: other) { return absence }
    guard let incumbentMean = before.units.mean, let candidateMean = after.units.mean else {
      let silent = before.units.count == 0 ? other : model
      return .nothing(.noData, "no answer of '\(silent)' that tells it in this step yet")
    }
    var judgement = Judgement(
      verdict: .inconclusive,
      interval: AsymptoticConfidenceSequence.difference(
        control: before.units, treatment: after.units, alpha: levels.pass,
        plannedCount: plannedCount) ?? .unbounded(candidateMean - incumbentMean),
      incumbentMean: incumbentMean, candidateMean: candidateMean,
      samples: min(before.values, after.values))
    guard centre != nil else {
      judgement.samplesMissing = Self.scalingCount - first.count
      judgement.explanation = "the first \(Self.scalingCount) answers set the scale"
      return judgement
    }
    evidence.tests.decide(
      &judgement, logHarm: evidence.tests.failing.logEvidence, levels: levels,
      answersPerUnit: Double(judgement.samples)
        / Double(max(1, before.units.count + after.units.count)),
      forecast: forecast(before.units, after.units, alpha: levels.pass))
    judgement.noteMissing(after.missing, of: model)
    return judgement
  }

  /// For a candidate that is as good as the policy hopes, with units as scattered as those so far.
  private func forecast(
    _ before: SampleSummary, _ after: SampleSummary, alpha: Double
  ) -> SampleSizePlanner.Forecast? {
    let width = 2 * Self.clip
    let variance = ((before.variance ?? 0.25) + (after.variance ?? 0.25)) / 2
    let margin = max(border.margin, 0.05) / width
    return SampleSizePlanner.boundedMean(
      scoreVariance: max(variance / (width * width), 1e-6) / (propensity * (1 - propensity)),
      trueDistance: margin, minimumDetectableEffect: margin,
      greatestLoss: 0.5 / min(propensity, 1 - propensity), alpha: alpha)
  }
}

extension GateBorder {
  /// That one of the models has no value although it should have, or `nil`.
  func absence(
    _ before: UnitEvidence.Side, _ after: UnitEvidence.Side, of model: ModelName,
    against other: ModelName
  ) -> Judgement? {
    if after.values == 0 && after.missing > 0 { return .nothing(.error, metric.absence(of: model)) }
    if before.values == 0 && before.missing > 0 {
      return .nothing(.error, metric.absence(of: other))
    }
    return nil
  }
}

extension Judgement {
  /// Says of a verdict that is not there yet what missing values have to do with it.
  mutating func noteMissing(_ count: Int, of model: ModelName) {
    guard verdict == .inconclusive, count > 0 else { return }
    explanation = "not shown yet; \(count) values of '\(model)' are missing and count against it"
  }
}
