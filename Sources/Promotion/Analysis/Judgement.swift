import Experimentation
import Statistics

/// What a kind of evidence concludes; a ``GateReport`` without the gate's own particulars.
struct Judgement: Hashable, Sendable {
  var verdict: Verdict
  /// Candidate against incumbent with its bounds, as differences of coordinates (``GateBorder``).
  var interval: ConfidenceInterval?
  /// Means of coordinates.
  var incumbentMean: Double?
  var candidateMean: Double?
  /// Values that count: pairs, or those of the model with fewer.
  var samples = 0
  /// Values missing until the evidence may decide; `nil` when it cannot be told.
  var samplesMissing: Int?
  var explanation: String?
  /// ln of the evidence that the objective is violated, where the test is an e-process; `nil` where
  /// it is none, or nothing was measured.
  var logHarm: Double?
  /// ln of the evidence that it holds, likewise.
  var logProof: Double?
  /// Where values are volunteered.
  var response: ResponseRates?
  /// Where people label what a judge has said.
  var correction: JudgeCorrection?

  /// Why a gate fails.
  static let beyond = "shown to be beyond the margin"

  /// A judgement without any value, because of `explanation`.
  static func nothing(_ verdict: Verdict, _ explanation: String) -> Judgement {
    Judgement(verdict: verdict, explanation: explanation)
  }

  /// As people and the journal read it.
  func report(
    of gate: MetricGate, candidate: ModelName, border: GateBorder?, levels: ErrorLevels?,
    hold: HoldConditions?
  ) -> GateReport {
    let lower = interval.flatMap { $0.lower.isFinite ? border?.estimate($0.lower) : nil }
    let upper = interval.flatMap { $0.upper.isFinite ? border?.estimate($0.upper) : nil }
    var report = GateReport(
      gate: gate.name, metric: gate.metric, role: gate.role, candidate: candidate,
      verdict: verdict, estimate: interval.flatMap { border?.estimate($0.estimate) },
      lowerBound: lower, upperBound: upper, threshold: GateBorder.threshold(of: gate),
      isRelative: gate.comparesRatios, quantile: gate.quantile, failLevel: levels?.fail,
      incumbentMean: incumbentMean.flatMap { border?.value(ofCoordinate: $0) },
      candidateMean: candidateMean.flatMap { border?.value(ofCoordinate: $0) },
      samples: samples, samplesMissing: missing(for: hold), explanation: explanation)
    report.incumbentResponse = response?.incumbent
    report.candidateResponse = response?.candidate
    report.correction = correction
    return report
  }

  /// What the hold condition or the evidence still asks for, whichever is more.
  private func missing(for hold: HoldConditions?) -> Int? {
    let byHold = max(0, (hold?.minSamples ?? 0) - samples)
    switch verdict {
    case .pass: return byHold
    case .fail: return nil
    case .inconclusive, .noData, .error:
      guard let samplesMissing else { return byHold > 0 ? byHold : nil }
      return max(byHold, samplesMissing)
    }
  }
}
