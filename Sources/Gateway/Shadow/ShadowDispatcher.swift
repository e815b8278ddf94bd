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
  private let embeddings: EmbeddingDesk
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
    embeddings = EmbeddingDesk(
      backends: backends, metrics: metrics, deadline: deadline, wallClock: wallClock)
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
    let agreement = job.incumbent.trace.flatMap { trace in
      result.topAlong.flatMap { TokenAgreement.share(of: trace, top: $0) }
    }
    let lacksAgreement =
      job.scores.agreement && agreement == nil && result.measurements.failure == nil
    let reading = await DistanceReading.take(
      of: backend, in: job, lacksAgreement: lacksAgreement, backends, logger,
      deadline: call.deadline)
    // A candidate that did not count, or not come to its end, spent about what the incumbent did.
    let tokens =
      (result.measurements.tokens ?? job.incumbent.measurements.tokens ?? 0) + reading.tokens
    lanes.withLock { $0.finish(model, tokens: tokens) }
    if result.measurements.failure == .cancelled { return drop(job, .shutdown) }
    var comparison = comparison(of: job, with: result)
    comparison.tokenAgreement = lacksAgreement ? reading.distance?.sameTop : agreement
    comparison.take(reading.distance, as: job.scores.distributions)
    comparison.scores[ScoreID(.judgePreference)] = await judgement(of: job, result)
    comparison.scores[ScoreID(.embeddingSimilarity)] = await similarity(of: job, result)
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

  /// How much a judge prefers the candidate's answer; `nil` when nobody was asked, or said.
  private func judgement(of job: ShadowJob, _ result: AnswerObservation) async -> Double? {
    // What a judge makes of one model against itself nobody asks.
    guard let judge = job.scores.judge, job.rule.controlOf == nil,
      let incumbent = job.incumbent.whole, let candidate = result.checked,
      isDrawn(job, "judge", judge.share)
    else { return nil }
    let plan = judge.labels.flatMap { plan in
      LabelDesk.isDrawn(job.comparison, of: job.rule.model, by: plan) ? plan : nil
    }
    return await judges.preference(
      job.prompt, incumbent: incumbent.words, candidate: candidate.words, by: judge,
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

  /// How much both answers are alike by their embeddings; `nil` when nobody was asked, or told.
  private func similarity(of job: ShadowJob, _ result: AnswerObservation) async -> Double? {
    guard let policy = job.scores.embeddings, let incumbent = job.incumbent.whole,
      let candidate = result.checked, isDrawn(job, "embeddings", policy.share)
    else { return nil }
    return await embeddings.similarity(
      incumbent.words, candidate.words, by: policy, requestID: job.requestID)
  }

  /// Whether a pair belongs to the share that is looked at, by a number that no client chooses.
  private func isDrawn(_ job: ShadowJob, _ salt: String, _ share: Share) -> Bool {
    share == .all
      || StableHash.place(salt: "\(salt)/\(job.rule.model)", unit: "\(job.comparison)")
        < share.value
  }

  private func comparison(of job: ShadowJob, with result: AnswerObservation) -> Comparison {
    let both = result.checked.flatMap { candidate in
      job.incumbent.whole.map { (incumbent: $0, candidate: candidate) }
    }
    let words = both.map { ($0.incumbent.words, $0.candidate.words) }
    var comparison = Comparison(
      requestID: job.requestID, assignment: job.assignment, incumbent: job.incumbent.model,
      candidate: job.rule.model, incumbentMeasurements: job.incumbent.measurements,
      candidateMeasurements: result.measurements,
      prefixAgreement: words.map { PrefixAgreement.share(of: $0.0, and: $0.1) })
    comparison.candidateMeasurements.scores =
      result.checked?.scores(job.scores.checks) ?? AnswerScores()
    if let words {
      for metric in job.scores.texts {
        comparison.scores[ScoreID(metric)] = TextLikeness.value(of: metric, words.0, words.1)
      }
    }
    if let both, job.scores.comparesCalls {
      comparison.scores[ScoreID(.callEquality)] = CallEquality.value(
        both.incumbent, both.candidate)
    }
    return comparison
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
