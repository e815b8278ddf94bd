import Experimentation
import Promotion
import Routing
import Statistics
import Storage
import Testing

/// What users prefer as a gate: who gets the credit, and how often it is wrong.
@Suite struct PreferenceTests {
  let names: Names

  init() throws { names = try Names() }

  private func policy(
    _ objective: MetricGate.Objective = .better(by: .absolute(0)), unit: UnitKind = .request
  ) -> RolloutPolicy {
    names.policy(
      [Step(.interleave(choices: 4))],
      metrics: [
        MetricGate(name: "liked", metric: .preference, role: .goal, objective: objective)
      ], unit: unit)
  }

  /// Users who each see `places` choices and pick one.
  private struct Users {
    let names: Names
    let policy: RolloutPolicy
    var generator: SeededGenerator
    /// How much likelier a choice of the candidate is picked than one of the incumbent.
    var appeal = 1.0
    /// How much likelier the first place is picked than another one.
    var positionBias = 1.0
    private var count: Int64 = 0

    init(_ policy: RolloutPolicy, seed: UInt64) throws {
      names = try Names()
      self.policy = policy
      generator = SeededGenerator(seed: seed)
    }

    mutating func next(places: Int = 2, unit: UInt64? = nil) -> Feedback {
      count += 1
      let draft = TeamDraft.draft(
        policy.arms, places: places, requestID: "r\(count)-\(generator.next())", salt: "s")
      let weights = draft.enumerated().map { place, model in
        (model == names.flash ? appeal : 1) * (place == 0 ? positionBias : 1)
      }
      var draw = generator.uniform() * weights.reduce(0, +)
      let chosen =
        weights.firstIndex { weight in
          draw -= weight
          return draw < 0
        } ?? 0
      return said(1, of: draft[chosen], place: chosen, unit: unit)
    }

    func said(_ value: Double, of model: ModelName, place: Int, unit: UInt64? = nil) -> Feedback {
      var assignment = names.assignment(policy, step: 0, unit: unit ?? UInt64(count))
      assignment.atMilliseconds = count
      return Feedback(
        requestID: "r\(count)", assignment: assignment, model: model, choice: place, value: value,
        receivedAtMilliseconds: count)
    }
  }

  private func report(_ policy: RolloutPolicy, _ feedback: [Feedback]) throws -> GateReport {
    var evidence = RunEvidence(of: names.state(policy))
    evidence.fold(feedback.sequenced())
    evidence.closeFeedback(.standard, at: .max / 2)
    return try #require(evidence.reports.first)
  }

  @Test func `models that answer alike are preferred alike, however users like the first place`()
    throws
  {
    let policy = policy(.notWorse(by: .absolute(0.1)))
    var (wins, votes, failed) = (0.0, 0.0, 0)
    for seed in UInt64(1)...60 {
      var users = try Users(policy, seed: seed)
      users.positionBias = 5
      let places = 2 + Int(seed % 3)
      let report = try report(policy, (0..<200).map { _ in users.next(places: places) })
      if report.verdict == .fail { failed += 1 }
      wins += try #require(report.candidateMean) * Double(report.samples)
      votes += Double(report.samples)
    }
    // Four standard errors of 12,000 fair coins.
    #expect(abs(wins / votes - 0.5) < 4 * 0.5 / votes.squareRoot())
    // A margin away from failing; none is expected.
    #expect(failed == 0)
  }

  @Test func `a goal of more votes is shown, and hardly ever without cause`() throws {
    let policy = policy()
    var users = try Users(policy, seed: 5)
    users.appeal = 1.6
    let liked = try report(policy, (0..<800).map { _ in users.next() })
    #expect(liked.verdict == .pass)
    #expect(liked.metric.unit == "share of votes")
    // Of equal models at most α pass: 2 of 40 are expected at most, and more than 6 leave less
    // than 1 % to a sound test.
    let lucky = try (UInt64(1)...40).count { seed in
      var users = try Users(policy, seed: seed)
      return try report(policy, (0..<300).map { _ in users.next() }).verdict == .pass
    }
    #expect(lucky <= 6)
  }

