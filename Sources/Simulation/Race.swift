package import Experimentation
import Promotion
import Routing
import Storage
import Synchronization

/// Promote against rollback against apply, with looks between them and crashes in the middle of
/// writing: one seed is one order of everything.
package final class Race: Sendable {
  /// How one race went.
  package struct Ending: Hashable, Sendable {
    package var seed: UInt64
    /// What was asked and what became of it, in order of virtual time.
    package var trace: [String]
    package var violations: [Invariants.Violation]
    /// Lives of the service, 1 without a crash.
    package var lives: Int
    /// How the first run of the rollout ended; `nil` if it never began.
    package var status: RolloutStatus?
  }

  private struct Shared {
    var draws: Draws
    var trace: [String] = []
    var service: SimulatedService?
    var lives = 0
  }

  private static let crashes: [SimulatedDisk.Fault] = [
    .crashBefore, .crashAfter, .refused, .answerLost,
  ]

  private let names: SimulatedNames
  private let clock = VirtualClock()
  private let disk: SimulatedDisk
  private let invariants = Invariants()
  private let shared: Mutex<Shared>
  /// Runs of which somebody was told that they are taken back.
  private let ends = Mutex<[Invariants.RunID]>([])

  private init(seed: UInt64, _ names: SimulatedNames) {
    self.names = names
    var draws = Draws(seed: seed, scenario: "race", run: 0)
    var faults: [Int: SimulatedDisk.Fault] = [:]
    for _ in 0..<draws.index(below: 3) {
      faults[1 + draws.index(below: 10)] = Self.crashes[draws.index(below: Self.crashes.count)]
    }
    disk = SimulatedDisk(faults: faults)
    shared = Mutex(Shared(draws: draws))
  }

  /// Runs the race of one seed; the same seed gives the same ending.
  package static func run(seed: UInt64) async -> Ending {
    guard let names = SimulatedNames() else {
      return Ending(seed: seed, trace: [], violations: [], lives: 0)
    }
    let race = Race(seed: seed, names)
    let ended: Bool? = await Schedule.run(
      seed: seed, clock: race.clock, afterStep: { race.check() }
    ) {
      await race.live()
      return true
    }
    if ended == nil { race.invariants.report("R2", "the race never ended") }
    let (trace, lives) = race.shared.withLock { ($0.trace, $0.lives) }
    return Ending(
      seed: seed, trace: trace, violations: race.invariants.violations, lives: lives,
      status: race.invariants.statuses[.init(rollout: names.rollout, run: 1)])
  }

  private func check() {
    let service = shared.withLock { $0.service }
    invariants.check(disk, service.flatMap { $0.store.isAlive ? $0.table.snapshot : nil })
  }

  private func note(_ line: String) {
    let microseconds = Int(clock.now.elapsed / .microseconds(1))
    shared.withLock { $0.trace.append("\(microseconds) µs: \(line)") }
  }

  private func draw<Value: Sendable>(_ body: (inout Draws) -> Value) -> Value {
    shared.withLock { body(&$0.draws) }
  }

  private func pause(below microseconds: Int) async {
    let time = draw { $0.index(below: microseconds) }
    try? await clock.sleep(for: .microseconds(time))
  }

  /// The service that lives; started anew if none does.
  private func service() async -> SimulatedService? {
    for _ in 0..<20 {
      if let service = shared.withLock({ $0.service }), service.store.isAlive { return service }
      let started = try? await SimulatedService(disk, clock: clock) {
        await self.pause(below: 300)
      }
      guard let started, started.store.isAlive else { continue }
      let life = shared.withLock { shared in
        shared.service = started
        shared.lives += 1
        return shared.lives
      }
      note("life \(life) begins")
      return started
    }
    return nil
  }
}

// MARK: - What happens

