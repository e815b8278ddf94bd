package import Experimentation

extension ControlState {
  /// The events that `command` becomes in this state, or why not: pure.
  ///
  /// - Parameters:
  ///   - reports: the verdicts of the last look, by rollout; a rollout that was not looked at yet
  ///     is absent
  ///   - ready: the models whose backends answer; `nil` means all of them
  ///   - staleness: why a rollout's evidence is not of the models that answer now, in a sentence
  ///   - holds: why the hour does not let a rollout move forward
  ///   - reason: what the asker gave; a force needs one
  /// - Returns: no events when everything is so already
  package func events(
    for command: Command, reports: [RolloutName: [GateReport]] = [:],
    ready: Set<ModelName>? = nil, staleness: [RolloutName: String] = [:],
    holds: [RolloutName: ScheduleHold] = [:], reason: String? = nil
  ) throws(CommandRefusal) -> [JournalEvent] {
    switch command {
    case .apply(let models, let rollouts, let origin):
      return try apply(models, rollouts, from: origin)
    case .promote(let name, let model, let force):
      let event = try promotion(
        of: name, model: model, force: force, reports: reports[name], staleness: staleness[name],
        hold: holds[name], reason: reason)
      if let ready, case .promoted(_, let model, _, _) = event, !ready.contains(model) {
        throw notReady(model, "it cannot take the traffic")
      }
      return [event]
    case .abort(let name):
      let rollout = try rollout(name)
      guard rollout.status.isLive || service.queued(name) != nil else {
        throw rollout.refusal("it cannot be aborted")
      }
      return [.aborted(name)]
    case .rollBack(let name):
      return try rollBack(name, reports: reports[name] ?? [], ready: ready)
    case .approve(let name):
      return try approve(name)
    case .pause(let name):
      let rollout = try rollout(name)
      if rollout.status == .paused { return [] }
      guard rollout.status == .running else { throw rollout.refusal("it does not move") }
      return [.paused(name, evidence: reports[name] ?? [])]
    case .resume(let name):
      let rollout = try rollout(name)
      if rollout.status == .running { return [] }
      guard rollout.status.isLive else { throw rollout.refusal("it cannot be resumed") }
      return [.resumed(name)]
    }
  }

  private func rollout(_ name: RolloutName) throws(CommandRefusal) -> RolloutState {
    guard let rollout = service.rollouts[name] ?? service.queued(name) else {
      throw CommandRefusal(
        .notFound, "there is no rollout '\(name)'", remedy: "`rollout status` lists them")
    }
    return rollout
  }

  private func approve(_ name: RolloutName) throws(CommandRefusal) -> [JournalEvent] {
    let rollout = try rollout(name)
    guard rollout.status.isLive else { throw rollout.refusal("there is nothing to approve") }
    guard case .approval = rollout.currentStep?.traffic else {
      throw CommandRefusal(
        .notAllowed,
        "rollout '\(name)' stands at step \(rollout.step + 1) of \(rollout.policy.steps.count), "
          + "which asks for no approval")
    }
    return rollout.approvedStep == rollout.step ? [] : [.approved(name, step: rollout.step)]
  }

  private func rollBack(
    _ name: RolloutName, reports: [GateReport], ready: Set<ModelName>?
  ) throws(CommandRefusal) -> [JournalEvent] {
    let rollout = try rollout(name)
    if rollout.status.isLive { return [.rolledBack(name, evidence: reports)] }
    guard rollout.status == .promoted else { throw rollout.refusal("it cannot be rolled back") }
    let route = rollout.policy.route
    let newer = service.liveRollout(on: route)?.policy.name ?? lastPromotion(on: route)
    guard newer == name else {
      let other = newer.map { "'\($0)'" } ?? "another rollout"
      throw CommandRefusal(
        .notAllowed,
        "route '\(route)' has gone on from rollout '\(name)' to \(other)",
        remedy: newer.map { "rollout rollback \($0)" })
    }
    let incumbent = rollout.policy.incumbent
    if let ready, !ready.contains(incumbent) {
      throw notReady(incumbent, "the route would be left without an answer")
    }
    return [.rolledBack(name, evidence: reports)]
  }
}

private func notReady(_ model: ModelName, _ consequence: String) -> CommandRefusal {
  CommandRefusal(
    .notAllowed, "model '\(model)' is not ready: \(consequence)",
    remedy: "`rollout status` says why it is not")
}

// MARK: - Promotion

