package import Experimentation
import Logging
package import Storage

extension Controller {
  /// Carries a command out, or says why not.
  ///
  /// - Parameters:
  ///   - actor: who asks, for the journal
  ///   - reason: why, for the journal; a forced promotion needs one
  ///   - generation: the ``RolloutState/generation`` that the asker saw; any other is a conflict.
  ///     Going back never asks for one, so that it beats whatever came in between
  ///   - key: is kept with what the command becomes (``entries(ofKey:)``)
  /// - Returns: the entries that the command became; none when everything was so already
  /// - Throws: what ``CommandRefusal/Code`` sorts. After `unavailable` nothing has changed, except
  ///   that an abort or a rollback has taken the traffic back already and is written down as soon
  ///   as the journal lets it.
  package func perform(
    _ command: Command, actor: String, reason: String?, generation: Int64? = nil,
    key: IdempotencyKey? = nil
  ) async throws(CommandRefusal) -> [JournalEntry] {
    let entries: [JournalEntry]
    switch command {
    case .abort(let name) where isOnlyQueued(name):
      // No traffic to take back.
      entries = try await commit(by: actor, key) { control, reports throws(CommandRefusal) in
        try control.events(for: command, reports: reports, reason: reason).map { ($0, reason) }
      }
    case .abort(let name):
      entries = try await retreat(from: name, .abort, command, by: actor, reason, key)
    case .rollBack(let name):
      entries = try await retreat(from: name, .rollBack, command, by: actor, reason, key)
    case .apply(let models, let rollouts, _):
      entries = try await apply(models, rollouts, command, by: actor, reason, key)
    case .promote(let name, _, _), .approve(let name), .pause(let name), .resume(let name):
      entries = try await commit(by: actor, key) { control, reports throws(CommandRefusal) in
        try control.check(generation, of: name)
        return try control.events(
          for: command, reports: reports, findings: findings(for: command, in: control),
          ready: ready,
          staleness: staleness(of: name), holds: scheduleHold(of: name).map { [name: $0] } ?? [:],
          reason: reason
        ).map { ($0, reason) }
      }
    }
    for entry in entries {
      logger.info(
        "command carried out",
        metadata: [
          "event": "\(entry.record.event.title)", "sequence": "\(entry.sequence)",
          "rollout": "\(entry.record.event.rollout?.text ?? "-")", "actor": "\(actor)",
        ])
    }
    return entries
  }

  private func isOnlyQueued(_ name: RolloutName) -> Bool {
    let service = effective.service
    return service.queued(name) != nil && service.rollouts[name]?.status.isLive != true
      && !retreats.contains { $0.rollout == name }
  }

  /// What is known at this moment of the rollout that is to be promoted, as far as its rows were
  /// read; nothing before the first look since the service started.
  private func findings(for command: Command, in state: ControlState) -> [RolloutName: Findings] {
    guard case .promote(let name, _, _) = command, reports[name] != nil,
      let rollout = state.service.rollouts[name],
      rollout.status.isLive, let findings = judge(rollout)
    else { return [:] }
    return [name: findings]
  }

  private func scheduleHold(of name: RolloutName) -> ScheduleHold? {
    control.service.rollouts[name]?.policy.schedule.hold(at: wallClock())
  }

  private func staleness(of name: RolloutName) -> [RolloutName: String] {
    guard let known = evidence[name], known.run == control.service.rollouts[name]?.run,
      let staleness = known.staleness(inForce: revision)
    else { return [:] }
    return [name: staleness]
  }

  /// Makes the backends ready that the documents ask for, writes the documents down, and only then
  /// has the backends answer.
  ///
  /// Backends come first because a table may only name what can answer. Those that were made ready
  /// for a command that is then refused are let go of, and have served nobody; what answered before
  /// goes on answering.
  private func apply(
    _ models: [ModelSpecification], _ rollouts: [RolloutPolicy], _ command: Command,
    by actor: String, _ reason: String?, _ key: IdempotencyKey?
  ) async throws(CommandRefusal) -> [JournalEntry] {
    let events = try effective.events(for: command, reports: reports, reason: reason)
    let changed = events.compactMap { event -> ModelSpecification? in
      if case .modelApplied(let model) = event { model } else { nil }
    }
    let named = Set(rollouts.flatMap(\.models)).subtracting(ready)
    let late = named.subtracting(changed.map(\.name)).compactMap { control.service.models[$0] }
    do {
      if try await prepare(changed + late.sorted { $0.name < $1.name }) { publish() }
      return try await commit(by: actor, key) { control, reports throws(CommandRefusal) in
        try control.events(for: command, reports: reports, reason: reason).map { ($0, reason) }
      }
    } catch {
      if error.code == .unavailable {
        // The next reading tells. Of several commands the last is enough: what the others may
        // have left is made ready again by looks.
        discard(doubtful)
        doubtful = changed
      } else {
        discard(changed)
      }
      throw error
    }
  }

