import Experimentation
import Promotion
import Routing
import SQLiteStorage
import Statistics
import Storage
import Synchronization
import Testing

/// What users say as a gate: when it counts, what it shows, and how often it is wrong.
@Suite struct FeedbackEvidenceTests {
  let names: Names

  init() throws { names = try Names() }

  private static let hour = FeedbackWindow.standard.milliseconds

  func policy(
    share: Double = 0.5, unit: UnitKind = .request, margin: Double = 0.05, alpha: Double = 0.05
  ) throws -> RolloutPolicy {
    names.policy(
      [Step(.canary(weight: try .part(share)))],
      metrics: [
        MetricGate(
          name: "thumbs", metric: .feedback, role: .guardrail,
          objective: .notWorse(by: .absolute(margin)))
      ], unit: unit, alpha: alpha)
  }

  /// Users of a seeded world, of whom some speak up and some of those are content.
  struct Users {
    var simulation: Simulation
    var policy: RolloutPolicy
    var share = 0.5
    var content = (incumbent: 0.8, candidate: 0.8)
    var speaking = (incumbent: 0.2, candidate: 0.2)
    private var sequence: Int64 = 0

    init(_ policy: RolloutPolicy, seed: UInt64) throws {
      simulation = try Simulation(seed: seed)
      self.policy = policy
    }

    /// The next answer, and what is said of it; one a second.
    mutating func next(unit: UInt64? = nil) -> (outcome: Outcome, feedback: Feedback?) {
      sequence += 1
      var outcome = simulation.outcome(
        policy, share: share, unit: unit ?? UInt64(sequence))
      outcome.requestID = "r\(sequence)"
      outcome.assignment.atMilliseconds = sequence * 1_000
      let isCandidate = outcome.model == simulation.names.flash
      guard simulation.chance(isCandidate ? speaking.candidate : speaking.incumbent) else {
        return (outcome, nil)
      }
      let isContent = simulation.chance(isCandidate ? content.candidate : content.incumbent)
      return (outcome, Self.feedback(on: outcome, isContent ? 1 : 0))
    }

    static func feedback(
      on outcome: Outcome, _ value: Double, after milliseconds: Int64 = 60_000
    ) -> Feedback {
      let at = outcome.assignment.atMilliseconds
      return Feedback(
        requestID: outcome.requestID, assignment: outcome.assignment, model: outcome.model,
        value: value, receivedAtMilliseconds: at + milliseconds,
        isLate: milliseconds > FeedbackWindow.standard.milliseconds)
    }

    mutating func draw(_ count: Int) -> (outcomes: [Outcome], feedback: [Feedback]) {
      let drawn = (0..<count).map { _ in next() }
      return (drawn.map(\.outcome), drawn.compactMap(\.feedback))
    }
  }

  func report(
    _ policy: RolloutPolicy, _ drawn: (outcomes: [Outcome], feedback: [Feedback]),
    at now: Int64 = .max / 2
  ) throws -> GateReport {
    var evidence = RunEvidence(of: names.state(policy))
    evidence.fold(drawn.outcomes.sequenced())
    evidence.fold(drawn.feedback.sequenced())
    evidence.closeFeedback(.standard, at: now)
    return try #require(evidence.reports.first)
  }

  // MARK: When it counts

  @Test func `without a word there is no data, and silence is not bad`() throws {
    let policy = try policy()
    var users = try Users(policy, seed: 1)
    let drawn = users.draw(3_000)
    let silent = try report(policy, (drawn.outcomes, []))
    #expect(silent.verdict == .noData)
    #expect(silent.candidateResponse == 0)
    // Four in five say nothing of either; the rest are as content.
    let heard = try report(policy, drawn)
    #expect(heard.verdict != .fail)
    #expect(try #require(heard.candidateMean) > 0.7)
    let response = try #require(heard.incumbentResponse)
    // Four standard errors of a binomial with p = 0.2, n = 1 500.
    #expect(abs(response - 0.2) < 0.042)
  }

