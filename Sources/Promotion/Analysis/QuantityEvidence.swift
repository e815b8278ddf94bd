import Experimentation
import Statistics

/// A latency or a length in a canary or split step: each unit was answered by one model.
///
/// Means of logarithms by unit, compared by the asymptotic confidence sequence (STATISTICS 2(b),
/// display (1)), which says nothing below 100 units of each model. Betting on values whose range
/// spans e¹⁵ would be exact and useless. A verdict is what the interval says at the look: wholly on
/// one side of the border, or not.
///
/// A pass must hold twice: for the values that were measured, and with every missing one, of either
/// model alike, as four times worse than the incumbent (STATISTICS 2(b): never drop what timed
/// out). So a candidate gains nothing from refusing what is slow, nor from an incumbent that fails,
/// and what clients do wrong with both cancels.
struct QuantityEvidence: Hashable, Sendable {
  let border: GateBorder
  private let levels: ErrorLevels
  private var incumbent: UnitMeans
  private var candidate: UnitMeans
  /// Answers of each that should have a value and have none, as ones.
  private var incumbentMissing: UnitMeans
  private var candidateMissing: UnitMeans

  init(border: GateBorder, levels: ErrorLevels, isSticky: Bool) {
    self.border = border
    self.levels = levels
    incumbent = UnitMeans(isSticky: isSticky)
    candidate = UnitMeans(isSticky: isSticky)
    incumbentMissing = UnitMeans(isSticky: isSticky)
    candidateMissing = UnitMeans(isSticky: isSticky)
  }

  mutating func add(_ outcome: Outcome, isCandidate: Bool) {
    let unit = outcome.assignment.unitHash
    switch (outcome.measurements.reading(of: border.metric), isCandidate) {
    case (.value(let value), true): candidate.add(border.coordinate(value), of: unit)
    case (.value(let value), false): incumbent.add(border.coordinate(value), of: unit)
    case (.missing, true): candidateMissing.add(1, of: unit)
    case (.missing, false): incumbentMissing.add(1, of: unit)
    case (.void, _): break
    }
  }

  func judgement(of model: ModelName, against other: ModelName, plannedCount: Int) -> Judgement {
    if candidate.values == 0 && candidateMissing.values > 0 {
      return .nothing(.error, border.metric.absence(of: model))
    }
    if incumbent.values == 0 && incumbentMissing.values > 0 {
      return .nothing(.error, border.metric.absence(of: other))
    }
    let (before, after) = (incumbent.summary, candidate.summary)
    guard let incumbentMean = before.mean, let candidateMean = after.mean else {
      let silent = before.count == 0 ? other : model
      return .nothing(.noData, "no answer of '\(silent)' that tells it in this step yet")
    }
    var judgement = Judgement(
      verdict: .inconclusive,
      interval: ConfidenceInterval(
        estimate: candidateMean - incumbentMean, lower: -.infinity, upper: .infinity),
      incumbentMean: incumbentMean, candidateMean: candidateMean,
      samples: min(incumbent.values, candidate.values))
    decide(&judgement, before, after, model, plannedCount)
    return judgement
  }

  private func decide(
    _ judgement: inout Judgement, _ before: SampleSummary, _ after: SampleSummary,
    _ model: ModelName, _ plannedCount: Int
  ) {
    let least = AsymptoticConfidenceSequence.leastCount
    let units = min(before.count, after.count)
    guard
      let shown = AsymptoticConfidenceSequence.difference(
        control: before, treatment: after, alpha: levels.pass, plannedCount: plannedCount),
      let condemning = AsymptoticConfidenceSequence.difference(
        control: before, treatment: after, alpha: levels.fail, plannedCount: plannedCount),
      let sparing = AsymptoticConfidenceSequence.difference(
        control: before + worst(incumbentMissing, than: before),
        treatment: after + worst(candidateMissing, than: before), alpha: levels.pass,
        plannedCount: plannedCount)
    else {
      judgement.samplesMissing = valuesMissing(until: least, units: units, judgement.samples)
      judgement.explanation = "\(units) of \(least) units that each model needs"
      return
    }
    guard shown.upper > shown.lower else {
      judgement.explanation = "all values are the same: their spread cannot be judged"
      return
    }
    judgement.interval = shown
    if side(of: condemning) == .bad {
      judgement.verdict = .fail
      judgement.explanation = "shown to be beyond the margin"
    } else if side(of: shown) == .good && side(of: sparing) == .good {
      judgement.verdict = .pass
    } else {
      judgement.samplesMissing = projection(sparing, units: units, samples: judgement.samples)
      judgement.explanation =
        candidateMissing.values > 0
        ? "not shown yet; \(candidateMissing.values) values of '\(model)' are missing and count "
          + "against it"
        : "not shown yet"
    }
  }

  /// Units with missing values, each as one that is four times worse than the incumbent.
  private func worst(_ missing: UnitMeans, than incumbent: SampleSummary) -> SampleSummary {
    let mean = (incumbent.mean ?? 0) - border.orientation * GateBorder.ratioLimit
    return SampleSummary(count: missing.summary.count, mean: mean, squaredDeviations: 0)
      ?? SampleSummary()
  }

  private enum Side { case good, bad, both }

  private func side(of interval: ConfidenceInterval) -> Side {
    let edge = border.borderDifference
    let (isBelow, isAbove) = (interval.upper < edge, interval.lower > edge)
    if border.orientation < 0 { return isBelow ? .good : isAbove ? .bad : .both }
    return isAbove ? .good : isBelow ? .bad : .both
  }

  /// The interval narrows with the root of the count: values missing until it fits between the
  /// estimate and the border; `nil` while the estimate is on the wrong side.
  private func projection(_ interval: ConfidenceInterval, units: Int, samples: Int) -> Int? {
    let room = (interval.estimate - border.borderDifference) * border.orientation
    let width = (interval.upper - interval.lower) / 2
    guard room > 0, width.isFinite else { return nil }
    let needed = Double(units) * (width / room) * (width / room)
    guard needed < 1e12 else { return nil }
    return valuesMissing(until: Int(needed.rounded(.up)), units: units, samples)
  }

  /// Units turned into answers by how many each has had so far.
  private func valuesMissing(until needed: Int, units: Int, _ samples: Int) -> Int {
    let perUnit = units > 0 ? Double(samples) / Double(units) : 1
    return max(0, Int((Double(needed - units) * perUnit).rounded(.up)))
  }
}
