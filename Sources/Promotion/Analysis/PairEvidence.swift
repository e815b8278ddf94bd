import Experimentation
import Statistics

/// A gate in a shadow step: both models answered the same request.
///
/// The exact betting test of STATISTICS 2(d) on D = candidate's score − incumbent's, in both
/// directions and looked at after every pair (every few, after tens of thousands), so that a
/// verdict hangs on the pairs alone and not on when anybody looked. Agreement with the incumbent is
/// a pair, too: the incumbent agrees with itself.
///
/// What sets in late is looked for by tests of harm that start over and over, and a pass that was
/// shown before does not outlive it (STATISTICS 2(i) and T12).
struct PairEvidence: Hashable, Sendable {
  /// V: the mean square of D on −1…1 that the tests' first bet is made for, before anything is
  /// seen. About what latencies scattered by 20 % and errors of 2 % have; the other bets cover the
  /// rest.
  static let expectedMeanSquare = 0.02

  /// Pairs after which another test of harm starts.
  private static let period = 2_000

  let border: GateBorder
  private let levels: ErrorLevels
  private var passing: PairedMeanTest
  private var failing: RestartMixture<PairedMeanTest>
  /// What goodness is turned by for `failing`.
  private let failSign: Double
  private var passed = ClaimLatch()
  private var failPeak = EvidencePeak()
  /// Differences of coordinates, candidate − incumbent, clipped.
  private var differences = SampleSummary()
  private var incumbent = SampleSummary()
  private var candidate = SampleSummary()
  /// Pairs of which the incumbent has a value and the candidate, by its own fault, has none.
  private(set) var missing = 0
  /// `nil` where nobody labels.
  private var labelled: LabelledPreference?

  /// - Parameter labels: of the judge whose word the gate takes, where people correct it
  init(
    border: GateBorder, levels: ErrorLevels, labels: LabelPlan? = nil
  ) throws(StatisticsError) {
    self.border = border
    self.levels = levels
    labelled = labels.map { LabelledPreference($0, border: border) }
    let claims = border.pairClaims
    passing = try PairedMeanTest(
      claim: claims.pass, minimumDetectableEffect: border.plannedPairEffect,
      meanSquare: Self.expectedMeanSquare)
    failing = RestartMixture(
      try PairedMeanTest(
        claim: claims.fail, minimumDetectableEffect: border.plannedPairEffect,
        meanSquare: Self.expectedMeanSquare))
    failSign = claims.isFailSwapped ? -1 : 1
  }

  /// Takes a pair in; one that the incumbent has no value for says nothing about the candidate.
  mutating func add(_ comparison: Comparison) {
    guard let (before, reading) = comparison.readings(of: border.metric, score: border.score) else {
      return
    }
    switch reading {
    case .value(let after):
      labelled?.add(judged: after)
      add(incumbent: border.coordinate(before), candidate: border.coordinate(after))
    case .missing: addMissing()
    case .void: break
    }
  }

  /// Takes in what a person said of a pair.
  mutating func add(_ label: PairLabel) { labelled?.add(label) }

  private mutating func add(incumbent before: Double, candidate after: Double) {
    incumbent.append(before)
    candidate.append(after)
    differences.append(min(max(after - before, -border.pairUnit), border.pairUnit))
    let goodness = border.pairGoodness(incumbent: before, candidate: after)
    passing.append(difference: goodness)
    if differences.count % Self.period == 0 { failing.startPeriod() }
    failing.append { $0.append(difference: goodness * failSign) }
    // A look costs what the periods are many, so with many there are fewer looks. Which ones hangs
    // on the number of pairs alone.
    guard differences.count % max(1, failing.count / 8) == 0 else { return }
    let harm = failing.logEvidence
    failPeak.look(at: harm)
    passed.look(
      logEvidence: passing.logEvidence, logHarm: harm, stage: 0, alpha: levels.pass,
      harmAlpha: levels.rollBack)
  }

  /// The worst there can be for what lets the candidate pass; nothing for what condemns it.
  private mutating func addMissing() {
    missing += 1
    passing.append(difference: -1)
  }

  /// For a candidate that is as good as the policy hopes, with pairs as scattered as those so far.
  private var forecast: SampleSizePlanner.Forecast? {
    let unit = border.pairUnit
    let variance = differences.variance.map { max($0 / (unit * unit), 1e-6) }
    return SampleSizePlanner.boundedMean(
      scoreVariance: variance ?? Self.expectedMeanSquare, trueDistance: border.plannedPairEffect,
      minimumDetectableEffect: border.plannedPairEffect, greatestLoss: 1, alpha: levels.pass)
  }

  func judgement(of model: ModelName, plannedCount: Int) -> Judgement {
    let judgement = measured(of: model, plannedCount: plannedCount)
    return labelled?.correct(judgement, levels: levels, plannedCount: plannedCount) ?? judgement
  }

  private func measured(of model: ModelName, plannedCount: Int) -> Judgement {
    guard differences.count > 0 else {
      // Answers that failed would have called a function no more than the others did.
      return missing > 0 && border.metric != .callEquality
        ? .nothing(.error, border.metric.absence(of: model))
        : .nothing(.noData, border.metric.silence(of: model))
    }
    var judgement = Judgement(verdict: .inconclusive, samples: differences.count)
    judgement.interval = interval(plannedCount: plannedCount)
    judgement.incumbentMean = incumbent.mean
    judgement.candidateMean = candidate.mean
    judgement.logHarm = failing.logEvidence
    judgement.logProof = passing.logEvidence
    if failPeak.isRejected(alpha: levels.fail) {
      judgement.verdict = .fail
      judgement.explanation = Judgement.beyond
    } else if IntersectionGate.isProven([passed]) {
      judgement.verdict = .pass
    } else {
      judgement.samplesMissing = passing.observationsMissing(
        alpha: levels.pass, planned: forecast)
      judgement.explanation = "not shown yet"
      judgement.noteMissing(missing, of: model)
    }
    return judgement
  }

  /// For people; the ratio of two shares is not bounded.
  private func interval(plannedCount: Int) -> ConfidenceInterval? {
    if border.comparison == .risk {
      guard let before = incumbent.mean, let after = candidate.mean, before > 0 else { return nil }
      return .unbounded(after / before - 1)
    }
    return AsymptoticConfidenceSequence.mean(
      of: differences, alpha: levels.pass, plannedCount: plannedCount)
      ?? differences.mean.map { .unbounded($0) }
  }
}
