/// What an analysis concludes of one gate.
///
/// Only `pass` moves a rollout forward. Could not measure is never the same as measured badly.
package enum Verdict: String, Hashable, Sendable, Codable {
  /// Shown to hold.
  case pass
  /// Shown to be violated.
  case fail
  /// Neither is shown yet.
  case inconclusive
  /// Nothing was measured.
  case noData
  /// Could not be judged.
  case error
}

/// One gate's verdict with its evidence: what people read and the journal keeps.
package struct GateReport: Hashable, Sendable, Codable {
  /// The gate's name in the policy.
  package var gate: String
  package var metric: Metric
  package var role: MetricGate.Role
  package var candidate: ModelName
  package var verdict: Verdict
  /// Candidate against incumbent, in the unit of the margin: a difference of shares, or a relative
  /// change (0.1 is 10 % more). `nil` without data.
  package var estimate: Double?
  /// Bounds of the estimate that hold at every look at once, with probability 1 − alpha.
  package var lowerBound: Double?
  package var upperBound: Double?
  /// The value that the bounds are held against, signed as the estimate is.
  package var threshold: Double
  /// Whether estimate, bounds and threshold are relative changes; else they are differences of
  /// shares. `nil` in reports from before shares could be compared by ratios.
  package var isRelative: Bool?
  /// Which quantile is compared; `nil` where means are.
  package var quantile: Double?
  /// The level at which this gate alone fails: its part of the policy's alpha, which is shared by
  /// all gates (one for each slice), candidates, and stages that start their evidence anew.
  package var failLevel: Double?
  /// Mean of the incumbent, in the metric's unit (geometric on the logarithmic scale); its quantile
  /// where quantiles are compared.
  package var incumbentMean: Double?
  /// Mean of the candidate, likewise.
  package var candidateMean: Double?
  /// Samples that count: pairs, or outcomes of the model with fewer.
  package var samples: Int
  /// Samples that the hold condition or the present width of the interval still asks for; `nil`
  /// when it cannot be told.
  package var samplesMissing: Int?
  /// Hours until the samples that are missing are there, at the pace so far; `nil` when nothing is
  /// missing or it cannot be told.
  package var expectedHours: Double?
  /// What stands in the way, in a sentence, for verdicts other than `pass`.
  package var explanation: String?
  /// Shares of the incumbent's and of the candidate's units that had something to say, where values
  /// are volunteered (``Metric/isFromUsers``); `nil` for other metrics.
  package var incumbentResponse: Double?
  package var candidateResponse: Double?
  /// What the incumbent shows against itself, where a shadow step asks it aside too; `nil` without
  /// such pairs. Nothing is decided by it.
  package var noise: NoiseFloor?
  /// What people's labels make of a judge's word; `nil` where none are asked for.
  package var correction: JudgeCorrection?

  package init(
    gate: String, metric: Metric, role: MetricGate.Role, candidate: ModelName, verdict: Verdict,
    estimate: Double? = nil, lowerBound: Double? = nil, upperBound: Double? = nil,
    threshold: Double, isRelative: Bool? = nil, quantile: Double? = nil, failLevel: Double? = nil,
    incumbentMean: Double? = nil, candidateMean: Double? = nil, samples: Int = 0,
    samplesMissing: Int? = nil, explanation: String? = nil
  ) {
    self.gate = gate
    self.metric = metric
    self.role = role
    self.candidate = candidate
    self.verdict = verdict
    self.estimate = estimate
    self.lowerBound = lowerBound
    self.upperBound = upperBound
    self.threshold = threshold
    self.isRelative = isRelative
    self.quantile = quantile
    self.failLevel = failLevel
    self.incumbentMean = incumbentMean
    self.candidateMean = candidateMean
    self.samples = samples
    self.samplesMissing = samplesMissing
    self.explanation = explanation
  }
}

/// The incumbent against itself on one gate's metric: an A/A control.
package struct NoiseFloor: Hashable, Sendable, Codable {
  /// As a candidate's would be read: its second answer against its first.
  package var estimate: Double?
  /// As wide as a candidate's interval on as many pairs would be.
  package var lowerBound: Double?
  package var upperBound: Double?
  /// Pairs of its own answers.
  package var samples: Int

  package init(
    estimate: Double? = nil, lowerBound: Double? = nil, upperBound: Double? = nil, samples: Int
  ) {
    self.estimate = estimate
    self.lowerBound = lowerBound
    self.upperBound = upperBound
    self.samples = samples
  }

  /// How far from "the same" the incumbent is shown to be from itself, at least; 0 while its
  /// interval has "the same" in it, or there is none.
  package var leastDistance: Double {
    if let lowerBound, lowerBound > 0 { return lowerBound }
    if let upperBound, upperBound < 0 { return -upperBound }
    return 0
  }
}

extension GateReport {
  /// Whether the gate asks for less than what the incumbent is shown to differ from itself by: no
  /// candidate can be held to that.
  package var isBelowNoise: Bool { noise.map { $0.leastDistance > abs(threshold) } ?? false }

  /// Whether changes are read in percent of the incumbent's value, rather than in points.
  package var comparesRatios: Bool { isRelative ?? (metric.scale != .proportion) }
}
