package import Experimentation
package import Logging
package import Routing
package import Storage

/// Looks, judges, writes the decision down, moves traffic.
///
/// State is a fold over the journal and traffic is derived from state, so the order is always the
/// same: decide, append by compare-and-set, fold, publish. Whoever loses the race folds what the
/// winner wrote and decides again. Going back to the incumbent alone happens before it is written
/// (``Retreat``).
///
/// Between deciding and appending, and between folding and publishing, nothing is awaited; every
/// other interleaving of looks and commands is settled by the journal's sequence.
package actor Controller {
  /// Rows read at once, and batches at most read of one rollout in one look: a look after a restart
  /// over more rows than that is finished by the looks after it.
  static let batch = 5_000
  static let batchesPerLook = 200
  /// How often a command that lost against another one is decided anew.
  static let attempts = 16

  let journal: any Journal
  /// What requests did; for those who read it out.
  package nonisolated let outcomes: any OutcomeStore
  /// What people say of judged pairs; for those who ask them.
  package nonisolated let labels: any LabelStore
  let table: LiveRoutingTable
  let prepareModels: Preparation
  let wallClock: @Sendable () -> Int64
  let clock: any Clock<Duration>
  /// Time since the controller was made, by `clock`; only forward.
  let uptime: @Sendable () -> Duration
  let logger: Logger

  var control = ControlState()
  var retreats: [Retreat] = []
  /// Backends that were made ready and wait for the journal to say that they answer.
  var prepared: [ModelSpecification: @Sendable () -> Void] = [:]
  /// Documents of a command whose append failed: the entries may be in the journal all the same.
  var doubtful: [ModelSpecification] = []
  /// The documents whose backends answer.
  var answering: [ModelName: ModelSpecification] = [:]
  var lastPreparation: Duration?
  var stepBegan: [RolloutName: Duration] = [:]
  var lastLook: [RolloutName: Duration] = [:]
  var lastAllocation: [RolloutName: Duration] = [:]
  var evidence: [RolloutName: RunEvidence] = [:]
  var reports: [RolloutName: [GateReport]] = [:]
  var problems: [Concern: String] = [:]
  let retention: Retention
  let feedbackWindow: FeedbackWindow
  /// Which weights a model answers with from here on, where that is known.
  let revision: @Sendable (ModelName) -> String?
  let announce: @Sendable (Announcement) -> Void
  /// When old outcomes are looked for again, by `uptime`.
  var nextPruning = Duration.zero
  /// Whether a run is over since texts were last forgotten.
  var textsHaveGone = false

  /// Makes backends for the models, or says why it cannot; they answer nobody before the function
  /// that is given back was called.
  package typealias Preparation =
    @Sendable ([ModelSpecification]) async throws(CommandRefusal) -> @Sendable () -> Void

  /// - Parameters:
  ///   - journal: the memory of control; one writer at a time wins
  ///   - outcomes: what requests did, in the order of their assignment
  ///   - labels: what people say of pairs that a judge has looked at
  ///   - table: where traffic is published
  ///   - prepare: makes backends ready; what it gives back puts them in force, and is called once
  ///     the journal names these very documents, before a table does, or dropped when it never
  ///     will. Called again for models that were refused, so it must bear repetition
  ///   - wallClock: milliseconds since 1970, for people; decides nothing but whose time for
  ///     feedback is over
  ///   - clock: a clock that never jumps; steps are timed by it
  ///   - retention: how long raw outcomes stay
  ///   - feedbackWindow: how long after its request feedback is waited for, as the data
  ///     plane has it
  ///   - revision: which weights a model that is ready answers with; `nil` when only its answers
  ///     tell
  ///   - announce: told of what happens to rollouts, once, after it is written down; must not wait.
  ///     Not told of what was written in earlier lives of the service
  package init(
    journal: any Journal, outcomes: any OutcomeStore, labels: any LabelStore = NoLabels(),
    table: LiveRoutingTable, prepare: @escaping Preparation,
    wallClock: @escaping @Sendable () -> Int64, clock: any Clock<Duration>,
    retention: Retention = Retention(), feedbackWindow: FeedbackWindow = .standard,
    revision: @escaping @Sendable (ModelName) -> String? = { _ in nil },
    announce: @escaping @Sendable (Announcement) -> Void = { _ in }, logger: Logger
  ) {
    self.journal = journal
    self.outcomes = outcomes
    self.labels = labels
    self.table = table
    self.prepareModels = prepare
    self.wallClock = wallClock
    self.clock = clock
    self.retention = retention
    self.feedbackWindow = feedbackWindow
    self.revision = revision
    self.announce = announce
    self.uptime = clock.stopwatch()
    self.logger = logger
  }

  /// Folds the journal, makes the models ready and puts the traffic in force again. Before serving.
  ///
  /// A model that cannot be made ready serves nobody and shows in the health, as do routes that it
  /// leaves without an answer; looks try again. Times of steps start anew: what passed while nobody
  /// watched does not count towards a step, so that no clock that jumped, and no night that the
  /// service was down, moves a rollout.
  package func resume() async throws(StorageError) {
    absorb(try await journal.entries(after: control.service.sequence), announcing: false)
    await makeReady(Array(control.service.models.values))
    publish()
    logger.info(
      "control resumed",
      metadata: [
        "sequence": "\(control.service.sequence)", "routes": "\(control.service.incumbents.count)",
        "models": "\(ready.count)",
      ])
  }

  /// What the controller knows now.
  package func status() async -> ServiceStatus {
    let unanswered = table.snapshot.unansweredRoutes.map {
      "route '\($0.route)' answers nobody: its incumbent '\($0.incumbent)' is not ready"
    }
    let problems = problems.sorted { $0.key < $1.key }.map(\.value) + unanswered
    var status = ServiceStatus(
      state: control.service, reports: reports, health: ControllerHealth(problems: problems))
    do {
      for (name, rollout) in status.state.rollouts {
        let rollups = try await outcomes.rollups(of: name, run: rollout.run)
        if !rollups.isEmpty { status.comparisons[name] = ComparisonTable(rollups) }
      }
    } catch {
      status.health.problems.append("outcomes cannot be read: \(error.message)")
    }
    return status
  }

  /// Every entry of the journal that concerns `rollout`, or all of them, oldest first.
  package func history(
    of rollout: RolloutName?
  ) async throws(StorageError) -> [JournalEntry] {
    let entries = try await journal.entries(after: 0)
    guard let rollout else { return entries }
    return entries.filter { $0.record.event.rollout == rollout }
  }

  /// What the command of a key became; `nil` for a key that is not known.
  package func entries(ofKey text: String) async throws(StorageError) -> KeyedEntries? {
    try await journal.entries(ofKey: text)
  }

  /// Whether every entry of the journal is the one that was written.
  package func audit() async throws(StorageError) -> JournalAudit { try await journal.audit() }

  /// The runs of which anything is known.
  package func runs() async throws(StorageError) -> [RunID] { try await outcomes.runs().map(\.id) }
}

