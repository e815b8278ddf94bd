import Experimentation
import Promotion
import Routing
import SQLiteStorage
import Storage
import Testing

/// Allocations as events: written first, in force then, and there again after a restart.
@Suite struct BanditControllerTests {
  let names: Names

  init() throws { names = try Names() }

  private func policy(_ hold: HoldConditions = HoldConditions()) throws -> RolloutPolicy {
    let traffic = BanditTraffic(
      reward: .metric(.errorRate), minShare: try .part(0.1), updateSeconds: 60)
    return names.policy([Step(.bandit(traffic), hold: hold), Step(.approval(team: nil))])
  }

  /// Answers under the table in force, of which the incumbent's fail with every `failing`th.
  private func serve(_ world: World, _ count: Int, from first: Int, failing: Int) async throws {
    let route = try #require(world.route)
    let outcomes = (first..<first + count).map { index in
      let chosen = Router.route(
        AssignmentUnit(id: "u\(index)"), requestID: "r\(index)", in: route)
      let isError = chosen.serving == names.dense && index % failing == 0
      return Outcome(
        requestID: "r\(index)",
        assignment: Assignment(
          route: route.route, rollout: route.rollout, unitHash: UInt64(index),
          propensity: chosen.propensity, atMilliseconds: 0), model: chosen.serving,
        measurements: names.answer(failure: isError ? .rejected : nil))
    }
    try await world.database.outcomes.append(outcomes: outcomes, comparisons: [])
  }

  @Test func `an allocation is written down, then in force, and survives a restart`() async throws {
    let world = try World()
    var controller = try await world.controller()
    try await world.apply(try policy(), to: controller)
    #expect(world.route?.rollout?.allocation == 0)
    try await serve(world, 60, from: 0, failing: 9)
    await controller.look()
    #expect(world.route?.rollout?.allocation == 0, "the period is not over")
    world.clock.advance(by: .seconds(60))
    await controller.look()
    let first = try await world.rollout(controller)
    #expect(first.allocations.count == 1)
    #expect(world.route?.rollout?.allocation == 1)
    let shares = world.route?.serving.map { $0.share.value } ?? []
    #expect(shares.reduce(0, +) == 1 && shares != [0.5, 0.5])
    let entries = try await world.database.journal.entries(after: 0)
    #expect(entries.last?.record.event.title == "allocated")

    controller = try await world.controller()
    #expect(try await world.rollout(controller) == first)
    #expect(world.route?.serving.map { $0.share.value } == shares)
    // Rows under it are read back with its number, and count.
    try await serve(world, 60, from: 60, failing: 9)
    world.clock.advance(by: .seconds(60))
    await controller.look()
    let second = try await world.rollout(controller)
    #expect(second.allocations.count == 2)
    #expect(second.allocations.last?.arms.reduce(0) { $0 + $1.rewards } == 120)
    #expect(second.generation == first.generation, "a person's decision stays current")
  }

  @Test func `without new answers nothing is written, and a pause keeps the shares`() async throws {
    let world = try World()
    let controller = try await world.controller()
    try await world.apply(try policy(), to: controller)
    try await serve(world, 40, from: 0, failing: 9)
    world.clock.advance(by: .seconds(60))
    await controller.look()
    world.clock.advance(by: .seconds(600))
    await controller.look()
    #expect(try await world.rollout(controller).allocations.count == 1)
    _ = try await controller.perform(.pause(names.rollout), actor: "test", reason: nil)
    try await serve(world, 40, from: 40, failing: 9)
    world.clock.advance(by: .seconds(600))
    await controller.look()
    #expect(try await world.rollout(controller).allocations.count == 1)
  }

  @Test func `a winner ends the step, keeps its traffic, and is what promotion takes`() async throws
  {
    let world = try World()
    let controller = try await world.controller()
    try await world.apply(try policy(), to: controller)
    for batch in 0..<20 where try await world.rollout(controller).step == 0 {
      try await serve(world, 100, from: batch * 100, failing: 2)
      world.clock.advance(by: .seconds(30))
      await controller.look()
    }
    let state = try await world.rollout(controller)
    #expect(state.winner == names.flash && state.step == 1)
    // The approval keeps what was: the winner's share, and the floor for the incumbent.
    let incumbent = try #require(world.route?.serving.first)
    #expect(incumbent.model == names.dense && abs(incumbent.share.value - 0.1) < 1e-8)
    _ = try await controller.perform(.abort(names.rollout), actor: "test", reason: nil)
    #expect(world.route?.serving.map(\.model) == [names.dense])
    #expect(world.route?.rollout == nil)
  }
}
