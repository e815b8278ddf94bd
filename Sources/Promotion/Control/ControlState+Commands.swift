package import Experimentation

extension ControlState {
  /// The events that `command` becomes in this state, or why not: pure.
  ///
  /// - Parameters:
  ///   - reports: the verdicts of the last look, by rollout; a rollout that was not looked at yet
  ///     is absent
  ///   - findings: what is known now of the rollout that is to be promoted, if it was looked at
  ///   - ready: the models whose backends answer; `nil` means all of them
  ///   - staleness: why a rollout's evidence is not of the models that answer now, in a sentence
  ///   - holds: why the hour does not let a rollout move forward
  ///   - reason: what the asker gave; a force needs one
  /// - Returns: no events when everything is so already
  package func events(
    for command: Command, reports: [RolloutName: [GateReport]] = [:],
    findings: [RolloutName: Findings] = [:], ready: Set<ModelName>? = nil,
    staleness: [RolloutName: String] = [:],
    holds: [RolloutName: ScheduleHold] = [:], reason: String? = nil
  ) throws(CommandRefusal) -> [JournalEvent] {
    switch command {
    case .apply(let models, let rollouts, let origin):
      return try apply(models, rollouts, from: origin)
    case .promote(let name, let model, let force):
      let event = try promotion(
        of: rollout(name), model: model, force: force, reports: reports[name],
        findings: findings[name], staleness: staleness[name], hold: holds[name], reason: reason)
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
