import Experimentation
import Promotion
import Statistics
import Storage
import Testing

/// Errors over several canary steps of one run, in points and in percent of the incumbent's.
@Suite struct CarriedErrorTests {
  let names: Names

  init() throws { names = try Names() }

  func policy(
    _ weights: [Double], _ objective: MetricGate.Objective, unit: UnitKind = .request
  ) throws -> RolloutPolicy {
    names.policy(
      try weights.map {
        Step(.canary(weight: try .part($0)), hold: HoldConditions(minSamples: 50))
      },
      metrics: [
        MetricGate(name: "gate", metric: .errorRate, role: .guardrail, objective: objective)
      ], unit: unit)
  }

  /// A run, row by row.
  struct Run {
    let names: Names
    let policy: RolloutPolicy
    var simulation: Simulation
    var rows: [Sequenced<Outcome>] = []
    var evidence: RunEvidence

    init(_ names: Names, _ policy: RolloutPolicy, seed: Int) throws {
      (self.names, self.policy) = (names, policy)
      simulation = try Simulation(seed: UInt64(seed))
      evidence = RunEvidence(of: names.state(policy))
    }

    mutating func fold(_ outcome: Outcome) {
      let row = Sequenced(sequence: Int64(rows.count + 1), value: outcome)
      rows.append(row)
      evidence.fold([row])
    }

    mutating func serve(
      _ count: Int, step: Int, share: Double, errorRates: (incumbent: Double, candidate: Double)
    ) {
      for _ in 0..<count {
        fold(
          simulation.outcome(
            policy, step: step, share: share, unit: UInt64(rows.count), errorRates: errorRates))
      }
    }

    func report() throws -> GateReport { try #require(evidence.reports.first) }
  }

  @Test func `what one step has shown counts in the next, whose samples are its own`() throws {
    let policy = try policy([0.25, 0.5], .notWorse(by: .absolute(0.01)))
    var run = try Run(names, policy, seed: 1)
    run.serve(3_000, step: 0, share: 0.25, errorRates: (0, 0))
    #expect(try run.report().verdict == .pass)
    run.evidence.follow(names.state(policy, step: 1))
    // No data never passes, whatever was shown before.
    #expect(try run.report().verdict == .noData)
    run.serve(40, step: 1, share: 0.5, errorRates: (0, 0))
    let report = try run.report()
    #expect(report.verdict == .pass)
    // The step's own hold condition asks for 50.
    #expect((5...35).contains(report.samples))
    #expect(try #require(report.samplesMissing) == 50 - report.samples)
    // A gate that starts with this step has shown nothing after forty answers.
    var fresh = try Run(names, policy, seed: 1)
    fresh.evidence.follow(names.state(policy, step: 1))
    fresh.serve(40, step: 1, share: 0.5, errorRates: (0, 0))
    #expect(try fresh.report().verdict == .inconclusive)
  }

  @Test(arguments: [MetricGate.Margin.absolute(0.01), .relative(0.5)])
  func `harm that begins with a later weight is found although earlier ones were harmless`(
    margin: MetricGate.Margin
  ) throws {
    let policy = try policy([0.25, 0.5], .notWorse(by: margin))
    var run = try Run(names, policy, seed: 2)
    run.serve(6_000, step: 0, share: 0.25, errorRates: (0.02, 0.02))
    run.evidence.follow(names.state(policy, step: 1))
    run.serve(800, step: 1, share: 0.5, errorRates: (0.02, 0.15))
    #expect(try run.report().verdict == .fail)
  }

  @Test(arguments: [UnitKind.request, .user])
  func `a restart in the last step folds the same evidence`(unit: UnitKind) throws {
    let policy = try policy([0.1, 0.3, 0.5], .notWorse(by: .relative(1)), unit: unit)
    var run = try Run(names, policy, seed: 3)
    for (step, share) in [0.1, 0.3, 0.5].enumerated() {
      run.evidence.follow(names.state(policy, step: step))
      for index in 0..<400 {
        // Users come back, and keep the candidate that they have.
        let user = index % 150
        let hasCandidate =
          unit == .user ? Double(user) / 150 < share : run.simulation.chance(share)
        run.fold(
          run.simulation.outcome(
            policy, step: step, share: share, unit: UInt64(user), isCandidate: hasCandidate,
            errorRate: 0.05))
      }
    }
    var again = RunEvidence(of: names.state(policy, step: 2))
    again.fold(run.rows)
    #expect(again.reports == run.evidence.reports)
    // In batches, and followed at any time.
    var late = RunEvidence(of: names.state(policy))
    late.fold(Array(run.rows.prefix(500)))
    late.follow(names.state(policy, step: 1))
    late.follow(names.state(policy, step: 2))
    late.fold(Array(run.rows.dropFirst(500)))
    #expect(late.reports.map(\.verdict) == run.evidence.reports.map(\.verdict))
  }

