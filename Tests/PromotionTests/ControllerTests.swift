import Experimentation
import Promotion
import Routing
import SQLiteStorage
import Storage
import Synchronization
import Testing

/// The controller on real storage: what happens in the life of a rollout.
@Suite struct ControllerTests {
  let world: World
  let names: Names

  init() throws {
    world = try World()
    names = world.names
  }

  /// Half of the traffic under a margin of ten points: 200 answers of each pass, 0 errors given.
  func canary(
    _ promotion: PromotionMode = .manual, hold: HoldConditions = HoldConditions(),
    digest: String = "p1"
  ) throws -> RolloutPolicy {
    names.policy(
      [Step(.canary(weight: try .part(0.5)), hold: hold)],
      metrics: [
        MetricGate(
          name: "errors", metric: .errorRate, role: .guardrail,
          objective: .notWorse(by: .absolute(0.1)))
      ], promotion: promotion, digest: digest)
  }

  @Test func `a rollout goes from shadow to promotion by its evidence`() async throws {
    let policy = names.policy(
      [
        Step(.shadow(ShadowTraffic()), hold: HoldConditions(minSamples: 150)),
        Step(.approval(team: nil)), Step(.canary(weight: try .part(0.5))),
      ],
      metrics: [
        MetricGate(
          name: "errors", metric: .errorRate, role: .guardrail,
          objective: .notWorse(by: .absolute(0.1)))
      ], promotion: .automatic)
    let controller = try await world.controller()
    try await world.apply(policy, to: controller)
    #expect(world.route?.shadows.map(\.model) == [names.flash])

    await controller.look()
    #expect(try await world.report(controller).verdict == .noData)
    try await world.shadow(policy, count: 140)
    await controller.look()
    #expect(try await world.report(controller).verdict == .pass)
    #expect(try await world.rollout(controller).step == 0)
    try await world.shadow(policy, count: 10)
    await controller.look()
    #expect(try await world.rollout(controller).step == 1)

    let approval = try await controller.perform(
      .approve(names.rollout), actor: "ana", reason: "looks good")
    #expect(approval.map(\.record.actor) == ["ana"])
    await controller.look()
    #expect(try await world.rollout(controller).step == 2)
    #expect(world.route?.serving.map(\.share.value) == [0.5, 0.5])

    try await world.serve(policy, step: 2, count: 200)
    await controller.look()
    #expect(try await world.rollout(controller).status == .promoted)
    #expect(world.route?.serving == [WeightedModel(model: names.flash, share: .all)])
    let titles = try await controller.history(of: names.rollout).map(\.record.event.title)
    #expect(titles == ["applied", "advanced", "approved", "advanced", "advanced", "promoted"])
    let last = try #require(try await controller.history(of: nil).last)
    #expect(last.record.actor == "controller")
    #expect(last.record.event.evidence.first?.verdict == .pass)
    #expect(await controller.status().health == ControllerHealth())
  }

  @Test func `a restart comes to the same state, traffic and verdicts`() async throws {
    let policy = try canary()
    let first = try await world.controller()
    try await world.apply(policy, to: first)
    try await world.serve(policy, step: 0, count: 60)
    await first.look()
    let table = LiveRoutingTable()
    let second = try await world.controller(table: table)
    #expect(table.snapshot == world.table.snapshot)
    await second.look()
    #expect(await second.status() == first.status())
    // And it goes on from there.
    try await world.serve(policy, step: 0, count: 200)
    await second.look()
    #expect(try await world.rollout(second).step == 1)
    let entries = try await second.history(of: nil).count
    await second.look()
    await first.look()
    #expect(try await second.history(of: nil).count == entries)
    #expect(await first.status().state == second.status().state)
  }

  @Test func `errors take the traffic back`() async throws {
    let policy = names.policy(
      try canary().steps,
      metrics: [
        MetricGate(
          name: "latency", metric: .latency, role: .guardrail,
          objective: .notWorse(by: .relative(0.1)))
      ])
    let controller = try await world.controller()
    try await world.apply(policy, to: controller)
    try await world.serve(policy, step: 0, count: 5, failure: .unavailable)
    await controller.look()
    let rollout = try await world.rollout(controller)
    #expect(rollout.status == .rolledBack)
    #expect(try #require(rollout.reason).contains("in a row"))
    #expect(world.route?.serving == [WeightedModel(model: names.dense, share: .all)])
  }

  @Test func `neither a jump of the wall clock nor a restart moves a rollout by time`() async throws
  {
    let policy = try canary(hold: HoldConditions(minSamples: 1, minSeconds: 60, maxSeconds: 3_600))
    let controller = try await world.controller()
    try await world.apply(policy, to: controller)
    try await world.serve(policy, step: 0, count: 200)
    world.wall.withLock { $0 += 86_400_000 }
    await controller.look()
    #expect(try await world.rollout(controller).step == 0)
    world.clock.advance(by: .seconds(59))
    await controller.look()
    #expect(try await world.rollout(controller).step == 0)

    // The service was down for a day; what it did not watch does not count.
    world.clock.advance(by: .seconds(86_400))
    let restarted = try await world.controller()
    await restarted.look()
    #expect(try await world.rollout(restarted).status == .running)
    #expect(try await world.rollout(restarted).step == 0)
    world.wall.withLock { $0 -= 172_800_000 }
    world.clock.advance(by: .seconds(60))
    await restarted.look()
    #expect(try await world.rollout(restarted).step == 1)
  }

