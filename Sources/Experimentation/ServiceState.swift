/// Everything that control knows: models, the incumbent of each route, and the rollouts.
///
/// A value folded from the journal; the same journal always gives the same state.
package struct ServiceState: Hashable, Sendable {
  package private(set) var models: [ModelName: ModelSpecification] = [:]
  /// Who is live on each route.
  package private(set) var incumbents: [RouteName: ModelName] = [:]
  /// The latest run of each rollout.
  package private(set) var rollouts: [RolloutName: RolloutState] = [:]
  /// Sequence of the last entry folded in; 0 for none.
  package private(set) var sequence: Int64 = 0

  package init() {}

  /// Folds `entries`, in order, into the empty state.
  package init(folding entries: some Sequence<JournalEntry>) {
    self.init()
    for entry in entries { fold(entry) }
  }

  /// The rollout that is live on `route`, if any; at most one is.
  package func liveRollout(on route: RouteName) -> RolloutState? {
    rollouts.values.first { $0.policy.route == route && $0.status.isLive }
  }

  /// Takes the next entry in. An event about a rollout that is not known changes nothing.
  package mutating func fold(_ entry: JournalEntry) {
    sequence = entry.sequence
    let at = entry.record.atMilliseconds
    switch entry.record.event {
    case .modelApplied(let model):
      models[model.name] = model
    case .rolloutApplied(let policy):
      begin(policy, at: at)
    case .advanced(let name, let step, _):
      change(name) {
        $0.step = step
        $0.stepStartedAtMilliseconds = at
        $0.status = .running
      }
    case .allocated(let name, let allocation):
      // The rollout stands where it stood: what people decided on has not changed.
      rollouts[name]?.allocations.append(allocation)
    case .approved(let name, let step):
      change(name) { $0.approvedStep = step }
    case .paused(let name, _):
      change(name) { $0.settle(.paused, entry.record.reason) }
    case .resumed(let name):
      change(name) { $0.settle(.running, entry.record.reason) }
    case .inconclusive(let name, _):
      change(name) { $0.settle(.inconclusive, entry.record.reason) }
    case .rolledBack(let name, _):
      restoreIncumbent(of: name)
      change(name) { $0.settle(.rolledBack, entry.record.reason) }
    case .aborted(let name):
      change(name) { $0.settle(.aborted, entry.record.reason) }
    case .promoted(let name, let model, _, _):
      if let route = rollouts[name]?.policy.route { incumbents[route] = model }
      change(name) { $0.settle(.promoted, entry.record.reason) }
    }
  }

  private mutating func begin(_ policy: RolloutPolicy, at milliseconds: Int64) {
    for (name, state) in rollouts where state.policy.route == policy.route && state.status.isLive {
      rollouts[name]?.settle(.superseded, "'\(policy.name)' was applied")
      rollouts[name]?.generation = sequence
    }
    if incumbents[policy.route] == nil { incumbents[policy.route] = policy.incumbent }
    rollouts[policy.name] = RolloutState(
      policy: policy, run: (rollouts[policy.name]?.run ?? 0) + 1,
      stepStartedAtMilliseconds: milliseconds, startedAtMilliseconds: milliseconds)
    rollouts[policy.name]?.generation = sequence
  }

  /// A promoted rollout that is rolled back gives the route back to the model it was taken from.
  private mutating func restoreIncumbent(of name: RolloutName) {
    guard let state = rollouts[name], state.status == .promoted else { return }
    incumbents[state.policy.route] = state.policy.incumbent
  }

  private mutating func change(_ name: RolloutName, _ body: (inout RolloutState) -> Void) {
    guard var state = rollouts[name] else { return }
    body(&state)
    state.generation = sequence
    rollouts[name] = state
  }
}

extension RolloutState {
  fileprivate mutating func settle(_ status: RolloutStatus, _ reason: String?) {
    self.status = status
    self.reason = reason
  }
}
