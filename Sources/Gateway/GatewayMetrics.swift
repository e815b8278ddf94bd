import Backends
package import CoreMetrics
import Experimentation

/// What the data plane counts, under the OpenTelemetry names for generative AI where there is one.
///
/// Labels hold names of models and routes from policies, and closed sets: never anything that a
/// client wrote.
package struct GatewayMetrics: Sendable {
  private let factory: any MetricsFactory
  private let rowsWrittenCounter: any CounterHandler
  private let rowsDroppedCounter: any CounterHandler
  private let writeFailures: any CounterHandler

  package init(factory: any MetricsFactory) {
    self.factory = factory
    rowsWrittenCounter = factory.makeCounter(
      label: "rollout_outcome_rows_written_total", dimensions: [])
    rowsDroppedCounter = factory.makeCounter(
      label: "rollout_outcome_rows_dropped_total", dimensions: [])
    writeFailures = factory.makeCounter(
      label: "rollout_outcome_write_failures_total", dimensions: [])
  }

  func rowsWritten(_ count: Int) { rowsWrittenCounter.increment(by: Int64(count)) }

  func rowDropped() { rowsDroppedCounter.increment(by: 1) }

  func writeFailed() { writeFailures.increment(by: 1) }

  func shadowDropped(_ model: ModelName, _ reason: ShadowDrop) {
    factory.makeCounter(
      label: "rollout_shadow_dropped_total",
      dimensions: [("model", model.text), ("reason", reason.rawValue)]
    ).increment(by: 1)
  }

  func shadowCompleted(_ model: ModelName, _ measurements: Measurements) {
    observe(model, role: "shadow", measurements)
  }

  /// One answer to a client.
  ///
  /// - Parameter overheadSeconds: what the gateway itself added before the backend was asked
  func answered(_ model: ModelName, _ measurements: Measurements, overheadSeconds: Double) {
    observe(model, role: "live", measurements)
    histogram("rollout_gateway_overhead_seconds", [("model", model.text)], overheadSeconds)
  }

  /// A request that no model was asked for, by the status it was refused with.
  func refused(status: Int) {
    factory.makeCounter(
      label: "rollout_requests_refused_total", dimensions: [("status", "\(status)")]
    ).increment(by: 1)
  }

  private func observe(_ model: ModelName, role: String, _ measurements: Measurements) {
    let labels = [("model", model.text), ("role", role)]
    factory.makeCounter(
      label: "rollout_requests_total",
      dimensions: labels + [("outcome", measurements.failure?.rawValue ?? "ok")]
    ).increment(by: 1)
    histogram("gen_ai_server_request_duration_seconds", labels, measurements.totalSeconds)
    histogram("rollout_queue_seconds", labels, measurements.queueSeconds)
    if let seconds = measurements.value(of: .timeToFirstToken) {
      histogram("gen_ai_server_time_to_first_token_seconds", labels, seconds)
    }
    if let seconds = measurements.timePerOutputTokenSeconds {
      histogram("gen_ai_server_time_per_output_token_seconds", labels, seconds)
    }
    tokens("input", measurements.promptTokens, labels)
    tokens("input_cached", measurements.cachedPromptTokens, labels)
    tokens("output", measurements.outputTokens, labels)
  }

  private func tokens(_ kind: String, _ count: Int?, _ labels: [(String, String)]) {
    guard let count else { return }
    factory.makeCounter(
      label: "gen_ai_client_token_usage_total", dimensions: labels + [("token_type", kind)]
    ).increment(by: Int64(count))
  }

  private func histogram(_ label: String, _ labels: [(String, String)], _ value: Double) {
    factory.makeRecorder(label: label, dimensions: labels, aggregate: true).record(value)
  }
}
