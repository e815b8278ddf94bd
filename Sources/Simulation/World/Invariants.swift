package import Experimentation
import Promotion
package import Routing
import Storage
import Synchronization

/// What must hold of a world at every step, whatever its seed; each by its number in RELIABILITY.
///
/// Checked from outside: from the disk and the routing table alone, by a fold of its own.
package final class Invariants: Sendable {
  /// A step at which something did not hold.
  package struct Violation: Hashable, Sendable, CustomStringConvertible {
    /// `I1`…`I8`
    package var invariant: String
    package var detail: String

    package var description: String { "\(invariant): \(detail)" }
  }

  /// How one run of a rollout stands or ended.
  package struct RunID: Hashable, Sendable {
    package var rollout: RolloutName
    package var run: Int

    package init(rollout: RolloutName, run: Int) {
      self.rollout = rollout
      self.run = run
    }
  }

  private struct State {
    var service = ServiceState()
    /// The states that a table in force may be derived from: of the last entries.
    var recent: [ServiceState] = [ServiceState()]
    var anchor: JournalEntry?
    var acknowledged: [Int64: String] = [:]
    /// Digests of a run's models when it began: what its evidence is about.
    var digests: [RunID: [ModelName: String]] = [:]
    var statuses: [RunID: RolloutStatus] = [:]
    var table: RoutingTable?
    var violations: [Violation] = []
  }

  private static let recentStates = 4
  private let state = Mutex(State())

  package init() {}

  /// What did not hold, in the order in which it was found.
  package var violations: [Violation] { state.withLock { $0.violations } }

  /// How each run stands by the journal.
  package var statuses: [RunID: RolloutStatus] { state.withLock { $0.statuses } }

  /// Notes something that another check found.
  package func report(_ invariant: String, _ detail: String) {
    state.withLock { $0.violations.append(Violation(invariant: invariant, detail: detail)) }
  }

  /// Remembers entries that somebody was told are written: they must stay for ever (I4).
  package func acknowledge(_ entries: [JournalEntry]) {
    state.withLock { state in
      for entry in entries { state.acknowledged[entry.sequence] = entry.hash }
    }
  }

  /// Checks a request's route against the one without shadows (I5).
  package func check(_ route: Route, withoutShadows other: Route) {
    if route.serving != other.serving || route.propensity != other.propensity {
      report("I5", "shadows change who answers: '\(other.serving)' becomes '\(route.serving)'")
    }
  }

  /// Checks that a unit which took part in all of `rollouts` was let into them by different
  /// layers (I8).
  package func check(_ unit: AssignmentUnit, in rollouts: [RolloutPolicy]) {
    let layers = rollouts.compactMap(\.assignment.layer?.name)
    for name in Set(layers) where layers.count(where: { $0 == name }) > 1 {
      report("I8", "'\(unit.id)' takes part in \(rollouts.count) rollouts of layer '\(name)'")
    }
  }

  /// Looks at the world between two steps.
  ///
  /// - Parameter table: of the process that lives; `nil` while none does
  package func check(_ disk: SimulatedDisk, _ table: RoutingTable?) {
    let head = disk.head
    let isUnchanged = state.withLock { $0.service.sequence == head && $0.table == table }
    if isUnchanged { return }
    let entries = disk.entries
    state.withLock { state in
      check(entries, &state)
      state.table = table
      if let table { check(table, &state) }
    }
  }

  /// Checks everything once more at the end, when nothing is under way.
  package func checkEnd(_ disk: SimulatedDisk, _ table: RoutingTable) {
    check(disk, table)
    let entries = disk.entries
    state.withLock { state in
      var previous: JournalEntry?
      for entry in entries {
        checkChain(entry, after: previous, &state)
        previous = entry
      }
      for (sequence, hash) in state.acknowledged
      where entries.first(where: { $0.sequence == sequence })?.hash != hash {
        state.violations.append(
          Violation(invariant: "I4", detail: "acknowledged entry \(sequence) is gone"))
      }
      let derived = RoutingTable(state.service, ready: table.models)
      if table.routes != derived.routes {
        state.violations.append(
          Violation(invariant: "I1", detail: "at rest the traffic is not what the journal says"))
      }
      for (route, waiting) in state.service.queue
      where state.service.liveRollout(on: route) == nil
        && state.service.rollouts[waiting.policy.name]?.status.isLive != true
      {
        state.violations.append(
          Violation(
            invariant: "I1",
            detail: "at rest '\(waiting.policy.name)' waits for a route that is free"))
      }
    }
  }
}

