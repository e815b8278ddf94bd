import Experimentation
import Storage

extension Controller {
  /// Between two times that old outcomes are looked for.
  private static let pruningInterval = Duration.seconds(60)
  /// Rows removed at once, and portions at a time: recording waits no longer than for one.
  private static let portion = 2_000
  private static let portionsAtOnce = 20

  /// Has the store forget raw outcomes as the retention says, when it is time again.
  ///
  /// What is left to remove is removed at the next glance, so that recording is never held up for
  /// long. Texts that people were to label go at once when their run is over.
  package func prune() async {
    let isTime = uptime() >= nextPruning
    guard isTime || textsHaveGone else { return }
    let underWay = Set(
      control.service.rollouts.values.filter(\.status.isLive).map {
        RunID(rollout: $0.policy.name, run: $0.run)
      })
    do {
      textsHaveGone = false
      try await forgetTexts(keeping: underWay)
      guard isTime else { return }
      nextPruning = uptime() + Self.pruningInterval
      for _ in 0..<Self.portionsAtOnce {
        let removed = try await outcomes.prune(
          retention, nowMilliseconds: wallClock(), keeping: underWay, limit: Self.portion)
        if removed < Self.portion { return settle(.retention) }
      }
      nextPruning = uptime()
    } catch {
      nextPruning = uptime() + Self.pruningInterval
      note(.retention, "old outcomes cannot be removed: \(error.message)")
    }
  }
}
