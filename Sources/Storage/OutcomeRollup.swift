package import Experimentation
package import Statistics

/// What the answers of one model, in one step of a run and one band of prompt lengths, were like:
/// counts and sketches, which add up exactly and stay when the raw rows are gone.
///
/// For people and for reports. Gates never read rollups: pooling over steps is Simpson's paradox.
/// Requests that were pinned to their model are in none.
package struct OutcomeRollup: Hashable, Sendable {
  /// Which answers a rollup is about.
  package struct Key: Hashable, Sendable {
    /// Index of the step in force when the requests were routed.
    package var step: Int
    package var model: ModelName
    /// Whether the answers were shadows', which nobody saw.
    package var isShadow: Bool
    package var band: PromptBand

    package init(step: Int, model: ModelName, isShadow: Bool, band: PromptBand) {
      self.step = step
      self.model = model
      self.isShadow = isShadow
      self.band = band
    }
  }

  /// Answers, failures among them.
  package var answers = 0
  /// Answers that count as the model's errors (``Measurements/isError``).
  package var errors = 0
  /// Seconds behind other work: reported apart, never part of a model's own times.
  package var queueSeconds = QuantileSketch()
  package var timeToFirstTokenSeconds = QuantileSketch()
  package var timePerOutputTokenSeconds = QuantileSketch()
  /// Of whole answers.
  package var totalSeconds = QuantileSketch()
  package var outputTokens = QuantileSketch()
  /// Means and spread over the pairs in which the model was the candidate.
  package var tokenAgreement = SampleSummary()
  package var prefixAgreement = SampleSummary()
  /// Cost of the answers of which it is known.
  package var cost = SampleSummary()
  /// Scores that a policy asked for, of those that were measured: checks of the model's answers,
  /// and metrics of the pairs in which it was the candidate.
  package var scores: [ScoreID: SampleSummary] = [:]

  /// No answers.
  package init() {}

  /// Takes an answer in.
  package mutating func add(_ measurements: Measurements) {
    answers += 1
    if measurements.isError == true { errors += 1 }
    queueSeconds.append(measurements.queueSeconds)
    if let value = measurements.timeToFirstTokenSeconds { timeToFirstTokenSeconds.append(value) }
    if let value = measurements.timePerOutputTokenSeconds {
      timePerOutputTokenSeconds.append(value)
    }
    if let value = measurements.value(of: .latency) { totalSeconds.append(value) }
    if let value = measurements.outputTokens { outputTokens.append(Double(value)) }
    if let value = measurements.cost { cost.append(value) }
    add(measurements.scores)
  }

  /// Takes the candidate's side of a pair in; the incumbent's answer has an outcome of its own.
  package mutating func add(_ comparison: Comparison) {
    add(comparison.candidateMeasurements)
    if let agreement = comparison.tokenAgreement { tokenAgreement.append(agreement) }
    if let agreement = comparison.prefixAgreement { prefixAgreement.append(agreement) }
    add(comparison.scores)
  }

  private mutating func add(_ scores: AnswerScores) {
    for (id, value) in scores.sorted { self.scores[id, default: .init()].append(Double(value)) }
  }

  /// Both together, as if one had seen all answers; means up to rounding.
  package static func + (left: Self, right: Self) -> Self {
    var sum = left
    sum.answers += right.answers
    sum.errors += right.errors
    for sketch in sketches { sum[keyPath: sketch] = left[keyPath: sketch] + right[keyPath: sketch] }
    for summary in summaries {
      sum[keyPath: summary] = left[keyPath: summary] + right[keyPath: summary]
    }
    sum.scores.merge(right.scores) { $0 + $1 }
    return sum
  }

  /// Every sketch, in the order in which stores keep them.
  package static var sketches: [WritableKeyPath<Self, QuantileSketch>] {
    [
      \.queueSeconds, \.timeToFirstTokenSeconds, \.timePerOutputTokenSeconds, \.totalSeconds,
      \.outputTokens,
    ]
  }

  /// Every summary, in the order in which stores keep them.
  package static var summaries: [WritableKeyPath<Self, SampleSummary>] {
    [\.tokenAgreement, \.prefixAgreement, \.cost]
  }
}

extension OutcomeRollup.Key {
  /// Where the rollups have `outcome`; `nil` for one that belongs to no run, or was pinned.
  package init?(_ outcome: Outcome) {
    guard outcome.assignment.propensity != nil, let step = outcome.assignment.rollout?.step else {
      return nil
    }
    self.init(
      step: step, model: outcome.model, isShadow: false,
      band: PromptBand(tokens: outcome.measurements.promptTokens))
  }

  /// Where the rollups have the candidate's side of `comparison`; `nil` as for an outcome, and for
  /// the second answer of an incumbent that is its own control.
  package init?(_ comparison: Comparison) {
    guard comparison.assignment.propensity != nil, !comparison.isControl,
      let step = comparison.assignment.rollout?.step
    else { return nil }
    self.init(
      step: step, model: comparison.candidate, isShadow: true,
      band: PromptBand(tokens: comparison.incumbentMeasurements.promptTokens))
  }
}

extension OutcomeRollup.Key: Comparable {
  /// By step, model, shadows last, and band.
  package static func < (left: Self, right: Self) -> Bool {
    (left.step, left.model, left.isShadow ? 1 : 0, left.band)
      < (right.step, right.model, right.isShadow ? 1 : 0, right.band)
  }
}
