import Console
import Experimentation
import Foundation
import PolicyLanguage
import Promotion
import Routing

/// What policy files are compared with: a running service, or the files of another moment.
struct PlanBase: Sendable {
  /// As it is said in a sentence: `the service at http://127.0.0.1:8081`.
  var title: String
  var models: [ModelName: ModelSpecification] = [:]
  var rollouts: [RolloutName: RolloutPolicy] = [:]
  /// Where rollouts stand; empty where nothing runs.
  var standings: [RolloutName: PoliciesResponse.Standing] = [:]
  var routes: [RouteName: PoliciesResponse.Route] = [:]
  /// Whether what runs is known; else the base is only text.
  var isLive: Bool

  /// What a service has in force.
  init(_ answer: PoliciesResponse, at server: String) {
    title = "the service at \(server)"
    isLive = true
    for model in answer.models { models[model.name] = model }
    for standing in answer.rollouts {
      rollouts[standing.policy.name] = standing.policy
      standings[standing.policy.name] = standing
    }
    for route in answer.routes { routes[route.name] = route }
  }

  /// What files said.
  init(_ policies: PolicySet, title: String) {
    self.title = title
    isLive = false
    for model in policies.models { models[model.name] = model }
    for rollout in policies.rollouts { rollouts[rollout.name] = rollout }
  }

  /// What `policy` takes the place of: that of its name, else the one on its route, if it is live
  /// or nothing runs.
  func former(of policy: RolloutPolicy) -> RolloutPolicy? {
    rollouts[policy.name]
      ?? rollouts.values.first { old in
        old.route == policy.route && (standings[old.name].map { $0.status.isLive } ?? true)
      }
  }

  /// The rules of a route in force; `nil` where nothing runs, or nobody answers there yet.
  func table(of route: RouteName) -> RouteTable? {
    guard let known = routes[route] else { return nil }
    let live = standings.values.first { $0.policy.route == route && $0.status.isLive }
    let state = live.map { standing in
      var state = RolloutState(
        policy: standing.policy, run: standing.run, status: standing.status, step: standing.step,
        stepStartedAtMilliseconds: 0, startedAtMilliseconds: 0)
      state.dropped = (standing.dropped ?? []).map {
        DroppedCandidate(model: $0.model, gate: $0.gate, step: $0.step)
      }
      return state
    }
    return RouteTable(route, incumbent: known.incumbent, rollout: state, ready: nil)
  }
}

extension TrafficBaseline {
  /// Answers of the incumbent below which what they were like is not believed.
  private static let leastAnswers = 30

  /// What a service knows of a route.
  ///
  /// - Parameter rate: requests a second, where somebody knows better than the service
  init(_ route: PoliciesResponse.Route?, rate: Double?) {
    self.init(requestsPerSecond: rate ?? route?.requestsPerSecond)
    guard let route else { return }
    let lines = route.comparison.filter { $0.model == route.incumbent }
    let answers = lines.reduce(0) { $0 + $1.answers }
    for band in PromptBand.allCases {
      let count = lines.filter { $0.promptTokens == band.description }.reduce(0) { $0 + $1.answers }
      if count > 0 { requests[band] = count }
    }
    guard answers >= Self.leastAnswers else { return }
    errorRate = Double(lines.reduce(0) { $0 + $1.failures }) / Double(answers)
    spreads[.timeToFirstToken] = Self.spread(lines) {
      ($0.timeToFirstTokenP50, $0.timeToFirstTokenP95)
    }
    spreads[.timePerOutputToken] = Self.spread(lines) {
      ($0.timePerOutputTokenP50, $0.timePerOutputTokenP95)
    }
    spreads[.latency] = Self.spread(lines) { ($0.totalP50, $0.totalP95) }
    spreads[.tokensPerSecond] = spreads[.timePerOutputToken]
  }

  /// σ of logarithms over bands of prompt lengths: within each as its quantiles say if logarithms
  /// are normal, and between their middles.
  private static func spread(
    _ lines: [RolloutResponse.ComparisonLine],
    _ quantiles: (RolloutResponse.ComparisonLine) -> (p50: Double?, p95: Double?)
  ) -> Double? {
    let bands = lines.compactMap { line -> (weight: Double, middle: Double, within: Double)? in
      guard let p50 = quantiles(line).p50, let p95 = quantiles(line).p95, p50 > 0, p95 >= p50
      else { return nil }
      return (Double(line.answers), log(p50), log(p95 / p50) / 1.645)
    }
    let all = bands.reduce(0) { $0 + $1.weight }
    guard all > 0 else { return nil }
    let mean = bands.reduce(0) { $0 + $1.weight * $1.middle } / all
    let variance = bands.reduce(0) { sum, band in
      let distance = band.middle - mean
      return sum + band.weight * (band.within * band.within + distance * distance) / all
    }
    return variance > 0 ? variance.squareRoot() : nil
  }
}
