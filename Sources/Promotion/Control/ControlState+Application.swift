package import Experimentation

// What applying documents becomes.
extension ControlState {
  /// All documents or none; each is decided on the state that the ones before leave behind, but for
  /// the units of layers, which are looked at when all have been: two may change places.
  func apply(
    _ models: [ModelSpecification], _ rollouts: [RolloutPolicy], from origin: PolicyOrigin?
  ) throws(CommandRefusal) -> [JournalEvent] {
    let isNewer = try checkOrder(of: origin)
    var next = self
    var events: [JournalEvent] = []
    for model in models {
      guard let event = try next.application(of: model) else { continue }
      events.append(event)
      next = next.assuming(event)
    }
    for policy in rollouts {
      for event in try next.application(of: policy) {
        events.append(event)
        next = next.assuming(event)
      }
    }
    try next.checkLayers(after: events)
    try checkChanges(events, of: origin)
    // What nobody signed and no commit has says nothing that the documents do not.
    guard let origin, origin.commit != nil || origin.seal != nil, !events.isEmpty || isNewer else {
      return events
    }
    return [.policiesApplied(origin)] + events
  }

  /// Refuses a set that is older than the newest one of its name, so that nobody takes a service
  /// back to rules that were given up, with a signature that was right once.
  ///
  /// - Returns: whether the set is signed and newer than all before
  private func checkOrder(of origin: PolicyOrigin?) throws(CommandRefusal) -> Bool {
    guard let revision = origin?.revision else { return false }
    guard let newest = service.signedSets.newest[revision.set] else { return true }
    if revision.number > newest.number { return true }
    if revision == newest { return false }
    throw Self.stale(
      revision,
      revision.number == newest.number
        ? "others were applied as that one" : "revision \(newest.number) was applied before")
  }

  /// Refuses to change a document that another set has changed under a newer revision.
  private func checkChanges(
    _ events: [JournalEvent], of origin: PolicyOrigin?
  ) throws(CommandRefusal) {
    guard let revision = origin?.revision else { return }
    for event in events {
      guard let document = event.document,
        let later = service.signedSets.later(than: revision, changing: event)
      else { continue }
      throw Self.stale(revision, "\(document) was changed by \(later) since")
    }
  }

  private static func stale(
    _ revision: SignedSets.Revision, _ reason: String
  ) -> CommandRefusal {
    CommandRefusal(
      .staleRevision, "the policies are signed as \(revision), and \(reason)",
      remedy: "sign them again with a higher --revision, if they are what is wanted")
  }

  private func application(
    of model: ModelSpecification
  ) throws(CommandRefusal) -> JournalEvent? {
    if service.models[model.name]?.digest == model.digest { return nil }
    let user = service.rollouts.values.first { rollout in
      rollout.status.isLive && rollout.policy.models.contains(model.name)
    }
    if let user {
      throw CommandRefusal(
        .notAllowed,
        "model '\(model.name)' changed while rollout '\(user.policy.name)' gathers evidence with "
          + "it: the evidence would be stale",
        remedy: "give the changed model a name of its own, or abort '\(user.policy.name)' first")
    }
    return .modelApplied(model)
  }

