import Experimentation
import Logging
import Promotion
import Routing
import Statistics
import Storage

/// Lets recorded requests arrive at the production router and controller, in virtual time.
///
/// The store forgets what was read, the clock goes from look to look, and requests between two
/// looks share one table, since nothing but looks and commands changes it. Approvals are given as
/// soon as they are asked for. The world ends with the trace, or when the rollout has ended, waits
/// for a person, or has passed its last step.
package struct BacktestWorld {
  /// More looks than this are too many for one answer: a trace of days with a look each tenth of a
  /// second.
  private static let greatestLooks = 2_000_000.0

  /// Asks `trace` what the plan's policy would have done; the same seed gives the same answer.
  ///
  /// - Throws: `BacktestRefusal` when the trace cannot tell.
  package static func run(
    _ plan: BacktestPlan, on trace: Trace
  ) async throws(BacktestRefusal) -> Backtest {
    let records = try RecordedAnswers(trace, for: plan)
    let span = Double((trace.endMilliseconds ?? 0) - (trace.beginMilliseconds ?? 0)) / 1_000
    let looks = span / plan.policy.analysis.everySeconds
    guard looks <= greatestLooks else {
      throw BacktestRefusal(
        message: "the trace has \(Int(looks)) looks of \(plan.policy.analysis.everySeconds) s",
        remedy: "name fewer files, or look less often: analysis.every")
    }
    let clock = VirtualClock()
    let told: Result<Backtest, BacktestRefusal>?
    told = await Schedule.run(seed: plan.seed, clock: clock) {
      var run = BacktestRun(plan, records, clock)
      do throws(BacktestRefusal) {
        return .success(try await run.live())
      } catch {
        return .failure(error)
      }
    }
    guard let told else {
      throw BacktestRefusal(
        message: "the simulated world never came to rest", remedy: "report this with its seed")
    }
    var backtest = try told.get()
    backtest.offPolicy = OffPolicyReport.lines(of: plan.policy, on: trace)
    return backtest
  }
}

/// One run of the world, from the first request to the end.
struct BacktestRun {
  private let records: RecordedAnswers
  private let clock: VirtualClock
  private let begin: Int64
  private let store = PassingStore()
  private let table = LiveRoutingTable()
  private let disk = SimulatedDisk()
  private let controller: Controller
  private var draws: Draws
  private let asksPeople: Bool
  private var backtest: Backtest
  private var participation: Participation
  private var next = 0
  private var outcomes = RowsUnderWay<Outcome>()
  private var comparisons = RowsUnderWay<Comparison>()
  private var lanes: [ModelName: ShadowLane] = [:]
  private var units: Set<UInt64> = []
  private var candidateUnits: Set<UInt64> = []
  private var stepUnits: Set<UInt64> = []

  init(_ plan: BacktestPlan, _ records: RecordedAnswers, _ clock: VirtualClock) {
    self.records = records
    self.clock = clock
    let begin = records.trace.beginMilliseconds ?? 0
    self.begin = begin
    controller = Controller(
      journal: disk.open(), outcomes: store, table: table, prepare: { _ in {} },
      wallClock: { begin + Int64(clock.now.elapsed / .milliseconds(1)) }, clock: clock,
      logger: Logger(label: "backtest") { _ in SwiftLogNoOpLogHandler() })
    var plan = plan
    // Nobody labels what is long over.
    asksPeople = plan.policy.judge?.labels != nil
    plan.policy.judge?.labels = nil
    draws = Draws(seed: plan.seed, scenario: "backtest", run: 0)
    backtest = Backtest(plan: plan)
    participation = Participation(in: plan.policy.name, of: records.trace)
  }

  private var policy: RolloutPolicy { backtest.plan.policy }
  private var seconds: Double { clock.now.elapsed / .seconds(1) }

  /// Lets everything happen and tells it.
  ///
  /// - Throws: `BacktestRefusal` when the policy would not be applied
  mutating func live() async throws(BacktestRefusal) -> Backtest {
    try await start()
    await look()
    let interval = min(max(0.1, policy.analysis.everySeconds), 86_400)
    var looks = 0.0
    while !isOver {
      looks += 1
      let time = looks * interval
      serve(until: time)
      let instant = VirtualClock.Instant(elapsed: .seconds(time))
      guard (try? await clock.sleep(until: instant, tolerance: nil)) != nil else { break }
      let finished = (outcomes.finished(at: time), comparisons.finished(at: time))
      try? await store.append(outcomes: finished.0, comparisons: finished.1)
      await look()
    }
    return await ended()
  }