  @Test func `users who differ and come back at each weight take no harmless candidate back`()
    throws
  {
    let policy = try policy([0.1, 0.3, 0.6], .notWorse(by: .relative(0.05)), unit: .user)
    let runs = 150
    let failures = try (0..<runs).count { seed in
      var run = try Run(names, policy, seed: 10_000 + seed)
      // A place for each user, as rendezvous hashing gives it, and a tenth for whom much fails.
      let places = (0..<120).map { _ in run.simulation.generator.uniform() }
      let rates = places.map { _ in run.simulation.chance(0.1) ? 0.7 : 0.01 }
      for (step, share) in [0.1, 0.3, 0.6].enumerated() {
        run.evidence.follow(names.state(policy, step: step))
        for index in 0..<240 {
          let user = index % 120
          run.fold(
            run.simulation.outcome(
              policy, step: step, share: share, unit: UInt64(user),
              isCandidate: places[user] < share, errorRate: rates[user]))
        }
        if try run.report().verdict == .fail { return true }
      }
      return false
    }
    // α = 0.05 of 150 is 7.5; four standard deviations of a binomial more are 18.
    #expect(failures <= 18)
  }

  // MARK: - In percent

  @Test func `a margin in percent finds twice the errors where points would wait`() throws {
    // 1 % became 3 %: beyond "half as many again", and beyond a point.
    let risk = try policy([0.5], .notWorse(by: .relative(0.5)))
    let points = try policy([0.5], .notWorse(by: .absolute(0.01)))
    func answers(_ policy: RolloutPolicy, seed: Int) throws -> Int {
      var run = try Run(names, policy, seed: seed)
      for batch in 1...200 {
        run.serve(100, step: 0, share: 0.5, errorRates: (0.01, 0.03))
        if try run.report().verdict == .fail { return batch * 100 }
      }
      return 20_100
    }
    let times = try (0..<15).map { seed in
      (risk: try answers(risk, seed: seed), points: try answers(points, seed: seed))
    }
    let middle = (risk: times.map(\.risk).sorted()[7], points: times.map(\.points).sorted()[7])
    #expect(middle.risk <= 20_000)
    #expect(middle.risk < middle.points * 3 / 2, "\(middle)")
  }

  @Test func `errors of the candidate alone fail at any margin in percent`() throws {
    var run = try Run(names, try policy([0.5], .notWorse(by: .relative(1))), seed: 5)
    run.serve(1_000, step: 0, share: 0.5, errorRates: (0, 0.05))
    let report = try run.report()
    #expect(report.verdict == .fail)
    #expect(report.isRelative == true)
    // The incumbent has no errors: the ratio has no upper end.
    #expect(report.upperBound == nil)
    #expect(try #require(report.lowerBound) > 0)
  }

  @Test func `without any errors a ratio shows nothing`() throws {
    var run = try Run(names, try policy([0.5], .notWorse(by: .relative(1))), seed: 6)
    run.serve(1_500, step: 0, share: 0.5, errorRates: (0, 0))
    #expect(try run.report().verdict == .inconclusive)
  }

  @Test func `as many errors pass, and so does a wanted gain`() throws {
    var same = try Run(names, try policy([0.5], .notWorse(by: .relative(1))), seed: 7)
    same.serve(8_000, step: 0, share: 0.5, errorRates: (0.05, 0.05))
    #expect(try same.report().verdict == .pass)
    var fewer = try Run(names, try policy([0.5], .better(by: .relative(0.2))), seed: 8)
    fewer.serve(4_000, step: 0, share: 0.5, errorRates: (0.08, 0.02))
    #expect(try fewer.report().verdict == .pass)
    var none = try Run(names, try policy([0.5], .better(by: .relative(0.5))), seed: 9)
    none.serve(6_000, step: 0, share: 0.5, errorRates: (0.08, 0.08))
    #expect(try none.report().verdict == .fail)
  }

  @Test func `a tripled rate does not pass for heavy users, of whom hardly more see an error`()
    throws
  {
    let policy = try policy([0.5], .notWorse(by: .relative(1)), unit: .user)
    var run = try Run(names, policy, seed: 10)
    for index in 0..<20_000 {
      let user = index % 200
      run.fold(
        run.simulation.outcome(
          policy, share: 0.5, unit: UInt64(user), isCandidate: user % 2 == 0,
          errorRate: user % 2 == 0 ? 0.03 : 0.01))
    }
    #expect(try run.report().verdict != .pass)
  }

  @Test func `shadows compare errors in percent, too`() throws {
    let policy = names.policy(
      [Step(.shadow(ShadowTraffic()))],
      metrics: [
        MetricGate(
          name: "gate", metric: .errorRate, role: .guardrail,
          objective: .notWorse(by: .relative(1)))
      ])
    func verdict(_ rates: (Double, Double), seed: UInt64) throws -> GateReport {
      var simulation = try Simulation(seed: seed)
      var evidence = RunEvidence(of: names.state(policy))
      evidence.fold(
        (0..<3_000).map { _ in
          names.pair(
            policy, incumbent: names.answer(failure: simulation.chance(rates.0) ? .malformed : nil),
            candidate: names.answer(failure: simulation.chance(rates.1) ? .malformed : nil))
        }.sequenced())
      return try #require(evidence.reports.first)
    }
    let same = try verdict((0.05, 0.05), seed: 11)
    #expect(same.verdict == .pass)
    #expect(abs(try #require(same.estimate)) < 0.5)
    #expect(try verdict((0.05, 0.2), seed: 12).verdict == .fail)
  }
}