  @Test func `a unit is one vote, a thumb down speaks for the other, rating all alike is a tie`()
    throws
  {
    let policy = policy(unit: .user)
    let users = try Users(policy, seed: 1)
    func said(
      _ value: Double, _ model: ModelName, _ place: Int, request: Int64, unit: UInt64
    ) -> Feedback {
      var feedback = users.said(value, of: model, place: place, unit: unit)
      feedback.requestID = "r\(request)"
      feedback.assignment.atMilliseconds = request
      return feedback
    }
    let votes = [
      // One user prefers flash in two requests of three.
      said(1, names.flash, 0, request: 1, unit: 1), said(1, names.flash, 1, request: 2, unit: 1),
      said(1, names.dense, 1, request: 3, unit: 1),
      // Another dislikes it.
      said(0, names.flash, 0, request: 4, unit: 2),
      // A third likes both.
      said(1, names.flash, 0, request: 5, unit: 3), said(1, names.dense, 1, request: 5, unit: 3),
    ]
    let report = try report(policy, votes)
    #expect(report.samples == 2)
    #expect(report.candidateMean == 0.5)
    // Whatever comes first.
    #expect(try self.report(policy, votes.reversed()) == report)
  }

  @Test func `of an answer of which a part is missing nobody's preference is read`() throws {
    let policy = policy()
    let users = try Users(policy, seed: 1)
    func said(_ request: Int64) -> Feedback {
      var feedback = users.said(1, of: names.flash, place: 0, unit: UInt64(request))
      feedback.requestID = "r"
      feedback.assignment.atMilliseconds = request
      return feedback
    }
    let feedback = [said(1), said(2), said(3)]
    let rows = [(said(1), nil), (said(2), FailureClass.unavailable), (said(3), .cancelled)].map {
      Outcome(
        requestID: $0.0.requestID, assignment: $0.0.assignment, model: names.flash,
        measurements: names.answer(failure: $0.1), choices: [0])
    }
    // Whichever is read first: what was said waits for its window.
    for isRowFirst in [true, false] {
      var evidence = RunEvidence(of: names.state(policy))
      if !isRowFirst { evidence.fold(feedback.sequenced()) }
      evidence.fold(rows.sequenced())
      if isRowFirst { evidence.fold(feedback.sequenced()) }
      evidence.closeFeedback(.standard, at: .max / 2)
      #expect(evidence.reports.first?.samples == 1)
    }
  }

  @Test func `each step judges what it measures`() throws {
    let errors = MetricGate(
      name: "errors", metric: .errorRate, role: .guardrail,
      objective: .notWorse(by: .absolute(0.01)))
    let liked = policy().metrics
    let both = names.policy(
      [Step(.canary(weight: try .part(0.1))), Step(.interleave(choices: 2))],
      metrics: [errors] + liked)
    #expect(both.gates(judgedAt: 0).map(\.name) == ["errors"])
    #expect(both.gates(judgedAt: 1).map(\.name) == ["liked"])
    // A gate that no step can judge holds everywhere.
    let never = names.policy([Step(.interleave(choices: 2))], metrics: [errors])
    #expect(never.gates(judgedAt: 0).map(\.name) == ["errors"])
    #expect(RunEvidence(of: names.state(never)).reports.first?.verdict == .error)
  }

  @Test func `the incumbent serves, and the table says who takes part`() throws {
    let state = names.state(policy())
    #expect(state.shares == [names.dense: .all])
    var route = RouteTable(route: names.assistant, incumbent: names.dense)
    route.interleaving = InterleavingRule(teams: [names.dense, names.flash], greatestChoices: 4)
    let unit = AssignmentUnit(id: "u")
    let one = Router.route(unit, requestID: "r", in: route)
    #expect(one.serving == names.dense && one.propensity == nil && one.draft.isEmpty)
    let three = Router.route(unit, requestID: "r", choices: 3, in: route)
    #expect(three.serving == names.dense && three.propensity == 1 && three.draft.count == 3)
    #expect(Router.route(unit, requestID: "r", choices: 5, in: route).draft.isEmpty)
  }
}