  @Test func `the longest time ends inconclusive, and resuming starts it anew`() async throws {
    let controller = try await world.controller()
    try await world.apply(
      try canary(hold: HoldConditions(minSamples: 1, maxSeconds: 100)), to: controller)
    world.clock.advance(by: .seconds(100))
    await controller.look()
    #expect(try await world.rollout(controller).status == .inconclusive)
    #expect(world.route?.serving.count == 2)
    _ = try await controller.perform(.resume(names.rollout), actor: "ana", reason: nil)
    await controller.look()
    #expect(try await world.rollout(controller).status == .running)
    world.clock.advance(by: .seconds(100))
    await controller.look()
    #expect(try await world.rollout(controller).status == .inconclusive)
  }

  @Test func `looks come as often as the policy says, until cancelled`() async throws {
    let policy = try canary(.automatic)
    let controller = try await world.controller()
    try await world.apply(policy, to: controller)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await controller.run() }
      while await controller.status().reports.isEmpty { await Task.yield() }
      try await world.serve(policy, step: 0, count: 200)
      world.clock.advance(by: .seconds(1))
      while try await world.rollout(controller).status.isLive { await Task.yield() }
      group.cancelAll()
    }
    #expect(try await world.rollout(controller).status == .promoted)
  }

  @Test func `a model that is not ready serves nobody, and is tried again`() async throws {
    let isBroken = Flag()
    let policy = try canary()
    let controller = try await world.controller(prepare: { models throws(CommandRefusal) in
      if isBroken.value, models.contains(where: { $0.name.text == "flash" }) {
        throw CommandRefusal(.invalid, "weights are gone")
      }
      return {}
    })
    try await world.apply(policy, to: controller)
    #expect(world.route?.serving.count == 2)

    isBroken.value = true
    let restarted = try await world.controller(prepare: { models throws(CommandRefusal) in
      if isBroken.value, models.contains(where: { $0.name.text == "flash" }) {
        throw CommandRefusal(.invalid, "weights are gone")
      }
      return {}
    })
    #expect(world.route == RouteTable(route: names.assistant, incumbent: names.dense))
    #expect(await restarted.status().health.problems.first?.contains("weights are gone") == true)
    isBroken.value = false
    world.clock.advance(by: .seconds(10))
    await restarted.look()
    #expect(world.route?.serving.count == 2)
    #expect(await restarted.status().health == ControllerHealth())
  }

  @Test func `after a restart a promotion waits for a look, and for its models`() async throws {
    let policy = try canary()
    let first = try await world.controller()
    try await world.apply(policy, to: first)
    try await world.serve(policy, step: 0, count: 200)
    await first.look()
    #expect(try await world.rollout(first).step == 1)

    let isBroken = Flag(true)
    let restarted = try await world.controller(prepare: { _ throws(CommandRefusal) in
      if isBroken.value { throw CommandRefusal(.invalid, "weights are gone") }
      return {}
    })
    #expect(world.route == RouteTable(route: names.assistant, incumbent: names.dense))
    #expect(
      await restarted.status().health.problems.last
        == "route 'assistant' answers nobody: its incumbent 'dense' is not ready")
    func promote(force: Bool) async throws -> [JournalEntry] {
      try await restarted.perform(
        .promote(names.rollout, model: nil, force: force), actor: "ana", reason: "outage")
    }
    let early = await #expect(throws: CommandRefusal.self) { try await promote(force: false) }
    #expect(early?.message.contains("no look") == true)
    await restarted.look()
    let forced = await #expect(throws: CommandRefusal.self) { try await promote(force: true) }
    #expect(forced?.message == "model 'flash' is not ready: it cannot take the traffic")
    isBroken.value = false
    world.clock.advance(by: .seconds(10))
    await restarted.look()
    #expect(await restarted.status().health == ControllerHealth())
    #expect(try await promote(force: false).map(\.record.event.isForced) == [false])
  }

  @Test func `documents of a model that cannot be made ready are not applied`() async throws {
    let controller = try await world.controller(prepare: { _ throws(CommandRefusal) in
      throw CommandRefusal(.invalid, "weights are gone")
    })
    await #expect(throws: CommandRefusal.self) {
      try await world.apply(try canary(), to: controller)
    }
    #expect(try await controller.history(of: nil).isEmpty)
    #expect(world.table.snapshot == RoutingTable())
  }

  @Test func `an outcome store that fails shows in the health and stops nothing`() async throws {
    let controller = Controller(
      journal: world.database.journal, outcomes: FailingStore(), table: world.table,
      prepare: { _ in {} }, wallClock: { 0 }, clock: world.clock, logger: World.logger)
    try await controller.resume()
    try await world.apply(try canary(), to: controller)
    await controller.look()
    #expect(await controller.status().health.isDegraded)
    _ = try await controller.perform(.abort(names.rollout), actor: "ana", reason: nil)
    #expect(try await world.rollout(controller).status == .aborted)
    // The look is settled; what the models did cannot be shown for as long as the store fails.
    #expect(
      await controller.status().health.problems == ["outcomes cannot be read: the disk is gone"])
  }
}