  /// Takes the traffic back, then writes it down.
  private func retreat(
    from name: RolloutName, _ kind: Retreat.Kind, _ command: Command, by actor: String,
    _ reason: String?, _ key: IdempotencyKey?
  ) async throws(CommandRefusal) -> [JournalEntry] {
    if let waiting = retreats.first(where: { $0.rollout == name && $0.kind.endsRollout }) {
      // In force but not written yet, so that the answer "it is rolled back" could still be undone
      // by a crash: whoever asks again hears of it when it is on the disk.
      return try await write(waiting)
    }
    _ = try effective.events(for: command, reports: reports, ready: ready)
    guard let run = control.service.rollouts[name]?.run else { return [] }
    return try await retreat(
      Retreat(
        rollout: name, run: run, kind: kind, evidence: kind == .abort ? [] : reports[name] ?? [],
        actor: actor, reason: reason, key: key))
  }

  /// Puts a retreat in force and writes it down.
  func retreat(_ retreat: Retreat) async throws(CommandRefusal) -> [JournalEntry] {
    retreats.append(retreat)
    publish()
    return try await write(retreat)
  }

  /// Writes a retreat down that is in force.
  private func write(_ retreat: Retreat) async throws(CommandRefusal) -> [JournalEntry] {
    let before = control.service.sequence
    do {
      let written = try await commit(by: retreat.actor) { _, _ in [] }
      if !written.isEmpty { return written }
    } catch {
      // Not if another append has taken it along while this one failed.
      if retreats.contains(retreat) {
        note(.retreat(retreat.rollout), retreat.unwritten)
        throw error
      }
    }
    do {
      return try await journal.entries(after: before).filter {
        $0.record.event.rollout == retreat.rollout
      }
    } catch {
      throw CommandRefusal(.unavailable, "the journal cannot be read: \(error)")
    }
  }

  /// Writes retreats that wait and whatever `decide` makes of the state, folds and publishes.
  ///
  /// - Parameters:
  ///   - key: is kept with what was decided
  ///   - decide: asked again, on the state as it is then, whenever another writer was faster; gets
  ///     the state with every retreat done, and gives events with their reasons
  /// - Returns: the entries of what was decided, or of the retreats when nothing else was
  func commit(
    by actor: String, _ key: IdempotencyKey? = nil,
    _ decide: (ControlState, [RolloutName: [GateReport]]) throws(CommandRefusal)
      -> [(JournalEvent, String?)]
  ) async throws(CommandRefusal) -> [JournalEntry] {
    for _ in 0..<Self.attempts {
      let seen = control.service.sequence
      let now = wallClock()
      let decided = try decide(effective, reports).map {
        JournalRecord(event: $0.0, actor: actor, reason: $0.1, atMilliseconds: now)
      }
      let retreating = pendingRetreats
      let waiting = retreating.map { retreat, event in
        JournalRecord(
          event: event, actor: retreat.actor, reason: retreat.reason, atMilliseconds: now)
      }
      guard !(waiting + decided).isEmpty else { return [] }
      var keys = retreating.enumerated().compactMap { index, retreating in
        retreating.0.key.map { KeyedRecords($0, index..<index + 1) }
      }
      if let key, !decided.isEmpty {
        keys.append(KeyedRecords(key, waiting.count..<waiting.count + decided.count))
      }
      do {
        let entries = try await journal.append(waiting + decided, after: seen, keys: keys)
        absorb(entries)
        publish()
        settle(.journal)
        return decided.isEmpty ? entries : Array(entries.dropFirst(waiting.count))
      } catch  where error.code == .conflict {
        try await catchUp()
      } catch {
        throw unavailable(error)
      }
    }
    throw CommandRefusal(.conflict, "other commands came first; look again")
  }

  /// Folds what other writers, or an append that only seemed to fail, have left in the journal.
  func catchUp() async throws(CommandRefusal) {
    do {
      // A reading that began before the append failed would tell nothing of it.
      let doubted = doubtful
      absorb(try await journal.entries(after: control.service.sequence))
      discard(doubted)
      if doubtful == doubted { doubtful = [] }
      publish()
      settle(.journal)
    } catch {
      throw unavailable(error)
    }
  }

  private func unavailable(_ error: StorageError) -> CommandRefusal {
    note(.journal, "the journal is not available: \(error.message)")
    return CommandRefusal(.unavailable, "the journal is not available: \(error.message)")
  }
}