// MARK: - Journal

extension Invariants {
  private func check(_ entries: [JournalEntry], _ state: inout State) {
    func fail(_ invariant: String, _ detail: String) {
      state.violations.append(Violation(invariant: invariant, detail: detail))
    }
    if let anchor = state.anchor {
      let place = Int(anchor.sequence) - 1
      if !entries.indices.contains(place) || entries[place] != anchor {
        fail("I7", "the journal no longer has entry \(anchor.sequence) as it was")
        return
      }
    }
    for entry in entries.dropFirst(Int(state.anchor?.sequence ?? 0)) {
      checkChain(entry, after: state.anchor, &state)
      checkMove(entry.record, &state)
      state.service.fold(entry)
      state.anchor = entry
      state.recent = Array((state.recent + [state.service]).suffix(Self.recentStates))
      note(entry.record.event, &state)
      for (route, incumbent) in state.service.incumbents
      where state.service.models[incumbent] == nil {
        state.violations.append(
          Violation(invariant: "I1", detail: "route '\(route)' has no incumbent that is known"))
      }
      let live = Dictionary(
        grouping: state.service.rollouts.values.filter(\.status.isLive), by: \.policy.route)
      for (route, rollouts) in live where rollouts.count > 1 {
        state.violations.append(
          Violation(invariant: "I1", detail: "\(rollouts.count) rollouts on route '\(route)'"))
      }
    }
  }

  private func checkChain(
    _ entry: JournalEntry, after previous: JournalEntry?, _ state: inout State
  ) {
    if entry.sequence != (previous?.sequence ?? 0) + 1 {
      state.violations.append(
        Violation(invariant: "I2", detail: "entry \(entry.sequence) is out of sequence"))
    }
    let hash = JournalChain.hash(
      entry.record, sequence: entry.sequence, previous: previous?.hash ?? "")
    if hash != entry.hash {
      state.violations.append(
        Violation(invariant: "I7", detail: "the chain breaks at entry \(entry.sequence)"))
    }
  }

  /// Whether an event may follow on the state before it (I2, I3, I6).
  private func checkMove(_ record: JournalRecord, _ state: inout State) {
    let event = record.event
    func fail(_ invariant: String, _ detail: String) {
      state.violations.append(Violation(invariant: invariant, detail: detail))
    }
    guard let name = event.rollout else { return }
    switch event {
    case .queued: return
    case .superseded(_, let digest, _):
      if !state.service.isUnderWay(name, digest) {
        fail("I2", "'\(name)' gave way with a revision that is neither live nor queued")
      }
      return
    default: break
    }
    if case .rolloutApplied(let policy) = event {
      if state.service.liveRollout(on: policy.route) != nil {
        fail("I1", "'\(name)' was applied over a live rollout")
      }
      if let live = state.service.incumbents[policy.route], live != policy.incumbent {
        fail("I3", "'\(name)' was applied against '\(policy.incumbent)', not '\(live)'")
      }
      return
    }
    if case .aborted = event, state.service.queued(name) != nil { return }
    guard let rollout = state.service.rollouts[name] else {
      return fail("I2", "'\(event.title)' of a rollout that was never applied")
    }
    let isRunning = rollout.status == .running
    let isAllowed =
      switch event {
      case .advanced(_, let step, _): isRunning && step == rollout.step + 1
      case .paused, .inconclusive: isRunning
      case .allocated(_, let allocation):
        isRunning && rollout.currentStep?.traffic.isBandit == true && rollout.winner == nil
          && allocation.number == (rollout.allocations.last?.number ?? 0) + 1
      case .approved, .resumed, .aborted: rollout.status.isLive
      case .promoted(_, let model, _, _):
        rollout.status.isLive && rollout.candidates.contains(model)
      case .candidateDropped(_, let model, _, _):
        rollout.status.isLive && rollout.candidates.contains(model)
          && rollout.contenders != [model]
      case .rolledBack: rollout.status.isLive || rollout.status == .promoted
      case .policiesApplied, .modelApplied, .rolloutApplied, .queued, .superseded: true
      }
    if !isAllowed {
      fail("I2", "'\(event.title)' of '\(name)', which is \(rollout.status.rawValue)")
    }
    if case .promoted(_, let model, let open, let evidence) = event, open.isEmpty {
      checkPromotion(of: model, rollout, record.actor, evidence, &state)
    }
  }

