import Experimentation
import Statistics

/// What the traffic in force has shown of one gate of one candidate.
struct GateEvidence: Hashable, Sendable {
  private enum Kind: Hashable, Sendable {
    case pairs(PairEvidence)
    case quantities(QuantityEvidence)
    case errors(ErrorEvidence)
    case feedback(FeedbackEvidence)
    /// With the reason.
    case unusable(String)
  }

  let gate: MetricGate
  let candidate: ModelName
  private let incumbent: ModelName
  private let border: GateBorder?
  private var kind: Kind
  /// Answers that a slice cannot place, because the length of their prompt is unknown.
  private var unplaced = 0

  /// - Parameter step: index of the step whose traffic is in force
  init(_ gate: MetricGate, candidate: ModelName, of policy: RolloutPolicy, trafficStep step: Int) {
    self.gate = gate
    self.candidate = candidate
    incumbent = policy.incumbent
    do {
      let border = try GateBorder(gate)
      (self.border, kind) = (
        border, try Self.kind(border, candidate, policy, step)
      )
    } catch {
      let reason = (error as? GateBorder.Unusable)?.reason
      (border, kind) = (nil, .unusable(reason ?? "\(error)"))
    }
  }

  private static func kind(
    _ border: GateBorder, _ candidate: ModelName, _ policy: RolloutPolicy, _ step: Int
  ) throws -> Kind {
    let levels = try ErrorLevels(policy, trafficStep: step)
    let traffic = policy.steps[step].traffic
    if border.metric.isFromUsers && traffic.isShadow {
      return .unusable(
        "nobody reads a shadow's answers, and no step of the policy shows a candidate's")
    }
    if traffic.isShadow { return .pairs(try PairEvidence(border: border, levels: levels)) }
    if border.metric.isOfPair {
      return .unusable("only a shadow step has pairs of answers, and the policy has none")
    }
    guard let propensity = policy.propensity(of: candidate, in: traffic) else {
      return .unusable("'\(candidate)' and '\(policy.incumbent)' do not share this step's traffic")
    }
    let isSticky = policy.assignment.unit != .request
    if border.metric.isFromUsers {
      return .feedback(
        try FeedbackEvidence(
          border: border, levels: levels, isSticky: isSticky, propensity: propensity))
    }
    if case .logarithm = border.metric.scale {
      return .quantities(QuantityEvidence(border: border, levels: levels, isSticky: isSticky))
    }
    return .errors(
      try ErrorEvidence(border: border, levels: levels, isSticky: isSticky, propensity: propensity))
  }

  /// Takes a pair of a shadow step in.
  mutating func add(_ comparison: Comparison) {
    guard comparison.candidate == candidate, comparison.incumbent == incumbent,
      isInSlice(comparison.incumbentMeasurements, comparison.assignment),
      case .pairs(var evidence) = kind
    else { return }
    // Taken out and put back, so that the evidence is changed in place.
    kind = .unusable("")
    evidence.add(comparison)
    kind = .pairs(evidence)
  }

  /// Takes an answer to live traffic in.
  mutating func add(_ outcome: Outcome) {
    let isCandidate = outcome.model == candidate
    guard isCandidate || outcome.model == incumbent,
      isInSlice(outcome.measurements, outcome.assignment)
    else { return }
    switch kind {
    case .quantities(var evidence):
      kind = .unusable("")
      evidence.add(outcome, isCandidate: isCandidate)
      kind = .quantities(evidence)
    case .errors(var evidence):
      kind = .unusable("")
      evidence.add(outcome, isCandidate: isCandidate)
      kind = .errors(evidence)
    case .feedback(var evidence):
      kind = .unusable("")
      evidence.add(outcome, isCandidate: isCandidate)
      kind = .feedback(evidence)
    case .pairs, .unusable:
      break
    }
  }

  /// Takes in what a user said of an answer, in the order of assignment.
  mutating func add(_ feedback: Feedback) {
    let isCandidate = feedback.model == candidate
    guard isCandidate || feedback.model == incumbent, case .feedback(var evidence) = kind else {
      return
    }
    kind = .unusable("")
    evidence.add(feedback, isCandidate: isCandidate)
    kind = .feedback(evidence)
  }

  private mutating func isInSlice(_ measurements: Measurements, _ assignment: Assignment) -> Bool {
    guard let slice = gate.slice else { return true }
    if measurements.promptTokens == nil && slice.asksForLength { unplaced += 1 }
    return slice.contains(
      promptTokens: measurements.promptTokens, labels: assignment.labels)
  }

  /// The verdict as of now.
  ///
  /// - Parameter hold: of the step in force, whose `minSamples` also says where intervals for
  ///   people shall be narrowest
  /// - Returns: the report, and ln of the evidence that the objective is violated, if it can be
  ///   told
  func report(hold: HoldConditions?) -> (report: GateReport, logHarm: Double?) {
    let plannedCount = max(1_000, 2 * min(hold?.minSamples ?? 0, 1 << 40))
    var judgement =
      switch kind {
      case .pairs(let evidence):
        evidence.judgement(of: candidate, plannedCount: plannedCount)
      case .quantities(let evidence):
        evidence.judgement(of: candidate, against: incumbent, plannedCount: plannedCount)
      case .errors(let evidence):
        evidence.judgement(of: candidate, against: incumbent, plannedCount: plannedCount)
      case .feedback(let evidence):
        evidence.judgement(of: candidate, against: incumbent, plannedCount: plannedCount)
      case .unusable(let reason):
        Judgement.nothing(.error, reason)
      }
    if judgement.verdict == .noData, unplaced > 0, let slice = gate.slice {
      judgement = .nothing(
        .error,
        "no answer is known to belong to '\(slice)': \(unplaced) do not say how long the prompt was"
      )
    }
    let report = judgement.report(of: gate, candidate: candidate, border: border, hold: hold)
    return (report, judgement.logHarm)
  }
}

extension RolloutPolicy {
  /// The chance that `candidate` answers a unit which it or the incumbent answers; `nil` when one
  /// of them answers nobody.
  func propensity(of candidate: ModelName, in traffic: StepTraffic) -> Double? {
    let shares = shares(of: traffic)
    guard let own = shares[candidate]?.value, let rest = shares[incumbent]?.value, rest > 0 else {
      return nil
    }
    return own / (own + rest)
  }
}
