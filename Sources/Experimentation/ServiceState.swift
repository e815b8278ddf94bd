/// Everything that control knows: models, the incumbent of each route, and the rollouts.
///
/// A value folded from the journal; the same journal always gives the same state.
package struct ServiceState: Hashable, Sendable {
  package private(set) var models: [ModelName: ModelSpecification] = [:]
  /// Who is live on each route.
  package private(set) var incumbents: [RouteName: ModelName] = [:]
  /// The latest run of each rollout.
  package private(set) var rollouts: [RolloutName: RolloutState] = [:]
  /// The signed sets of policies that were applied: none older is taken.
  package private(set) var signedSets = SignedSets()
  /// The revision that waits for each route to be free, `pending`; at most one a route and a name.
  package private(set) var queue: [RouteName: RolloutState] = [:]
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

  /// The revision of that name that waits, if any.
  package func queued(_ name: RolloutName) -> RolloutState? {
    queue.values.first { $0.policy.name == name }
  }

  /// Takes the next entry in. An event about a rollout that is not known changes nothing.
  package mutating func fold(_ entry: JournalEntry) {
    sequence = entry.sequence
    let at = entry.record.atMilliseconds
    signedSets.fold(entry.record)
    switch entry.record.event {
    case .policiesApplied: break
    case .modelApplied(let model):
      models[model.name] = model
    case .rolloutApplied(let policy):
      begin(policy, at: at)
    case .queued(let policy):
      enqueue(policy, at: at)
    case .superseded(let name, let digest, let successor):
      supersede(name, digest, successor.map { "'\($0)' was applied" } ?? entry.record.reason)
    case .advanced(let name, let step, _):
      change(name) {
        $0.step = step
        $0.stepStartedAtMilliseconds = at
        $0.status = .running
      }
    case .candidateDropped(let name, let model, let gate, _):
      change(name) { state in
        guard !state.hasDropped(model) else { return }
        state.dropped.append(
          DroppedCandidate(
            model: model, gate: gate, step: state.step,
            allocation: state.allocations.last?.number ?? 0, reason: entry.record.reason))
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
      if rollouts[name]?.status.isLive == true {
        change(name) { $0.settle(.aborted, entry.record.reason) }
      }
      withdraw(name, as: .aborted, entry.record.reason)
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
    let former = rollouts[policy.name]
    var state = RolloutState(
      policy: policy, run: (former?.run ?? 0) + 1,
      stepStartedAtMilliseconds: milliseconds, startedAtMilliseconds: milliseconds)
    if let former, former.policy.assignment.salt == policy.assignment.salt {
      state.barred = former.allDropped
    }
    state.generation = sequence
    rollouts[policy.name] = state
    queue = queue.filter { $0.value.policy.name != policy.name }
  }

  private mutating func enqueue(_ policy: RolloutPolicy, at milliseconds: Int64) {
    queue = queue.filter { $0.value.policy.name != policy.name }
    var state = RolloutState(
      policy: policy, run: (rollouts[policy.name]?.run ?? 0) + 1, status: .pending,
      stepStartedAtMilliseconds: milliseconds, startedAtMilliseconds: milliseconds)
    state.generation = sequence
    queue[policy.route] = state
  }

  private mutating func supersede(_ name: RolloutName, _ digest: String, _ reason: String?) {
    if let live = rollouts[name], live.status.isLive, live.policy.digest == digest {
      change(name) { $0.settle(.superseded, reason) }
    } else if queued(name)?.policy.digest == digest {
      withdraw(name, as: .superseded, reason)
    }
  }

  /// Takes a revision from the queue. A name that never ran keeps it as its end; of any other, what
  /// became of its last run is what stands.
  private mutating func withdraw(
    _ name: RolloutName, as status: RolloutStatus, _ reason: String?
  ) {
    guard var state = queued(name) else { return }
    queue[state.policy.route] = nil
    guard rollouts[name].map({ $0.run == 0 }) ?? true else { return }
    state.run = 0
    state.settle(status, reason)
    state.generation = sequence
    rollouts[name] = state
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
