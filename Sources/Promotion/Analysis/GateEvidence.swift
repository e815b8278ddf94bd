import Experimentation
import Statistics

/// What a run has shown of one gate of one candidate.
///
/// Most kinds of evidence are of the step in force alone. Shares of errors go on from one canary or
/// split step to the next, and so does the incumbent's quantile, which only says where to look.
struct GateEvidence: Hashable, Sendable {
  private enum Kind: Hashable, Sendable {
    case pairs(PairEvidence)
    case pairTail(PairTailEvidence)
    case quantity(QuantityEvidence)
    case tail(TailEvidence)
    case feedback(FeedbackEvidence)
    case preference(PreferenceEvidence)
    /// What ``errors`` show.
    case errors
    /// With the reason.
    case unusable(String)
  }

  let gate: MetricGate
  let candidate: ModelName
  private let policy: RolloutPolicy
  private let border: GateBorder?
  private var kind = Kind.unusable("")
  /// The step whose traffic is in force.
  private var step: Int?
  private var levels: ErrorLevels?
  /// Of all canary and split steps; `nil` for gates that start anew.
  private var errors: ErrorEvidence?
  /// Of the incumbent's answers to live traffic; `nil` for gates on means.
  private var threshold: TailThreshold?
  /// Answers that a slice cannot place, because the length of their prompt is unknown.
  private var unplaced = 0

  /// - Parameter step: index of the step whose traffic is in force, if there is one
  init(_ gate: MetricGate, candidate: ModelName, of policy: RolloutPolicy, trafficStep step: Int?) {
    self.gate = gate
    self.candidate = candidate
    self.policy = policy
    border = try? GateBorder(gate)
    if let border {
      if case .tail(let quantile) = border.comparison {
        threshold = TailThreshold(quantile: quantile, ratio: border.ratio)
      }
      if gate.carriesOver {
        errors = try? ErrorEvidence(border: border, candidate: candidate, policy: policy)
      }
    }
    start(trafficStep: step)
  }

  /// Begins to gather under other traffic.
  mutating func start(trafficStep step: Int?) {
    self.step = step
    unplaced = 0
    levels = nil
    do {
      kind = try kind(in: step)
      levels = try step.map { try ErrorLevels(policy, gate, trafficStep: $0) }
    } catch {
      kind = .unusable((error as? GateBorder.Unusable)?.reason ?? "\(error)")
    }
  }

  private func kind(in step: Int?) throws -> Kind {
    let border = try GateBorder(gate)
    guard let step, policy.steps.indices.contains(step) else { return .unusable("no traffic yet") }
    let levels = try ErrorLevels(policy, gate, trafficStep: step)
    let traffic = policy.steps[step].traffic
    if border.metric == .preference {
      guard traffic.isInterleaved else {
        return .unusable("no step of the policy has answers with choices of both models")
      }
      return .preference(try PreferenceEvidence(border: border, levels: levels))
    }
    if traffic.isInterleaved {
      return .unusable("an interleaved step shows what users prefer, and nothing else")
    }
    if border.metric.isFromUsers && traffic.isShadow {
      return .unusable(
        "nobody reads a shadow's answers, and no step of the policy shows a candidate's")
    }
    if traffic.isShadow {
      if case .tail(let quantile) = border.comparison {
        return .pairTail(PairTailEvidence(border: border, quantile: quantile, levels: levels))
      }
      let labels = border.metric == .judgePreference ? policy.judge?.labels : nil
      return .pairs(try PairEvidence(border: border, levels: levels, labels: labels))
    }
    if border.metric.isOfPair {
      return .unusable("only a shadow step has pairs of answers, and the policy has none")
    }
    let propensities = StepPropensities(of: candidate, in: policy)
    guard let propensity = propensities.propensity(in: step) else {
      return .unusable("'\(candidate)' and '\(policy.incumbent)' do not share this step's traffic")
    }
    let isSticky = policy.assignment.unit != .request
    if border.metric.isFromUsers {
      return .feedback(
        try FeedbackEvidence(
          border: border, levels: levels, isSticky: isSticky, propensity: propensity))
    }
    switch border.comparison {
    case .difference, .risk:
      return .errors
    case .logarithm:
      return .quantity(
        try QuantityEvidence(border: border, isSticky: isSticky, propensity: propensity))
    case .tail(let quantile):
      return .tail(
        TailEvidence(
          border: border, quantile: quantile, isSticky: isSticky, propensity: propensity))
    }
  }

