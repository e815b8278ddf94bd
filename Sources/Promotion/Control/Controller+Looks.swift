import Experimentation
import Logging
import Statistics
import Storage

extension Controller {
  /// The longest wait between two glances at the schedule, so that a rollout applied meanwhile is
  /// looked at in time.
  private static let glance = Duration.seconds(1)
  /// Between two tries to make a model ready.
  private static let preparationInterval = Duration.seconds(10)

  /// Looks at every live rollout as often as its policy says, until cancelled.
  ///
  /// A look that fails shows in the health and is made again when it is due; nothing ends the loop
  /// but cancellation.
  package func run() async throws {
    while !Task.isCancelled {
      do {
        try await clock.sleep(for: min(Self.glance, untilNextLook()))
      } catch {
        // Only cancellation wakes a sleeper early.
        return
      }
      let due = live.filter { untilLook(at: $0) <= .zero }
      if !due.isEmpty || isUnfinished { await look(at: due) }
      await prune()
    }
  }

  /// One look at every live rollout, due or not.
  package func look() async {
    await look(at: live)
  }

  /// Whether something is to be tried again although no rollout is due.
  private var isUnfinished: Bool {
    !retreats.isEmpty || problems[.journal] != nil || !modelsToRetry.isEmpty || !dequeued.isEmpty
  }

  /// What queued revisions become now; nothing while they wait.
  private var dequeued: [ControlState.Dequeued] {
    if control.service.queue.isEmpty { return [] }
    let now = wallClock()
    return effective.dequeued { $0.schedule.hold(at: now) }
  }

  /// Models that are not ready, now and then: loading what cannot be loaded may be costly.
  private var modelsToRetry: [ModelSpecification] {
    if let last = lastPreparation, uptime() - last < Self.preparationInterval { return [] }
    return control.service.models.values.filter { !ready.contains($0.name) }
  }

  private var live: [RolloutState] {
    control.service.rollouts.values.filter(\.status.isLive)
      .sorted { $0.policy.name < $1.policy.name }
  }

  private func untilNextLook() -> Duration {
    live.map(untilLook).min() ?? Self.glance
  }

  private func untilLook(at rollout: RolloutState) -> Duration {
    guard let last = lastLook[rollout.policy.name] else { return .zero }
    let seconds = min(max(0.1, rollout.policy.analysis.everySeconds), 86_400)
    return max(.zero, last + .seconds(seconds) - uptime())
  }

  private func look(at rollouts: [RolloutState]) async {
    for rollout in rollouts { lastLook[rollout.policy.name] = uptime() }
    do {
      try await catchUp()
      _ = try await commit(by: Self.name) { _, _ in [] }
    } catch {
      // The journal is in the health; traffic may still have to go back.
    }
    let late = modelsToRetry
    if !late.isEmpty {
      await makeReady(late)
      publish()
    }
    for rollout in rollouts {
      do {
        try await look(at: rollout.policy.name)
        settle(.look(rollout.policy.name))
      } catch {
        let problem = (error as? CommandRefusal)?.message ?? "\(error)"
        note(.look(rollout.policy.name), "rollout '\(rollout.policy.name)': \(problem)")
      }
    }
    await beginQueued()
  }

  /// Begins what waited for rollouts that have ended. Decided anew on whatever the journal says by
  /// then; a journal that is not there shows in the health, and the next glance tries again.
  private func beginQueued() async {
    if dequeued.isEmpty { return }
    let now = wallClock()
    let written = try? await commit(by: Self.name) { control, _ in
      control.dequeued { $0.schedule.hold(at: now) }.map { ($0.event, $0.reason) }
    }
    for entry in written ?? [] {
      logger.info(
        "a revision left the queue",
        metadata: [
          "rollout": "\(entry.record.event.rollout?.text ?? "-")",
          "event": "\(entry.record.event.title)", "reason": "\(entry.record.reason ?? "-")",
        ])
    }
  }

  /// Who the journal says made the decisions of looks.
  static let name = "controller"
}

// MARK: - One rollout

extension Controller {
  /// Reads what is new, judges, and makes moves until none is left: at most one for each step.
  private func look(at name: RolloutName) async throws {
    try await read(name)
    try await readFeedback(of: name)
    try await readLabels(of: name)
    try await allocate(name)
    let policy = control.service.rollouts[name]?.policy
    // A move for each step, and one for each candidate that leaves.
    for _ in 0...(policy?.steps.count ?? 0) + (policy?.candidates.count ?? 0) + 1 {
      guard let rollout = effective.service.rollouts[name], rollout.status.isLive,
        let findings = judge(rollout)
      else { return }
      let move = rollout.next(on: findings)
      guard try await make(move, of: rollout, on: findings) else { return }
    }
  }

