package import Experimentation
package import Storage

/// All that the outcomes of one run of a rollout have shown, folded row by row in the order of
/// assignment.
///
/// Each row counts under the traffic that it was routed by, whatever is in force when it is read.
/// Steps that only wait (approval, pause) and the stand after the last step go on gathering under
/// the traffic of the step before. Every other change of traffic starts anew what hangs on the
/// load; shares of errors go on, weighed by the propensity of their step, since pooling over
/// changed weights is Simpson's paradox. The same rows give the same evidence however they are
/// batched, and whenever the step is followed.
package struct RunEvidence: Hashable, Sendable {
  /// The places up to which rows are folded in, in the order of each kind of row.
  package struct Cursors: Hashable, Sendable {
    package var outcome: Int64 = 0
    package var comparison: Int64 = 0
    package var feedback: Int64 = 0
    package var label: Int64 = 0
  }

  package let run: Int
  package private(set) var cursors = Cursors()
  private let policy: RolloutPolicy
  private var step: Int
  /// Of every gate and candidate, judged in this step or not; none once the run has ended.
  private var gates: [GateEvidence] = []
  /// The same of the incumbent against itself, by gate; none where no shadow step asks it.
  private var controls: [GateEvidence] = []
  /// Who answers how much, by step that shares traffic.
  private let shares: [Int: [ModelName: Share]]
  /// Who answers how much, by table of the bandit step: one an allocation, or one of each cell.
  private var allocations: [Int: [ModelName: Share]] = [:]
  /// What the bandit step has shown; `nil` for a policy without one, or a run that has ended.
  private var bandit: BanditEvidence?
  private var ratio = SampleRatio(isSticky: false)
  private var switches: [ModelName: KillSwitch] = [:]
  private var revisions = RevisionWatch()
  private var windows = FeedbackWindows()
  /// Candidates that have left. What they did is still folded in, so that the same rows give the
  /// same evidence, and asked for no more.
  private var dropped: [DroppedCandidate] = []
  private var brokenDrafts = BrokenDrafts()
  /// Rows under the traffic in force, of candidates in pairs or of every model.
  package private(set) var samples: [ModelName: Int] = [:]

  /// The evidence of a run before its first row.
  package init(of rollout: RolloutState) {
    run = rollout.run
    policy = rollout.policy
    step = rollout.step
    dropped = rollout.dropped
    var shares: [Int: [ModelName: Share]] = [:]
    for (index, step) in rollout.policy.steps.enumerated() where step.traffic.sharesTraffic {
      shares[index] = rollout.policy.shares(of: step.traffic)
    }
    self.shares = shares
    bandit = BanditEvidence(rollout.policy)
    learn(rollout.allocations)
    let index = policy.trafficStep(at: step)
    for gate in policy.metrics {
      for candidate in policy.candidates {
        gates.append(GateEvidence(gate, candidate: candidate, of: policy, trafficStep: index))
      }
      if policy.steps.contains(where: { $0.traffic.hasControl }) {
        controls.append(
          GateEvidence(gate, candidate: policy.incumbent, of: policy, trafficStep: index))
      }
    }
    startStep()
  }

  private mutating func startStep() {
    samples = [:]
    let isSticky = policy.assignment.unit != .request
    ratio =
      policy.trafficStep(at: step).map { policy.steps[$0].traffic.isBandit } == true
      ? SampleRatio(isSticky: isSticky, arms: policy.arms) : SampleRatio(isSticky: isSticky)
  }

  private mutating func learn(_ known: [BanditAllocation]) {
    let count = cellCount
    for allocation in known where allocations[allocation.number * count] == nil {
      for cell in 0..<count {
        allocations[allocation.number * count + cell] =
          allocation.shares(in: cell) ?? allocation.shares
      }
    }
  }

  /// Cells of the bandit's context; 1 without one.
  private var cellCount: Int {
    policy.steps.lazy.compactMap(\.traffic.context).first?.cellCount ?? 1
  }

  /// Who answered how much when a request under the traffic of `step` was routed; `nil` when nobody
  /// wrote that down.
  private func shares(of assignment: Assignment, in step: Int) -> [ModelName: Share]? {
    guard policy.steps[step].traffic.isBandit, let number = assignment.rollout?.allocation,
      number >= cellCount
    else { return shares[step] }
    return allocations[number]
  }

  /// Goes along with the rollout's step; a run that has ended keeps what people look at.
  package mutating func follow(_ rollout: RolloutState) {
    guard rollout.run == run else { return }
    guard rollout.status.isLive else {
      gates = []
      controls = []
      bandit = nil
      ratio = SampleRatio(isSticky: false)
      windows = FeedbackWindows()
      brokenDrafts = BrokenDrafts()
      return
    }
    learn(rollout.allocations)
    dropped = rollout.dropped
    let before = policy.trafficStep(at: step)
    step = rollout.step
    let index = policy.trafficStep(at: step)
    guard index != before else { return }
    startStep()
    for gate in gates.indices { gates[gate].start(trafficStep: index) }
    for gate in controls.indices { controls[gate].start(trafficStep: index) }
  }

  /// Takes outcomes in; those that were taken in before are passed over.
  package mutating func fold(_ rows: [Sequenced<Outcome>]) {
    for row in rows where row.sequence > cursors.outcome {
      cursors.outcome = row.sequence
      add(row.value)
    }
  }

  /// Takes pairs in; those that were taken in before are passed over.
  package mutating func fold(_ rows: [Sequenced<Comparison>]) {
    for row in rows where row.sequence > cursors.comparison {
      cursors.comparison = row.sequence
      add(row.value)
    }
  }

  /// Takes feedback in, which waits for its window; what was taken in before is passed over.
  package mutating func fold(_ rows: [Sequenced<Feedback>]) {
    for row in rows where row.sequence > cursors.feedback {
      cursors.feedback = row.sequence
      if row.value.isEvidence || bandit?.isReward(row.value) == true { windows.take(row.value) }
    }
  }

  /// Takes people's labels in, in the order in which they were given; those that were taken in
  /// before are passed over.
  package mutating func fold(_ rows: [Sequenced<PairLabel>]) {
    for row in rows where row.sequence > cursors.label {
      cursors.label = row.sequence
      add(row.value)
    }
  }

  /// Has gates see the feedback on requests whose window has closed at `now`, milliseconds since
  /// 1970.
  package mutating func closeFeedback(_ window: FeedbackWindow, at now: Int64) {
    for feedback in windows.close(window, at: now) {
      guard let traffic = traffic(of: feedback.assignment),
        traffic == policy.trafficStep(at: step), !policy.steps[traffic].traffic.isShadow
      else { continue }
      if policy.steps[traffic].traffic.isInterleaved {
        guard feedback.isEvidence, !brokenDrafts.contains(feedback) else { continue }
        for index in gates.indices { gates[index].add(feedback, shares: [:]) }
        continue
      }
      guard let shares = shares(of: feedback.assignment, in: traffic),
        let share = shares[feedback.model],
        let propensity = feedback.assignment.propensity, abs(propensity - share.value) < 1e-9
      else { continue }
      if policy.steps[traffic].traffic.isBandit { bandit?.add(feedback, shares: shares) }
      guard feedback.isEvidence else { continue }
      for index in gates.indices { gates[index].add(feedback, shares: shares) }
    }
  }

  private mutating func add(_ outcome: Outcome) {
    // A request that was pinned to its model is nobody's evidence.
    guard let propensity = outcome.assignment.propensity,
      let traffic = traffic(of: outcome.assignment)
    else { return }
    revisions.note(outcome.measurements, of: outcome.model)
    let isShadow = policy.steps[traffic].traffic.isShadow
    if !isShadow && policy.candidates.contains(outcome.model) {
      switches[outcome.model, default: KillSwitch()].count(outcome.measurements.failure)
    }
    // The tests rely on the shares of the step; a row that was routed by others is none of theirs.
    if policy.steps[traffic].traffic.isInterleaved {
      // Asked together with others: who was asked is no draw, so that nothing is compared by it.
      brokenDrafts.note(outcome)
      if traffic == policy.trafficStep(at: step) { samples[outcome.model, default: 0] += 1 }
      return
    }
    guard let shares = shares(of: outcome.assignment, in: traffic),
      let share = shares[outcome.model], abs(propensity - share.value) < 1e-9
    else { return }
    if !isShadow && traffic == policy.trafficStep(at: step) {
      samples[outcome.model, default: 0] += 1
      if !hasVacancy(outcome.assignment, in: traffic) { ratio.count(outcome, under: shares) }
    }
    if policy.steps[traffic].traffic.isBandit { bandit?.add(outcome, shares: shares) }
    for index in gates.indices { gates[index].add(outcome, step: traffic, shares: shares) }
  }

  private mutating func add(_ comparison: Comparison) {
    guard comparison.assignment.propensity != nil,
      let traffic = traffic(of: comparison.assignment)
    else { return }
    revisions.note(comparison.incumbentMeasurements, of: comparison.incumbent)
    revisions.note(comparison.candidateMeasurements, of: comparison.candidate)
    guard traffic == policy.trafficStep(at: step), policy.steps[traffic].traffic.isShadow else {
      return
    }
    if comparison.isControl {
      for index in controls.indices { controls[index].add(comparison) }
      return
    }
    samples[comparison.candidate, default: 0] += 1
    for index in gates.indices { gates[index].add(comparison) }
  }

  /// Whether the bandit's table by which a request was routed has lost an arm. The answers given in
  /// its place are not counted, so that the rest do not come in that table's shares.
  private func hasVacancy(_ assignment: Assignment, in traffic: Int) -> Bool {
    guard !dropped.isEmpty, policy.steps[traffic].traffic.isBandit else { return false }
    let number = (assignment.rollout?.allocation ?? 0) / cellCount
    return dropped.contains {
      // Who left before the bandit began has a part of its even shares, too.
      policy.trafficStep(at: $0.step) == traffic ? $0.allocation == number : number == 0
    }
  }

  private mutating func add(_ label: PairLabel) {
    let assignment = label.pair.assignment
    guard assignment.propensity != nil, let traffic = traffic(of: assignment),
      traffic == policy.trafficStep(at: step), policy.steps[traffic].traffic.isShadow
    else { return }
    for index in gates.indices { gates[index].add(label) }
  }

  /// Index of the step by whose traffic a request of this run and policy was routed.
  private func traffic(of assignment: Assignment) -> Int? {
    guard let position = assignment.rollout, position.rollout == policy.name, position.run == run,
      position.digest == policy.digest
    else { return nil }
    return policy.trafficStep(at: position.step)
  }
}