// MARK: - State

extension Controller {
  /// Folds entries that are new and puts what follows from them in force.
  ///
  /// Entries arrive once from the append that made them and perhaps once more from a reading; the
  /// sequence tells.
  func absorb(_ entries: [JournalEntry], announcing: Bool = true) {
    let now = uptime()
    for entry in entries where entry.sequence == control.service.sequence + 1 {
      let announcement = announcing ? Announcement(entry, in: control.service) : nil
      control.fold(entry)
      if let announcement { announce(announcement) }
      switch entry.record.event {
      case .rolloutApplied(let policy):
        stepBegan[policy.name] = now
        lastAllocation[policy.name] = nil
        // Those of the run before say nothing of this one.
        reports[policy.name] = nil
      case .advanced(let name, _, _), .resumed(let name): stepBegan[name] = now
      case .allocated(let name, _): lastAllocation[name] = now
      case .rolledBack, .aborted, .promoted, .superseded:
        // What people were to label goes with the run.
        textsHaveGone = true
      case .policiesApplied, .modelApplied, .candidateDropped, .queued, .approved, .paused,
        .inconclusive:
        break
      }
    }
    putInForce()
    for (name, rollout) in effective.service.rollouts {
      evidence[name]?.follow(rollout)
      if !rollout.status.isLive { settle(.look(name)) }
    }
    for retreat in retreats where retreat.event(in: control.service) == nil {
      settle(.retreat(retreat.rollout))
    }
    retreats.removeAll { $0.event(in: control.service) == nil }
  }

