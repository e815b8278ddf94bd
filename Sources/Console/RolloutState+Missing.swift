package import Experimentation
package import Promotion

extension RolloutState {
  /// What keeps the rollout from its next step, each in a sentence, as far as the last look and the
  /// clock tell. The controller decides; this explains.
  ///
  /// - Parameters:
  ///   - hold: why the hour does not let it move
  ///   - live: what a queued one waits for
  package func missing(
    _ gates: [GateReport], nowMilliseconds: Int64, hold: ScheduleHold? = nil,
    behind live: RolloutState? = nil
  ) -> [String] {
    let hours = hold.map { ["it is \($0.sentence)"] } ?? []
    switch status {
    case .pending:
      let end = live.map { "the end of rollout '\($0.policy.name)', which is \($0.status.phrase)" }
      return (end.map { [$0] } ?? []) + hours
    case .promoted, .rolledBack, .aborted, .superseded: return []
    case .paused: return ["it is paused: rollout resume \(policy.name)"]
    case .inconclusive:
      return ["the evidence does not decide: rollout resume \(policy.name), or rollout abort"]
        + openGates(gates)
    case .running: break
    }
    guard let current = currentStep else { return openGates(gates) + hours + [promotion] }
    let seconds = Double(nowMilliseconds - stepStartedAtMilliseconds) / 1_000
    var missing = openGates(gates)
    switch current.traffic {
    case .approval(let team) where approvedStep != step:
      missing.append("approval\(team.map { " by \($0)" } ?? ""): rollout approve \(policy.name)")
    case .pause(let length) where seconds < length:
      missing.append("\(Duration.seconds(length - seconds).inWords) of the pause")
    case .bandit where winner == nil: missing.append(proof)
    case .approval, .pause, .shadow, .canary, .split, .bandit, .interleave: break
    }
    if seconds < current.hold.minSeconds {
      let left = Duration.seconds(current.hold.minSeconds - seconds).inWords
      missing.append("\(left) of the shortest time of this step")
    }
    if gates.isEmpty && current.traffic.sharesTraffic {
      missing.append("a first look: none was taken since the service started")
    }
    return missing + hours
  }

  private var promotion: String {
    switch policy.promotion {
    case .automatic where contenders.count == 1: "a look, which promotes it"
    case .automatic, .manual:
      "a person's word: rollout promote \(policy.name)"
        + (contenders.count > 1 ? " --model …" : "")
    }
  }

  /// How far the model is that is nearest to being shown the best.
  private var proof: String {
    guard let ahead = allocations.last?.arms.max(by: { $0.progress < $1.progress }),
      ahead.progress > 0
    else { return "a model that is shown to be best" }
    return "a model that is shown to be best: '\(ahead.model)' has "
      + "\(Int(ahead.progress * 100)) % of the proof"
  }

  private func openGates(_ gates: [GateReport]) -> [String] {
    let least = currentStep?.hold.minSamples ?? 1
    let asked = Set(contenders)
    return gates.compactMap { report in
      guard report.role.isRequired, asked.contains(report.candidate) else { return nil }
      if report.verdict != .pass { return report.summary }
      guard report.samples < least else { return nil }
      return
        "gate '\(report.gate)' of '\(report.candidate)' has \(report.samples) of \(least) samples"
    }
  }
}
