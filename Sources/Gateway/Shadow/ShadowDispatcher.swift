package import Backends
import Experimentation
package import Logging
import Quality
package import Routing
import ServiceLifecycle
import Statistics
package import Storage
import Synchronization

/// Asks shadow candidates the questions users asked, and lets nobody wait for it.
///
/// Each candidate has a lane: at most its policy's `concurrency` are under way, at most `capacity`
/// jobs wait in it, and at most `capacityBytes` of text wait in all lanes together; the rest are
/// dropped and counted. All work is a child of `run()`. On shutdown what waits is dropped and what
/// runs is cancelled: nobody waits for a shadow.
package final class ShadowDispatcher: Service {
  private let table: LiveRoutingTable
  private let backends: BackendRegistry
  private let recorder: OutcomeRecorder
  private let metrics: GatewayMetrics
  private let logger: Logger
  private let deadline: Duration
  private let wallClock: @Sendable () -> Int64
  private let judges: JudgeDesk
  private let labels: LabelDesk
  private let lanes: Mutex<ShadowLanes>
  private let wakeups = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))

  /// - Parameters:
  ///   - table: the table in force; a candidate that it does not shadow any more is asked no more
  ///   - capacity: jobs that may wait for one candidate
  ///   - capacityBytes: text that may wait for all of them together
  ///   - deadline: how long one shadow may take from when it begins
  ///   - labels: keeps judged pairs for people, where a policy says so
  ///   - makeNonce: something that nobody can guess, without spaces; for judges
  ///   - wallClock: milliseconds since 1970; tells the days of token budgets
  package init(
    table: LiveRoutingTable, backends: BackendRegistry, recorder: OutcomeRecorder,
    capacity: Int = 1_024,
    capacityBytes: Int = 64 << 20, deadline: Duration = .seconds(300),
    labels: any LabelStore = NoLabels(), metrics: GatewayMetrics, logger: Logger,
    makeNonce: @escaping @Sendable () -> String, wallClock: @escaping @Sendable () -> Int64
  ) {
    self.table = table
    self.backends = backends
    self.recorder = recorder
    self.metrics = metrics
    self.logger = logger
    self.deadline = deadline
    self.wallClock = wallClock
    judges = JudgeDesk(
      backends: backends, metrics: metrics, deadline: deadline, makeNonce: makeNonce,
      wallClock: wallClock)
    self.labels = LabelDesk(
      store: labels, metrics: metrics, logger: logger, makeNonce: makeNonce, wallClock: wallClock)
    lanes = Mutex(ShadowLanes(capacity: capacity, capacityBytes: capacityBytes))
  }

  /// Jobs that wait or are under way.
  package var pending: Int { lanes.withLock { $0.pending } }

  /// Takes a job, or drops it; never waits.
  func submit(_ job: ShadowJob) {
    let day = wallClock() / 86_400_000
    if let reason = lanes.withLock({ $0.enqueue(job, day: day) }) {
      drop(job, reason)
    } else {
      wakeups.continuation.yield()
    }
  }

  /// Asks until the service shuts down.
  package func run() async throws {
    await cancelWhenGracefulShutdown { [self] in
      await withDiscardingTaskGroup { group in
        for await _ in wakeups.stream {
          while let job = lanes.withLock({ $0.next() }) {
            group.addTask { [self] in
              await ask(job)
              wakeups.continuation.yield()
            }
          }
        }
        group.cancelAll()
      }
    }
    for job in lanes.withLock({ $0.removeAll() }) { drop(job, .shutdown) }
  }

  private func drop(_ job: ShadowJob, _ reason: ShadowDrop) {
    recorder.closeComparison(job.comparison, with: job.rule.model, nil)
    metrics.shadowDropped(job.rule.model, reason)
  }

  private func ask(_ job: ShadowJob) async {
    let model = job.rule.model
    guard let backend = backends.backend(for: model) else { return giveUp(job, .noBackend) }
    guard isCurrent(job) else { return giveUp(job, .rolloutEnded) }
    let day = wallClock() / 86_400_000
    guard lanes.withLock({ $0.hasBudget(for: job, day: day) }) else {
      return giveUp(job, .tokenBudget)
    }
    let call = Call(
      job.prompt, requestID: job.requestID, priority: .shadow, deadline: .now + deadline,
      along: job.incumbent.trace)
    let result = await AnswerObservation.observe(call, of: backend)
    let distance = await distance(of: backend, in: job, call)
    // A candidate that did not count, or not come to its end, spent about what the incumbent did.
    let tokens =
      (result.measurements.tokens ?? job.incumbent.measurements.tokens ?? 0)
      + (distance?.tokens ?? 0)
    lanes.withLock { $0.finish(model, tokens: tokens) }
    if result.measurements.failure == .cancelled { return drop(job, .shutdown) }
    var comparison = comparison(of: job, with: result)
    comparison.take(distance, as: job.scores.distributions)
    comparison.scores[ScoreID(.judgePreference)] = await judgement(of: job, result)
    recorder.closeComparison(job.comparison, with: model, comparison)
    metrics.shadowCompleted(model, result.measurements)
    if let failure = result.measurements.failure {
      logger.info(
        "shadow failed",
        metadata: [
          "model": "\(model)", "failure": "\(failure.rawValue)", "request": "\(job.requestID)",
        ])
    }
  }

  private func giveUp(_ job: ShadowJob, _ reason: ShadowDrop) {
    lanes.withLock { $0.finish(job.rule.model, tokens: 0) }
    drop(job, reason)
  }

  /// Whether the step that the job was made in still runs: after an abort what waits is not asked.
  private func isCurrent(_ job: ShadowJob) -> Bool {
    let route = table.snapshot.routes[job.assignment.route]
    return route?.rollout == job.assignment.rollout
      && route?.shadows.contains { $0.model == job.rule.model } == true
  }

  /// How far the candidate is from the incumbent along its answer, where the policy asks for it and
  /// it can be told. A failure is none of the answer's.
  private func distance(
    of backend: any Backend, in job: ShadowJob, _ call: Call
  ) async -> DistributionDistance? {
    guard !job.scores.distributions.isEmpty, let trace = job.incumbent.trace,
      let incumbent = backends.backend(for: job.incumbent.model)
    else { return nil }
    do {
      return try await Patience(until: call.deadline).run {
        try await backend.distance(from: incumbent, after: job.prompt, along: trace)
      }
    } catch {
      if !(error is CancellationError) {
        logger.info(
          "distributions could not be compared",
          metadata: ["model": "\(job.rule.model)", "error": "\(FailureClass(error).rawValue)"])
      }
      return nil
    }
  }

  /// How much a judge prefers the candidate's answer; `nil` when nobody was asked, or said.
  private func judgement(of job: ShadowJob, _ result: AnswerObservation) async -> Double? {
    // What a judge makes of one model against itself nobody asks.
    guard let judge = job.scores.judge, result.measurements.failure == nil,
      job.rule.controlOf == nil, let incumbent = job.incumbent.text
    else { return nil }
    // By a number that no client chooses.
    let place = StableHash.place(salt: "judge/\(job.rule.model)", unit: "\(job.comparison)")
    guard judge.share == .all || place < judge.share.value else { return nil }
    let plan = judge.labels.flatMap { plan in
      LabelDesk.isDrawn(job.comparison, of: job.rule.model, by: plan) ? plan : nil
    }
    return await judges.preference(
      job.prompt, incumbent: incumbent, candidate: result.text, by: judge,
      requestID: job.requestID
    ) { value, texts in
      guard let plan else { return }
      let pair = JudgedAnswers(
        requestID: job.requestID, assignment: job.assignment, incumbent: job.incumbent.model,
        candidate: job.rule.model, promptTokens: job.incumbent.measurements.promptTokens,
        judged: value)
      await labels.keep(pair, texts, by: plan)
    }
  }

  private func comparison(of job: ShadowJob, with result: AnswerObservation) -> Comparison {
    let isWhole = result.measurements.failure == nil
    var comparison = Comparison(
      requestID: job.requestID, assignment: job.assignment, incumbent: job.incumbent.model,
      candidate: job.rule.model, incumbentMeasurements: job.incumbent.measurements,
      candidateMeasurements: result.measurements,
      tokenAgreement: job.incumbent.trace.flatMap { trace in
        result.topAlong.flatMap { TokenAgreement.share(of: trace, top: $0) }
      },
      prefixAgreement: isWhole
        ? job.incumbent.text.map { PrefixAgreement.share(of: $0, and: result.text) } : nil)
    if isWhole {
      comparison.candidateMeasurements.scores =
        result.checked?.scores(job.scores.checks.filter { !$0.rule.needsTools })
        ?? AnswerScores()
    }
    if isWhole, let text = job.incumbent.text {
      for metric in job.scores.texts {
        comparison.scores[ScoreID(metric)] = TextLikeness.value(of: metric, text, result.text)
      }
    }
    return comparison
  }
}

extension Measurements {
  /// Prompt and answer together, or `nil` when they were not counted.
  fileprivate var tokens: Int? {
    promptTokens.flatMap { prompt in outputTokens.map { prompt + $0 } }
  }
}

extension Comparison {
  /// Keeps what was asked for.
  fileprivate mutating func take(_ distance: DistributionDistance?, as metrics: [Metric]) {
    guard let distance else { return }
    for metric in metrics {
      switch metric {
      case .klDivergence: scores[ScoreID(metric)] = distance.divergence
      case .answerPerplexity: scores[ScoreID(metric)] = distance.perplexityRatio
      default: break
      }
    }
  }
}
