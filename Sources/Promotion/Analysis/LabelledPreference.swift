import Experimentation
import Statistics

/// What people's labels make of a judge's preference: whether the judge may be believed.
///
/// The judge's betting test says whether the *judge* prefers the candidate, which a judge that is
/// fooled does as well. So a gate with labels passes only when people's mean preference, of which
/// the judge's word is a part that their labels correct (``PredictionPoweredSequence``), is shown
/// to be within the margin, too; and it fails only where that does not say the opposite. While
/// there are too few labels it does neither: a shadow's answers hurt nobody that waits.
struct LabelledPreference: Hashable, Sendable {
  /// What preferences are counted from: neither is preferred.
  private static let even = 0.5

  private let plan: LabelPlan
  /// The margin as people write it: where people's mean, counted from one half, has to be above.
  private let threshold: Double
  private var sequence = PredictionPoweredSequence()

  init(_ plan: LabelPlan, border: GateBorder) {
    self.plan = plan
    threshold = border.threshold
  }

  /// Takes in what the judge said of a pair, labelled or not.
  mutating func add(judged: Double) { sequence.append(prediction: judged) }

  /// Takes in what a person said.
  mutating func add(_ label: PairLabel) {
    sequence.append(label: label.preference, prediction: label.pair.judged)
  }

  /// The judge's judgement as far as people's labels bear it out.
  func correct(
    _ judgement: Judgement, levels: ErrorLevels, plannedCount: Int
  ) -> Judgement {
    guard judgement.verdict != .error, judgement.verdict != .noData else { return judgement }
    var judgement = judgement
    let interval = sequence.interval(
      alpha: levels.pass, plannedLabels: plan.limit, plannedPredictions: plannedCount)
    var correction = JudgeCorrection(
      labels: sequence.labelCount,
      estimate: sequence.labelCount > 0 ? sequence.estimate.map { $0 - Self.even } : nil,
      lowerBound: interval.map { $0.lower - Self.even },
      upperBound: interval.map { $0.upper - Self.even })
    guard let interval else {
      let missing = PredictionPoweredSequence.leastLabels - sequence.labelCount
      correction.labelsMissing = max(1, missing)
      judgement.hold("needs \(max(1, missing)) more labels")
      judgement.correction = correction
      return judgement
    }
    let isBorneOut = interval.lower - Self.even > threshold
    switch judgement.verdict {
    case .pass where !isBorneOut:
      correction.labelsMissing = labelsMissing(interval)
      judgement.hold(doubt(interval, missing: correction.labelsMissing))
    case .fail where isBorneOut:
      judgement.hold("the judge says that it is beyond the margin, and people's labels deny it")
    case .inconclusive:
      correction.labelsMissing = isBorneOut ? nil : labelsMissing(interval)
      // What people deny lends no hand to the union of the gates that take back, either.
      if isBorneOut { judgement.logHarm = nil }
    case .pass, .fail, .noData, .error:
      break
    }
    judgement.correction = correction
    return judgement
  }

  /// Why the judge alone lets nobody pass.
  private func doubt(_ interval: ConfidenceInterval, missing: Int?) -> String {
    if interval.upper - Self.even < threshold {
      return "the judge prefers it, and people's labels show that it is beyond the margin"
    }
    guard let missing else { return "the judge prefers it, and people's labels do not bear it out" }
    let room = plan.limit - sequence.labelCount
    return "the judge prefers it, and people's labels do not show it yet: needs about \(missing) "
      + "more labels" + (missing > room ? ", and the policy keeps \(max(0, room))" : "")
  }

  /// Labels until the interval is as narrow as its distance from the margin asks for, going by what
  /// it is like now; `nil` where the estimate itself is beyond the margin.
  private func labelsMissing(_ interval: ConfidenceInterval) -> Int? {
    let distance = interval.estimate - Self.even - threshold
    guard distance > 0 else { return nil }
    let ratio = (interval.estimate - interval.lower) / distance
    let wanted = Double(sequence.labelCount) * ratio * ratio
    guard wanted < 1e6 else { return nil }
    return max(1, Int(wanted.rounded(.up)) - sequence.labelCount)
  }
}

extension Judgement {
  /// Decides nothing, and gives no evidence to what decides of several gates.
  fileprivate mutating func hold(_ reason: String) {
    verdict = .inconclusive
    explanation = reason
    (logHarm, logProof) = (nil, nil)
  }
}
