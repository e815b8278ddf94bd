package import Experimentation

/// What one look at a rollout found: all that the rule of the game may know.
package struct Findings: Hashable, Sendable {
  /// The verdict of every gate that the step in force judges, for every candidate.
  package var reports: [GateReport]
  /// Samples under the traffic in force: pairs of each candidate in a shadow step, answers of each
  /// model otherwise. A model without any may be absent.
  package var samples: [ModelName: Int]
  /// Seconds that the step was watched by a clock that never jumps.
  package var secondsInStep: Double
  /// Candidates whose answers to live traffic failed one after the other (``KillSwitch``).
  package var broken: Set<ModelName>
  /// Models whose backends answer; `nil` means all of them.
  package var ready: Set<ModelName>?
  /// Why the evidence is no longer of the models that answer now, or `nil`.
  package var staleness: String?
  /// Why the hour does not allow to go forward, or `nil`.
  package var scheduleHold: ScheduleHold?

  package init(
    reports: [GateReport] = [], samples: [ModelName: Int] = [:], secondsInStep: Double,
    broken: Set<ModelName> = [], ready: Set<ModelName>? = nil, staleness: String? = nil,
    scheduleHold: ScheduleHold? = nil
  ) {
    self.reports = reports
    self.samples = samples
    self.secondsInStep = secondsInStep
    self.broken = broken
    self.ready = ready
    self.staleness = staleness
    self.scheduleHold = scheduleHold
  }
}

/// What a look does to a rollout: at most one thing, with its reason for people.
package enum Move: Hashable, Sendable {
  case hold(because: String)
  case advance(to: Int)
  case pause(because: String)
  case inconclusive(because: String)
  case rollBack(because: String)
  /// One candidate leaves for good; `gate` is the one that failed, `nil` where it broke down.
  case drop(ModelName, gate: String?, because: String)
  case promote(ModelName)
}

extension RolloutState {
  /// Where the rollout goes on what a look found. No clock, no store: a rule of the game.
  ///
  /// Harm comes first and counts in every live status: a pause keeps a rollout from going on, it
  /// does not keep users on something shown to be bad. With several candidates, one that fails
  /// takes the whole rollout back, unless its gate says that it leaves alone (`onFail: drop`); the
  /// last one to leave takes it back as well. Forward goes only what was shown: every required gate
  /// `pass`, for every candidate that is still in, every hold condition met, each of them there to
  /// answer, and at an hour that the schedule allows. Time alone moves a rollout nowhere but to a
  /// standstill or back.
  package func next(on findings: Findings) -> Move {
    let move = moveAtAnyHour(on: findings)
    guard let hold = findings.scheduleHold else { return move }
    return switch move {
    case .advance, .promote: .hold(because: hold.sentence)
    case .hold, .pause, .inconclusive, .rollBack, .drop: move
    }
  }

  private func moveAtAnyHour(on findings: Findings) -> Move {
    guard status.isLive else { return .hold(because: "the rollout is \(status.phrase)") }
    if let model = findings.broken.filter({ !hasDropped($0) }).min() {
      let reason = "\(KillSwitch.limit) answers of '\(model)' in a row failed by its own fault"
      return policy.dropsWhatBreaks
        ? departure(of: model, gate: nil, because: reason) : .rollBack(because: reason)
    }
    let failures = findings.reports.filter {
      $0.verdict == .fail && $0.role.isRequired && !hasDropped($0.candidate)
    }
    if let failure = failures.first(where: { action(of: $0) == .rollBack }) {
      return .rollBack(because: failure.summary)
    }
    if let failure = failures.first(where: { action(of: $0) == .drop }) {
      return departure(of: failure.candidate, gate: failure.gate, because: failure.summary)
    }
    guard status == .running else { return .hold(because: "the rollout is \(status.phrase)") }
    if let failure = failures.first(where: { action(of: $0) == .pause }) {
      return .pause(because: failure.summary)
    }
    if let staleness = findings.staleness { return .hold(because: staleness) }
    if let winner, winner == policy.incumbent {
      return .rollBack(because: "'\(winner)' is shown to be the one to keep, and it is live")
    }
    guard let current = currentStep else { return promotion(on: findings) }
    if let silence = silence(at: current, on: findings) { return .pause(because: silence) }
    guard let obstacle = obstacle(at: current, of: contenders, on: findings) else {
      return .advance(to: step + 1)
    }
    guard let limit = current.hold.maxSeconds, findings.secondsInStep >= limit else {
      return .hold(because: obstacle)
    }
    let reason = "the step ran its longest, \(limit) s: \(obstacle)"
    return switch current.hold.onInconclusive {
    case .pause: .inconclusive(because: reason)
    case .rollBack: .rollBack(because: reason)
    case .hold: .hold(because: reason)
    }
  }

