import Experimentation
import Statistics

/// How much of alpha each judgement of a step may spend.
struct ErrorLevels: Hashable, Sendable {
  /// For a `pass`. Not divided: a promotion needs every gate of every candidate in every step to
  /// pass, so a candidate that violates one is promoted with at most the chance that this one
  /// passes (an intersection–union test; Berger 1982, STATISTICS 2(i)).
  let pass: Double
  /// For all that could take a harmless rollout back in this step together: most of alpha is left
  /// for the last one, which has most of the traffic (``AlphaSpending``). So a rollout of
  /// candidates as good as the policy asks for is taken back with a chance of at most alpha, over
  /// all of its looks.
  let step: Double
  /// For a `fail` of one gate by itself: an equal part of the step's, gates that act times
  /// candidates (Bonferroni). What they show together is judged by ``HarmUnion``.
  let fail: Double

  /// - Parameter index: of the step whose traffic is in force
  init(_ policy: RolloutPolicy, trafficStep index: Int) throws(StatisticsError) {
    pass = policy.analysis.alpha
    let judging = policy.steps.indices.filter { policy.steps[$0].traffic.sharesTraffic }
    let spending = try AlphaSpending(backLoadedOver: judging.count)
    let stage = judging.firstIndex(of: index) ?? judging.count
    step = spending.level(ofStage: stage, alpha: policy.analysis.alpha)
    let gates = policy.gates(judgedAt: index).count { $0.role.isRequired && $0.onFail != .warn }
    fail = step / Double(max(1, gates * policy.candidates.count))
  }
}

extension SequentialTest {
  /// Observations still missing until the test proves its claim, if evidence goes on growing at the
  /// rate it has grown so far; while it does not grow, what half of such tests take from a start
  /// like this one; `nil` when neither can be told.
  func observationsMissing(alpha: Double, planned: SampleSizePlanner.Forecast?) -> Int? {
    let grown = logEvidence
    guard evidence.observations > 0 else { return nil }
    guard grown > 0 else {
      return planned?.requests(forShare: 0.5).map { Int(min($0, 1e12).rounded(.up)) }
    }
    let missing = (-Double.log(alpha) - grown) / (grown / Double(evidence.observations))
    return missing.isFinite && missing < 1e12 ? max(0, Int(missing.rounded(.up))) : nil
  }
}
