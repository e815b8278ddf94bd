import Backends
package import CoreMetrics
import Experimentation
import OpenAIAPI
import Synchronization

/// What the data plane counts, under the OpenTelemetry names for generative AI where there is one.
///
/// Labels hold names of models and routes from policies, and closed sets: never anything that a
/// client wrote.
package struct GatewayMetrics: Sendable {
  private let factory: any MetricsFactory
  private let rowsWrittenCounter: any CounterHandler
  private let rowsDroppedCounter: any CounterHandler
  private let writeFailures: any CounterHandler
  private let scoresDroppedCounter: any CounterHandler
  private let answers = AnswerSeriesCache()

  package init(factory: any MetricsFactory) {
    self.factory = factory
    rowsWrittenCounter = factory.makeCounter(
      label: "rollout_outcome_rows_written_total", dimensions: [])
    rowsDroppedCounter = factory.makeCounter(
      label: "rollout_outcome_rows_dropped_total", dimensions: [])
    writeFailures = factory.makeCounter(
      label: "rollout_outcome_write_failures_total", dimensions: [])
    scoresDroppedCounter = factory.makeCounter(
      label: "rollout_scores_dropped_total", dimensions: [])
  }

  func rowsWritten(_ count: Int) { rowsWrittenCounter.increment(by: Int64(count)) }

  func rowDropped() { rowsDroppedCounter.increment(by: 1) }

  /// An answer that should have been checked and was not.
  func scoresDropped() { scoresDroppedCounter.increment(by: 1) }

  func writeFailed() { writeFailures.increment(by: 1) }

  func shadowDropped(_ model: ModelName, _ reason: ShadowDrop) {
    factory.makeCounter(
      label: "rollout_shadow_dropped_total",
      dimensions: [("model", model.text), ("reason", reason.rawValue)]
    ).increment(by: 1)
  }

  /// A pair that a judge was to look at, by what became of it.
  func judged(_ judge: ModelName, _ outcome: JudgeOutcome) {
    factory.makeCounter(
      label: "rollout_judge_pairs_total",
      dimensions: [("model", judge.text), ("outcome", outcome.rawValue)]
    ).increment(by: 1)
  }

  /// Tokens of a judge's questions and answers, which are in no other count.
  func judgeSpent(_ judge: ModelName, tokens: Int) {
    guard tokens > 0 else { return }
    factory.makeCounter(
      label: "rollout_judge_tokens_total", dimensions: [("model", judge.text)]
    ).increment(by: Int64(tokens))
  }

  /// Adds to a series that is made when it is first added to.
  func count(_ label: String, _ dimensions: [(String, String)], by amount: Int = 1) {
    guard amount > 0 else { return }
    factory.makeCounter(label: label, dimensions: dimensions).increment(by: Int64(amount))
  }

  /// A judged pair that was drawn for people to label, by what became of it.
  func keptForLabel(_ candidate: ModelName, _ outcome: LabelOutcome) {
    factory.makeCounter(
      label: "rollout_judge_label_pairs_total",
      dimensions: [("model", candidate.text), ("outcome", outcome.rawValue)]
    ).increment(by: 1)
  }

  func shadowCompleted(_ model: ModelName, _ measurements: Measurements) {
    observe(model, .shadow, measurements)
  }

  /// One answer to a client.
  ///
  /// - Parameter overheadSeconds: what the gateway itself added before the backend was asked
  func answered(_ model: ModelName, _ measurements: Measurements, overheadSeconds: Double) {
    observe(model, .live, measurements).overhead.record(overheadSeconds)
  }

  /// Feedback on an answer, by what became of it: `late` is no evidence.
  func feedback(on model: ModelName, _ status: FeedbackResponse.Status) {
    factory.makeCounter(
      label: "rollout_feedback_total",
      dimensions: [("model", model.text), ("status", status.rawValue)]
    ).increment(by: 1)
  }

  /// A request that no model was asked for, by the status it was refused with.
  func refused(status: Int) {
    factory.makeCounter(
      label: "rollout_requests_refused_total", dimensions: [("status", "\(status)")]
    ).increment(by: 1)
  }

  @discardableResult
  private func observe(
    _ model: ModelName, _ role: AnswerSeries.Role, _ measurements: Measurements
  ) -> AnswerSeries {
    let series = answers.series(of: model, role, factory)
    if let failure = measurements.failure {
      // Rare, and of many kinds: made when it happens.
      factory.makeCounter(
        label: AnswerSeries.requests,
        dimensions: [
          ("model", model.text), ("role", role.rawValue), ("outcome", failure.rawValue),
        ]
      ).increment(by: 1)
    } else {
      series.successes.increment(by: 1)
    }
    series.observe(measurements)
    return series
  }
}

/// The series of one model in one role, which every one of its answers touches.
private struct AnswerSeries: Sendable {
  enum Role: String { case live, shadow }

  static let requests = "rollout_requests_total"

  let successes: any CounterHandler
  let overhead: any RecorderHandler
  private let duration: any RecorderHandler
  private let queue: any RecorderHandler
  private let firstToken: any RecorderHandler
  private let perOutputToken: any RecorderHandler
  private let inputTokens: any CounterHandler
  private let cachedInputTokens: any CounterHandler
  private let outputTokens: any CounterHandler

  init(_ model: ModelName, _ role: Role, _ factory: any MetricsFactory) {
    let labels = [("model", model.text), ("role", role.rawValue)]
    func histogram(_ label: String, _ labels: [(String, String)]) -> any RecorderHandler {
      factory.makeRecorder(label: label, dimensions: labels, aggregate: true)
    }
    func tokens(_ kind: String) -> any CounterHandler {
      factory.makeCounter(
        label: "gen_ai_client_token_usage_total", dimensions: labels + [("token_type", kind)])
    }
    successes = factory.makeCounter(
      label: Self.requests, dimensions: labels + [("outcome", "ok")])
    overhead = histogram("rollout_gateway_overhead_seconds", [("model", model.text)])
    duration = histogram("gen_ai_server_request_duration_seconds", labels)
    queue = histogram("rollout_queue_seconds", labels)
    firstToken = histogram("gen_ai_server_time_to_first_token_seconds", labels)
    perOutputToken = histogram("gen_ai_server_time_per_output_token_seconds", labels)
    inputTokens = tokens("input")
    cachedInputTokens = tokens("input_cached")
    outputTokens = tokens("output")
  }

  func observe(_ measurements: Measurements) {
    duration.record(measurements.totalSeconds)
    queue.record(measurements.queueSeconds)
    measurements.value(of: .timeToFirstToken).map(firstToken.record)
    measurements.timePerOutputTokenSeconds.map(perOutputToken.record)
    measurements.promptTokens.map { inputTokens.increment(by: Int64($0)) }
    measurements.cachedPromptTokens.map { cachedInputTokens.increment(by: Int64($0)) }
    measurements.outputTokens.map { outputTokens.increment(by: Int64($0)) }
  }
}

/// Series that were made: making one looks it up by its labels, which takes far longer than to
/// record. As many as there are models, which policies bound.
private final class AnswerSeriesCache: Sendable {
  private struct Key: Hashable {
    let model: ModelName
    let role: AnswerSeries.Role
  }

  private let made = Mutex<[Key: AnswerSeries]>([:])

  func series(
    of model: ModelName, _ role: AnswerSeries.Role, _ factory: any MetricsFactory
  ) -> AnswerSeries {
    made.withLock { made in
      let key = Key(model: model, role: role)
      if let series = made[key] { return series }
      let series = AnswerSeries(model, role, factory)
      made[key] = series
      return series
    }
  }
}
