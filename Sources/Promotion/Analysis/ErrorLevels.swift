import Experimentation
import Statistics

/// How much of alpha each judgement of a rollout may spend.
struct ErrorLevels: Hashable, Sendable {
  /// For a `pass`. Not divided: a promotion needs every gate of every candidate in every step to
  /// pass, so a candidate that violates one is promoted with at most the chance that this one
  /// passes (an intersection–union test; Berger 1982, STATISTICS 2(i)).
  let pass: Double
  /// For a `fail`. Divided by all that could each take a harmless rollout back on its own: gates
  /// that act, times candidates, times steps that judge (Bonferroni). So a rollout of candidates as
  /// good as the policy asks for is taken back with a chance of at most alpha, over all of its
  /// looks.
  let fail: Double

  init(_ policy: RolloutPolicy) {
    pass = policy.analysis.alpha
    let judging = policy.steps.indices.filter { policy.steps[$0].traffic.sharesTraffic }
    let judgements = judging.reduce(0) { count, step in
      count + policy.gates(judgedAt: step).count { $0.role.isRequired && $0.onFail != .warn }
    }
    fail = policy.analysis.alpha / Double(max(1, judgements * policy.candidates.count))
  }
}

extension SequentialTest {
  /// Observations still missing until the test proves its claim, if evidence goes on growing at the
  /// rate it has grown so far; `nil` when it does not grow.
  func observationsMissing(alpha: Double) -> Int? {
    let grown = logEvidence
    guard grown > 0, evidence.observations > 0 else { return nil }
    let missing = (-Double.log(alpha) - grown) / (grown / Double(evidence.observations))
    return missing.isFinite && missing < 1e12 ? max(0, Int(missing.rounded(.up))) : nil
  }
}
