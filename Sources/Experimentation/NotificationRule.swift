/// Whom to tell of what becomes of a rollout: a line under `notify:`.
package struct NotificationRule: Hashable, Sendable, Codable {
  /// At least one, in the order of their declaration, no repeats.
  package var occasions: [Occasion]
  package var target: Target

  package init(on occasions: [Occasion], target: Target) {
    self.occasions = occasions
    self.target = target
  }

  /// What may be worth telling.
  package enum Occasion: String, Hashable, Sendable, Codable, CaseIterable {
    case queued, applied, advanced, approved, paused, resumed, inconclusive, promoted, rolledBack
    case aborted, superseded, dropped
  }

  /// Where it is told: an address that takes JSON by `POST`.
  package enum Target: Hashable, Sendable, Codable {
    case url(String)
    /// In the variable of that name of the service's environment, since many such addresses are
    /// secrets.
    case environment(String)
  }
}

extension JournalEvent {
  /// What it is called where people ask to be told; `nil` for an event of a model.
  package var occasion: NotificationRule.Occasion? {
    switch self {
    case .policiesApplied, .modelApplied, .allocated: nil
    case .rolloutApplied: .applied
    case .queued: .queued
    case .candidateDropped: .dropped
    case .advanced: .advanced
    case .approved: .approved
    case .paused: .paused
    case .resumed: .resumed
    case .inconclusive: .inconclusive
    case .rolledBack: .rolledBack
    case .aborted: .aborted
    case .promoted: .promoted
    case .superseded: .superseded
    }
  }
}
