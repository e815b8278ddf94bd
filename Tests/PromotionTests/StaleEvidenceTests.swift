import Experimentation
import Promotion
import SQLiteStorage
import Storage
import Synchronization
import Testing

/// Evidence of models that are not those that answer now, and decisions on another standing.
@Suite struct StaleEvidenceTests {
  let world: World
  let names: Names

  init() throws {
    world = try World()
    names = world.names
  }

  func policy(
    _ promotion: PromotionMode = .manual, minSamples: Int = 1, digest: String = "p1"
  ) throws -> RolloutPolicy {
    names.policy(
      [Step(.canary(weight: try .part(0.5)), hold: HoldConditions(minSamples: minSamples))],
      promotion: promotion, digest: digest)
  }

  func promote(
    _ controller: Controller, force: Bool = false, generation: Int64? = nil
  ) async throws(CommandRefusal) -> [JournalEntry] {
    try await controller.perform(
      .promote(names.rollout, model: nil, force: force), actor: "ana", reason: "it is time",
      generation: generation)
  }

  func refusal(_ controller: Controller, generation: Int64? = nil) async throws -> CommandRefusal {
    try #require(
      await #expect(throws: CommandRefusal.self) {
        try await promote(controller, generation: generation)
      })
  }

  @Test func `weights that changed during a run make its promotion stale`() async throws {
    let controller = try await world.controller()
    let policy = try policy(.automatic, minSamples: 4)
    try await world.apply(policy, to: controller)
    try await world.serve(policy, step: 0, count: 2, revision: "weights-1")
    try await world.serve(policy, step: 0, count: 2, revision: "weights-2")
    await controller.look()
    // Neither the controller nor a person goes on from here by the gates.
    #expect(try await world.rollout(controller).step == 0)
    _ = try await controller.perform(
      .promote(names.rollout, model: nil, force: true), actor: "ana", reason: "to skip the step")
    let event = try #require(try await controller.history(of: nil).last?.record.event)
    guard case .promoted(_, _, let open, _) = event else {
      Issue.record("\(event)")
      return
    }
    #expect(open.contains { $0.contains("stale") && $0.contains("'weights-2'") })
  }

  @Test func `evidence is stale for a person, too, who may only force`() async throws {
    let controller = try await world.controller()
    let policy = try policy()
    try await world.apply(policy, to: controller)
    try await world.serve(policy, step: 0, count: 1, revision: "weights-1")
    await controller.look()
    #expect(try await world.rollout(controller).step == 1)
    try await world.serve(policy, step: 1, count: 1, revision: "weights-2")
    await controller.look()
    let refusal = try await refusal(controller)
    #expect(refusal.code == .evidenceStale)
    #expect(refusal.message.contains("'flash' was 'weights-1' and became 'weights-2'"))
    // Another run gathers evidence of its own.
    _ = try await controller.perform(.abort(names.rollout), actor: "ana", reason: nil)
    let next = try self.policy(digest: "p2")
    try await world.apply(next, to: controller)
    var outcome = Outcome(
      requestID: "n", assignment: names.assignment(next, step: 0, run: 2, propensity: 0.5),
      model: names.flash, measurements: names.answer())
    outcome.measurements.revision = "weights-2"
    try await world.database.outcomes.append(outcomes: [outcome], comparisons: [])
    await controller.look()
    #expect(try await promote(controller).count == 1)
  }

  @Test func `weights that changed while the service was down are found before they answer`()
    async throws
  {
    let first = try await world.controller(revision: { _ in "weights-1" })
    let policy = try policy()
    try await world.apply(policy, to: first)
    try await world.serve(policy, step: 0, count: 1, revision: "weights-1")
    await first.look()
    #expect(try await world.rollout(first).step == 1)
    let second = try await world.controller(revision: { _ in "weights-2" })
    await second.look()
    #expect(try await refusal(second).code == .evidenceStale)
    let third = try await world.controller(revision: { _ in "weights-1" })
    await third.look()
    #expect(try await promote(third).count == 1)
  }

  @Test func `stale evidence still takes a broken candidate back`() async throws {
    let controller = try await world.controller()
    let policy = try policy()
    try await world.apply(policy, to: controller)
    try await world.serve(policy, step: 0, count: 1, revision: "weights-1")
    try await world.serve(policy, step: 0, count: 5, failure: .unavailable, revision: "weights-2")
    await controller.look()
    #expect(try await world.rollout(controller).status == .rolledBack)
  }

  @Test func `a promotion decided on another standing is refused, going back never is`()
    async throws
  {
    let controller = try await world.controller()
    let policy = try policy()
    try await world.apply(policy, to: controller)
    let seen = try await world.rollout(controller).generation
    try await world.serve(policy, step: 0, count: 1)
    await controller.look()
    let now = try await world.rollout(controller).generation
    #expect(now == seen + 1)
    #expect(try await refusal(controller, generation: seen).code == .conflict)
    #expect(try await promote(controller, generation: now).count == 1)
    // Whatever generation the one who goes back has in mind.
    let back = try await controller.perform(
      .rollBack(names.rollout), actor: "ben", reason: "bad answers", generation: seen)
    #expect(back.map(\.record.event.title) == ["rolled back"])
  }

  @Test func `of promotions that name one generation one wins`() async throws {
    let controller = try await world.controller()
    let policy = try policy()
    try await world.apply(policy, to: controller)
    try await world.serve(policy, step: 0, count: 1)
    await controller.look()
    let generation = try await world.rollout(controller).generation
    let won = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<1_000 {
        group.addTask { (try? await promote(controller, generation: generation)) != nil }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(won == 1)
    let promotions = try await controller.history(of: nil).filter {
      $0.record.event.title == "promoted"
    }
    #expect(promotions.count == 1)
  }

  @Test func `what is missing comes with how long it takes`() async throws {
    let controller = try await world.controller()
    let policy = names.policy(
      [Step(.canary(weight: try .part(0.5)), hold: HoldConditions(minSamples: 40))],
      metrics: [
        MetricGate(
          name: "errors", metric: .errorRate, role: .guardrail,
          objective: .notWorse(by: .absolute(0.1)))
      ])
    try await world.apply(policy, to: controller)
    try await world.serve(policy, step: 0, count: 10)
    world.wall.withLock { $0 += 1_800_000 }
    await controller.look()
    let report = try await world.report(controller)
    let missing = try #require(report.samplesMissing)
    // Ten samples in half an hour are twenty an hour.
    // To the rounding of a division.
    #expect(abs(try #require(report.expectedHours) / (Double(missing) / 20) - 1) < 1e-12)
    // A clock that went back says nothing, and moves nothing.
    world.wall.withLock { $0 -= 7_200_000 }
    await controller.look()
    #expect(try await world.report(controller).expectedHours == nil)
  }

  @Test func `old outcomes of ended runs go, those of runs under way and rollups stay`()
    async throws
  {
    let controller = try await world.controller(
      retention: Retention(maximumAge: .seconds(60), maximumRows: 1_000_000))
    let policy = try policy(minSamples: 1_000)
    try await world.apply(policy, to: controller)
    try await world.serve(policy, step: 0, count: 50)
    world.wall.withLock { $0 += 3_600_000 }
    await controller.prune()
    #expect(try await world.database.outcomes.runs().map(\.outcomes) == [100])
    _ = try await controller.perform(.abort(names.rollout), actor: "ana", reason: nil)
    await controller.prune()
    #expect(try await world.database.outcomes.runs().map(\.outcomes) == [100], "not yet time")
    world.clock.advance(by: .seconds(61))
    await controller.prune()
    #expect(try await world.database.outcomes.runs().map(\.outcomes) == [0])
    let table = try #require(await controller.status().comparisons[names.rollout])
    #expect(table.lines.map(\.answers) == [50, 50])
  }
}
