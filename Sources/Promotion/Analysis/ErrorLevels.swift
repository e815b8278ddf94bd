import Experimentation
import Statistics

/// How much of alpha a gate of one candidate may spend in a step.
struct ErrorLevels: Hashable, Sendable {
  /// For a `pass`. Not divided: a promotion needs every gate of the candidate in every step to
  /// pass, so one that violates any is promoted with at most the chance that this one passes (an
  /// intersection–union test; Berger 1982, STATISTICS 2(i)). That is the chance of each candidate,
  /// whoever else is in or has left.
  let pass: Double
  /// For all that could take a harmless rollout back, or a harmless candidate out of it, together
  /// and over all of its steps.
  let rollBack: Double
  /// v: the gate's part of `rollBack` in the stage of this step. The parts of all gates (each slice
  /// is one), candidates and stages sum to 1, so that Σ vE over them is an e-process, and a rollout
  /// of candidates as good as the policy asks for is taken back, or loses one, with a chance of at
  /// most alpha, over all of its looks (``HarmUnion``). A candidate that leaves takes its claims
  /// along; nobody gets its part.
  let share: Double
  /// For a `fail` of this gate by itself, where Σ vE is reached by one E alone.
  var fail: Double { rollBack * share }

  /// - Parameter index: of the step whose traffic is in force
  init(_ policy: RolloutPolicy, _ gate: MetricGate, trafficStep index: Int)
    throws(StatisticsError)
  {
    (pass, rollBack) = (policy.analysis.alpha, policy.analysis.alpha)
    let acting = policy.metrics.count(where: \.mayTakeBack) * policy.candidates.count
    // Most of a gate's part is left for its last step, which has most of the traffic.
    let judging = policy.steps(judging: gate)
    let spending = try AlphaSpending(backLoadedOver: max(1, judging.count))
    let shares = judging.indices.reduce(0.0) { sum, stage in
      policy.isOneStage(judging[stage], index, of: gate) ? sum + spending.shares[stage] : sum
    }
    share = shares / Double(max(1, acting))
  }
}

extension MetricGate {
  /// Whether the gate may move a rollout or a candidate when it fails, and so spends of alpha.
  var mayTakeBack: Bool { role.isRequired && onFail != .warn }

  /// Whether what one canary or split step shows still holds under the next one's weights.
  ///
  /// Shares of errors are weighed by the propensity that was in force, whatever it is (STATISTICS
  /// 2(i) and T6); what hangs on the load is measured anew.
  var carriesOver: Bool {
    metric.scale == .proportion && !metric.isOfPair && !metric.isFromUsers && !metric.hangsOnLoad
  }
}

extension RolloutPolicy {
  /// Indices of the steps that share traffic and judge `gate`, ascending.
  func steps(judging gate: MetricGate) -> [Int] {
    steps.indices.filter { index in
      steps[index].traffic.sharesTraffic
        && gates(judgedAt: index).contains { $0.name == gate.name }
    }
  }

  /// Whether the evidence of two steps about `gate` is one.
  func isOneStage(_ first: Int, _ second: Int, of gate: MetricGate) -> Bool {
    if first == second { return true }
    guard gate.carriesOver, steps.indices.contains(first), steps.indices.contains(second) else {
      return false
    }
    return !steps[first].traffic.isShadow && !steps[second].traffic.isShadow
      && !steps[first].traffic.isInterleaved && !steps[second].traffic.isInterleaved
  }
}
