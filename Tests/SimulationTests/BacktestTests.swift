import Experimentation
import Statistics
import Testing

@testable import Simulation

/// What recorded traffic says of a policy.
@Suite struct BacktestTests {
  private static let hour = 3_600.0

  private func policy(
    _ steps: [(StepTraffic, Int)], metrics: [MetricGate]? = nil, unit: UnitKind = .request,
    promotion: PromotionMode = .manual
  ) throws -> RolloutPolicy {
    let names = try #require(SimulatedNames())
    let errors = MetricGate(
      name: "errors", metric: .errorRate, role: .guardrail,
      objective: .notWorse(by: .absolute(0.02)))
    return names.policy(
      steps.map { Step($0.0, hold: HoldConditions(minSamples: $0.1)) },
      metrics: metrics ?? [errors], unit: unit, promotion: promotion)
  }

  private func canary(_ share: Double) throws -> StepTraffic {
    .canary(weight: try #require(Share(share)))
  }

  private func half() throws -> StepTraffic {
    let names = try #require(SimulatedNames())
    let half = try #require(Share(0.5))
    return .split(weights: [names.incumbent: half, names.candidate: half])
  }

  private var latency: MetricGate {
    MetricGate(
      name: "latency", metric: .latency, role: .guardrail,
      objective: .notWorse(by: .relative(0.1)))
  }

  private var agreement: MetricGate {
    MetricGate(
      name: "agreement", metric: .tokenAgreement, role: .guardrail,
      objective: .notWorse(by: .absolute(0.1)))
  }

  @Test func `a good candidate's trace goes through every step, and its seed tells it again`()
    async throws
  {
    let trace = try await RecordedRows(
      seed: 1, share: 0.5, pairShare: 0.5, count: 12_000, unit: .request
    ).trace()
    let plan = BacktestPlan(
      policy: try policy(
        [
          (.shadow(ShadowTraffic(concurrency: 8)), 200), (try canary(0.2), 100),
          (.approval(team: nil), 1), (try half(), 500),
        ], metrics: [latency, agreement]))
    let backtest = try await BacktestWorld.run(plan, on: trace)
    #expect(backtest.state?.status == .running && backtest.isReady, "\(backtest.events)")
    #expect(backtest.steps.map(\.step) == [0, 1, 2, 3])
    #expect(backtest.events.contains { $0.text.hasPrefix("approved") })
    let shadow = try #require(backtest.steps.first)
    #expect(shadow.candidateRequests == 0 && shadow.shadows >= 200)
    let canary = backtest.steps[1]
    // Four standard errors of a fifth.
    let spread = 4 * (0.16 * Double(canary.requests)).squareRoot()
    #expect(abs(Double(canary.candidateRequests) - 0.2 * Double(canary.requests)) < spread)
    #expect(backtest.requests < trace.count, "it ends when the last step has passed")

    let again = try await BacktestWorld.run(plan, on: trace)
    #expect(again.events == backtest.events && again.gates == backtest.gates)
    #expect(again.sources == backtest.sources && again.offPolicy == backtest.offPolicy)
    var other = plan
    other.seed = 2
    #expect(try await BacktestWorld.run(other, on: trace).gates != backtest.gates)
  }

  @Test func `a harmful candidate is taken back about when a live rollout takes it back`()
    async throws
  {
    var scenario = try #require(Scenario.named("doubled-errors"))
    scenario.candidate.errorRate = 0.05
    scenario.policy = try policy([(try half(), 100_000)])
    scenario.traffic.diurnalSwing = 0
    var (live, tested): ([Double], [Double]) = ([], [])
    for seed in 1...5 as ClosedRange<UInt64> {
      let story = await ScenarioWorld.story(of: scenario, seed: seed)
      #expect(story.status == .rolledBack)
      live.append(try #require(story.endedAtHours) * Self.hour)
      let trace = try await RecordedRows(
        seed: seed, share: 0.5, count: 12_000, candidate: scenario.candidate,
        traffic: scenario.traffic, unit: .request
      ).trace()
      let backtest = try await BacktestWorld.run(
        BacktestPlan(policy: scenario.policy, seed: seed), on: trace)
      #expect(backtest.state?.status == .rolledBack, "seed \(seed)")
      #expect(backtest.requests < trace.count)
      #expect(backtest.events.last?.text.contains("gate 'errors'") == true)
      tested.append(backtest.seconds)
    }
    // Times of single rollouts spread by about their mean; medians of five by half of it.
    let (median, expected) = (tested.sorted()[2], live.sorted()[2])
    #expect(median < 3 * expected && expected < 3 * median, "\(tested) against \(live)")
  }

  @Test func `a model's own records under another name promote nothing falsely`() async throws {
    // Wants the candidate to be better than the incumbent, which its own records cannot show.
    let goal = MetricGate(
      name: "faster", metric: .latency, role: .goal, objective: .better(by: .relative(0.05)))
    let names = try #require(SimulatedNames())
    for seed in 1...5 {
      let trace = try await RecordedRows(
        seed: UInt64(seed), share: 0, count: 4_000, unit: .request
      ).trace()
      let plan = BacktestPlan(
        policy: try policy(
          [(try half(), 100)], metrics: [goal, latency], promotion: .automatic),
        assumptions: [names.candidate: names.incumbent], seed: UInt64(seed))
      let backtest = try await BacktestWorld.run(plan, on: trace)
      // It stays, or the goal is shown not to be met.
      let status = backtest.state?.status
      #expect(status == .running || status == .rolledBack, "seed \(seed): \(backtest.events)")
      #expect(!backtest.isReady)
      #expect(backtest.notes.contains { $0.contains("stand for 'candidate'") })
    }
  }

  @Test func `answers are counted by where they come from`() async throws {
    let rows = try RecordedRows(seed: 7, share: 0.5, pairShare: 0.5, count: 4_000, unit: .request)
    let trace = try await rows.trace()
    let backtest = try await BacktestWorld.run(
      BacktestPlan(policy: try policy([(try half(), 100_000)])), on: trace)
    let sources = backtest.sources
    #expect(backtest.requests == 4_000 && sources.answers == 4_000)
    // Half of the requests meet the model that answered them; of the others, those that the
    // candidate is to answer have its shadow's answer in half of the cases. Five standard errors.
    #expect(abs(sources.recorded - 2_000) < 160)
    #expect(abs(sources.paired - 500) < 105)
    #expect(abs(sources.resampled + sources.otherBand - 1_500) < 155)
    #expect(sources.pairs == 0)
  }

  @Test func `shadows are the recorded pair, or a pair drawn whole`() async throws {
    let rows = try RecordedRows(seed: 8, share: 0.5, pairShare: 0.5, count: 2_000, unit: .request)
    let backtest = try await BacktestWorld.run(
      BacktestPlan(
        policy: try policy(
          [(.shadow(ShadowTraffic(concurrency: 64)), 100_000)], metrics: [agreement])),
      on: try await rows.trace())
    #expect(backtest.sources.pairsRecorded == rows.comparisons.count)
    #expect(backtest.sources.pairsResampled == 2_000 - rows.comparisons.count)
    #expect(backtest.sources.pairsComposed == 0 && backtest.candidateRequests == 0)

    let apart = try RecordedRows(seed: 8, share: 0.5, count: 500, unit: .request)
    let composed = try await BacktestWorld.run(
      BacktestPlan(
        policy: try policy(
          [(.shadow(ShadowTraffic(concurrency: 64)), 100_000)], metrics: [agreement])),
      on: try await apart.trace())
    #expect(composed.sources.pairsComposed == composed.sources.pairs)
    // No pair has an agreement, so that the gate on it holds the rollout.
    #expect(composed.gates.first { $0.gate == "agreement" }?.verdict != .pass)
  }

  @Test func `a shadow that is slower than its traffic is dropped, as the service drops it`()
    async throws
  {
    var traffic = TrafficModel()
    traffic.requestsPerSecond = 20
    let rows = try RecordedRows(
      seed: 9, share: 0, pairShare: 1, count: 3_000, traffic: traffic, unit: .request)
    func shadows(_ shadow: ShadowTraffic) async throws -> Backtest.StepRun {
      let backtest = try await BacktestWorld.run(
        BacktestPlan(
          policy: try policy([(.shadow(shadow), 100_000)], metrics: [agreement])),
        on: try await rows.trace())
      return try #require(backtest.steps.first)
    }
    let one = try await shadows(ShadowTraffic(concurrency: 1))
    #expect(one.droppedShadows > 1_500 && one.shadows + one.droppedShadows == 3_000)
    let many = try await shadows(ShadowTraffic(concurrency: 64))
    #expect(many.droppedShadows == 0)
    let poor = try await shadows(ShadowTraffic(concurrency: 64, tokensPerDay: 10_000))
    #expect(poor.shadows < 100)
  }

  @Test func `users who meet the candidate stay with it, and are counted once`() async throws {
    let rows = try RecordedRows(seed: 10, share: 0.5, count: 5_000)
    let backtest = try await BacktestWorld.run(
      BacktestPlan(policy: try policy([(try canary(0.1), 100_000)], unit: .user)),
      on: try await rows.trace())
    let users = Set(rows.outcomes.map(\.assignment.unitHash)).count
    #expect(backtest.units == users)
    // Five standard errors of a tenth.
    let expected = 0.1 * Double(users)
    #expect(abs(Double(backtest.candidateUnits) - expected) < 5 * (0.9 * expected).squareRoot())
    #expect(backtest.steps.first?.candidateUnits == backtest.candidateUnits)
  }

  @Test func `what took part in a rollout takes part again, other rows by what they have`()
    async throws
  {
    var rows = try RecordedRows(seed: 12, share: 0.5, count: 400, unit: .request)
    var policy = try policy([(try half(), 100_000)])
    policy.match = RequestMatch(
      labels: [RequestLabel(key: "tier", value: "gold")],
      headers: [RequestHeader(name: "x-tenant", value: "a")])
    let own = try await BacktestWorld.run(
      BacktestPlan(policy: policy), on: try await rows.trace())
    #expect(own.requests == 400)
    // Five standard errors of a half.
    #expect(abs(own.candidateRequests - 200) < 50)
    #expect(!own.notes.contains { $0.contains("'match'") })

    for place in stride(from: 0, to: 400, by: 4) {
      rows.outcomes[place].assignment.labels = ["tier": "gold", "header:x-tenant": "a"]
      rows.outcomes[place + 1].assignment.labels = ["tier": "gold", "header:x-tenant": "b"]
    }
    policy.name = rows.names.other
    let others = try await BacktestWorld.run(
      BacktestPlan(policy: policy), on: try await rows.trace())
    #expect(others.requests == 400)
    // Five standard errors of a half of the hundred that have both.
    #expect(abs(others.candidateRequests - 50) < 25)
    #expect(others.notes.contains { $0.hasPrefix("300 requests take no part") })
  }

  @Test func `units that were within the layer are within it again`() async throws {
    let rows = try RecordedRows(seed: 13, share: 0.5, count: 1_000, unit: .request)
    let trace = try await rows.trace()
    var policy = try policy([(try half(), 100_000)])
    policy.assignment.layer = LayerRange(
      name: try #require(LayerName("people")), lower: .none, upper: try #require(Share(0.2)))
    let own = try await BacktestWorld.run(BacktestPlan(policy: policy), on: trace)
    // Five standard errors of a half.
    #expect(own.requests == 1_000 && abs(own.candidateRequests - 500) < 80)
    #expect(!own.notes.contains { $0.contains("layer") })
    // Of units of which nothing is known as many take part as the layer lets: half of a fifth.
    policy.name = rows.names.other
    let others = try await BacktestWorld.run(BacktestPlan(policy: policy), on: trace)
    #expect(others.requests == 1_000 && abs(others.candidateRequests - 100) < 48)
    #expect(others.notes.contains { $0.contains("1000 requests are within the layer") })
  }

  @Test func `a policy with a judge begins, whom nobody has to ask`() async throws {
    let rows = try RecordedRows(seed: 14, share: 0.5, pairShare: 1, count: 500, unit: .request)
    var policy = try policy(
      [(.shadow(ShadowTraffic(concurrency: 64)), 100)], metrics: [agreement])
    policy.judge = JudgePolicy(model: try #require(ModelName("judge")), rubric: "correct")
    let backtest = try await BacktestWorld.run(
      BacktestPlan(policy: policy), on: try await rows.trace())
    #expect(backtest.state?.step == 0 || backtest.isReady, "\(backtest.events)")
    #expect(!backtest.notes.contains { $0.contains("labels") })
    policy.judge?.labels = LabelPlan(limit: 100, share: LabelPlan.usualShare)
    let labelled = try await BacktestWorld.run(
      BacktestPlan(policy: policy), on: try await rows.trace())
    #expect(labelled.events == backtest.events)
    #expect(labelled.notes.contains { $0.contains("has no people's labels") })
    // It ends when the gate has passed, so that not all of the pairs are asked for.
    #expect(backtest.sources.pairsRecorded > 20)
  }

  @Test func `a gate on a check reads recorded scores, or says that there are none`() async throws {
    let check = AnswerCheck(name: "parses", rule: .json(AnswerSchema()))
    let gate = MetricGate(
      name: "parses", metric: .check, role: .guardrail,
      objective: .notWorse(by: .absolute(0.1)), check: check)
    let plan = BacktestPlan(policy: try policy([(try half(), 500)], metrics: [gate]))
    var rows = try RecordedRows(seed: 15, share: 0.5, count: 4_000, unit: .request)
    let blind = try await BacktestWorld.run(plan, on: try await rows.trace())
    #expect(!blind.isReady)
    #expect(blind.notes.contains { $0.contains("reads 'parses', of which the trace has no score") })

    for place in rows.outcomes.indices {
      rows.outcomes[place].measurements.scores[ScoreID(check: "parses")] = 1
    }
    let told = try await BacktestWorld.run(plan, on: try await rows.trace())
    #expect(told.isReady, "\(told.gates)")
    #expect(told.notes.contains { $0.contains("by the rule that had its name then") })
  }

  @Test func `a model without records is refused, with what would help`() async throws {
    let names = try #require(SimulatedNames())
    let trace = try await RecordedRows(seed: 11, share: 0, count: 100).trace()
    let plan = BacktestPlan(policy: try policy([(try half(), 10)]))
    await #expect {
      _ = try await BacktestWorld.run(plan, on: trace)
    } throws: { error in
      guard let refusal = error as? BacktestRefusal else { return false }
      return refusal.message == "the trace has no answer of 'candidate', only of 'incumbent'"
        && refusal.remedy.contains("--assume candidate=MODEL")
    }
    // The same request of two models is one, so that the second has no answer left.
    var reader = TraceReader(route: names.route)
    reader.begin(file: "t")
    for model in ["incumbent", "candidate"] {
      let line =
        #"{"request_id":"a","at_milliseconds":1,"total_seconds":1,"model":"\#(model)"}"# + "\n"
      Array(line.utf8).withUnsafeBytes { reader.append($0) }
    }
    let single = try reader.finish()
    #expect(single.count == 1 && single.repeated == 1)
    await #expect(throws: BacktestRefusal.self) {
      _ = try await BacktestWorld.run(plan, on: single)
    }
    var strange = plan
    strange.assumptions = [try #require(ModelName("stranger")): names.incumbent]
    await #expect(throws: BacktestRefusal.self) {
      _ = try await BacktestWorld.run(strange, on: trace)
    }
    var often = plan
    often.policy.analysis.everySeconds = 0.000_001
    often.assumptions = [names.candidate: names.incumbent]
    await #expect(throws: BacktestRefusal.self) {
      _ = try await BacktestWorld.run(often, on: trace)
    }
  }
}

/// What is told of policies that were not in force when traffic was recorded.
@Suite struct OffPolicyReportTests {
  private func lines(
    share: Double, count: Int, errorRate: Double = 0.05, unit: UnitKind = .request,
    seed: UInt64 = 1
  ) async throws -> [OffPolicyLine] {
    let names = try #require(SimulatedNames())
    let rows = try RecordedRows(
      seed: seed, share: share, count: count, candidate: ModelTruth(errorRate: errorRate),
      unit: unit)
    let (quarter, rest) = (try #require(Share(0.25)), try #require(Share(0.75)))
    let policy = names.policy(
      [Step(.split(weights: [names.incumbent: rest, names.candidate: quarter]))],
      metrics: [
        MetricGate(
          name: "errors", metric: .errorRate, role: .guardrail,
          objective: .notWorse(by: .absolute(0.02))),
        MetricGate(
          name: "latency", metric: .latency, role: .guardrail,
          objective: .notWorse(by: .relative(0.1))),
      ])
    return OffPolicyReport.lines(of: policy, on: try await rows.trace())
  }

  private func estimate(_ line: OffPolicyLine?) throws -> OffPolicyEstimate {
    guard case .estimate(let estimate) = try #require(line).result else {
      Issue.record("refused: \(String(describing: line?.result))")
      throw StatisticsError(.mismatch, "refused")
    }
    return estimate
  }