  /// The state with every retreat done: what is decided on, and what traffic follows.
  var effective: ControlState {
    pendingRetreats.reduce(control) { $0.assuming($1.event) }
  }

  /// The retreats that wait to be written, with their entries; each as it follows on those before.
  var pendingRetreats: [(retreat: Retreat, event: JournalEvent)] {
    var state = control
    return retreats.compactMap { retreat in
      guard let event = retreat.event(in: state.service) else { return nil }
      state = state.assuming(event)
      return (retreat, event)
    }
  }

  /// Puts the traffic of the state in force.
  func publish() {
    table.publish(RoutingTable(effective.service, ready: ready))
  }

  /// Models whose backends answer as the journal says.
  var ready: Set<ModelName> {
    Set(answering.filter { control.service.models[$0.key] == $0.value }.keys)
  }

  /// Has those prepared backends answer that the journal names.
  private func putInForce() {
    for (model, activate) in prepared where control.service.models[model.name] == model {
      activate()
      answering[model.name] = model
      prepared[model] = nil
      settle(.model(model.name))
    }
  }

  /// Makes backends ready. Those of models that the journal knows answer at once, the others as
  /// soon as it does.
  ///
  /// - Returns: whether one of them answers now
  @discardableResult
  func prepare(_ models: [ModelSpecification]) async throws(CommandRefusal) -> Bool {
    let before = ready
    for model in models { prepared[model] = try await prepareModels([model]) }
    putInForce()
    return ready != before
  }

  /// Lets go of backends that were made ready for nothing.
  func discard(_ models: [ModelSpecification]) {
    for model in models { prepared[model] = nil }
  }

  /// Makes models ready that the journal knows, one by one, so that one which is broken keeps no
  /// other from serving.
  func makeReady(_ models: [ModelSpecification]) async {
    lastPreparation = uptime()
    for model in models.sorted(by: { $0.name < $1.name }) {
      do {
        try await prepare([model])
        // Another document may have taken its name meanwhile.
        discard([model])
      } catch {
        note(.model(model.name), "model '\(model.name)' is not ready: \(error.message)")
      }
    }
  }

  /// Has it in the health that the policies somebody keeps for the service cannot be had, in a
  /// sentence; `nil` when they can again. What is in force stays in force.
  package func report(policies problem: String?) {
    if let problem { note(.policies, problem) } else { settle(.policies) }
  }

  /// A thing that may be wrong; each has one sentence in the health while it is.
  enum Concern: Hashable, Comparable {
    case journal
    case retreat(RolloutName)
    case model(ModelName)
    case look(RolloutName)
    case retention
    case policies
  }

  func note(_ concern: Concern, _ problem: String) {
    if problems[concern] != problem {
      logger.error("control degraded", metadata: ["problem": "\(problem)"])
    }
    problems[concern] = problem
  }

  func settle(_ concern: Concern) {
    problems[concern] = nil
  }
}

extension Clock where Duration == Swift.Duration {
  /// A function that tells the time since this call.
  fileprivate func stopwatch() -> @Sendable () -> Duration {
    let start = now
    return { start.duration(to: self.now) }
  }
}
