import Experimentation
import Promotion
import Routing
import SQLiteStorage
import Storage
import Testing

/// Commands that race, and a journal that fails.
@Suite struct RaceTests {
  let world: World
  let names: Names

  init() throws {
    world = try World()
    names = world.names
  }

  func policy() throws -> RolloutPolicy {
    names.policy([Step(.canary(weight: try .part(0.5)))])
  }

  /// A rollout that waits to be promoted.
  func readyController(journal: (any Journal)? = nil) async throws -> Controller {
    let controller = try await world.controller(journal: journal)
    let policy = try policy()
    try await world.apply(policy, to: controller)
    try await world.serve(policy, step: 0, count: 1)
    await controller.look()
    #expect(try await world.rollout(controller).step == 1)
    return controller
  }

  var incumbentOnly: [WeightedModel] { [WeightedModel(model: names.dense, share: .all)] }

  @Test func `of a thousand promotions at once one wins`() async throws {
    let controllers = [try await readyController(), try await world.controller()]
    let name = names.rollout
    let results = await withTaskGroup(of: Result<Int, CommandRefusal>.self) { group in
      for index in 0..<1_000 {
        group.addTask {
          // Two controllers on one journal race by the journal's sequence, too.
          do throws(CommandRefusal) {
            return .success(
              try await controllers[index % 2].perform(
                .promote(name, model: nil, force: false), actor: "\(index)", reason: nil
              ).count)
          } catch {
            return .failure(error)
          }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    let won = results.compactMap { try? $0.get() }
    #expect(won == [1])
    let codes = results.compactMap { result -> CommandRefusal.Code? in
      if case .failure(let refusal) = result { refusal.code } else { nil }
    }
    #expect(Set(codes).isSubset(of: [.notAllowed, .conflict]))
    let promotions = try await controllers[0].history(of: name).filter {
      $0.record.event.title == "promoted"
    }
    #expect(promotions.count == 1)
  }

  @Test func `rollback beats promotion, whichever comes first`() async throws {
    let controller = try await readyController()
    let name = names.rollout
    for round in 0..<30 {
      let rolledBack = await withTaskGroup(of: Bool?.self) { group in
        group.addTask {
          _ = try? await controller.perform(
            .promote(name, model: nil, force: false), actor: "a", reason: nil)
          return nil
        }
        group.addTask {
          (try? await controller.perform(.rollBack(name), actor: "b", reason: nil)) != nil
        }
        return await group.reduce(into: false) { $0 = $0 || $1 == true }
      }
      #expect(rolledBack, "round \(round)")
      let state = await controller.status().state
      #expect(state.rollouts[name]?.status == .rolledBack)
      #expect(state.incumbents[names.assistant] == names.dense)
      #expect(world.route?.serving == incumbentOnly)
      // Once more, as another document.
      var next = try policy()
      next.digest = "round \(round)"
      try await world.apply(next, to: controller)
      _ = try await controller.perform(
        .promote(name, model: nil, force: true), actor: "a", reason: "to be raced")
      _ = try await controller.perform(.rollBack(name), actor: "a", reason: nil)
      next.digest = "race \(round)"
      try await world.apply(next, to: controller)
      _ = try await world.database.outcomes.append(
        outcomes: [
          Outcome(
            requestID: "r",
            assignment: names.assignment(
              next, step: 0, run: try await world.rollout(controller).run, propensity: 0.5),
            model: names.flash, measurements: names.answer())
        ], comparisons: [])
      await controller.look()
      #expect(try await world.rollout(controller).step == 1)
    }
  }

  @Test func `an abort that a promotion outran takes the promotion back`() async throws {
    let fast = try await readyController()
    let slow = try await world.controller(table: LiveRoutingTable())
    _ = try await fast.perform(
      .promote(names.rollout, model: nil, force: false), actor: "a", reason: nil)
    let entries = try await slow.perform(.abort(names.rollout), actor: "b", reason: "stop")
    #expect(entries.map(\.record.event.title) == ["rolled back"])
    #expect(await slow.status().state.incumbents[names.assistant] == names.dense)
    await fast.look()
    #expect(world.route?.serving == incumbentOnly)
  }

  @Test func `traffic goes back before the journal says so`() async throws {
    let journal = FaultyJournal(real: world.database.journal)
    let controller = try await readyController(journal: journal)
    journal.isGone.value = true
    let refusal = await #expect(throws: CommandRefusal.self) {
      try await controller.perform(.rollBack(names.rollout), actor: "ana", reason: "bad answers")
    }
    #expect(refusal?.code == .unavailable)
    #expect(world.route?.serving == incumbentOnly)
    #expect(await controller.status().health.isDegraded)
    #expect(try await world.rollout(controller).status == .running)

    // Looks do not give it back, and nothing else may be decided meanwhile.
    await controller.look()
    #expect(world.route?.serving == incumbentOnly)
    await #expect(throws: CommandRefusal.self) {
      try await controller.perform(
        .promote(names.rollout, model: nil, force: true), actor: "bob", reason: "now")
    }
    journal.isGone.value = false
    let late = await #expect(throws: CommandRefusal.self) {
      try await controller.perform(
        .promote(names.rollout, model: nil, force: true), actor: "bob", reason: "now")
    }
    #expect(late?.code == .notAllowed)
    await controller.look()
    let last = try #require(try await controller.history(of: names.rollout).last)
    #expect(last.record.event.title == "rolled back")
    #expect(last.record.actor == "ana")
    #expect(last.record.reason == "bad answers")
    #expect(try await world.rollout(controller).status == .rolledBack)
    #expect(await controller.status().health == ControllerHealth())
  }