// MARK: - Reading

extension RunEvidence {
  /// What the bandit step in force gives out next, or `nil` when it stays at what it has.
  ///
  /// - Parameters:
  ///   - rollout: whose evidence this is
  ///   - isDue: whether the update period is over; a winner is named whenever it is shown
  package func allocation(of rollout: RolloutState, isDue: Bool) -> BanditAllocation? {
    guard rollout.run == run, rollout.status == .running, rollout.winner == nil,
      rollout.currentStep?.traffic.isBandit == true
    else { return nil }
    return bandit?.allocation(
      after: rollout.allocations.last, isDue: isDue, closed: Set(rollout.dropped.map(\.model)))
  }

  /// The verdicts as of now, by gate and candidate in the policy's order; none of who has left.
  package var reports: [GateReport] {
    let index = min(step, policy.steps.count - 1)
    let hold = policy.steps.indices.contains(index) ? policy.steps[index].hold : nil
    let judged = Set(policy.gates(judgedAt: step).map(\.name))
    let gone = Set(dropped.map(\.model))
    let members = GoalSelection.select(
      gates.filter { judged.contains($0.gate.name) }.map { $0.report(hold: hold) }, without: gone)
    let reports = withNoise(
      HarmUnion.judge(members.filter { !gone.contains($0.report.candidate) }), hold)
    guard let current = policy.trafficStep(at: step), let inForce = shares[current],
      let mismatch = ratio.mismatch(with: inForce.filter { !gone.contains($0.key) })
    else { return reports }
    return reports.map { report in
      var report = report
      if report.verdict != .fail {
        report.verdict = .error
        report.explanation = mismatch
      }
      return report
    }
  }

