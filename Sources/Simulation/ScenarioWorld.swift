import Experimentation
import Promotion
import Routing
import Statistics
import Storage
import Synchronization

/// Lets a scenario happen: production router and controller, simulated users, disk and time.
package final class ScenarioWorld: Sendable {
  private struct State {
    var draws: Draws
    var story: Story
    var service: SimulatedService?
    var answers = RowsUnderWay<(outcomes: [Outcome], comparisons: [Comparison])>()
    /// What users will have said of answers that they have.
    var feedback = RowsUnderWay<Feedback>()
    var nextRequest = 0
    /// By user: whether it took part in the rollout, and in its companion.
    var tookPart: [Int: [Bool]] = [:]
  }

  private static let secondsToRestart = 5.0
  /// Until a user who has the answer takes one of its choices.
  private static let secondsToChoose = 10.0

  private let scenario: Scenario
  private let clock = VirtualClock()
  private let disk: SimulatedDisk
  private let invariants = Invariants()
  private let state: Mutex<State>

  private init(_ scenario: Scenario, seed: UInt64) {
    self.scenario = scenario
    disk = SimulatedDisk(faults: scenario.faults)
    state = Mutex(
      State(
        draws: Draws(seed: seed, scenario: scenario.name, run: 0),
        story: Story(scenario: scenario.name, seed: seed)))
  }

  /// Simulates `scenario`; the same seed tells the same story.
  package static func story(of scenario: Scenario, seed: UInt64) async -> Story {
    let world = ScenarioWorld(scenario, seed: seed)
    let ended: Bool? = await Schedule.run(
      seed: seed, clock: world.clock, afterStep: { world.check() }
    ) {
      await world.live()
      return true
    }
    if ended == nil { world.invariants.report("I9", "the world never came to rest") }
    return world.finished()
  }

  private var hours: Double { clock.now.elapsed / .seconds(3_600) }

  private func note(_ text: String) {
    let line = Story.Line(hours: hours, text: text)
    state.withLock { $0.story.lines.append(line) }
  }

  private func check() {
    let service = state.withLock { $0.service }
    invariants.check(disk, service.flatMap { $0.store.isAlive ? $0.table.snapshot : nil })
  }

  private var standing: RolloutState? {
    ServiceState(folding: disk.entries).rollouts[scenario.policy.name]
  }

  private var isOver: Bool {
    hours >= scenario.hours
      || invariants.statuses.contains {
        $0.key.rollout == scenario.policy.name && !$0.value.isLive
      }
  }
}

// MARK: - Lives

extension ScenarioWorld {
  private func live() async {
    await withTaskGroup(of: Void.self) { world in
      world.addTask { await self.befall() }
      while !isOver {
        await liveOnce()
        if !isOver { try? await clock.sleep(for: .seconds(Self.secondsToRestart)) }
      }
      world.cancelAll()
    }
    disk.isAway = false
    guard let service = try? await SimulatedService(disk, clock: clock) else {
      return invariants.report("I4", "what was written cannot be read again")
    }
    invariants.checkEnd(disk, service.table.snapshot)
  }

