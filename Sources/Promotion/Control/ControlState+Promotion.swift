import Experimentation

// What `rollout promote` becomes.
extension ControlState {
  /// The promotion that a person asks for, or what is in its way.
  ///
  /// Of several candidates the one that is asked for is judged by its own gates: once it has met
  /// what the last step asks, the others are not waited for
  /// (``RolloutState/obstacle(toPromoting:on:)``).
  ///
  /// - Parameters:
  ///   - reports: `nil` when nobody looked yet
  ///   - findings: what is known now; `nil` likewise
  func promotion(
    of rollout: RolloutState, model: ModelName?, force: Bool, reports: [GateReport]?,
    findings: Findings?, staleness: String?, hold: ScheduleHold?, reason: String?
  ) throws(CommandRefusal) -> JournalEvent {
    let name = rollout.policy.name
    guard rollout.status.isLive else { throw rollout.refusal("it cannot be promoted") }
    let reason = reason?.trimmed ?? ""
    if force && reason.isEmpty {
      throw CommandRefusal(.invalid, "a forced promotion needs a reason", remedy: "--reason '…'")
    }
    let chosen = try choice(model, of: rollout)
    let reports = findings?.reports ?? reports
    let isThrough = rollout.isThrough(with: chosen, on: findings)
    let open = isThrough ? [] : rollout.openGates(of: chosen, in: reports ?? [])
    let skipped = isThrough ? [] : rollout.stepsLeft
    guard force || (open.isEmpty && skipped.isEmpty) else {
      if reports == nil && skipped.isEmpty { throw notLookedAt(rollout) }
      throw gatesOpen(rollout, chosen, open, reports ?? [], findings)
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

  /// The candidate that is meant; one that has left is none any more, force or not.
  private func choice(
    _ model: ModelName?, of rollout: RolloutState
  ) throws(CommandRefusal) -> ModelName {
    let name = rollout.policy.name
    guard
      let chosen = model ?? (rollout.contenders.count == 1 ? rollout.contenders.first : nil)
    else {
      throw CommandRefusal(
        .invalid,
        "rollout '\(name)' has several candidates: "
          + rollout.candidates.map(\.text).joined(separator: ", "), remedy: "--model NAME")
    }
    guard rollout.policy.candidates.contains(chosen) else {
      throw CommandRefusal(.invalid, "'\(chosen)' is no candidate of rollout '\(name)'")
    }
    if let gone = rollout.dropped.first(where: { $0.model == chosen }) {
      let why = gone.reason.map { ": \($0)" } ?? ""
      throw CommandRefusal(
        .notAllowed, "'\(chosen)' has left rollout '\(name)'\(why)",
        remedy: "begin it again with another salt, if '\(chosen)' shall have another trial")
    }
    return chosen
  }

  private func notLookedAt(_ rollout: RolloutState) -> CommandRefusal {
    let seconds = max(1, min(rollout.policy.analysis.everySeconds.rounded(.up), 86_400))
    return CommandRefusal(
      .gatesOpen,
      "rollout '\(rollout.policy.name)': no look has been made yet since the service started",
      remedy: "try again in \(Int(seconds)) s")
  }

  private func gatesOpen(
    _ rollout: RolloutState, _ model: ModelName, _ open: [String], _ reports: [GateReport],
    _ findings: Findings?
  ) -> CommandRefusal {
    let later = rollout.judgedLater(open, of: model, in: reports)
    let now = open.filter { !later.contains($0) }
    let gates = reports.filter { now.contains($0.gate) && $0.candidate == model }
    let steps = rollout.policy.steps.count
    let place =
      rollout.currentStep == nil
      ? "all steps are done" : "stands at step \(rollout.step + 1) of \(steps)"
    // Of one of several, its own hindrances; of all of them, where steps are left for all of them.
    let isLast = rollout.policy.candidates.count > 1 && rollout.step == steps - 1
    let own = isLast ? findings.flatMap { rollout.obstacle(toPromoting: model, on: $0) } : nil
    let others =
      isLast
      ? []
      : reports.filter { $0.candidate != model && $0.role.isRequired && $0.verdict != .pass }
    let names =
      if !open.isEmpty {
        [("open gates", now), ("still to be judged in later steps", later)]
          .filter { !$0.1.isEmpty }.map { "\($0.0): " + $0.1.joined(separator: ", ") }
          .joined(separator: "; ")
      } else if let own {
        "no gate of '\(model)' is open, but \(own)"
      } else if let other = others.first {
        "no gate of '\(model)' is open, but this step waits for all of its candidates: "
          + other.summary
      } else {
        "no gate is open"
      }
    let hasFailed = (open.isEmpty ? others : gates).contains { $0.verdict == .fail }
    let wait =
      switch (hasFailed, open.isEmpty) {
      case (false, _): "wait"
      case (true, false): "abort it"
      case (true, true): "begin a rollout of '\(model)' alone, or one whose gates say onFail: drop"
      }
    return CommandRefusal(
      .gatesOpen, "rollout '\(rollout.policy.name)': \(place); \(names)",
      remedy: "\(wait), or --force --reason '…'", openGates: gates)
  }
}

extension RolloutState {
  /// Whether one of several candidates has met everything that the last step asks of it.
  fileprivate func isThrough(with model: ModelName, on findings: Findings?) -> Bool {
    guard let findings, policy.candidates.count > 1, currentStep != nil else { return false }
    return obstacle(toPromoting: model, on: findings) == nil
  }

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

  /// Those of `open` that nothing is wrong with now: they have passed at the last look, or are not
  /// judged in this step, and a step ahead judges them anew.
  fileprivate func judgedLater(
    _ open: [String], of model: ModelName, in reports: [GateReport]
  ) -> [String] {
    guard currentStep != nil else { return [] }
    let judgedNow = Set(policy.gates(judgedAt: step).map(\.name))
    return open.filter { gate in
      let report = reports.first { $0.candidate == model && $0.gate == gate }
      return report.map { $0.verdict == .pass } ?? !judgedNow.contains(gate)
    }
  }

  /// The steps that a promotion now would skip, the one in force among them: `step 2: approval`.
  fileprivate var stepsLeft: [String] {
    policy.steps.indices.filter { $0 >= step }.map {
      "step \($0 + 1): \(policy.steps[$0].traffic.title)"
    }
  }

  /// That the rollout stands where `consequence` follows.
  func refusal(_ consequence: String) -> CommandRefusal {
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