  /// The same reports, with what the incumbent shows against itself in a shadow step.
  private func withNoise(_ reports: [GateReport], _ hold: HoldConditions?) -> [GateReport] {
    guard let index = policy.trafficStep(at: step), policy.steps[index].traffic.hasControl else {
      return reports
    }
    let floors = controls.reduce(into: [String: NoiseFloor]()) { floors, control in
      let read = control.report(hold: hold).report
      guard read.samples > 0 else { return }
      floors[control.gate.name] = NoiseFloor(
        estimate: read.estimate, lowerBound: read.lowerBound, upperBound: read.upperBound,
        samples: read.samples)
    }
    return reports.map { report in
      var report = report
      report.noise = floors[report.gate]
      return report
    }
  }

  /// Whether a gate takes the word of a judge that people correct.
  package var wantsLabels: Bool {
    policy.judge?.labels != nil && policy.metrics.contains { $0.metric == .judgePreference }
  }

  /// Whether a gate asks for feedback, and more of it can be taken in now.
  package var wantsFeedback: Bool {
    windows.hasRoom
      && (bandit?.isFromUsers == true || policy.metrics.contains { $0.metric.isFromUsers })
  }

  /// Why the run's evidence is no longer of the models that answer now, in a sentence, or `nil`.
  ///
  /// - Parameter inForce: which weights a model answers with from here on, where that is known
  package func staleness(inForce: (ModelName) -> String?) -> String? {
    let gone = Set(dropped.map(\.model))
    return revisions.staleness(
      of: [policy.incumbent] + policy.candidates.filter { !gone.contains($0) }, inForce: inForce)
  }

  /// Candidates that answer live traffic and have failed too often in a row.
  package var broken: Set<ModelName> {
    guard let index = policy.trafficStep(at: step), !policy.steps[index].traffic.isShadow else {
      return []
    }
    return Set(switches.filter(\.value.isTripped).keys)
  }
}
