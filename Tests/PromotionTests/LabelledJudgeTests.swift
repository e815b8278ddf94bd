import Experimentation
import Promotion
import SQLiteStorage
import Statistics
import Storage
import Testing

/// A gate on a judge's preference whose policy asks people, too.
@Suite struct LabelledJudgeTests {
  let names: Names

  init() throws { names = try Names() }

  private func policy(
    labels: LabelPlan? = LabelPlan(limit: 200, share: LabelPlan.usualShare),
    slice: SliceCondition? = nil
  ) throws -> RolloutPolicy {
    let gate = MetricGate(
      name: "judged", metric: .judgePreference, role: .guardrail,
      objective: .notWorse(by: .absolute(0.1)), slice: slice)
    var policy = names.policy(
      [Step(.shadow(ShadowTraffic()), hold: HoldConditions(minSamples: 1))], metrics: [gate])
    policy.judge = JudgePolicy(
      model: try #require(ModelName("judge")), rubric: "better", labels: labels)
    return policy
  }

  /// Pairs of which every tenth is labelled: people prefer the candidate with `people`, the judge
  /// agrees with them in `agreement` of pairs and says what `judge` draws in the others.
  private struct Traffic {
    let names: Names
    let policy: RolloutPolicy
    var generator: SeededGenerator
    var pairs: [Comparison] = []
    var labels: [PairLabel] = []

    init(_ names: Names, _ policy: RolloutPolicy, seed: UInt64) {
      (self.names, self.policy) = (names, policy)
      generator = SeededGenerator(seed: seed)
    }

    mutating func add(
      _ count: Int, people: Double, judge: Double, agreement: Double, promptTokens: Int = 100
    ) {
      for number in 0..<count {
        let preference: Double = generator.uniform() < people ? 1 : 0
        let agrees = generator.uniform() < agreement
        let judged = agrees ? preference : generator.uniform() < judge ? 1 : 0
        var pair = names.pair(policy, incumbent: names.answer(promptTokens: promptTokens))
        pair.scores[ScoreID(.judgePreference)] = judged
        pairs.append(pair)
        guard number % 10 == 0 else { continue }
        labels.append(
          PairLabel(
            number: Int64(labels.count + 1),
            pair: JudgedAnswers(
              requestID: "r", assignment: pair.assignment, incumbent: names.dense,
              candidate: names.flash, promptTokens: promptTokens, judged: judged),
            preference: preference, actor: "alice", atMilliseconds: 0))
      }
    }
  }

  private func evidence(_ traffic: Traffic, labels: Int? = nil) -> RunEvidence {
    var evidence = RunEvidence(of: names.state(traffic.policy))
    evidence.fold(traffic.pairs.sequenced())
    evidence.fold(traffic.labels.prefix(labels ?? .max).sequenced())
    return evidence
  }

  private func report(_ traffic: Traffic, labels: Int? = nil) throws -> GateReport {
    try #require(evidence(traffic, labels: labels).reports.first)
  }

  @Test func `a judge that is fooled promotes nobody`() throws {
    var traffic = Traffic(names, try policy(), seed: 1)
    traffic.add(2_000, people: 0.25, judge: 1, agreement: 0.3)
    let report = try report(traffic)
    #expect(report.verdict == .inconclusive)
    #expect(report.explanation?.contains("labels show that it is beyond the margin") == true)
    let correction = try #require(report.correction)
    // Of 200 labels: one half less than a quarter, σ/√n is 0.03.
    #expect(abs(try #require(correction.estimate) + 0.25) < 0.13)
    #expect(try #require(correction.upperBound) < -0.1)
    #expect(try #require(report.estimate) > 0.2, "what the judge says stands beside it")
    // Alone it would have been believed.
    var alone = Traffic(names, try policy(labels: nil), seed: 1)
    alone.add(2_000, people: 0.25, judge: 1, agreement: 0.3)
    #expect(try self.report(alone).verdict == .pass)
    #expect(try self.report(alone).correction == nil)
  }

  @Test func `where people agree with the judge, the candidate passes`() throws {
    var traffic = Traffic(names, try policy(), seed: 2)
    traffic.add(2_000, people: 0.6, judge: 0.5, agreement: 0.9)
    let report = try report(traffic)
    #expect(report.verdict == .pass)
    let correction = try #require(report.correction)
    #expect(correction.labels == 200 && correction.labelsMissing == nil)
    #expect(try #require(correction.lowerBound) > -0.1)
  }

  @Test func `too few labels decide nothing, and say how many are missing`() throws {
    var traffic = Traffic(names, try policy(), seed: 3)
    traffic.add(2_000, people: 0.5, judge: 0.5, agreement: 0.9)
    let none = try report(traffic, labels: 0)
    #expect(none.verdict == .inconclusive && none.explanation == "needs 20 more labels")
    #expect(none.correction == JudgeCorrection(labels: 0, labelsMissing: 20))
    let few = try report(traffic, labels: 15)
    #expect(few.verdict == .inconclusive && few.explanation == "needs 5 more labels")
    #expect(few.correction?.lowerBound == nil && few.correction?.estimate != nil)
    let some = try report(traffic, labels: 25)
    #expect(some.verdict == .inconclusive)
    #expect(some.explanation?.contains("do not show it yet: needs about") == true)
    #expect(try #require(some.correction?.labelsMissing) > 0)
  }

  @Test func `a judge that is against it takes it back only with people's leave`() throws {
    // Neither can a judge whom nobody has checked roll back, nor one whom people contradict.
    var wronged = Traffic(names, try policy(), seed: 4)
    wronged.add(2_000, people: 0.85, judge: 0, agreement: 0.2)
    #expect(try report(wronged, labels: 19).verdict == .inconclusive)
    let denied = try report(wronged)
    #expect(denied.verdict == .inconclusive)
    #expect(denied.explanation?.contains("people's labels deny it") == true)
    var worse = Traffic(names, try policy(), seed: 5)
    worse.add(2_000, people: 0.2, judge: 0, agreement: 0.8)
    #expect(try report(worse, labels: 0).verdict == .inconclusive)
    #expect(try report(worse).verdict == .fail)
  }

  @Test func `labels count in their slice, step, run and candidate alone`() throws {
    let short = try policy(slice: SliceCondition(promptTokens: 1_000...Int.max))
    var traffic = Traffic(names, short, seed: 6)
    traffic.add(500, people: 0.6, judge: 0.5, agreement: 0.9)
    traffic.add(400, people: 0.6, judge: 0.5, agreement: 0.9, promptTokens: 2_000)
    #expect(try report(traffic).correction?.labels == 40)
    var others = traffic.labels
    for index in others.indices {
      switch index % 4 {
      case 0: others[index].pair.assignment.rollout?.run = 2
      case 1: others[index].pair.candidate = names.window
      case 2: others[index].pair.assignment.rollout?.digest = "another"
      default: others[index].pair.assignment.propensity = nil
      }
    }
    traffic.labels = others
    #expect(try report(traffic).correction?.labels == 0)
  }

  @Test func `evidence does not hang on when anybody looked`() throws {
    var traffic = Traffic(names, try policy(), seed: 7)
    traffic.add(600, people: 0.5, judge: 1, agreement: 0.5)
    let whole = evidence(traffic).reports
    var pieces = RunEvidence(of: names.state(traffic.policy))
    let (pairs, labels) = (traffic.pairs.sequenced(), traffic.labels.sequenced())
    for number in 0..<60 {
      pieces.fold(Array(labels[number...number]))
      pieces.fold(Array(pairs[number * 10..<(number + 1) * 10]))
      pieces.fold(labels)
    }
    #expect(pieces.wantsLabels)
    let read = try #require(pieces.reports.first?.correction)
    let known = try #require(whole.first?.correction)
    #expect(read == known)
  }

  @Test func `a controller reads labels as they come, and forgets texts with the run`()
    async throws
  {
    let world = try World()
    let controller = try await world.controller()
    var policy = try policy()
    policy.judge?.model = names.window
    try await world.apply(policy, to: controller)
    var traffic = Traffic(names, policy, seed: 8)
    traffic.add(1_000, people: 0.7, judge: 0.5, agreement: 0.9)
    let store = world.database.outcomes
    try await store.append(outcomes: [], comparisons: traffic.pairs)
    for label in traffic.labels {
      #expect(
        try await store.keep(
          PairToLabel(
            pair: label.pair, question: "q", incumbentAnswer: "a", candidateAnswer: "b",
            isCandidateFirst: true, keptAtMilliseconds: 1_000_000), limit: 200))
    }
    await controller.look()
    #expect(try await world.report(controller).correction?.labels == 0)
    for (number, label) in traffic.labels.prefix(90).enumerated() {
      _ = try await store.label(
        Int64(number + 1), of: policy.name, run: 1,
        as: label.preference == 1 ? .first : .second, by: "alice", atMilliseconds: 1_000_000)
    }
    await controller.look()
    #expect(try await world.report(controller).correction?.labels == 90)
    await controller.prune()
    #expect(try await store.labelCounts(of: policy.name, run: 1).waiting == 10)
    _ = try await controller.perform(.abort(policy.name), actor: "alice", reason: nil)
    await controller.prune()
    #expect(try await store.labelCounts(of: policy.name, run: 1) == LabelCounts(labelled: 90))
  }
}