  /// What becomes of a candidate that leaves: the last one takes the rollout back.
  private func departure(of model: ModelName, gate: String?, because reason: String) -> Move {
    guard contenders.allSatisfy({ $0 == model }) else {
      return .drop(model, gate: gate, because: reason)
    }
    // The journal has no entry of its own for the going of the last one.
    let last = dropped.isEmpty ? "" : "; '\(model)' was the last candidate left"
    return .rollBack(because: reason + last)
  }

  /// What keeps a person from promoting `model` although another candidate is not done, in a
  /// sentence; `nil` when nothing does.
  ///
  /// Of several candidates each is judged by its own gates. One that has met everything that the
  /// last step asks of it may be chosen then and there: more evidence about the others would not
  /// change what is known of it. Before the last step it may not, since steps ahead would show
  /// more.
  package func obstacle(toPromoting model: ModelName, on findings: Findings) -> String? {
    guard status.isLive, let current = currentStep else { return nil }
    guard step == policy.steps.count - 1 else { return "steps are left" }
    guard contenders.contains(model) else { return "'\(model)' is no longer in" }
    return obstacle(at: current, of: [model], on: findings)
  }

  /// What stands after the last step: the only candidate may be promoted by itself where the policy
  /// says so, as long as its gates still pass.
  private func promotion(on findings: Findings) -> Move {
    guard policy.promotion == .automatic else {
      return .hold(because: "ready: a person promotes '\(policy.name)'")
    }
    guard let candidate = contenders.first, contenders.count == 1 else {
      return .hold(because: "ready: a person chooses among \(contenders.count) candidates")
    }
    let obstacle =
      absence(among: contenders, on: findings)
      ?? openGate(of: contenders, in: findings.reports, minSamples: 1)
    if let obstacle {
      return .hold(because: obstacle)
    }
    return .promote(candidate)
  }

  /// What keeps `candidates` from having passed the step, or `nil`.
  private func obstacle(
    at current: Step, of candidates: [ModelName], on findings: Findings
  ) -> String? {
    switch current.traffic {
    case .approval(let team) where approvedStep != step:
      return "waits for approval" + (team.map { " by \($0)" } ?? "")
    case .pause(let seconds) where !(findings.secondsInStep >= seconds):
      return "pauses for \(seconds) s"
    case .bandit where winner == nil:
      return "no model is shown to be best yet"
    case .shadow, .canary, .split, .bandit, .interleave, .approval, .pause:
      break
    }
    if let absence = absence(among: candidates, on: findings) { return absence }
    let minSamples = current.hold.minSamples
    if let gate = openGate(of: candidates, in: findings.reports, minSamples: minSamples) {
      return gate
    }
    if current.traffic.sharesTraffic {
      // A policy without a required gate still may not pass a step in which nothing happened.
      for candidate in candidates {
        let count = findings.samples[candidate] ?? 0
        if count < minSamples { return "'\(candidate)' has \(count) of \(minSamples) samples" }
      }
    }
    // Written so that a time that is no number holds.
    guard findings.secondsInStep >= current.hold.minSeconds else {
      return "the step runs for at least \(current.hold.minSeconds) s"
    }
    return nil
  }

  /// Which gate without data pauses the rollout, as a sentence: the step has run its time and every
  /// model had its requests, but nothing came that the gate looks at.
  private func silence(at current: Step, on findings: Findings) -> String? {
    let minSamples = current.hold.minSamples
    // Pairs of a shadow step are counted under their candidate alone.
    let asked = candidates + (current.traffic.isShadow ? [] : [policy.incumbent])
    guard current.traffic.sharesTraffic, findings.secondsInStep >= current.hold.minSeconds,
      asked.allSatisfy({ findings.samples[$0] ?? 0 >= minSamples })
    else { return nil }
    let pausing = policy.metrics.filter { $0.role.isRequired && $0.onNoData == .pause }.map(\.name)
    return findings.reports.first { $0.verdict == .noData && pausing.contains($0.gate) }?.summary
  }