  /// One life of the service, until it is killed or all is over.
  private func liveOnce() async {
    guard let service = try? await SimulatedService(disk, clock: clock), service.store.isAlive
    else { return }
    let life = state.withLock { state in
      state.service = service
      state.answers = RowsUnderWay()
      state.story.lives += 1
      return state.story.lives
    }
    if life > 1 { note("the service starts again and resumes from the journal") }
    // Who applies a folder does so again until it is in force.
    for _ in 0..<10 where standing == nil && service.store.isAlive {
      await begin(on: service)
      if standing == nil { try? await clock.sleep(for: .seconds(1)) }
    }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await service.controller.run() }
      group.addTask { await self.serve(on: service) }
      // Serving ends when the process or the world does; looks go on until they are stopped.
      await group.next()
      group.cancelAll()
    }
    if !service.store.isAlive { note("the process dies") }
  }

  private func begin(on service: SimulatedService) async {
    let policy = scenario.policy
    let models = ([policy.incumbent] + policy.candidates).compactMap { name in
      SimulatedNames()?.model(name)
    }
    let rollouts = [policy] + (scenario.companion.map { [$0] } ?? [])
    await perform(.apply(models: models, rollouts: rollouts), on: service)
  }

  private func perform(_ command: Command, on service: SimulatedService) async {
    do {
      invariants.acknowledge(
        try await service.controller.perform(command, actor: "operator", reason: "simulated"))
    } catch {
      note("\(command.title) is refused: \(error.message)")
    }
  }

  /// What happens from outside: orders, crashes, a disk that goes away.
  private func befall() async {
    typealias Event = (hours: Double, act: @Sendable () async -> Void)
    var events: [Event] = scenario.orders.map { order in
      (order.atHours, { await self.obey(order) })
    }
    events += scenario.crashHours.map { hours in
      (hours, { self.disk.crash() })
    }
    if let away = scenario.awayHours {
      events.append(
        (
          away.lowerBound,
          {
            self.disk.isAway = true
            self.note("the disk is away")
          }
        ))
      events.append(
        (
          away.upperBound,
          {
            self.disk.isAway = false
            self.note("the disk is back")
          }
        ))
    }
    events += news.map { news in (news.hours, { self.note(news.text) }) }
    for event in events.sorted(by: { $0.hours < $1.hours }) {
      let wait = event.hours * 3_600 - clock.now.elapsed / .seconds(1)
      // The world has ended long before; what is more is no `Duration`.
      let seconds = min(max(0, wait), 1e9)
      guard (try? await clock.sleep(for: .seconds(seconds))) != nil else { return }
      await event.act()
    }
  }

  /// What is true from then on, for who reads the story.
  private var news: [(hours: Double, text: String)] {
    let incidents = scenario.traffic.incidents.flatMap { incident in
      let errors = Share(incident.addedErrors).map { "\($0.rounded) more errors" }
      return [
        (
          incident.fromHours,
          "trouble on the whole platform: \(errors ?? "errors"), answers take "
            + "\(incident.slowdown) times as long"
        ), (incident.toHours, "the trouble is over"),
      ]
    }
    let who = scenario.policy.candidates.count > 1 ? "rival" : "candidate"
    return incidents + (scenario.change.map { [($0.atHours, "the \(who) changes")] } ?? [])
  }

  private func obey(_ order: Scenario.Order) async {
    guard let service = state.withLock({ $0.service }), service.store.isAlive else {
      return note("\(order.kind.rawValue): nobody answers")
    }
    let name = scenario.policy.name
    let command: Command =
      switch order.kind {
      case .promote: .promote(name, model: nil, force: false)
      case .forcePromote: .promote(name, model: nil, force: true)
      case .abort: .abort(name)
      case .rollBack: .rollBack(name)
      case .approve: .approve(name)
      case .pause: .pause(name)
      case .resume: .resume(name)
      }
    await perform(command, on: service)
  }
}

// MARK: - Requests

extension ScenarioWorld {
  /// Answers the requests of each second and hands finished ones to the store, in the order of
  /// assignment.
  private func serve(on service: SimulatedService) async {
    while !isOver, service.store.isAlive, !Task.isCancelled {
      let (table, time) = (service.table.snapshot, hours)
      let (rows, feedback) = state.withLock { state in
        let count = scenario.traffic.requests(at: time, &state.draws)
        for _ in 0..<count { ask(in: table, at: time, &state) }
        return (
          state.answers.finished(at: time * 3_600), state.feedback.finished(at: time * 3_600)
        )
      }
      if !rows.isEmpty {
        try? await service.store.append(
          outcomes: rows.flatMap(\.outcomes), comparisons: rows.flatMap(\.comparisons))
      }
      if !feedback.isEmpty, (try? await service.store.record(feedback)) != nil {
        state.withLock { count(feedback, &$0.story.votes) }
      }
      guard (try? await clock.sleep(for: .seconds(1))) != nil else { return }
    }
  }

