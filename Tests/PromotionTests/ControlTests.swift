import Experimentation
import Foundation
import Promotion
import Routing
import Testing

/// The incumbent as its own control in a shadow step.
@Suite struct ControlTests {
  let names: Names

  init() throws { names = try Names() }

  func policy(_ metric: Metric, _ margin: MetricGate.Margin) -> RolloutPolicy {
    names.policy(
      [Step(.shadow(ShadowTraffic(hasControl: true)), hold: HoldConditions(minSamples: 10))],
      metrics: [
        MetricGate(
          name: "gate", metric: metric, role: .guardrail, objective: .notWorse(by: margin))
      ])
  }

  /// The same pair with the incumbent's second answer for the candidate's.
  func control(_ pair: Comparison) -> Comparison {
    var pair = pair
    pair.candidate = pair.incumbent
    return pair
  }

  func report(_ policy: RolloutPolicy, _ pairs: [Comparison]) throws -> GateReport {
    var evidence = RunEvidence(of: names.state(policy))
    evidence.fold(pairs.sequenced())
    return try #require(evidence.reports.first)
  }

  @Test func `the noise floor stands beside a candidate's value and changes nothing of it`() throws
  {
    var simulation = try Simulation(seed: 11)
    let policy = policy(.latency, .relative(0.25))
    let pairs = (0..<300).map { _ in simulation.pair(policy, ratio: 1.05) }
    let controls = (0..<300).map { _ in control(simulation.pair(policy, ratio: 3)) }
    let alone = try report(policy, pairs)
    var beside = try report(policy, zip(pairs, controls).flatMap { [$0, $1] })
    let noise = try #require(beside.noise)
    #expect(noise.samples == 300)
    // A control that is three times as slow is a strange one, and nobody's candidate. Ratios are
    // clipped at four, which pulls the estimate down a little.
    #expect(try #require(noise.estimate) > 1.5)
    #expect(try #require(noise.lowerBound) > 0.25)
    #expect(beside.isBelowNoise)
    beside.noise = nil
    #expect(beside == alone)
    #expect(alone.noise == nil && !alone.isBelowNoise)
  }

  @Test func `a margin that the incumbent itself does not keep is told from one that it does`()
    throws
  {
    var simulation = try Simulation(seed: 12)
    let tight = policy(.tokenAgreement, .absolute(0.05))
    let wide = policy(.tokenAgreement, .absolute(0.3))
    for (policy, isBelow) in [(tight, true), (wide, false)] {
      let pairs = (0..<200).map { _ in simulation.pair(policy, agreement: 0.75) }
      // It agrees with itself at four places of five.
      let controls = (0..<200).map { _ in control(simulation.pair(policy, agreement: 0.8)) }
      let report = try report(policy, pairs + controls)
      #expect(abs(try #require(report.noise?.estimate) + 0.2) < 1e-9)
      #expect(report.isBelowNoise == isBelow)
    }
  }

  @Test func `pairs of a control are no candidate's samples`() throws {
    var simulation = try Simulation(seed: 13)
    let policy = policy(.latency, .relative(0.25))
    var evidence = RunEvidence(of: names.state(policy))
    evidence.fold((0..<50).map { _ in control(simulation.pair(policy)) }.sequenced())
    #expect(evidence.samples.isEmpty)
    #expect(evidence.reports.first?.verdict == .noData)
    #expect(evidence.reports.first?.noise?.samples == 50)
  }

  @Test func `the incumbent is asked aside for the requests of the first candidate`() throws {
    let half = try #require(Share(0.5))
    let policy = names.policy(
      [Step(.shadow(ShadowTraffic(share: half, concurrency: 3, hasControl: true)))],
      candidates: [names.flash, names.window])
    let table = RouteTable(
      names.assistant, incumbent: names.dense, rollout: names.state(policy), ready: nil)
    var asked: [ModelName: Int] = [:]
    for request in 0..<4_000 {
      let route = Router.route(
        AssignmentUnit(id: "ada"), requestID: "\(request)", in: table)
      #expect(route.serving == names.dense && route.propensity == 1)
      let models = Set(route.shadows.map(\.model))
      #expect(models.contains(names.dense) == models.contains(names.flash))
      for model in models { asked[model, default: 0] += 1 }
    }
    // Four standard errors of a binomial with p = 0.5, n = 4 000.
    for model in policy.arms { #expect(abs((asked[model] ?? 0) - 2_000) < 127) }
  }

  @Test func `journals of before there were controls are read, and new ones say no more`() throws {
    let plain = ShadowTraffic(share: .all, concurrency: 2)
    let text = #"{"share":1,"concurrency":2}"#
    #expect(try JSONDecoder().decode(ShadowTraffic.self, from: Data(text.utf8)) == plain)
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    #expect(
      String(decoding: try encoder.encode(plain), as: UTF8.self)
        == #"{"concurrency":2,"share":1}"#)
    let controlled = ShadowTraffic(hasControl: true)
    #expect(
      try JSONDecoder().decode(ShadowTraffic.self, from: encoder.encode(controlled))
        == controlled)
  }
}
