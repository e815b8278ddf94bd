package import Experimentation
package import Storage

/// All that the outcomes of one run of a rollout have shown, folded row by row in the order of
/// assignment.
///
/// Gates see the rows of the traffic in force alone. Steps that only wait (approval, pause) and the
/// stand after the last step go on gathering under the traffic of the step before, and every other
/// change of traffic starts the gates anew: latencies hang on the load, and pooling over changed
/// weights is Simpson's paradox. The same rows give the same evidence however they are batched.
package struct RunEvidence: Hashable, Sendable {
  /// The places up to which rows are folded in, in the order of each kind of row.
  package struct Cursors: Hashable, Sendable {
    package var outcome: Int64 = 0
    package var comparison: Int64 = 0
    package var feedback: Int64 = 0
  }

  package let run: Int
  package private(set) var cursors = Cursors()
  private let policy: RolloutPolicy
  private var step: Int
  private var gates: [GateEvidence] = []
  /// Who answers how much under the traffic in force.
  private var shares: [ModelName: Share] = [:]
  private var ratio = SampleRatio(isSticky: false)
  private var switches: [ModelName: KillSwitch] = [:]
  private var revisions = RevisionWatch()
  private var windows = FeedbackWindows()
  /// Rows under the traffic in force, of candidates in pairs or of every model.
  package private(set) var samples: [ModelName: Int] = [:]

  /// The evidence of a run before its first row.
  package init(of rollout: RolloutState) {
    run = rollout.run
    policy = rollout.policy
    step = rollout.step
    startGates()
  }

  private mutating func startGates() {
    samples = [:]
    gates = []
    shares = [:]
    ratio = SampleRatio(isSticky: policy.assignment.unit != .request)
    guard let index = policy.trafficStep(at: step) else { return }
    shares = policy.shares(of: policy.steps[index].traffic)
    for gate in policy.gates(judgedAt: step) {
      for candidate in policy.candidates {
        gates.append(
          GateEvidence(gate, candidate: candidate, of: policy, trafficStep: index))
      }
    }
  }

  /// Goes along with the rollout's step; a run that has ended keeps what people look at.
  package mutating func follow(_ rollout: RolloutState) {
    guard rollout.run == run else { return }
    guard rollout.status.isLive else {
      gates = []
      ratio = SampleRatio(isSticky: false)
      windows = FeedbackWindows()
      return
    }
    let before = policy.trafficStep(at: step)
    step = rollout.step
    if policy.trafficStep(at: step) != before { startGates() }
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
      if row.value.isEvidence { windows.take(row.value) }
    }
  }

  /// Has gates see the feedback on requests whose window has closed at `now`, milliseconds since
  /// 1970.
  package mutating func closeFeedback(_ window: FeedbackWindow, at now: Int64) {
    for feedback in windows.close(window, at: now) {
      guard let traffic = traffic(of: feedback.assignment), traffic.isInForce,
        let share = shares[feedback.model], let propensity = feedback.assignment.propensity,
        abs(propensity - share.value) < 1e-9
      else { continue }
      for index in gates.indices { gates[index].add(feedback) }
    }
  }

  private mutating func add(_ outcome: Outcome) {
    // A request that was pinned to its model is nobody's evidence.
    guard let propensity = outcome.assignment.propensity,
      let traffic = traffic(of: outcome.assignment)
    else { return }
    revisions.note(outcome.measurements, of: outcome.model)
    if !traffic.policy.isShadow && policy.candidates.contains(outcome.model) {
      switches[outcome.model, default: KillSwitch()].count(outcome.measurements.failure)
    }
    // The tests rely on the shares of the step; a row that was routed by others is none of theirs.
    guard traffic.isInForce, !traffic.policy.isShadow,
      let share = shares[outcome.model], abs(propensity - share.value) < 1e-9
    else { return }
    samples[outcome.model, default: 0] += 1
    ratio.count(outcome)
    for index in gates.indices { gates[index].add(outcome) }
  }

  private mutating func add(_ comparison: Comparison) {
    guard comparison.assignment.propensity != nil,
      let traffic = traffic(of: comparison.assignment)
    else { return }
    revisions.note(comparison.incumbentMeasurements, of: comparison.incumbent)
    revisions.note(comparison.candidateMeasurements, of: comparison.candidate)
    guard traffic.isInForce, traffic.policy.isShadow else { return }
    samples[comparison.candidate, default: 0] += 1
    for index in gates.indices { gates[index].add(comparison) }
  }

  /// The traffic under which a request of this run and policy was routed.
  private func traffic(
    of assignment: Assignment
  ) -> (policy: StepTraffic, isInForce: Bool)? {
    guard let position = assignment.rollout, position.rollout == policy.name, position.run == run,
      position.digest == policy.digest, let index = policy.trafficStep(at: position.step)
    else { return nil }
    return (policy.steps[index].traffic, index == policy.trafficStep(at: step))
  }
}

// MARK: - Reading

extension RunEvidence {
  /// The verdicts as of now, by gate and candidate in the policy's order.
  package var reports: [GateReport] {
    let index = min(step, policy.steps.count - 1)
    let hold = policy.steps.indices.contains(index) ? policy.steps[index].hold : nil
    let reports = HarmUnion(of: policy, trafficStep: policy.trafficStep(at: step))
      .judge(gates.map { $0.report(hold: hold) })
    guard let mismatch = ratio.mismatch(with: shares) else { return reports }
    return reports.map { report in
      var report = report
      if report.verdict != .fail {
        report.verdict = .error
        report.explanation = mismatch
      }
      return report
    }
  }

  /// Whether a gate asks for feedback, and more of it can be taken in now.
  package var wantsFeedback: Bool {
    windows.hasRoom && policy.metrics.contains { $0.metric.isFromUsers }
  }

  /// Why the run's evidence is no longer of the models that answer now, in a sentence, or `nil`.
  ///
  /// - Parameter inForce: which weights a model answers with from here on, where that is known
  package func staleness(inForce: (ModelName) -> String?) -> String? {
    revisions.staleness(of: [policy.incumbent] + policy.candidates, inForce: inForce)
  }

  /// Candidates that answer live traffic and have failed too often in a row.
  package var broken: Set<ModelName> {
    guard let index = policy.trafficStep(at: step), !policy.steps[index].traffic.isShadow else {
      return []
    }
    return Set(switches.filter(\.value.isTripped).keys)
  }
}