  /// One user's question, on every route that has a rollout.
  private func ask(in table: RoutingTable, at hours: Double, _ state: inout State) {
    guard let rules = table.routes[scenario.policy.route] else {
      state.story.lostRequests += 1
      return
    }
    let number = state.nextRequest
    state.nextRequest += 1
    // Squared, so that a tenth of the users makes a third of the requests.
    let draw = state.draws.uniform()
    let user = Int(draw * draw * Double(scenario.traffic.users))
    let route = answer("r\(number)", of: user, by: rules, at: hours, &state)
    state.story.requests += 1
    let met = route.draft + [route.serving]
    if scenario.policy.candidates.contains(where: met.contains) {
      state.story.candidateRequests += 1
    }
    guard let companion = scenario.companion, let others = table.routes[companion.route] else {
      return
    }
    let other = answer("s\(number)", of: user, by: others, at: hours, &state)
    meet(user, route, other, companion, &state)
  }

  private func meet(
    _ user: Int, _ route: Route, _ other: Route, _ companion: RolloutPolicy, _ state: inout State
  ) {
    var took = state.tookPart[user, default: [false, false]]
    if route.rollout != nil { took[0] = true }
    if other.rollout != nil { took[1] = true }
    state.tookPart[user] = took
    if took == [true, true] {
      invariants.check(AssignmentUnit(id: "user-\(user)"), in: [scenario.policy, companion])
    }
  }

  private func answer(
    _ id: String, of user: Int, by rules: RouteTable, at hours: Double, _ state: inout State
  ) -> Route {
    let unit = AssignmentUnit(id: rules.unit == .request ? id : "user-\(user)")
    // A context is known before routing; without one the draws come in the order they always had.
    var prompt = rules.context == nil ? 0 : state.draws.normal()
    let cell = rules.context.map {
      $0.cell(promptTokens: scenario.traffic.promptTokens(prompt: prompt), labels: [:])
    }
    let choices = scenario.traffic.choices
    let route = Router.route(unit, requestID: id, choices: choices, cell: cell, in: rules)
    var bare = rules
    bare.shadows = []
    invariants.check(
      route,
      withoutShadows: Router.route(unit, requestID: id, choices: choices, cell: cell, in: bare))
    if rules.context == nil { prompt = state.draws.normal() }
    let place = Assignment(
      route: rules.route, rollout: route.rollout,
      unitHash: StableHash.hash(salt: "unit", unit: rules.dealt(unit, in: cell).id),
      propensity: route.propensity, atMilliseconds: Int64(hours * 3_600_000))
    guard route.draft.isEmpty else {
      answer(route.draft, id, place, prompt, hours, &state)
      return route
    }
    let answer = scenario.traffic.answer(
      of: truth(of: route.serving, at: hours), at: hours, prompt: prompt, &state.draws)
    let comparisons = route.shadows.map { shadow in
      comparison(with: shadow.model, to: answer, place, id, prompt, hours, &state.draws)
    }
    let outcome = Outcome(
      requestID: id, assignment: place, model: route.serving, measurements: answer)
    state.answers.add(
      ([outcome], comparisons), finishedAt: hours * 3_600 + answer.totalSeconds)
    if scenario.policy.steps.contains(where: \.traffic.isBandit) {
      regret(route.serving, prompt, hours, &state.story.regret)
    }
    return route
  }

  /// An answer of several choices, each by the model that was drawn for its place, of which a user
  /// takes one. The incumbent fills in for who fails; if it fails itself there is no answer.
  private func answer(
    _ draft: [ModelName], _ id: String, _ place: Assignment, _ prompt: Double, _ hours: Double,
    _ state: inout State
  ) {
    let models = draft.indices.filter { !draft[..<$0].contains(draft[$0]) }
    let outcomes = models.map { first in
      Outcome(
        requestID: id, assignment: place, model: draft[first],
        measurements: scenario.traffic.answer(
          of: truth(of: draft[first], at: hours), at: hours, prompt: prompt, &state.draws),
        choices: draft.indices.filter { draft[$0] == draft[first] }, draw: id)
    }
    let seconds = outcomes.map(\.measurements.totalSeconds).max() ?? 0
    state.answers.add((outcomes, []), finishedAt: hours * 3_600 + seconds)
    let failed = Set(outcomes.filter { $0.measurements.failure != nil }.map(\.model))
    guard !failed.contains(scenario.policy.incumbent) else { return }
    let authors = draft.map { failed.contains($0) ? scenario.policy.incumbent : $0 }
    let taken = scenario.traffic.taken(
      of: authors.map { truth(of: $0, at: hours).appeal }, &state.draws)
    let said = hours * 3_600 + seconds + Self.secondsToChoose
    state.feedback.add(
      Feedback(
        requestID: id, assignment: place, model: authors[taken], choice: taken, value: 1,
        receivedAtMilliseconds: Int64(said * 1_000)), finishedAt: said)
  }