  private func start() async throws(BacktestRefusal) {
    let names = SimulatedNames()
    try? await controller.resume()
    do throws(CommandRefusal) {
      _ = try await controller.perform(
        .apply(models: policy.models.compactMap { names?.model($0) }, rollouts: [policy]),
        actor: "backtest", reason: nil)
    } catch {
      throw BacktestRefusal(
        message: "the rollout cannot begin: \(error.message)",
        remedy: error.remedy ?? "mend the policy")
    }
  }

  private var isOver: Bool {
    let isServed = next == records.trace.requests.count && outcomes.isEmpty && comparisons.isEmpty
    guard let state = backtest.state else { return true }
    return isServed || state.status != .running || state.step >= policy.steps.count
  }

  /// A look, as often as the service takes one; a person approves what waits for approval.
  private mutating func look() async {
    await controller.look()
    for _ in 0...policy.steps.count {
      let status = await controller.status()
      backtest.state = status.state.rollouts[policy.name]
      backtest.gates = status.reports[policy.name] ?? backtest.gates
      noteStep()
      guard let state = backtest.state, state.status == .running,
        case .approval = state.currentStep?.traffic, state.approvedStep != state.step
      else { return }
      _ = try? await controller.perform(
        .approve(policy.name), actor: "backtest", reason: "approvals are given at once")
      await controller.look()
    }
  }

  private mutating func noteStep() {
    guard let state = backtest.state else { return }
    if let last = backtest.steps.indices.last {
      backtest.steps[last].endedSeconds = seconds
      if backtest.steps[last].step == state.step { return }
      backtest.steps[last].candidateUnits = stepUnits.count
    }
    guard state.status.isLive, policy.steps.indices.contains(state.step) else { return }
    stepUnits = []
    backtest.steps.append(
      Backtest.StepRun(
        step: state.step, words: policy.steps[state.step].traffic.words, beganSeconds: seconds,
        endedSeconds: seconds))
  }
}

// MARK: - Requests

extension BacktestRun {
  /// Routes and answers the requests that come before `time`, all by the table in force.
  private mutating func serve(until time: Double) {
    guard let rules = table.snapshot.routes[policy.route] else { return }
    let trace = records.trace
    while next < trace.requests.count {
      let request = trace.requests[next]
      let arrival = Double(request.atMilliseconds - begin) / 1_000
      guard arrival < time else { return }
      next += 1
      serve(request, at: arrival, by: rules)
    }
  }

  private mutating func serve(
    _ request: Trace.Request, at arrival: Double, by rules: RouteTable
  ) {
    let rules = participation.rules(for: request, of: records.trace, by: rules)
    let hash = rules.unit == .request ? request.id : request.unit
    let unit = AssignmentUnit(id: String(hash, radix: 36))
    let name = String(request.id, radix: 36)
    let cell = rules.context?.cell(
      promptTokens: records.trace.promptTokens(of: request),
      labels: records.trace.labels[Int(request.labels)])
    let route = Router.route(unit, requestID: name, cell: cell, in: rules)
    guard let answered = records.answer(of: route.serving, to: request, &draws) else { return }
    count(answered.source)
    count(unit: hash, isCandidate: route.serving != policy.incumbent)
    var place = Assignment(
      route: rules.route, rollout: route.rollout,
      // What is dealt in a cell is a unit of its own; the recorded hash is all there is to tell it.
      unitHash: rules.cell(cell).map { hash ^ (UInt64($0 + 1) &* 0x9E37_79B9_7F4A_7C15) } ?? hash,
      propensity: route.propensity,
      atMilliseconds: request.atMilliseconds)
    place.labels = records.trace.labels[Int(request.labels)]
    let measurements = answered.answer.measurements
    outcomes.add(
      Outcome(requestID: name, assignment: place, model: route.serving, measurements: measurements),
      finishedAt: arrival + measurements.queueSeconds + measurements.totalSeconds)
    // What an incumbent would have answered a second time is in no trace.
    for rule in route.shadows where rule.controlOf == nil {
      shadow(request, by: rule, beside: answered.answer, at: arrival, place, name)
    }
  }