  /// A promotion that nobody forced stands on evidence about this policy and these models.
  private func checkPromotion(
    of model: ModelName, _ rollout: RolloutState, _ actor: String, _ evidence: [GateReport],
    _ state: inout State
  ) {
    func fail(_ detail: String) {
      state.violations.append(Violation(invariant: "I3", detail: detail))
    }
    let policy = rollout.policy
    // Of several candidates a person may choose one that is through with the last step.
    let isChosen =
      actor != "controller" && policy.candidates.count > 1
      && rollout.step == policy.steps.count - 1
    if rollout.currentStep != nil, !isChosen { fail("promoted with steps left") }
    let required = policy.gates(judgedAt: rollout.step).filter(\.role.isRequired)
    for gate in required {
      let report = evidence.first { $0.gate == gate.name && $0.candidate == model }
      let isProven =
        report?.verdict == .pass
        || (actor != "controller" && rollout.currentStep == nil
          && report?.verdict == .inconclusive)
      if !isProven { fail("promoted without gate '\(gate.name)'") }
    }
    if evidence.contains(where: { report in !policy.metrics.contains { $0.name == report.gate } }) {
      fail("promoted on evidence of another policy")
    }
    let began = state.digests[RunID(rollout: policy.name, run: rollout.run)] ?? [:]
    for name in [policy.incumbent] + policy.candidates
    where state.service.models[name]?.digest != began[name] {
      fail("promoted although model '\(name)' has changed since")
    }
  }

  private func note(_ event: JournalEvent, _ state: inout State) {
    if case .rolloutApplied(let policy) = event, let rollout = state.service.rollouts[policy.name] {
      let id = RunID(rollout: policy.name, run: rollout.run)
      for model in [policy.incumbent] + policy.candidates {
        state.digests[id, default: [:]][model] = state.service.models[model]?.digest
      }
    }
    for (name, rollout) in state.service.rollouts {
      state.statuses[RunID(rollout: name, run: rollout.run)] = rollout.status
    }
  }
}

extension ServiceState {
  /// Whether `rules` are those of the route after some of its candidates have left, which the
  /// journal may not say yet.
  fileprivate func isReduced(
    on route: RouteName, to rules: RouteTable, ready: Set<ModelName>
  ) -> Bool {
    guard var rollout = liveRollout(on: route), !rules.vacant.isEmpty,
      rules.vacant.isSuperset(of: rollout.dropped.map(\.model)),
      rules.vacant.isStrictSubset(of: rollout.policy.candidates)
    else { return false }
    for model in rollout.policy.candidates
    where rules.vacant.contains(model) && !rollout.hasDropped(model) {
      rollout.dropped.append(DroppedCandidate(model: model, gate: nil, step: rollout.step))
    }
    let reduced = RouteTable(
      route, incumbent: incumbents[route] ?? rollout.policy.incumbent, rollout: rollout,
      ready: ready)
    return reduced == rules
  }

  /// Whether the revision of that digest is live or queued.
  fileprivate func isUnderWay(_ name: RolloutName, _ digest: String) -> Bool {
    let isLive = rollouts[name].map { $0.status.isLive && $0.policy.digest == digest } ?? false
    return isLive || queued(name)?.policy.digest == digest
  }
}

// MARK: - Traffic

extension Invariants {
  /// A table in force is derived from what is written down, or safer than that (I1, I6).
  private func check(_ table: RoutingTable, _ state: inout State) {
    for (route, rules) in table.routes {
      let sum = rules.serving.reduce(0) { $0 + $1.share.value }
      if abs(sum - 1) > 1e-9 {
        state.violations.append(
          Violation(invariant: "I1", detail: "route '\(route)' gives out \(sum) of its traffic"))
      }
      let isDerived = state.recent.contains {
        RoutingTable($0, ready: table.models).routes[route] == rules
          || $0.isReduced(on: route, to: rules, ready: table.models)
      }
      if isDerived { continue }
      let incumbents = state.recent.flatMap { service in
        service.rollouts.values.filter { $0.policy.route == route }.map(\.policy.incumbent)
          + (service.incumbents[route].map { [$0] } ?? [])
      }
      let isRetreat =
        rules.shadows.isEmpty && rules.serving.map(\.model) == [rules.incumbent]
        && incumbents.contains(rules.incumbent)
      if !isRetreat {
        state.violations.append(
          Violation(
            invariant: "I1", detail: "route '\(route)' has traffic that nobody wrote down"))
      }
    }
  }
}