  private func count(_ feedback: [Feedback], _ votes: inout Story.Votes?) {
    var sum = votes ?? Story.Votes()
    sum.all += feedback.count
    sum.ofCandidate += feedback.count { $0.model != scenario.policy.incumbent }
    sum.ofFirstPlace += feedback.count { $0.choice == 0 }
    votes = sum
  }

  private func regret(
    _ model: ModelName, _ prompt: Double, _ hours: Double, _ regret: inout Story.Regret?
  ) {
    let incumbent = scenario.incumbent.expectedSeconds(prompt: prompt)
    let candidate = (scenario.policy.candidates.first.map { truth(of: $0, at: hours) })?
      .expectedSeconds(prompt: prompt)
    guard let candidate else { return }
    let least = min(incumbent, candidate)
    var sum = regret ?? Story.Regret()
    sum.seconds += (model == scenario.policy.incumbent ? incumbent : candidate) - least
    sum.ofIncumbent += incumbent - least
    sum.ofCandidate += candidate - least
    regret = sum
  }

  private func comparison(
    with model: ModelName, to answer: Measurements, _ place: Assignment, _ id: String,
    _ prompt: Double, _ hours: Double, _ draws: inout Draws
  ) -> Comparison {
    let truth = truth(of: model, at: hours)
    let shadow = scenario.traffic.answer(of: truth, at: hours, prompt: prompt, &draws)
    let isWhole = answer.failure == nil && shadow.failure == nil
    // Uniform around the mean; agreement near 1 is bounded by it.
    let width = min(truth.agreement, 1 - truth.agreement)
    let agreement = truth.agreement + width * (2 * draws.uniform() - 1)
    return Comparison(
      requestID: id, assignment: place, incumbent: scenario.policy.incumbent, candidate: model,
      incumbentMeasurements: answer, candidateMeasurements: shadow,
      tokenAgreement: isWhole ? agreement : nil, prefixAgreement: isWhole ? agreement : nil)
  }

  private func truth(of model: ModelName, at hours: Double) -> ModelTruth {
    guard let place = scenario.policy.candidates.firstIndex(of: model) else {
      return scenario.incumbent
    }
    let isLast = place == scenario.policy.candidates.count - 1
    if isLast, let change = scenario.change, hours >= change.atHours { return change.truth }
    return place == 0 ? scenario.candidate : scenario.rival
  }
}

// MARK: - Telling

extension ScenarioWorld {
  private func finished() -> Story {
    var story = state.withLock { state in
      var story = state.story
      if scenario.companion != nil {
        let all = state.tookPart.values
        story.meeting = Story.Meeting(
          users: all.count, first: all.count { $0[0] }, second: all.count { $0[1] },
          both: all.count { $0 == [true, true] })
      }
      return story
    }
    story.violations = invariants.violations
    let name = scenario.policy.name
    for entry in disk.entries {
      let event = entry.record.event
      let time = Double(entry.record.atMilliseconds) / 3_600_000
      let companion = scenario.companion.flatMap { $0.name == event.rollout ? $0 : nil }
      var line = Story.Line(
        hours: time,
        text: companion.map { "\($0.name): \($0.sentence(of: event))" }
          ?? scenario.policy.sentence(of: event))
      if entry.record.actor != "controller" { line.text += " by \(entry.record.actor)" }
      if let reason = entry.record.reason, entry.record.actor == "controller" {
        line.text += ": \(reason)"
      }
      line.reasons = event.evidence.map(\.reason)
      story.lines.append(line)
    }
    // Stable: lines of one moment stay in the order in which they were noted.
    story.lines = story.lines.enumerated().sorted {
      ($0.element.hours, $0.offset) < ($1.element.hours, $1.offset)
    }.map(\.element)
    let end = ServiceState(folding: disk.entries).rollouts[name]
    story.status = end?.status
    if end?.status.isLive == false {
      story.endedAtHours = disk.entries.last { $0.record.event.rollout == name }.map {
        Double($0.record.atMilliseconds) / 3_600_000
      }
    }
    return story
  }
}
