package import Experimentation

/// What commands are decided on: the service's state, and whose work a route's incumbent is.
package struct ControlState: Hashable, Sendable {
  package private(set) var service = ServiceState()
  /// For each route the rollouts that were promoted on it and not rolled back, oldest first.
  private var promotions: [RouteName: [RolloutName]] = [:]

  package init() {}

  /// Folds `entries`, in order, into the empty state.
  package init(folding entries: some Sequence<JournalEntry>) {
    for entry in entries { fold(entry) }
  }

  /// Takes the next entry in.
  package mutating func fold(_ entry: JournalEntry) {
    let name = entry.record.event.rollout
    let before = name.flatMap { service.rollouts[$0] }
    service.fold(entry)
    guard let name, let before else { return }
    switch entry.record.event {
    case .promoted:
      promotions[before.policy.route, default: []].append(name)
    case .rolledBack where before.status == .promoted:
      guard let last = promotions[before.policy.route]?.lastIndex(of: name) else { break }
      promotions[before.policy.route]?.remove(at: last)
    case .policiesApplied, .modelApplied, .rolloutApplied, .queued, .superseded, .advanced,
      .candidateDropped, .allocated, .approved, .paused, .resumed, .inconclusive, .rolledBack,
      .aborted:
      break
    }
  }

  /// The state as it will be once `event` is written down.
  package func assuming(_ event: JournalEvent, atMilliseconds: Int64 = 0) -> ControlState {
    var next = self
    next.fold(
      JournalEntry(
        sequence: service.sequence,
        record: JournalRecord(event: event, actor: "", reason: nil, atMilliseconds: atMilliseconds),
        hash: ""))
    return next
  }

  /// Refuses what was decided on another standing of the rollout; `nil` was decided on any.
  package func check(_ generation: Int64?, of name: RolloutName) throws(CommandRefusal) {
    guard let generation, let standing = service.rollouts[name],
      standing.generation != generation
    else { return }
    throw CommandRefusal(
      .conflict,
      "rollout '\(name)' is at generation \(standing.generation), not \(generation): another "
        + "command or a look came first; look again")
  }

  /// The rollout whose promotion made the route's incumbent what it is, if one did.
  package func lastPromotion(on route: RouteName) -> RolloutName? {
    promotions[route]?.last
  }
}