  private mutating func shadow(
    _ request: Trace.Request, by rule: ShadowRule, beside answer: TraceAnswer, at arrival: Double,
    _ place: Assignment, _ name: String
  ) {
    guard
      let (pair, source) = records.comparison(
        with: rule.model, to: request, beside: answer, &draws)
    else { return }
    let candidate = pair.candidate.measurements
    let end = lanes[rule.model, default: ShadowLane()].run(
      at: arrival, for: candidate.totalSeconds,
      tokens: (candidate.promptTokens ?? 0) + (candidate.outputTokens ?? 0), within: rule.traffic)
    let step = backtest.steps.indices.last
    guard let end else {
      if let step { backtest.steps[step].droppedShadows += 1 }
      return
    }
    if let step { backtest.steps[step].shadows += 1 }
    switch source {
    case .recorded: backtest.sources.pairsRecorded += 1
    case .resampled: backtest.sources.pairsResampled += 1
    case .composed: backtest.sources.pairsComposed += 1
    }
    var comparison = Comparison(
      requestID: name, assignment: place, incumbent: policy.incumbent, candidate: rule.model,
      incumbentMeasurements: pair.incumbent.measurements, candidateMeasurements: candidate,
      tokenAgreement: pair.tokenAgreement, prefixAgreement: pair.prefixAgreement)
    comparison.scores = pair.scores
    comparisons.add(comparison, finishedAt: end)
  }

  private mutating func count(_ source: RecordedAnswers.Source) {
    switch source {
    case .recorded: backtest.sources.recorded += 1
    case .paired: backtest.sources.paired += 1
    case .resampled: backtest.sources.resampled += 1
    case .otherBand: backtest.sources.otherBand += 1
    }
  }

  private mutating func count(unit: UInt64, isCandidate: Bool) {
    units.insert(unit)
    backtest.requests += 1
    let step = backtest.steps.indices.last
    if let step { backtest.steps[step].requests += 1 }
    guard isCandidate else { return }
    backtest.candidateRequests += 1
    candidateUnits.insert(unit)
    stepUnits.insert(unit)
    if let step { backtest.steps[step].candidateRequests += 1 }
  }
}

// MARK: - Telling

extension BacktestRun {
  private mutating func ended() async -> Backtest {
    if let last = backtest.steps.indices.last {
      backtest.steps[last].endedSeconds = seconds
      if backtest.steps[last].step == backtest.state?.step {
        backtest.steps[last].candidateUnits = stepUnits.count
      }
    }
    for entry in disk.entries {
      let event = entry.record.event
      if case .modelApplied = event { continue }
      var told = Backtest.Event(
        seconds: Double(entry.record.atMilliseconds - begin) / 1_000,
        text: policy.sentence(of: event))
      if let reason = entry.record.reason { told.text += ": \(reason)" }
      told.reasons = event.evidence.map(\.summary)
      backtest.events.append(told)
    }
    if backtest.gates.isEmpty, let entry = disk.entries.last {
      backtest.gates = entry.record.event.evidence
    }
    let trace = records.trace
    backtest.seconds = seconds
    backtest.endMilliseconds = begin + Int64(seconds * 1_000)
    (backtest.units, backtest.candidateUnits) = (units.count, candidateUnits.count)
    backtest.traceRequests = trace.requests.count
    backtest.notes = notes(on: trace)
    return backtest
  }

  private func notes(on trace: Trace) -> [String] {
    var notes: [String] = []
    for (model, source) in backtest.plan.assumptions.sorted(by: { $0.key < $1.key }) {
      notes.append("records of '\(source)' stand for '\(model)', of which nothing is known")
    }
    if !trace.mixedRevisions.isEmpty {
      let models = trace.mixedRevisions.map { "'\($0)'" }.joined(separator: ", ")
      notes.append("answers of several revisions of \(models) are taken for one model's")
    }
    let sources = backtest.sources
    if sources.resampled + sources.otherBand + sources.pairsResampled + sources.pairsComposed > 0 {
      notes.append("what was drawn from other requests cannot show what hangs on one request")
    }
    if policy.assignment.unit != .request, units.count == backtest.requests, units.count > 1 {
      notes.append("no unit came twice: the trace was not recorded with such units, or lacks them")
    }
    for (index, step) in policy.steps.enumerated() where step.traffic.isInterleaved {
      notes.append(
        "step \(index + 1) interleaves answers, of which a trace has none: nothing passes it")
    }
    for gate in policy.metrics where gate.metric.isFromUsers {
      notes.append("gate '\(gate.name)' reads feedback, of which a trace says nothing")
    }
    if asksPeople {
      notes.append(
        "the judge is believed as it is: a trace has no people's labels to wait for"
      )
    }
    notes += trace.notes(onScoresOf: policy)
    notes += participation.notes
    if trace.pinned > 0 { notes.append("\(trace.pinned) pinned requests are left out") }
    if trace.repeated > 0 { notes.append("\(trace.repeated) lines say again what others said") }
    for (route, count) in trace.otherRoutes.sorted(by: { $0.key < $1.key }) {
      notes.append("\(count) lines of route '\(route)' are left out")
    }
    return notes
  }
}
