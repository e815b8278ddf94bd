/// How a rollout stands: a fold over its events.
package struct RolloutState: Hashable, Sendable {
  package var policy: RolloutPolicy
  /// Counts how often the name began, from 1; evidence belongs to one run. 0 for a revision that
  /// was taken from the queue before it did, under a name that never ran.
  package var run: Int
  package var status: RolloutStatus
  /// Index of the step in force; the number of steps when only promotion is left.
  package var step: Int
  /// When the step began, milliseconds since 1970.
  package var stepStartedAtMilliseconds: Int64
  /// When the run began, milliseconds since 1970.
  package var startedAtMilliseconds: Int64
  /// The approval step that was approved, if any.
  package var approvedStep: Int?
  /// Reason kept with the last change of status.
  package var reason: String?
  /// Sequence of the journal's last entry about the rollout: whoever decided on another one has
  /// decided on something else.
  package var generation: Int64 = 0
  /// What a bandit step of the run has given to whom, oldest first; a policy has at most one such
  /// step. Not part of the generation: shares that move are no other standing.
  package var allocations: [BanditAllocation] = []
  /// Candidates that have left this run, in the order in which they did.
  package var dropped: [DroppedCandidate] = []
  /// Candidates that have left earlier runs of the name since it has had this salt: a revision
  /// without them in between does not bring them back, and another salt is another trial.
  package var barred: [DroppedCandidate] = []

  package init(
    policy: RolloutPolicy, run: Int, status: RolloutStatus = .running, step: Int = 0,
    stepStartedAtMilliseconds: Int64, startedAtMilliseconds: Int64, approvedStep: Int? = nil,
    reason: String? = nil
  ) {
    self.policy = policy
    self.run = run
    self.status = status
    self.step = step
    self.stepStartedAtMilliseconds = stepStartedAtMilliseconds
    self.startedAtMilliseconds = startedAtMilliseconds
    self.approvedStep = approvedStep
    self.reason = reason
  }

  /// The step in force, or `nil` when only promotion is left.
  package var currentStep: Step? {
    policy.steps.indices.contains(step) ? policy.steps[step] : nil
  }

  /// The traffic in force: that of the last step that shares traffic, up to the one in force; `nil`
  /// sends everything to the incumbent.
  package var traffic: StepTraffic? {
    guard status.isLive else { return nil }
    return policy.steps.prefix(step + 1).last { $0.traffic.sharesTraffic }?.traffic
  }

  /// Where outcomes of requests routed now belong; in the first cell, where there are some.
  package var position: RolloutPosition {
    RolloutPosition(
      rollout: policy.name, digest: policy.digest, step: step, run: run,
      allocation: (allocations.last?.number ?? 0) * (traffic?.context?.cellCount ?? 1))
  }

  /// The model that the bandit step has shown to be best, or close to it.
  package var winner: ModelName? { allocations.last?.winner }

  /// Candidates that the rollout may still promote: the winner once there is one, and none that has
  /// left.
  package var contenders: [ModelName] {
    guard let winner else { return candidates }
    return hasDropped(winner) ? [] : [winner]
  }
}

extension StepTraffic {
  /// Whether the step itself says who answers; approval and pause keep what was.
  package var sharesTraffic: Bool {
    switch self {
    case .shadow, .canary, .split, .bandit, .interleave: true
    case .approval, .pause: false
    }
  }
}

/// Where a rollout is on its way.
package enum RolloutStatus: String, Hashable, Sendable, Codable {
  /// Waits in the queue of its route.
  case pending
  case running, paused, inconclusive, promoted, rolledBack, aborted, superseded

  /// Whether candidates still get traffic.
  package var isLive: Bool {
    switch self {
    case .running, .paused, .inconclusive: true
    case .pending, .promoted, .rolledBack, .aborted, .superseded: false
    }
  }
}