extension Race {
  private func live() async {
    await prepare()
    guard let service = await service() else {
      return invariants.report("R2", "the service does not start")
    }
    let rivals = draw { draws in (0..<3 + draws.index(below: 4)).map { _ in draws.uniform() } }
    await withTaskGroup(of: Void.self) { group in
      for (index, choice) in rivals.enumerated() {
        group.addTask {
          await self.pause(below: 2_000)
          await self.act(index, choice, on: service)
        }
      }
      await group.waitForAll()
    }
    // A process that died is started again, also one that dies while it settles what was under way.
    var settled: SimulatedService?
    for _ in 0..<5 where settled?.store.isAlive != true {
      settled = await self.service()
      for _ in 0..<3 { await settled?.controller.look() }
    }
    guard let last = settled else {
      return invariants.report("R2", "the service does not start again")
    }
    if await last.controller.status().health.isDegraded, last.store.isAlive {
      invariants.report("R2", "the service stays degraded although nothing fails any more")
    }
    guard let end = await self.service() else { return }
    invariants.checkEnd(disk, end.table.snapshot)
    checkEnds()
  }

  /// A rollout that is live, most often one that could be promoted.
  private func prepare() async {
    guard let share = Share(0.5) else { return }
    let steps = [Step(.canary(weight: share))]
    let policy = names.policy(steps, everySeconds: 1, promotion: .manual)
    for _ in 0..<6 {
      guard let service = await service() else { return }
      _ = await perform(
        .apply(
          models: [names.model(names.incumbent), names.model(names.candidate)], rollouts: [policy]),
        on: service)
      if await service.controller.status().state.rollouts[names.rollout] != nil { break }
    }
    guard draw({ $0.chance(0.8) }), let service = await service() else { return }
    let position = RolloutPosition(
      rollout: policy.name, digest: policy.digest, step: 0, run: 1)
    let outcomes = [names.incumbent, names.candidate].map { model in
      Outcome.answered(by: model, on: names.route, at: position)
    }
    try? await service.store.append(outcomes: outcomes, comparisons: [])
    await service.controller.look()
  }

  private func act(_ index: Int, _ choice: Double, on service: SimulatedService) async {
    switch (index, choice) {
    case (0, ..<0.5), (3..., ..<0.2):
      _ = await perform(.promote(names.rollout, model: nil, force: false), on: service)
    case (0, _), (3..., ..<0.4):
      _ = await perform(.promote(names.rollout, model: nil, force: true), on: service)
    case (1, ..<0.7), (3..., ..<0.6): await takeBack(.rollBack(names.rollout), on: service)
    case (1, _): await takeBack(.abort(names.rollout), on: service)
    case (2, _): await apply(choice, on: service)
    case (_, ..<0.8):
      await service.controller.look()
      note("look")
    case (_, ..<0.9): _ = await perform(.pause(names.rollout), on: service)
    default: _ = await perform(.resume(names.rollout), on: service)
    }
  }

  /// Another document under the same name, which is refused, takes the place of what is live or
  /// waits for its end; the same again; another rollout on the route; or a model that changes under
  /// the evidence.
  private func apply(_ choice: Double, on service: SimulatedService) async {
    guard let share = Share(0.25) else { return }
    let steps = [Step(.canary(weight: share))]
    var models: [ModelSpecification] = []
    var policies: [RolloutPolicy] = []
    switch choice {
    case ..<0.36:
      // The draw's own digits say which, so that races of earlier versions keep their order.
      let modes = RevisionMode.allCases
      let mode = modes[min(Int(choice / 0.12), modes.count - 1)]
      policies = [names.policy(steps, promotion: .manual, onNewRevision: mode, digest: "p2")]
    case ..<0.5: policies = [names.policy(steps, promotion: .manual)]
    case ..<0.75:
      let mode: RevisionMode = choice < 0.6 ? .refuse : choice < 0.68 ? .queue : .replace
      policies = [
        names.policy(steps, name: names.other, promotion: .manual, onNewRevision: mode)
      ]
    default: models = [names.model(names.candidate, digest: "m2")]
    }
    _ = await perform(.apply(models: models, rollouts: policies), on: service)
  }

