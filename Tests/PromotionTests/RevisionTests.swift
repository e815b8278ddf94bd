import Experimentation
import Promotion
import Routing
import Testing

/// A new revision while one runs: refused, in its place, or behind it.
@Suite struct RevisionTests {
  let world: World
  let names: Names

  init() throws {
    world = try World()
    names = world.names
  }

  func policy(
    _ mode: RevisionMode = .refuse, digest: String = "p1", incumbent: ModelName? = nil,
    candidate: ModelName? = nil, name: RolloutName? = nil
  ) throws -> RolloutPolicy {
    var policy = names.policy(
      [Step(.canary(weight: try .part(0.5)))], candidates: [candidate ?? names.flash],
      digest: digest)
    policy.incumbent = incumbent ?? names.dense
    policy.onNewRevision = mode
    policy.name = name ?? names.rollout
    return policy
  }

  func control(_ events: JournalEvent...) -> ControlState {
    (names.models.map { .modelApplied($0) } + events).reduce(ControlState()) { $0.assuming($1) }
  }

  func events(_ policy: RolloutPolicy, in control: ControlState) throws -> [JournalEvent] {
    try control.events(for: .apply(models: [], rollouts: [policy]))
  }

  @Test func `who says nothing is refused while another runs`() throws {
    let control = control(.rolloutApplied(try policy()))
    let refusal = #expect(throws: CommandRefusal.self) {
      try events(try policy(digest: "p2"), in: control)
    }
    #expect(refusal?.code == .rolloutUnderWay)
    #expect(refusal?.remedy?.contains("onNewRevision") == true)
  }

  @Test func `replacing ends what is live and begins at the first step`() throws {
    let next = try policy(.replace, digest: "p2")
    let events = try events(next, in: control(.rolloutApplied(try policy())))
    #expect(
      events == [
        .superseded(names.rollout, digest: "p1", by: names.rollout), .rolloutApplied(next),
      ])
  }

  @Test func `replacing another rollout of the route ends that one too`() throws {
    let other = try #require(RolloutName("other"))
    let next = try policy(.replace, digest: "p2", name: other)
    let control = control(.rolloutApplied(try policy()))
    let after = try events(next, in: control).reduce(control) { $0.assuming($1) }
    #expect(after.service.rollouts[names.rollout]?.status == .superseded)
    #expect(after.service.liveRollout(on: names.assistant)?.policy.name == other)
  }

  @Test func `queuing waits, once, and the newest of a route waits`() throws {
    let second = try policy(.queue, digest: "p2")
    var control = control(.rolloutApplied(try policy()))
    #expect(try events(second, in: control) == [.queued(second)])
    control = control.assuming(.queued(second))
    #expect(try events(second, in: control) == [])
    let third = try policy(.queue, digest: "p3")
    #expect(
      try events(third, in: control) == [
        .superseded(names.rollout, digest: "p2", by: names.rollout), .queued(third),
      ])
    #expect(control.dequeued { _ in nil } == [])
  }

  @Test func `a queue may be for the model that a promotion makes live, and for no other`() throws {
    let control = control(.rolloutApplied(try policy()))
    let onward = try policy(
      .queue, digest: "p2", incumbent: names.flash, candidate: names.window)
    #expect(try events(onward, in: control) == [.queued(onward)])
    let astray = try policy(.queue, digest: "p2", incumbent: names.window)
    let refusal = #expect(throws: CommandRefusal.self) { try events(astray, in: control) }
    #expect(refusal?.code == .staleIncumbent)
  }

  @Test func `what waited begins when its incumbent is live, and gives way when it is not`() throws
  {
    let second = try policy(.queue, digest: "p2")
    let waiting = control(.rolloutApplied(try policy()), .queued(second))
    let back = waiting.assuming(.rolledBack(names.rollout, evidence: []))
    #expect(back.dequeued { _ in nil }.map(\.event) == [.rolloutApplied(second)])
    let on = waiting.assuming(
      .promoted(names.rollout, model: names.flash, openGates: [], evidence: []))
    let outcome = try #require(on.dequeued { _ in nil }.first)
    #expect(outcome.event == .superseded(names.rollout, digest: "p2", by: nil))
    #expect(outcome.reason.contains("'flash' is live"))
    // Applied again it is decided on what is live now.
    let after = on.assuming(outcome.event)
    let refusal = #expect(throws: CommandRefusal.self) { try events(second, in: after) }
    #expect(refusal?.code == .staleIncumbent)
  }

  @Test func `an hour at which nothing goes forward lets nothing begin by itself`() throws {
    let waiting = control(
      .rolloutApplied(try policy()), .queued(try policy(.queue, digest: "p2")),
      .rolledBack(names.rollout, evidence: []))
    #expect(waiting.dequeued { _ in ScheduleHold(reason: "frozen") } == [])
  }

  @Test func `a controller begins what waited as soon as the route is free, after a restart too`()
    async throws
  {
    let controller = try await world.controller()
    try await world.apply(try policy(), to: controller)
    let queued = try await world.apply(try policy(.queue, digest: "p2"), to: controller)
    #expect(queued.map(\.record.event.title) == ["queued"])
    await controller.look()
    #expect(world.route?.rollout?.digest == "p1")

    let restarted = try await world.controller()
    _ = try await restarted.perform(.rollBack(names.rollout), actor: "ana", reason: "too slow")
    #expect(world.route?.rollout == nil)
    await restarted.look()
    #expect(world.route?.rollout?.digest == "p2")
    #expect(try await world.rollout(restarted).run == 2)
    let last = try #require(try await restarted.history(of: names.rollout).last?.record)
    #expect(last.actor == "controller" && last.reason == "its turn in the queue")
    #expect(await restarted.status().state.queue.isEmpty)
  }

  @Test func `aborting what only waits takes it from the queue`() async throws {
    let controller = try await world.controller()
    let other = try #require(RolloutName("other"))
    try await world.apply(try policy(), to: controller)
    try await world.apply(try policy(.queue, digest: "p2", name: other), to: controller)
    for command in [Command.pause(other), .resume(other), .rollBack(other)] {
      let refusal = await #expect(throws: CommandRefusal.self) {
        try await controller.perform(command, actor: "ana", reason: nil)
      }
      #expect(refusal?.message.contains("pending") == true)
    }
    let entries = try await controller.perform(.abort(other), actor: "ana", reason: "never mind")
    #expect(entries.map(\.record.event) == [.aborted(other)])
    let state = await controller.status().state
    #expect(state.queue.isEmpty && state.rollouts[other]?.status == .aborted)
    #expect(world.route?.rollout?.digest == "p1")
  }

  @Test func `replacing moves the traffic at once, and leaves the old evidence behind`()
    async throws
  {
    let controller = try await world.controller()
    let first = try policy()
    try await world.apply(first, to: controller)
    try await world.serve(first, step: 0, count: 20)
    let next = try policy(.replace, digest: "p2", candidate: names.window)
    try await world.apply(next, to: controller)
    #expect(world.route?.serving.map(\.model) == [names.dense, names.window])
    await controller.look()
    #expect(try await world.rollout(controller).step == 0)
    #expect(try await world.rollout(controller).run == 2)
  }

  // MARK: Who has left

  var windowLeft: JournalEvent {
    .candidateDropped(names.rollout, model: names.window, gate: "errors", evidence: [])
  }

  /// A run of two candidates that `window` has left.
  func controlWithoutWindow(_ after: JournalEvent...) throws -> ControlState {
    var policy = try policy()
    policy.candidates = [names.flash, names.window]
    return ([.rolloutApplied(policy), windowLeft] + after)
      .reduce(control()) { $0.assuming($1) }
  }

  func edited(_ mode: RevisionMode, salt: String? = nil) throws -> RolloutPolicy {
    var policy = try policy(mode, digest: "p2")
    policy.candidates = [names.flash, names.window]
    policy.assignment.salt = salt ?? policy.assignment.salt
    return policy
  }

  @Test(arguments: [RevisionMode.replace, .queue])
  func `an edited policy does not bring back a candidate that has left`(mode: RevisionMode) throws {
    let control = try controlWithoutWindow()
    let refusal = #expect(throws: CommandRefusal.self) {
      try events(try edited(mode), in: control)
    }
    #expect(refusal?.code == .notAllowed)
    #expect(refusal?.message.contains("'window' has left rollout 'assistant'") == true)
    #expect(refusal?.remedy?.contains("another salt") == true)
    #expect(try !events(try edited(mode, salt: "two"), in: control).isEmpty)
    #expect(try !events(try policy(mode, digest: "p2"), in: control).isEmpty, "without it")
  }

  @Test func `nor does it when the run that it left has ended`() throws {
    let control = try controlWithoutWindow(.aborted(names.rollout))
    #expect(throws: CommandRefusal.self) { try events(try edited(.refuse), in: control) }
    #expect(try events(try edited(.refuse, salt: "two"), in: control).count == 1)
  }

  @Test func `nor do two edits, the first of which leaves it out`() throws {
    var between = try policy(.replace, digest: "p3")
    let control = try controlWithoutWindow(.rolloutApplied(between), .aborted(names.rollout))
    #expect(throws: CommandRefusal.self) { try events(try edited(.refuse), in: control) }
    #expect(try events(try edited(.refuse, salt: "two"), in: control).count == 1)
    // Another trial in between knows nothing of it.
    between.assignment.salt = "two"
    let anew = try controlWithoutWindow(.rolloutApplied(between), .aborted(names.rollout))
    #expect(try events(try edited(.refuse), in: anew).count == 1)
  }

  @Test func `one that left while the revision waited keeps it from beginning`() throws {
    var running = try policy()
    running.candidates = [names.flash, names.window]
    let ended = control(
      .rolloutApplied(running), .queued(try edited(.queue)),
      windowLeft, .rolledBack(names.rollout, evidence: []))
    let dequeued = ended.dequeued { _ in nil }
    #expect(
      dequeued.map(\.event) == [.superseded(names.rollout, digest: "p2", by: nil)])
    #expect(dequeued.first?.reason.contains("'window' has left") == true)
  }
}