  private func absence(among candidates: [ModelName], on findings: Findings) -> String? {
    guard let ready = findings.ready else { return nil }
    return candidates.first { !ready.contains($0) }.map { "'\($0)' is not ready" }
  }

  /// The first required gate that has not passed, as a sentence; a report that is missing is a gate
  /// that has not passed. Once a bandit has named its winner the other candidates' are no longer
  /// asked for: who is given little traffic would never show anything.
  private func openGate(
    of candidates: [ModelName], in reports: [GateReport], minSamples: Int
  ) -> String? {
    for gate in policy.gates(judgedAt: step) where gate.role.isRequired {
      for candidate in candidates {
        let report = reports.first { $0.gate == gate.name && $0.candidate == candidate }
        guard let report else { return "gate '\(gate.name)' of '\(candidate)' was not judged" }
        guard report.verdict == .pass else { return report.summary }
        guard report.samples >= minSamples else {
          return "gate '\(gate.name)' of '\(candidate)' has \(report.samples) of "
            + "\(minSamples) samples"
        }
      }
    }
    return nil
  }

  private func action(of report: GateReport) -> MetricGate.FailAction? {
    policy.metrics.first { $0.name == report.gate }?.onFail
  }
}

extension RolloutPolicy {
  /// Index of the step whose traffic is in force at `step`, which may be the number of steps; `nil`
  /// while no step has shared traffic yet.
  package func trafficStep(at step: Int) -> Int? {
    steps.indices.last { $0 <= step && steps[$0].traffic.sharesTraffic }
  }

  /// The gates that the traffic in force at `step` can judge.
  ///
  /// Each metric is judged where it is measured (`StepTraffic.measures`). A policy that
  /// gates on one and has no such step gets it judged everywhere, where it will be an `error`: a
  /// gate that nobody can judge must hold the rollout, not vanish.
  package func gates(judgedAt step: Int) -> [MetricGate] {
    guard let index = trafficStep(at: step) else { return [] }
    return metrics.filter { gate in
      steps[index].traffic.measures(gate) || !steps.contains { $0.traffic.measures(gate) }
    }
  }
}

extension StepTraffic {
  /// Whether a step with this traffic has values that the gate looks at.
  package func measures(_ gate: MetricGate) -> Bool {
    measures(gate.metric)
  }

  /// Whether a step with this traffic has values of `metric`: of a pair where there are pairs, in
  /// shadow steps; from users where they read a candidate's answers; of preferences where answers
  /// have choices of several models, which say nothing else.
  package func measures(_ metric: Metric) -> Bool {
    switch self {
    case .shadow: !metric.isFromUsers
    case .canary, .split, .bandit: !metric.isOfPair && metric != .preference
    case .interleave: metric == .preference
    case .approval, .pause: false
    }
  }
}

extension StepTraffic {
  /// Whether the incumbent is asked aside too, as its own control.
  package var hasControl: Bool {
    if case .shadow(let shadow) = self { shadow.hasControl } else { false }
  }

  /// Whether candidates are only asked aside.
  package var isShadow: Bool {
    if case .shadow = self { true } else { false }
  }

  /// Whether answers have choices of several models.
  package var isInterleaved: Bool {
    if case .interleave = self { true } else { false }
  }

  /// Whether shares follow the evidence.
  package var isBandit: Bool {
    if case .bandit = self { true } else { false }
  }
}

extension RolloutStatus {
  /// As it is said in a sentence: "the rollout is rolled back".
  package var phrase: String {
    switch self {
    case .rolledBack: "rolled back"
    case .pending, .running, .paused, .inconclusive, .promoted, .aborted, .superseded: rawValue
    }
  }
}

extension GateReport {
  /// The verdict in a sentence.
  package var summary: String {
    let sentence = "gate '\(gate)' of '\(candidate)': \(verdict.phrase)"
    return explanation.map { "\(sentence): \($0)" } ?? sentence
  }
}

extension Verdict {
  /// As it is said in a sentence.
  package var phrase: String {
    switch self {
    case .pass: "passes"
    case .fail: "fails"
    case .inconclusive: "inconclusive"
    case .noData: "no data"
    case .error: "cannot be judged"
    }
  }
}