  @Test func `each model alone and the mix are what the models are`() async throws {
    let lines = try await lines(share: 0.2, count: 20_000)
    #expect(
      lines.map(\.question).prefix(3)
        == ["incumbent alone", "candidate alone", "step 1: incumbent 75%, candidate 25%"])
    let metrics: [Metric] = [.errorRate, .errorRate, .errorRate, .latency, .latency, .latency]
    #expect(lines.map(\.metric) == metrics)
    // Errors: 1 %, 5 %, and a quarter of the way; five standard errors each.
    let truths: [(rate: Double, spread: Double)] = [(0.01, 0.004), (0.05, 0.018), (0.02, 0.007)]
    for (line, truth) in zip(lines, truths) {
      let estimate = try estimate(line)
      #expect(abs(estimate.selfNormalised - truth.rate) < truth.spread)
      #expect(abs(estimate.doublyRobust - truth.rate) < truth.spread)
      #expect(estimate.interval.contains(truth.rate))
      #expect(estimate.interval.upper - estimate.interval.lower < 0.08)
    }
    // A geometric mean of lognormal latencies is their median, 0.8 s, but for the time of the day.
    let latency = try estimate(lines[4])
    let seconds = lines[4].value(of: latency.selfNormalised)
    #expect(seconds > 0.75 && seconds < 1)
  }