  /// Takes a pair of a shadow step in.
  mutating func add(_ comparison: Comparison) {
    guard comparison.candidate == candidate, comparison.incumbent == policy.incumbent,
      isInSlice(comparison.incumbentMeasurements, comparison.assignment)
    else { return }
    // Taken out and put back, so that the evidence is changed in place.
    switch kind {
    case .pairs(var evidence):
      kind = .unusable("")
      evidence.add(comparison)
      kind = .pairs(evidence)
    case .pairTail(var evidence):
      kind = .unusable("")
      do {
        try evidence.add(comparison)
        kind = .pairTail(evidence)
      } catch {
        kind = .unusable("\(error)")
      }
    case .quantity, .tail, .errors, .feedback, .preference, .unusable: break
    }
  }

  /// Takes in what a person said of a judged pair of a shadow step.
  mutating func add(_ label: PairLabel) {
    let pair = label.pair
    guard pair.candidate == candidate, pair.incumbent == policy.incumbent,
      gate.slice?.contains(promptTokens: pair.promptTokens, labels: pair.assignment.labels)
        != false,
      case .pairs(var evidence) = kind
    else { return }
    kind = .unusable("")
    evidence.add(label)
    kind = .pairs(evidence)
  }

  /// Takes an answer to live traffic in, be it of a step that is over.
  ///
  /// - Parameters:
  ///   - step: whose traffic it was; one that shares traffic out, or a shadow step, which the
  ///     incumbent alone answers
  ///   - shares: in force when it was assigned, of which a bandit step has many
  mutating func add(_ outcome: Outcome, step: Int, shares: [ModelName: Share]) {
    let isCandidate = outcome.model == candidate
    guard isCandidate || outcome.model == policy.incumbent else {
      errors?.note(elsewhere: outcome.assignment.unitHash)
      return
    }
    guard isInSlice(outcome.measurements, outcome.assignment) else {
      errors?.note(unmeasured: outcome.assignment.unitHash, in: step)
      return
    }
    if !policy.steps[step].traffic.isShadow {
      errors?.add(outcome, isCandidate: isCandidate, step: step, shares: shares)
      if step == self.step, let propensity = propensity(under: shares) {
        add(outcome, isCandidate: isCandidate, propensity: propensity)
      }
    }
    // Only now that it was compared.
    if !isCandidate, threshold != nil,
      case .value(let value) = outcome.measurements.reading(of: gate.metric)
    {
      threshold?.append(value)
    }
  }

  /// The chance of the candidate, of it and the incumbent, under `shares`.
  private func propensity(under shares: [ModelName: Share]) -> Double? {
    guard let own = shares[candidate]?.value, let rest = shares[policy.incumbent]?.value,
      own > 0, rest > 0
    else { return nil }
    return own / (own + rest)
  }

  private mutating func add(_ outcome: Outcome, isCandidate: Bool, propensity: Double) {
    switch kind {
    case .quantity(var evidence):
      kind = .unusable("")
      evidence.add(outcome, isCandidate: isCandidate, propensity: propensity)
      kind = .quantity(evidence)
    case .tail(var evidence):
      guard let threshold else { return }
      kind = .unusable("")
      do {
        try evidence.add(
          outcome, isCandidate: isCandidate, propensity: propensity, threshold: threshold)
        kind = .tail(evidence)
      } catch {
        kind = .unusable("\(error)")
      }
    case .feedback(var evidence):
      kind = .unusable("")
      evidence.add(outcome, isCandidate: isCandidate)
      kind = .feedback(evidence)
    case .pairs, .pairTail, .errors, .preference, .unusable:
      break
    }
  }

