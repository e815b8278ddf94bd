import Experimentation
import Statistics
import Storage
import Testing

@testable import Promotion

/// Many gates at once: what a rollout of a good candidate risks by all of them together.
@Suite struct SlicedGatesTests {
  let names: Names

  init() throws { names = try Names() }

  /// The policy of eight gates on errors, one for each length of prompt.
  private func policy() throws -> RolloutPolicy {
    names.policy(
      [Step(.canary(weight: try .part(0.5)))],
      metrics: (0..<8).map { band in
        MetricGate(
          name: "errors \(band)", metric: .errorRate, role: .guardrail,
          objective: .notWorse(by: .relative(0.5)),
          slice: SliceCondition(promptTokens: band * 100...band * 100 + 99))
      })
  }

  /// Whether a run was taken back at any of its looks.
  private func isTakenBack(_ errorRates: (Double, Double), seed: Int) throws -> Bool {
    let policy = try policy()
    var simulation = try Simulation(seed: UInt64(seed))
    var evidence = RunEvidence(of: names.state(policy))
    for look in 0..<6 {
      let rows = (0..<120).map { index in
        var outcome = simulation.outcome(
          policy, share: 0.5, unit: UInt64(index), errorRates: errorRates)
        outcome.measurements.promptTokens = Int(simulation.generator.next() % 800)
        return Sequenced(sequence: Int64(look * 120 + index + 1), value: outcome)
      }
      evidence.fold(rows)
      if evidence.reports.contains(where: { $0.verdict == .fail }) { return true }
    }
    return false
  }

  @Test(arguments: [(0.1, 0.1), (0.1, 0.15)])
  func `eight slices take a good candidate back hardly more often than one would`(
    incumbent: Double, candidate: Double
  ) throws {
    let runs = 200
    let taken = try (0..<runs).count { seed in
      try isTakenBack((incumbent, candidate), seed: 20_000 + seed)
    }
    // As good, and exactly at all eight margins. α = 0.05 of 200 is 10; four standard deviations of
    // a binomial more are 22.
    #expect(taken <= 22)
  }

  @Test func `harm in all of them is found all the same`() throws {
    #expect(try (0..<10).allSatisfy { try isTakenBack((0.1, 0.8), seed: 30_000 + $0) })
  }

  @Test func `each report says at what level it fails alone`() throws {
    let reports = RunEvidence(of: names.state(try policy())).reports
    #expect(reports.map(\.failLevel) == Array(repeating: 0.05 / 8, count: 8))
  }

  // MARK: - Several candidates

  private func goal(_ logProof: [Double], passes: [Bool]) throws -> [Verdict] {
    let gate = MetricGate(
      name: "goal", metric: .latency, role: .goal, objective: .better(by: .relative(0.1)))
    let policy = names.policy(
      [Step(.canary(weight: try .part(0.2)))], metrics: [gate],
      candidates: [names.flash, names.window])
    let levels = try ErrorLevels(policy, gate, trafficStep: 0)
    let members = zip(logProof, passes).map { logProof, passes in
      HarmUnion.Member(
        report: GateReport(
          gate: gate.name, metric: gate.metric, role: gate.role, candidate: names.flash,
          verdict: passes ? .pass : .inconclusive, threshold: -0.1),
        gate: gate, levels: levels, logProof: logProof)
    }
    return GoalSelection.select(members).map(\.report.verdict)
  }

  @Test func `of two candidates one alone must show twice as much to have reached a goal`() throws {
    // e-BH: K/(kα) is 40 for the first of two, 20 for both.
    #expect(try goal([.log(30), 0], passes: [true, false]) == [.inconclusive, .inconclusive])
    #expect(try goal([.log(41), 0], passes: [true, false]) == [.pass, .inconclusive])
    #expect(try goal([.log(21), .log(22)], passes: [true, true]) == [.pass, .pass])
  }

  @Test func `one candidate reaches its goal by itself`() throws {
    #expect(try goal([.log(21)], passes: [true]) == [.pass])
  }
}
