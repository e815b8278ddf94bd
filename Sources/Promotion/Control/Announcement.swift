package import Experimentation

/// Something that happened to a rollout and is written down, for those whom its policy says to
/// tell.
package struct Announcement: Hashable, Sendable {
  package var entry: JournalEntry
  package var occasion: NotificationRule.Occasion
  package var rollout: RolloutName
  package var route: RouteName
  /// Of the policy that says so; another one of the same name may be live.
  package var digest: String
  /// Whom the policy says to tell of it; not empty, no repeats.
  package var targets: [NotificationRule.Target]

  /// What `entry` is announced as, or `nil` when nobody asked to be told.
  ///
  /// - Parameter state: before the entry: an end is told as the policy says that ends
  package init?(_ entry: JournalEntry, in state: ServiceState) {
    guard let name = entry.record.event.rollout, let occasion = entry.record.event.occasion,
      let policy = Self.policy(of: entry.record.event, named: name, in: state)
    else { return nil }
    var targets: [NotificationRule.Target] = []
    for rule in policy.notifications where rule.occasions.contains(occasion) {
      if !targets.contains(rule.target) { targets.append(rule.target) }
    }
    if targets.isEmpty { return nil }
    self.entry = entry
    self.occasion = occasion
    self.targets = targets
    rollout = name
    route = policy.route
    digest = policy.digest
  }

  private static func policy(
    of event: JournalEvent, named name: RolloutName, in state: ServiceState
  ) -> RolloutPolicy? {
    let running = state.rollouts[name]?.policy
    let waiting = state.queued(name)?.policy
    return switch event {
    case .rolloutApplied(let policy), .queued(let policy): policy
    case .superseded(_, let digest, _):
      [running, waiting].compactMap { $0 }.first { $0.digest == digest }
    case .aborted: state.rollouts[name]?.status.isLive == true ? running : waiting
    case .policiesApplied, .modelApplied, .advanced, .candidateDropped, .allocated, .approved,
      .paused, .resumed,
      .inconclusive, .rolledBack, .promoted:
      running
    }
  }
}