  /// Takes in what a user said of an answer, in the order of assignment.
  ///
  /// - Parameter shares: in force when the answer was assigned
  mutating func add(_ feedback: Feedback, shares: [ModelName: Share]) {
    let isCandidate = feedback.model == candidate
    guard isCandidate || feedback.model == policy.incumbent else { return }
    if case .preference(var evidence) = kind {
      kind = .unusable("")
      evidence.add(feedback, isCandidate: isCandidate)
      kind = .preference(evidence)
      return
    }
    guard let propensity = propensity(under: shares), case .feedback(var evidence) = kind
    else { return }
    kind = .unusable("")
    evidence.add(feedback, isCandidate: isCandidate, propensity: propensity)
    kind = .feedback(evidence)
  }

  private mutating func isInSlice(_ measurements: Measurements, _ assignment: Assignment) -> Bool {
    guard let slice = gate.slice else { return true }
    if measurements.promptTokens == nil && slice.asksForLength {
      unplaced += 1
      // An answer that failed tells no length. It counts in every slice, of either model alike: a
      // candidate must not pass because its failures cannot be placed.
      if measurements.failure != nil { return slice.hasLabels(in: assignment.labels) }
    }
    return slice.contains(
      promptTokens: measurements.promptTokens, labels: assignment.labels)
  }
}

// MARK: - Reading

extension GateEvidence {
  /// The verdict as of now.
  ///
  /// - Parameter hold: of the step in force, whose `minSamples` also says where intervals for
  ///   people shall be narrowest
  func report(hold: HoldConditions?) -> HarmUnion.Member {
    let plannedCount = max(1_000, 2 * min(hold?.minSamples ?? 0, 1 << 40))
    var judgement = judgement(plannedCount: plannedCount)
    if judgement.verdict == .noData, unplaced > 0, let slice = gate.slice {
      judgement = .nothing(
        .error,
        "no answer is known to belong to '\(slice)': \(unplaced) do not say how long the prompt was"
      )
    }
    return HarmUnion.Member(
      report: judgement.report(
        of: gate, candidate: candidate, border: border, levels: levels, hold: hold),
      gate: gate, levels: levels, logHarm: judgement.logHarm, logProof: judgement.logProof)
  }

  private func judgement(plannedCount: Int) -> Judgement {
    let incumbent = policy.incumbent
    guard let levels else {
      if case .unusable(let reason) = kind { return .nothing(.error, reason) }
      return .nothing(.error, "no traffic yet")
    }
    switch kind {
    case .pairs(let evidence):
      return evidence.judgement(of: candidate, plannedCount: plannedCount)
    case .pairTail(let evidence):
      return evidence.judgement(of: candidate, plannedCount: plannedCount)
    case .quantity(let evidence):
      return evidence.judgement(
        of: candidate, against: incumbent, levels: levels, plannedCount: plannedCount)
    case .tail(let evidence):
      guard let threshold else { return .nothing(.error, "no quantile to compare") }
      return evidence.judgement(
        of: candidate, against: incumbent, threshold: threshold, levels: levels,
        plannedCount: plannedCount)
    case .errors:
      guard let errors, let step else { return .nothing(.error, "errors cannot be judged") }
      return errors.judgement(
        of: candidate, against: incumbent, in: step, levels: levels, plannedCount: plannedCount)
    case .preference(let evidence):
      return evidence.judgement(
        of: candidate, against: incumbent, plannedCount: plannedCount)
    case .feedback(let evidence):
      return evidence.judgement(
        of: candidate, against: incumbent, plannedCount: plannedCount)
    case .unusable(let reason):
      return .nothing(.error, reason)
    }
  }
}