extension ControlState {
  /// - Parameter reports: `nil` when nobody looked yet
  private func promotion(
    of name: RolloutName, model: ModelName?, force: Bool, reports: [GateReport]?,
    staleness: String?, hold: ScheduleHold?, reason: String?
  ) throws(CommandRefusal) -> JournalEvent {
    let rollout = try rollout(name)
    let policy = rollout.policy
    guard rollout.status.isLive else { throw rollout.refusal("it cannot be promoted") }
    let reason = reason?.trimmed ?? ""
    if force && reason.isEmpty {
      throw CommandRefusal(.invalid, "a forced promotion needs a reason", remedy: "--reason '…'")
    }
    guard
      let chosen = model ?? (rollout.contenders.count == 1 ? rollout.contenders.first : nil)
    else {
      throw CommandRefusal(
        .invalid,
        "rollout '\(name)' has several candidates: "
          + policy.candidates.map(\.text).joined(separator: ", "), remedy: "--model NAME")
    }
    guard policy.candidates.contains(chosen) else {
      throw CommandRefusal(.invalid, "'\(chosen)' is no candidate of rollout '\(name)'")
    }
    let open = rollout.openGates(of: chosen, in: reports ?? [])
    let skipped = rollout.stepsLeft
    guard force || (open.isEmpty && skipped.isEmpty) else {
      if reports == nil && skipped.isEmpty { throw notLookedAt(rollout) }
      throw gatesOpen(rollout, chosen, open, reports ?? [])
    }
    if let staleness, !force {
      throw CommandRefusal(
        .evidenceStale, "rollout '\(name)': \(staleness)",
        remedy: "begin it again with another salt, or --force --reason '…'")
    }
    if let hold, !force {
      throw CommandRefusal(
        .closed, "rollout '\(name)' is \(hold.sentence)",
        remedy: "wait until then, or --force --reason '…'")
    }
    return .promoted(
      name, model: chosen,
      openGates: open + skipped + [staleness, hold?.sentence].compactMap { $0 },
      evidence: reports ?? [])
  }

  private func notLookedAt(_ rollout: RolloutState) -> CommandRefusal {
    let seconds = max(1, min(rollout.policy.analysis.everySeconds.rounded(.up), 86_400))
    return CommandRefusal(
      .gatesOpen,
      "rollout '\(rollout.policy.name)': no look has been made yet since the service started",
      remedy: "try again in \(Int(seconds)) s")
  }

  private func gatesOpen(
    _ rollout: RolloutState, _ model: ModelName, _ open: [String], _ reports: [GateReport]
  ) -> CommandRefusal {
    let gates = reports.filter { open.contains($0.gate) && $0.candidate == model }
    let steps = rollout.policy.steps.count
    let place =
      rollout.currentStep == nil
      ? "all steps are done" : "stands at step \(rollout.step + 1) of \(steps)"
    let others = reports.filter {
      $0.candidate != model && $0.role.isRequired && $0.verdict != .pass
    }
    let names =
      if !open.isEmpty {
        "open gates: " + open.joined(separator: ", ")
      } else if let other = others.first {
        "no gate of '\(model)' is open, but the rollout waits for all of its candidates: "
          + other.summary
      } else {
        "no gate is open"
      }
    let hasFailed = (open.isEmpty ? others : gates).contains { $0.verdict == .fail }
    let wait =
      switch (hasFailed, open.isEmpty) {
      case (false, _): "wait"
      case (true, false): "abort it"
      case (true, true): "begin a rollout of '\(model)' alone"
      }
    return CommandRefusal(
      .gatesOpen, "rollout '\(rollout.policy.name)': \(place); \(names)",
      remedy: "\(wait), or --force --reason '…'", openGates: gates)
  }
}

extension RolloutState {
  /// Names of the required gates that stand between `model` and its promotion, in the policy's
  /// order.
  ///
  /// While steps are left: those that have not passed at the last look, and those that a step ahead
  /// judges anew. After the last step every gate has passed where it was judged, which the journal
  /// has with its evidence (``JournalEvent/advanced``), so one that is inconclusive by now is not
  /// open; one that has since failed, or can no longer be judged at all, is. Where traffic was
  /// mirrored a pass stands until harm is seen, so that one which is gone was contradicted: open.
  func openGates(of model: ModelName, in reports: [GateReport]) -> [String] {
    let required = policy.metrics.filter(\.role.isRequired).map(\.name)
    let verdicts = Dictionary(
      reports.filter { $0.candidate == model }.map { ($0.gate, $0.verdict) },
      uniquingKeysWith: { first, _ in first })
    let judgedNow = Set(policy.gates(judgedAt: step).map(\.name))
    guard currentStep != nil else {
      let isMirrored = policy.trafficStep(at: step).map { policy.steps[$0].traffic.isShadow }
      return required.filter {
        judgedNow.contains($0) && verdicts[$0] != .pass
          && (isMirrored == true || verdicts[$0] != .inconclusive)
      }
    }
    let ahead = policy.steps.indices.filter {
      $0 > step && policy.steps[$0].traffic.sharesTraffic
    }
    let judgedAhead = Set(ahead.flatMap { policy.gates(judgedAt: $0) }.map(\.name))
    return required.filter {
      judgedAhead.contains($0) || (judgedNow.contains($0) && verdicts[$0] != .pass)
    }
  }

  /// The steps that a promotion now would skip, the one in force among them: `step 2: approval`.
  fileprivate var stepsLeft: [String] {
    policy.steps.indices.filter { $0 >= step }.map {
      "step \($0 + 1): \(policy.steps[$0].traffic.title)"
    }
  }

  fileprivate func refusal(_ consequence: String) -> CommandRefusal {
    let why = reason.map { " (\($0))" } ?? ""
    return CommandRefusal(
      .notAllowed, "rollout '\(policy.name)' is \(status.phrase)\(why): \(consequence)")
  }
}

extension StepTraffic {
  fileprivate var title: String {
    switch self {
    case .shadow: "shadow"
    case .canary: "canary"
    case .split: "split"
    case .bandit: "bandit"
    case .interleave: "interleave"
    case .approval: "approval"
    case .pause: "pause"
    }
  }
}

extension String {
  fileprivate var trimmed: String {
    String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
  }
}
