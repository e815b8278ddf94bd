import Experimentation
import Promotion
import Routing
import SQLiteStorage
import Storage
import Synchronization
import Testing

/// Who answers for a model, as a service's registry of backends: by the document's digest.
final class Backends: Sendable {
  private let digests = Mutex<[ModelName: String]>([:])
  /// The digest of a document whose weights cannot be loaded.
  private let broken = Mutex<String?>(nil)

  subscript(name: ModelName) -> String? { digests.withLock { $0[name] } }

  func breakDocument(_ digest: String?) { broken.withLock { $0 = digest } }

  var prepare: Controller.Preparation {
    { [self] models throws(CommandRefusal) in
      if let broken = broken.withLock({ $0 }), models.contains(where: { $0.digest == broken }) {
        throw CommandRefusal(.invalid, "weights are gone")
      }
      return { [self] in
        digests.withLock { for model in models { $0[model.name] = model.digest } }
      }
    }
  }
}

/// Backends are made ready before the journal knows them, and answer after.
@Suite struct PreparationTests {
  let world: World
  let names: Names
  let backends = Backends()

  init() throws {
    world = try World()
    names = world.names
  }

  func apply(_ models: ModelSpecification..., to controller: Controller) async throws {
    _ = try await controller.perform(
      .apply(models: models, rollouts: []), actor: "ana", reason: nil)
  }

  @Test func `a refused application changes nobody's answers`() async throws {
    let controller = try await world.controller(prepare: backends.prepare)
    try await apply(names.model(names.dense), names.model(names.flash), to: controller)
    #expect(backends[names.dense] == "m1")

    backends.breakDocument("gone")
    await #expect(throws: CommandRefusal.self) {
      try await apply(
        names.model(names.dense, digest: "m2"), names.model(names.flash, digest: "gone"),
        to: controller)
    }
    #expect(backends[names.dense] == "m1")
    #expect(await controller.status().state.models[names.dense]?.digest == "m1")
    // What was made ready for it is not put in force by the next.
    try await apply(names.model(names.window), to: controller)
    #expect(backends[names.dense] == "m1")
    #expect(world.table.snapshot.models == [names.dense, names.flash, names.window])
  }

  @Test func `without a journal nobody else answers`() async throws {
    let journal = FaultyJournal(real: world.database.journal)
    let controller = try await world.controller(journal: journal, prepare: backends.prepare)
    try await apply(names.model(names.dense), to: controller)
    journal.isGone.value = true
    await #expect(throws: CommandRefusal.self) {
      try await apply(names.model(names.dense, digest: "m2"), to: controller)
    }
    #expect(backends[names.dense] == "m1")
    journal.isGone.value = false
    await controller.look()
    #expect(backends[names.dense] == "m1")
    #expect(world.table.snapshot.models == [names.dense])
  }

  @Test func `an application whose writer was told otherwise answers once it is read`() async throws
  {
    let journal = FaultyJournal(real: world.database.journal)
    let controller = try await world.controller(journal: journal, prepare: backends.prepare)
    try await apply(names.model(names.dense), to: controller)
    journal.losesAnswers.value = true
    await #expect(throws: CommandRefusal.self) {
      try await apply(names.model(names.dense, digest: "m2"), to: controller)
    }
    #expect(backends[names.dense] == "m1")
    journal.losesAnswers.value = false
    // It was made ready before; it need not be again.
    backends.breakDocument("m2")
    await controller.look()
    #expect(backends[names.dense] == "m2")
    #expect(world.table.snapshot.models == [names.dense])
  }

  @Test func `a document that somebody else applied is not answered by the one before`()
    async throws
  {
    let controller = try await world.controller(prepare: backends.prepare)
    let other = try await world.controller(table: LiveRoutingTable())
    try await apply(names.model(names.dense), to: controller)
    await other.look()
    try await apply(names.model(names.dense, digest: "m2"), to: other)
    backends.breakDocument("m2")
    await controller.look()
    #expect(world.table.snapshot.models.isEmpty)
    backends.breakDocument(nil)
    world.clock.advance(by: .seconds(10))
    await controller.look()
    #expect(world.table.snapshot.models == [names.dense])
    #expect(backends[names.dense] == "m2")
  }

  @Test func `a model that an application makes ready at last is in the table at once`()
    async throws
  {
    let policy = names.policy([Step(.canary(weight: try .part(0.5)))])
    let first = try await world.controller(prepare: backends.prepare)
    try await world.apply(policy, to: first)
    backends.breakDocument("m1")
    let controller = try await world.controller(prepare: backends.prepare)
    #expect(world.table.snapshot.models.isEmpty)
    backends.breakDocument(nil)
    // Nothing is new to the journal.
    #expect(try await world.apply(policy, to: controller).isEmpty)
    #expect(world.table.snapshot.models == [names.dense, names.flash])
    #expect(world.route?.serving.count == 2)
  }
}
