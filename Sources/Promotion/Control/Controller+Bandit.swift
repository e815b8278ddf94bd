import Experimentation
import Logging

extension Controller {
  /// Gives a bandit step its next allocation when its update period is over, or when a winner is
  /// shown: written down first, in force once it stands in the journal.
  ///
  /// Made of evidence whose time to come is over, and of nothing else: the same rows give the same
  /// shares. Periods are timed like steps, by a clock that never jumps, and begin anew after a
  /// restart. While a rollout is paused or inconclusive its shares stay.
  func allocate(_ name: RolloutName) async throws(CommandRefusal) {
    guard let rollout = effective.service.rollouts[name], let known = evidence[name],
      case .bandit(let traffic) = rollout.currentStep?.traffic
    else { return }
    let since = max(lastAllocation[name] ?? .zero, stepBegan[name] ?? .zero)
    let isDue = uptime() - since >= .seconds(traffic.updateSeconds)
    guard let next = known.allocation(of: rollout, isDue: isDue) else { return }
    // Decided on this very standing of the rollout; on any other, the next look decides.
    let written = try await commit(by: Self.name) { control, _ in
      control.service.rollouts[name] == rollout ? [(.allocated(name, next), next.reason)] : []
    }
    guard !written.isEmpty else { return }
    logger.info(
      "bandit allocated",
      metadata: [
        "rollout": "\(name)", "allocation": "\(next.number)",
        "shares": "\(next.arms.map { "\($0.model) \($0.share)" }.joined(separator: ", "))",
        "winner": "\(next.winner?.text ?? "-")",
      ])
  }
}

extension BanditAllocation {
  /// For the journal: what a winner was named for.
  fileprivate var reason: String? {
    winner.map { _ in
      let means = arms.map { arm in
        "\(arm.model) \(arm.mean.map { "\(($0 * 10_000).rounded() / 10_000)" } ?? "-")"
      }
      return "mean rewards " + means.joined(separator: ", ")
    }
  }
}
