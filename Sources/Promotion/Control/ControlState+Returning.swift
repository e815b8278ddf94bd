import Experimentation

/// A candidate that has left a run, and that a new policy would give to the same users again.
struct ReturningCandidate: Hashable, Sendable {
  var rollout: RolloutName
  var dropped: DroppedCandidate

  /// What is wrong with that, in a sentence.
  var sentence: String {
    let why = dropped.reason.map { ": \($0)" } ?? ""
    return "'\(dropped.model)' has left rollout '\(rollout)'\(why); under the same salt the users "
      + "it was taken from would get it back"
  }
}

// A document that is edited shall not undo what its evidence has decided.
extension ControlState {
  /// The first candidate of `policy` that has left its name, or another one on its route, since
  /// that has had the salt that `policy` has; `nil` where there is none.
  ///
  /// Another salt is how somebody says that there shall be another trial.
  func returningCandidate(of policy: RolloutPolicy) -> ReturningCandidate? {
    let before = service.rollouts.values.filter { rollout in
      (rollout.policy.name == policy.name || rollout.policy.route == policy.route)
        && rollout.policy.assignment.salt == policy.assignment.salt
    }
    return before.sorted { $0.policy.name < $1.policy.name }.lazy.compactMap { rollout in
      rollout.allDropped.first { policy.candidates.contains($0.model) }
        .map { ReturningCandidate(rollout: rollout.policy.name, dropped: $0) }
    }.first
  }

  /// Refuses a policy that would bring a candidate back that has left.
  func checkReturning(of policy: RolloutPolicy) throws(CommandRefusal) {
    guard let returning = returningCandidate(of: policy) else { return }
    throw CommandRefusal(
      .notAllowed, "rollout '\(policy.name)': \(returning.sentence)",
      remedy: "take '\(returning.dropped.model)' out of `candidates`, or give `assignment` another "
        + "salt, if it shall have another trial")
  }
}