  @Test func `users count once, by their first card`() async throws {
    let lines = try await lines(share: 0.5, count: 20_000, unit: .user)
    let estimate = try estimate(lines.first)
    #expect(estimate.count < 5_001, "there are 5,000 users")
  }

  @Test func `too little of a model is refused, with how much is missing`() async throws {
    let lines = try await lines(share: 0.02, count: 1_500)
    guard case .refused(.fewEffective(let effective, let missing?)) = lines[1].result else {
      Issue.record("\(lines[1].result)")
      return
    }
    #expect(effective < 100 && missing > 1_000)
    // Nearly everything was answered by the incumbent, so that is told.
    _ = try estimate(lines[0])
  }

  @Test func `what was never tried is not told`() async throws {
    let lines = try await lines(share: 0, count: 500)
    #expect(lines.allSatisfy { $0.result == .refused(.unsupported) } && !lines.isEmpty)
  }

  @Test func `a policy may choose by what it knows of a request`() async throws {
    let names = try #require(SimulatedNames())
    let trace = try await RecordedRows(seed: 3, share: 0.5, count: 8_000, unit: .request).trace()
    let policy = names.policy(
      [Step(.shadow(ShadowTraffic()))],
      metrics: [
        MetricGate(
          name: "errors", metric: .errorRate, role: .guardrail,
          objective: .notWorse(by: .absolute(0.02)))
      ])
    #expect(OffPolicyReport.lines(of: policy, on: trace).isEmpty, "nothing is split")
    let byLength = OffPolicyQuestion(title: "the candidate for short prompts") { context in
      context.band == .short ? [0.1, 0.9] : [0.9, 0.1]
    }
    let lines = OffPolicyReport.lines(of: policy, on: trace, asking: [byLength])
    let found = try estimate(lines.first)
    #expect(lines.count == 1 && found.interval.contains(0.01))
    // Weights of 1.8 and 0.2.
    #expect(abs(found.effectiveCount / 8_000 - 1 / 1.64) < 0.05)
  }
}