  /// Folds new rows into the rollout's evidence, batch by batch.
  private func read(_ name: RolloutName) async throws(StorageError) {
    guard let rollout = effective.service.rollouts[name], rollout.status.isLive else { return }
    if evidence[name]?.run != rollout.run { evidence[name] = RunEvidence(of: rollout) }
    for _ in 0..<Self.batchesPerLook {
      // Only the cursors are held over the wait: a second reference to the evidence would have it
      // copied when it changes.
      guard let cursors = evidence[name]?.cursors else { return }
      let outcomes = try await self.outcomes.outcomes(
        of: name, run: rollout.run, after: cursors.outcome, limit: Self.batch)
      let comparisons = try await self.outcomes.comparisons(
        of: name, run: rollout.run, after: cursors.comparison, limit: Self.batch)
      // Another look may have been here meanwhile; rows that it folded are passed over.
      guard evidence[name]?.run == rollout.run else { return }
      evidence[name]?.fold(outcomes)
      evidence[name]?.fold(comparisons)
      if max(outcomes.count, comparisons.count) < Self.batch { return }
    }
    logger.notice("more outcomes than one look reads", metadata: ["rollout": "\(name)"])
  }

  func judge(_ rollout: RolloutState) -> Findings? {
    let name = rollout.policy.name
    // With retreats that are in force and not written down yet.
    evidence[name]?.follow(rollout)
    guard let known = evidence[name], known.run == rollout.run else { return nil }
    let reports = pace(known.reports, of: rollout)
    self.reports[name] = reports
    return Findings(
      reports: reports, samples: known.samples,
      secondsInStep: stepBegan[name].map { (uptime() - $0) / .seconds(1) } ?? 0,
      broken: known.broken, ready: ready, staleness: known.staleness(inForce: revision),
      scheduleHold: rollout.policy.schedule.hold(at: wallClock()))
  }

  /// Adds how long what is missing takes at the pace of the step so far, by the wall clock, since
  /// it is for people: a clock that jumped makes a wrong guess and nothing else.
  private func pace(_ reports: [GateReport], of rollout: RolloutState) -> [GateReport] {
    // A step that only waits judges what the step before has gathered: its own time says nothing.
    guard rollout.currentStep?.traffic.sharesTraffic == true else { return reports }
    let hours = Double(wallClock() - rollout.stepStartedAtMilliseconds) / 3_600_000
    return reports.map { report in
      var report = report
      if let missing = report.samplesMissing, missing > 0, report.samples > 0, hours > 0,
        let pace = try? DecisionTime(requestsPerSecond: Double(report.samples) / (hours * 3_600))
      {
        report.expectedHours = pace.hours(forRequests: Double(missing))
      }
      return report
    }
  }

  /// - Returns: whether the rollout moved on, so that it should be judged again
  private func make(
    _ move: Move, of rollout: RolloutState, on findings: Findings
  ) async throws -> Bool {
    let name = rollout.policy.name
    let event: JournalEvent
    var why: String?
    switch move {
    case .hold:
      return false
    case .rollBack(let reason):
      _ = try await retreat(
        Retreat(
          rollout: name, run: rollout.run, kind: .rollBack, evidence: findings.reports,
          actor: Self.name, reason: reason))
      logger.warning("rolled back", metadata: ["rollout": "\(name)", "reason": "\(reason)"])
      return false
    case .drop(let model, let gate, let reason):
      _ = try await retreat(
        Retreat(
          rollout: name, run: rollout.run, kind: .drop(model, gate: gate),
          evidence: findings.reports, actor: Self.name, reason: reason))
      logger.warning(
        "candidate dropped",
        metadata: ["rollout": "\(name)", "model": "\(model)", "reason": "\(reason)"])
      return true
    case .advance(let step): event = .advanced(name, to: step, evidence: findings.reports)
    case .pause(let reason):
      (event, why) = (.paused(name, evidence: findings.reports), reason)
    case .inconclusive(let reason):
      (event, why) = (.inconclusive(name, evidence: findings.reports), reason)
    case .promote(let model):
      event = .promoted(name, model: model, openGates: [], evidence: findings.reports)
    }
    // Decided on this very standing of the rollout; on any other, the next look decides.
    let written = try await commit(by: Self.name) { control, _ in
      control.service.rollouts[name] == rollout ? [(event, why)] : []
    }
    guard written.contains(where: { $0.record.event == event }) else { return false }
    logger.info(
      "look moved a rollout",
      metadata: ["rollout": "\(name)", "event": "\(event.title)", "reason": "\(why ?? "-")"])
    return true
  }
}
