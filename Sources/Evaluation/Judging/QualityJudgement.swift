import Statistics

/// What one measurement says of a gate; from good to bad.
package enum QualityVerdict: String, Hashable, Sendable, Encodable, CaseIterable, Comparable {
  /// The loss is shown to be within the limit.
  case passes
  /// Neither is shown.
  case notEnoughToTell
  /// The loss is shown to be beyond the limit.
  case worse

  package static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }

  private var rank: Int {
    switch self {
    case .passes: 0
    case .notEnoughToTell: 1
    case .worse: 2
    }
  }

  /// The whole interval decides, not its middle: one that holds the limit tells nothing. No
  /// interval tells nothing either.
  package init(lower: Double?, upper: Double?, limit: Double) {
    if let upper, upper <= limit {
      self = .passes
    } else if let lower, lower > limit {
      self = .worse
    } else {
      self = .notEnoughToTell
    }
  }
}

/// What a gate says of a variant at a length, with the loss that it says it of.
package struct QualityJudgement: Hashable, Sendable, Encodable {
  package let gate: String
  package let measure: QualityGate.Measure
  package let verdict: QualityVerdict
  /// The loss, in the measure's unit, with its interval of 95 %: over blocks of text, or Tango's
  /// over pairs of answers to one question. Ends are `nil` where there are too few blocks.
  package let loss: PerplexityReport.Estimate
  package let limit: Double
  /// Of questions, how many are enough to pass where all answers agree; `nil` for other measures
  /// and without a limit above 0.
  package let leastTrials: Int?

  /// The chance below which disagreement that favours the reference is no accident: that of one
  /// side of the intervals.
  static let chance = 0.025

  /// Judges `row`.
  ///
  /// - Returns: `nil` where the gate does not look at this length, or its suite was not asked for.
  package init?(_ gate: QualityGate, _ row: EvaluationRow, against reference: EvaluationRow) {
    guard gate.lengths.contains(row.length) else { return nil }
    let difference = row.perplexity?.difference
    switch gate.measure {
    case .perplexity: self.init(gate, difference?.logRatio)
    case .divergence: self.init(gate, difference?.meanDivergence)
    case .disagreement: self.init(gate, difference?.sameTop.complement)
    case .passkey: self.init(gate, row.passkey, against: reference.passkey)
    case .needle: self.init(gate, row.needle, against: reference.needle)
    }
  }

  private init?(_ gate: QualityGate, _ loss: PerplexityReport.Estimate?) {
    guard let loss else { return nil }
    self.gate = gate.name
    measure = gate.measure
    limit = gate.limit
    self.loss = loss
    leastTrials = nil
    verdict = QualityVerdict(lower: loss.lower, upper: loss.upper, limit: gate.limit)
  }

  /// Two things are asked beside the interval. What is called worse must be so by McNemar's exact
  /// test, since Tango's interval is one of large samples. And a reference that finds less than
  /// half cannot show that a variant lost nothing: where there is little to lose, nothing passes
  /// ("assay sensitivity", ICH E10 2000, section 1.5).
  private init?(
    _ gate: QualityGate, _ report: RetrievalReport?, against reference: RetrievalReport?
  ) {
    guard let report, let reference, let pairs = report.loss(against: reference),
      let interval = pairs.loss()
    else { return nil }
    self.gate = gate.name
    measure = gate.measure
    limit = gate.limit
    loss = PerplexityReport.Estimate(
      estimate: interval.estimate, lower: interval.lower, upper: interval.upper)
    leastTrials = PairedProportions.leastTrials(forLoss: gate.limit)
    let shown = QualityVerdict(lower: interval.lower, upper: interval.upper, limit: gate.limit)
    verdict =
      switch shown {
      case .passes: reference.findsEnough ? .passes : .notEnoughToTell
      case .worse: pairs.worseProbability <= Self.chance ? .worse : .notEnoughToTell
      case .notEnoughToTell: .notEnoughToTell
      }
  }
}

extension RetrievalReport {
  /// Whether enough was found for a loss to show: half.
  package var findsEnough: Bool { 2 * found >= trials }
}

extension PerplexityReport.Estimate {
  /// Of a share, that of what is left.
  fileprivate var complement: Self {
    Self(estimate: 1 - estimate, lower: upper.map { 1 - $0 }, upper: lower.map { 1 - $0 })
  }
}