  /// A digest that was the last one applied under its name changes nothing, however that run ended:
  /// who applies a folder over and over shall not restart what was rolled back. Another salt makes
  /// another digest. A revision that was taken from the queue before it began is decided anew.
  private func application(of policy: RolloutPolicy) throws(CommandRefusal) -> [JournalEvent] {
    let known = service.rollouts[policy.name]
    if let known, known.run > 0, known.policy.digest == policy.digest { return [] }
    if service.queued(policy.name)?.policy.digest == policy.digest { return [] }
    for name in policy.models where service.models[name] == nil {
      throw CommandRefusal(
        .notFound, "rollout '\(policy.name)' names the model '\(name)', which nobody applied",
        remedy: "apply a `kind: Model` document named '\(name)' with it")
    }
    let sameName = known.flatMap { $0.status.isLive ? $0 : nil }
    try checkReturning(of: policy)
    let onRoute = service.liveRollout(on: policy.route)
    guard let live = onRoute ?? sameName else {
      try checkIncumbent(of: policy, orAfter: [])
      return superseding([service.queued(policy.name)], by: policy) + [.rolloutApplied(policy)]
    }
    switch policy.onNewRevision {
    case .refuse:
      throw CommandRefusal(
        .rolloutUnderWay,
        "rollout '\(live.policy.name)' is \(live.status.phrase) on route '\(live.policy.route)'",
        remedy: "promote it, or `rollout abort \(live.policy.name)` first; 'onNewRevision' in the "
          + "new document says otherwise")
    case .replace:
      try checkIncumbent(of: policy, orAfter: [])
      let other = sameName.flatMap { $0.policy.route == policy.route ? nil : $0 }
      return superseding([onRoute, other, service.queued(policy.name)], by: policy)
        + [.rolloutApplied(policy)]
    case .queue:
      try checkIncumbent(of: policy, orAfter: onRoute?.candidates ?? [])
      let waiting = service.queue[policy.route]
      let renamed = service.queued(policy.name).flatMap { $0 == waiting ? nil : $0 }
      return superseding([waiting, renamed], by: policy) + [.queued(policy)]
    }
  }

  private func superseding(
    _ rollouts: [RolloutState?], by policy: RolloutPolicy
  ) -> [JournalEvent] {
    rollouts.compactMap { $0?.policy }.map {
      .superseded($0.name, digest: $0.digest, by: policy.name)
    }
  }

  /// Refuses a policy against a model that is not live, nor will be when one of `candidates` is
  /// promoted.
  private func checkIncumbent(
    of policy: RolloutPolicy, orAfter candidates: [ModelName]
  ) throws(CommandRefusal) {
    guard let incumbent = service.incumbents[policy.route], incumbent != policy.incumbent,
      !candidates.contains(policy.incumbent)
    else { return }
    throw CommandRefusal(
      .staleIncumbent,
      "rollout '\(policy.name)' was written against '\(policy.incumbent)', but '\(incumbent)' is "
        + "live on route '\(policy.route)'",
      remedy: "-incumbent: \(policy.incumbent)\n+incumbent: \(incumbent)")
  }
}

// MARK: - The queue

extension ControlState {
  /// What a queued revision becomes, with the reason for the journal.
  package struct Dequeued: Hashable, Sendable {
    package var event: JournalEvent
    package var reason: String
  }

  /// What becomes of the revisions that wait, now that what they waited for may have ended: pure.
  ///
  /// One whose route is free begins, at an hour that its own schedule allows. One that was written
  /// against another model than the one that is live by then never does: nobody has said what its
  /// candidates are to be compared with.
  ///
  /// - Parameter hold: why the hour does not let a policy go forward
  package func dequeued(hold: (RolloutPolicy) -> ScheduleHold?) -> [Dequeued] {
    var next = self
    var dequeued: [Dequeued] = []
    for route in service.queue.keys.sorted() {
      guard let outcome = next.dequeued(from: route, hold: hold) else { continue }
      dequeued.append(outcome)
      next = next.assuming(outcome.event)
    }
    return dequeued
  }

  private func dequeued(
    from route: RouteName, hold: (RolloutPolicy) -> ScheduleHold?
  ) -> Dequeued? {
    guard let policy = service.queue[route]?.policy, service.liveRollout(on: route) == nil,
      service.rollouts[policy.name]?.status.isLive != true
    else { return nil }
    if let incumbent = service.incumbents[route], incumbent != policy.incumbent {
      return Dequeued(
        event: .superseded(policy.name, digest: policy.digest, by: nil),
        reason: "it waited and was written against '\(policy.incumbent)', but '\(incumbent)' is "
          + "live on route '\(route)'")
    }
    // It may have left since the revision was queued.
    if let returning = returningCandidate(of: policy) {
      return Dequeued(
        event: .superseded(policy.name, digest: policy.digest, by: nil),
        reason: "it waited, and \(returning.sentence)")
    }
    guard hold(policy) == nil else { return nil }
    return Dequeued(event: .rolloutApplied(policy), reason: "its turn in the queue")
  }
}