  /// - Returns: whether the command was carried out, or why not
  private func perform(
    _ command: Command, on service: SimulatedService
  ) async -> Result<[JournalEntry], CommandRefusal> {
    let result: Result<[JournalEntry], CommandRefusal>
    do {
      let entries = try await service.controller.perform(
        command, actor: "operator", reason: "to be raced")
      invariants.acknowledge(entries)
      note("\(command.title): \(entries.map { "\($0.sequence) \($0.record.event.title)" })")
      result = .success(entries)
    } catch {
      note("\(command.title): \(error.code.rawValue)")
      result = .failure(error)
    }
    return result
  }

  /// A rollback is accepted from every state that is not an end, and beats what is under way (I6).
  private func takeBack(_ command: Command, on service: SimulatedService) async {
    let before = await service.controller.status().state.rollouts[names.rollout]
    let head = disk.head
    let result = await perform(command, on: service)
    switch result {
    case .success(let entries):
      let last = entries.last { ["rolled back", "aborted"].contains($0.record.event.title) }
      guard let last else { return }
      let state = ServiceState(folding: disk.entries.prefix(Int(last.sequence)))
      guard let run = state.rollouts[names.rollout]?.run else { return }
      let before = ServiceState(folding: disk.entries.prefix(Int(last.sequence) - 1))
      // An abort of what only waited leaves the run before as it ended.
      if case .aborted = last.record.event, before.queued(names.rollout) != nil,
        before.rollouts[names.rollout]?.status.isLive != true
      {
        return
      }
      ends.withLock { $0.append(.init(rollout: names.rollout, run: run)) }
    case .failure(let refusal):
      guard let before, service.store.isAlive else { return }
      let rules = service.table.snapshot.routes[names.route]
      let entries = disk.entries
      let runs = entries.indices.dropFirst(max(0, Int(head) - 1)).compactMap {
        ServiceState(folding: entries[...$0]).rollouts[names.rollout]
      }
      if refusal.code == .unavailable {
        // The process lives and the disk did not let it write: traffic is back all the same.
        if rules?.rollout?.rollout == names.rollout, rules?.rollout?.run == before.run {
          invariants.report("I6", "a rollback that could not be written left the traffic")
        }
      } else if before.status.isLive, runs.allSatisfy({ $0.status.isLive && $0.run == before.run })
      {
        invariants.report("I6", "refused to take a live rollout back: \(refusal.message)")
      }
    }
  }

  /// What was taken back stays so, whatever was under way.
  private func checkEnds() {
    let statuses = invariants.statuses
    for run in ends.withLock({ $0 }) {
      guard let status = statuses[run], status.isLive || status == .promoted else { continue }
      invariants.report("I6", "run \(run.run) was taken back, and yet is \(status.rawValue)")
    }
  }
}

extension Command {
  /// As a trace names it.
  var title: String {
    switch self {
    case .apply(let models, let rollouts, _):
      "apply \((models.map(\.digest) + rollouts.map { "\($0.name) \($0.digest)" }))"
    case .promote(_, _, let force): force ? "promote by force" : "promote"
    case .abort: "abort"
    case .rollBack: "roll back"
    case .approve: "approve"
    case .pause: "pause"
    case .resume: "resume"
    }
  }
}

extension Outcome {
  /// A good answer of `model` at a half of the traffic.
  fileprivate static func answered(
    by model: ModelName, on route: RouteName, at position: RolloutPosition
  ) -> Outcome {
    Outcome(
      requestID: "r",
      assignment: Assignment(
        route: route, rollout: position, unitHash: 1, propensity: 0.5, atMilliseconds: 0),
      model: model,
      measurements: Measurements(
        timeToFirstTokenSeconds: 0.1, timePerOutputTokenSeconds: 0.01, totalSeconds: 1,
        promptTokens: 100, outputTokens: 50, finishReason: "stop"))
  }
}