  @Test func `nothing is read before its window has closed`() throws {
    let policy = try policy()
    var users = try Users(policy, seed: 2)
    users.speaking = (1, 1)
    let drawn = users.draw(200)
    // The last request is of second 200.
    #expect(try report(policy, drawn, at: Self.hour).verdict == .noData)
    let half = try report(policy, drawn, at: 101_000 + Self.hour)
    let all = try report(policy, drawn, at: 201_000 + Self.hour)
    #expect(half.samples < all.samples)
    let sides = drawn.outcomes.prefix(100).count { $0.model == names.flash }
    #expect(half.samples == min(sides, 100 - sides))
  }

  @Test func `what comes late, was pinned, or rates something else is no evidence`() throws {
    let policy = try policy()
    var users = try Users(policy, seed: 3)
    users.speaking = (1, 1)
    let drawn = users.draw(300)
    let said = try drawn.outcomes.enumerated().map { index, outcome in
      var said = Users.feedback(on: outcome, 1, after: index % 3 == 0 ? Self.hour + 1 : 1)
      if index % 3 == 1 { said.assignment.propensity = nil }
      if index % 3 == 2 { said.metric = try #require(FeedbackName("tone")) }
      return said
    }
    #expect(try report(policy, (drawn.outcomes, said)).verdict == .noData)
  }

  @Test func `what was routed by other shares, or in another step, is none of this step's`() throws
  {
    let policy = names.policy(
      [
        Step(.canary(weight: try .part(0.25))), Step(.canary(weight: try .part(0.5))),
      ], metrics: try policy().metrics)
    var users = try Users(policy, seed: 4)
    users.share = 0.25
    users.speaking = (1, 1)
    let drawn = users.draw(400)
    var evidence = RunEvidence(of: names.state(policy))
    evidence.fold(drawn.outcomes.sequenced())
    evidence.fold(drawn.feedback.sequenced())
    // The step moves on while their windows are open: they close under other weights.
    evidence.follow(names.state(policy, step: 1))
    evidence.closeFeedback(.standard, at: .max / 2)
    #expect(try #require(evidence.reports.first).verdict == .noData)
  }

  @Test func `the same feedback gives the same evidence however it is read`() throws {
    let policy = try policy(unit: .user)
    var users = try Users(policy, seed: 5)
    users.speaking = (0.6, 0.6)
    let drawn = (0..<2_000).map { users.next(unit: UInt64($0 % 700)) }
    let outcomes = drawn.map(\.outcome)
    // People come back to an answer and change their minds: what is said last stands.
    var said = drawn.compactMap(\.feedback)
    for index in stride(from: 0, to: said.count, by: 7) {
      var again = said[index]
      again.value = 0.375
      said.append(again)
    }
    let rows = said.sequenced()
    func folded(_ batch: Int, lookEvery: Int64) -> RunEvidence {
      var evidence = RunEvidence(of: names.state(policy))
      evidence.fold(outcomes.sequenced())
      var now: Int64 = 0
      for start in stride(from: 0, to: rows.count, by: batch) {
        evidence.fold(Array(rows[start..<min(start + batch, rows.count)]))
        // Reads that are repeated change nothing.
        evidence.fold(Array(rows.prefix(3)))
        evidence.closeFeedback(.standard, at: now)
      }
      while now < 2_001_000 + Self.hour {
        now += lookEvery
        evidence.closeFeedback(.standard, at: now)
      }
      return evidence
    }
    let reference = folded(100_000, lookEvery: 1 << 40)
    for (batch, every) in [(1, 1_000), (37, 60_000), (500, 3_600_000)] as [(Int, Int64)] {
      #expect(folded(batch, lookEvery: every) == reference)
    }
    let report = try #require(reference.reports.first)
    #expect(try #require(report.candidateMean) < 0.8)
  }

  // MARK: What it shows

  @Test func `as many thumbs pass, and a candidate with fewer is taken back`() throws {
    let policy = try policy()
    var users = try Users(policy, seed: 6)
    let same = try report(policy, users.draw(60_000))
    #expect(same.verdict == .pass)
    // Four standard errors of a difference of shares of 6,000 each: 0.03.
    #expect(abs(try #require(same.estimate)) < 0.03)
    users = try Users(policy, seed: 7)
    users.content = (0.8, 0.55)
    let fewer = try report(policy, users.draw(12_000))
    #expect(fewer.verdict == .fail)
    #expect(try #require(fewer.upperBound) < -0.05)
  }

  @Test func `a candidate that is shown to please more passes as a goal`() throws {
    var policy = try policy(share: 0.25)
    policy.metrics[0].role = .goal
    policy.metrics[0].objective = .better(by: .absolute(0.05))
    var users = try Users(policy, seed: 8)
    users.share = 0.25
    users.content = (0.5, 0.8)
    #expect(try report(policy, users.draw(20_000)).verdict == .pass)
    users = try Users(policy, seed: 9)
    users.share = 0.25
    #expect(try report(policy, users.draw(20_000)).verdict != .pass)
  }

  @Test func `a user who rates a thousand answers is one voice`() throws {
    let policy = try policy(unit: .user)
    var simulation = try Simulation(seed: 10)
    var (outcomes, said): ([Outcome], [Feedback]) = ([], [])
    for user in 0..<400 {
      for index in 0..<(user == 0 ? 1_000 : 1) {
        var outcome = simulation.outcome(
          policy, share: 0.5, unit: UInt64(user), isCandidate: user % 2 == 0)
        outcome.requestID = "\(user)/\(index)"
        outcomes.append(outcome)
        said.append(Users.feedback(on: outcome, user == 0 ? 0 : 1))
      }
    }
    let report = try report(policy, (outcomes, said))
    #expect(report.verdict != .fail)
    // Sums of a few hundred terms around 1.
    #expect(abs(try #require(report.candidateMean) - 0.995) < 1e-12)
    #expect(report.candidateResponse == 1)
  }

  @Test func `where users of one model speak up more often nothing passes`() throws {
    let policy = try policy()
    var users = try Users(policy, seed: 11)
    users.speaking = (0.2, 0.3)
    let report = try report(policy, users.draw(60_000))
    #expect(report.verdict == .error)
    let explanation = try #require(report.explanation)
    #expect(explanation.contains("unequally often"), "\(explanation)")
    #expect(try #require(report.candidateResponse) > 0.28)
    #expect(try #require(report.incumbentResponse) < 0.22)
    // Those who speak are as content, so that nobody is condemned for being talked about.
    users = try Users(policy, seed: 12)
    users.speaking = (0.2, 0.4)
    users.content = (0.8, 0.4)
    // A flood of complaints is harm all the same.
    #expect(try self.report(policy, users.draw(12_000)).verdict == .fail)
  }

  @Test func `in a shadow step nobody is heard, and the gate waits for the canary`() throws {
    let policy = names.policy(
      [Step(.shadow(ShadowTraffic())), Step(.canary(weight: try .part(0.5)))],
      metrics: try policy().metrics)
    #expect(RunEvidence(of: names.state(policy)).reports.isEmpty)
    #expect(RunEvidence(of: names.state(policy, step: 1)).reports.map(\.verdict) == [.noData])
    // One that no step can judge must not vanish.
    let never = names.policy([Step(.shadow(ShadowTraffic()))], metrics: policy.metrics)
    #expect(RunEvidence(of: names.state(never)).reports.map(\.verdict) == [.error])
  }

  // MARK: How often it is wrong

  @Test(arguments: [0.5, 0.1])
  func `a candidate that pleases as much is hardly ever taken back`(share: Double) throws {
    let policy = try policy(share: share)
    var (failures, errors) = (0, 0)
    for seed in 0..<60 as Range<UInt64> {
      var users = try Users(policy, seed: 20_000 + seed)
      users.share = share
      users.speaking = (1, 1)
      var evidence = RunEvidence(of: names.state(policy))
      var verdicts: Set<Verdict> = []
      // A look each 100 requests.
      for look in 0..<15 {
        let drawn = users.draw(100)
        let start = Int64(look * 100)
        evidence.fold(numbered(drawn.outcomes, after: start))
        evidence.fold(numbered(drawn.feedback, after: start))
        evidence.closeFeedback(.standard, at: .max / 2)
        verdicts.insert(try #require(evidence.reports.first).verdict)
      }
      failures += verdicts.contains(.fail) ? 1 : 0
      errors += verdicts.contains(.error) ? 1 : 0
    }
    // Nobody is at the border here, so alpha is far away; the ratio's own is 1 %, of 60 runs, and
    // four standard deviations of a binomial more are 3.7.
    #expect(failures <= 1)
    #expect(errors <= 4)
  }

  @Test func `a candidate at the margin passes, or is taken back, hardly more often than alpha`()
    throws
  {
    let policy = try policy(margin: 0.1)
    var (passes, failures) = (0, 0)
    for seed in 0..<100 as Range<UInt64> {
      var users = try Users(policy, seed: 30_000 + seed)
      users.speaking = (1, 1)
      users.content = (0.8, 0.7)
      var evidence = RunEvidence(of: names.state(policy))
      var verdicts: Set<Verdict> = []
      for look in 0..<10 {
        let drawn = users.draw(150)
        evidence.fold(numbered(drawn.outcomes, after: Int64(look * 150)))
        evidence.fold(numbered(drawn.feedback, after: Int64(look * 150)))
        evidence.closeFeedback(.standard, at: .max / 2)
        verdicts.insert(try #require(evidence.reports.first).verdict)
      }
      passes += verdicts.contains(.pass) ? 1 : 0
      failures += verdicts.contains(.fail) ? 1 : 0
    }
    // α = 0.05 of 100 is 5; four standard deviations of a binomial more are 14.
    #expect(passes <= 14)
    #expect(failures <= 14)
  }

  private func numbered<Value: Sendable>(
    _ values: [Value], after sequence: Int64
  ) -> [Sequenced<Value>] {
    values.enumerated().map {
      Sequenced(sequence: sequence + Int64($0.offset) + 1, value: $0.element)
    }
  }

  // MARK: From the store to the decision

  /// Stores `count` answers, each with a word: the candidate's with `content` of them up.
  private func serve(
    _ world: World, _ policy: RolloutPolicy, count: Int, content: Double, seed: UInt64
  ) async throws {
    var users = try Users(policy, seed: seed)
    users.speaking = (1, 1)
    users.content = (0.9, content)
    let drawn = users.draw(count)
    try await world.database.outcomes.append(outcomes: drawn.outcomes, comparisons: [])
    _ = try await world.database.outcomes.record(drawn.feedback)
  }

  @Test func `users who are less content take the candidate back, an hour later`() async throws {
    let world = try World()
    let policy = try policy()
    let controller = try await world.controller()
    try await world.apply(policy, to: controller)
    try await serve(world, policy, count: 600, content: 0.4, seed: 13)
    world.wall.withLock { $0 = 601_000 }
    await controller.look()
    #expect(try await world.rollout(controller).status == .running)
    #expect(try await world.report(controller).verdict == .noData)
    world.wall.withLock { $0 = 601_000 + Self.hour }
    await controller.look()
    let rollout = try await world.rollout(controller)
    #expect(rollout.status == .rolledBack)
    #expect(try #require(rollout.reason).contains("thumbs"))
    #expect(try #require(world.route).serving.count == 1)
  }

  @Test func `after a restart the evidence is the same`() async throws {
    let world = try World()
    let policy = try policy()
    let controller = try await world.controller()
    try await world.apply(policy, to: controller)
    try await serve(world, policy, count: 300, content: 0.9, seed: 14)
    for second in stride(from: 0, through: 301, by: 43) as StrideThrough<Int64> {
      world.wall.withLock { $0 = second * 1_000 + Self.hour }
      await controller.look()
    }
    world.wall.withLock { $0 = 301_000 + Self.hour }
    await controller.look()
    let before = try await world.report(controller)
    #expect(before.samples > 100)
    let again = try await world.controller()
    await again.look()
    #expect(try await world.report(again) == before)
  }
}
