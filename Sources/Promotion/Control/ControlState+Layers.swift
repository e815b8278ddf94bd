import Experimentation

// Whose the units of a layer are.
extension ControlState {
  /// Refuses policies that would have units which another rollout has, be it one that waits.
  ///
  /// - Parameter events: what the documents became, all of which this state has seen
  func checkLayers(after events: [JournalEvent]) throws(CommandRefusal) {
    let applied = events.compactMap { event -> RolloutPolicy? in
      switch event {
      case .rolloutApplied(let policy), .queued(let policy): policy
      default: nil
      }
    }
    for policy in applied { try checkLayer(of: policy, among: applied) }
  }

  /// Of those on its own route, or under its name, at most one is live at a time.
  private func checkLayer(
    of policy: RolloutPolicy, among applied: [RolloutPolicy]
  ) throws(CommandRefusal) {
    guard let layer = policy.assignment.layer else { return }
    let others = service.rollouts.values.filter(\.status.isLive) + service.queue.values
    for other in others.sorted(by: { $0.policy.name < $1.policy.name })
    where other.policy.route != policy.route && other.policy.name != policy.name {
      guard let taken = other.policy.assignment.layer, taken.name == layer.name else { continue }
      let name = other.policy.name
      let isNew = applied.contains(other.policy)
      let place =
        isNew
        ? "is applied at the same time"
        : other.status == .pending ? "waits in the queue" : "is under way"
      guard policy.assignment.unit == other.policy.assignment.unit else {
        throw CommandRefusal(
          .rolloutUnderWay,
          "rollout '\(name)' \(place) in layer '\(layer.name)' by another kind of unit: nobody can "
            + "say whose units are whose",
          remedy: "name a layer of its own, or the same 'unit'")
      }
      guard taken.overlap(with: layer) == 0 else {
        throw CommandRefusal(
          .rolloutUnderWay,
          "rollout '\(name)' \(place) with \(taken), of which '\(policy.name)' asks for "
            + "\(layer.range)",
          remedy: "ask for units that nobody has"
            + (isNew ? "" : ", or `rollout abort \(name)` first"))
      }
    }
  }
}
