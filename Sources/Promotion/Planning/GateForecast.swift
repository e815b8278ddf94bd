package import Experimentation
import Statistics

/// How long one gate of one candidate will take in one step, and how small an effect it can see.
///
/// For a candidate that is exactly as good as the incumbent where a gate asks for no loss, and that
/// gains twice what is asked for where it asks for a gain. Every request counts as a unit of its
/// own: with sticky assignment the units are fewer, and decisions take as much longer.
package struct GateForecast: Hashable, Sendable, Codable {
  package var gate: String
  package var metric: Metric
  package var role: MetricGate.Role
  package var candidate: ModelName
  /// Requests a second that count for the gate; `nil` where the route's rate or the slice's part
  /// of it is unknown.
  package var countedPerSecond: Double?
  /// Requests, of both models together, or pairs, after which half of such rollouts have decided,
  /// and four of five; `nil` if it never decides.
  package var samplesForHalf: Double?
  package var samplesForMost: Double?
  /// The same in hours; never less than `minTime`.
  package var hoursForHalf: Double?
  package var hoursForMost: Double?
  /// Hours that the step gives the gate: `maxTime`, or a day without one.
  package var hours: Double
  /// The share of such rollouts, 0…1, that have decided by then.
  package var decided: Double?
  /// The smallest true change that four of five rollouts are shown by then to be a violation (of a
  /// gate that asks for no loss) or a gain; signed and scaled as estimates are.
  package var smallestEffect: Double?
  /// Whether changes are read in percent of the incumbent's value, rather than in points.
  package var comparesRatios: Bool
  /// What stands in the way, in a sentence.
  package var warning: String?

  /// What ``smallestEffect`` is read in.
  package var changeUnit: ChangeUnit { metric.changeUnit(isRatio: comparesRatios) }

  /// Four of five: below it a rollout is not worth starting as planned (STATISTICS, pitfall 27).
  package static let most = 0.8
}

extension GateForecast {
  /// - Parameters:
  ///   - index: of a step that shares traffic and judges the gate
  /// - Returns: `nil` for a gate that cannot be judged there, or waits for nobody
  init?(
    of gate: MetricGate, candidate: ModelName, step index: Int, in policy: RolloutPolicy,
    baseline: TrafficBaseline
  ) {
    guard policy.steps.indices.contains(index), gate.role.isRequired,
      let border = try? GateBorder(gate),
      let levels = try? ErrorLevels(policy, gate, trafficStep: index),
      let sample = GateSample(of: gate, candidate: candidate, step: index, in: policy)
    else { return nil }
    let planner = GatePlanner(border: border, sample: sample, baseline: baseline)
    let hold = policy.steps[index].hold
    (self.gate, metric, role) = (gate.name, gate.metric, gate.role)
    self.candidate = candidate
    comparesRatios = gate.comparesRatios
    hours = (hold.maxSeconds ?? 86_400) / 3_600
    let forecast = planner.forecast(.expected, alpha: levels.pass)
    let least = Double(hold.minSamples) * sample.requestsPerSample
    samplesForHalf = forecast?.requests(forShare: 0.5).map { max($0, least) }
    samplesForMost = forecast?.requests(forShare: Self.most).map { max($0, least) }
    let part = baseline.share(of: gate.slice).map { $0 * sample.countedShare }
    countedPerSecond = part.flatMap { part in baseline.requestsPerSecond.map { $0 * part } }
    if let countedPerSecond, countedPerSecond > 0 {
      let shortest = hold.minSeconds / 3_600
      func time(_ samples: Double?) -> Double? {
        samples.map { max($0 / (countedPerSecond * 3_600), shortest) }
      }
      (hoursForHalf, hoursForMost) = (time(samplesForHalf), time(samplesForMost))
      let requests = countedPerSecond * hours * 3_600
      decided = requests < least ? 0 : forecast?.shareDecided(afterRequests: requests) ?? 0
      smallestEffect = planner.smallestEffect(within: requests, levels: levels)
    }
    warning =
      Self.warning(forecast != nil, decided: decided, isBounded: hold.maxSeconds != nil)
      ?? Self.warning(onLabelsFor: border, in: policy, alpha: levels.pass)
  }

  /// Where people are asked about too few pairs to bear a judge out.
  private static func warning(
    onLabelsFor border: GateBorder, in policy: RolloutPolicy, alpha: Double
  ) -> String? {
    guard border.metric == .judgePreference, let plan = policy.judge?.labels else { return nil }
    let wanted = PredictionPoweredSequence.labelsWanted(distance: border.margin, alpha: alpha)
    if let wanted, wanted <= plan.limit { return nil }
    let need = wanted.map { "about \($0)" } ?? "more than anybody gives"
    return "a candidate that people find as good is shown to be so by \(need) labels, and the "
      + "policy keeps \(plan.limit): raise 'labels', or give a larger margin"
  }

  private static func warning(_ decides: Bool, decided: Double?, isBounded: Bool) -> String? {
    guard decides else {
      return "a candidate that is as good as the incumbent never passes: the margin is too small"
    }
    guard let decided, decided < most else { return nil }
    let percent = Int((decided * 100).rounded())
    return isBounded
      ? "only \(percent)% of good candidates pass before maxTime: give it longer, more traffic, or "
        + "a larger margin"
      : "only \(percent)% of good candidates pass within a day"
  }
}

/// Which requests count for a gate in a step, and how they are dealt.
struct GateSample: Hashable, Sendable {
  /// Whether both models answer the same request.
  var isPaired: Bool
  /// The candidate's chance among the requests that count, in (0, 1); ½ for pairs.
  var propensity: Double
  /// The share of the route's requests that count, in (0, 1].
  var countedShare: Double

  init?(of gate: MetricGate, candidate: ModelName, step index: Int, in policy: RolloutPolicy) {
    guard policy.steps.indices.contains(index) else { return nil }
    let part = policy.assignment.layer?.width ?? 1
    guard part > 0 else { return nil }
    if case .shadow(let shadow) = policy.steps[index].traffic {
      guard shadow.share > .none else { return nil }
      (isPaired, propensity, countedShare) = (true, 0.5, shadow.share.value * part)
      return
    }
    guard !gate.metric.isOfPair else { return nil }
    let shares = policy.shares(of: policy.steps[index].traffic)
    let (old, new) = (shares[policy.incumbent]?.value ?? 0, shares[candidate]?.value ?? 0)
    guard old > 0, new > 0 else { return nil }
    (isPaired, propensity, countedShare) = (false, new / (old + new), (old + new) * part)
  }

  /// `minSamples` counts those of the model with fewer.
  var requestsPerSample: Double { isPaired ? 1 : 1 / min(propensity, 1 - propensity) }
}