  @Test func `without a journal nothing goes forward and serving goes on`() async throws {
    let journal = FaultyJournal(real: world.database.journal)
    let controller = try await world.controller(journal: journal)
    let policy = try policy()
    try await world.apply(policy, to: controller)
    let before = world.table.snapshot
    try await world.serve(policy, step: 0, count: 10)
    journal.isGone.value = true
    await controller.look()
    #expect(world.table.snapshot == before)
    #expect(try await world.rollout(controller).step == 0)
    #expect(await controller.status().health.isDegraded)
    let refusal = await #expect(throws: CommandRefusal.self) {
      try await controller.perform(
        .promote(names.rollout, model: nil, force: true), actor: "bob", reason: "now")
    }
    #expect(refusal?.code == .unavailable)
    #expect(world.table.snapshot == before)
    journal.isGone.value = false
    await controller.look()
    #expect(try await world.rollout(controller).step == 1)
    #expect(await controller.status().health == ControllerHealth())
  }

  @Test func `a broken candidate loses its traffic even without a journal`() async throws {
    let journal = FaultyJournal(real: world.database.journal)
    let controller = try await world.controller(journal: journal)
    let policy = try policy()
    try await world.apply(policy, to: controller)
    try await world.serve(policy, step: 0, count: 5, failure: .unavailable)
    journal.isGone.value = true
    await controller.look()
    #expect(world.route?.serving == incumbentOnly)
    journal.isGone.value = false
    await controller.look()
    await controller.look()
    let titles = try await controller.history(of: names.rollout).map(\.record.event.title)
    #expect(titles == ["applied", "rolled back"])
  }

  @Test func `an entry whose writer was told otherwise is found, not repeated`() async throws {
    let journal = FaultyJournal(real: world.database.journal)
    let controller = try await readyController(journal: journal)
    journal.losesAnswers.value = true
    await #expect(throws: CommandRefusal.self) {
      try await controller.perform(.abort(names.rollout), actor: "ana", reason: nil)
    }
    #expect(world.route?.serving == incumbentOnly)
    journal.losesAnswers.value = false
    await controller.look()
    #expect(try await world.rollout(controller).status == .aborted)
    let titles = try await controller.history(of: names.rollout).map(\.record.event.title)
    #expect(titles == ["applied", "advanced", "aborted"])
    #expect(await controller.status().health == ControllerHealth())
  }

  @Test func `looks at once fold each row once`() async throws {
    let controller = try await world.controller()
    let policy = try names.policy(
      [Step(.canary(weight: .part(0.5)), hold: HoldConditions(minSamples: 100_000))])
    try await world.apply(policy, to: controller)
    try await world.serve(policy, step: 0, count: 6_000)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 { group.addTask { await controller.look() } }
    }
    let table = try #require(await controller.status().comparisons[names.rollout])
    #expect(table.lines.map(\.answers) == [6_000, 6_000])
  }
}
