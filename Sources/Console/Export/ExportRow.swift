import Experimentation
import Statistics
import Storage

/// A line of an export: the same fields in the same order for every row of its kind.
protocol ExportRow: Sendable {
  static var names: [String] { get }
  var fields: [ExportField] { get }
}

extension ExportRow {
  func appendJSON(to text: inout String) {
    text += "{"
    for (index, field) in fields.enumerated() {
      text += index == 0 ? "\"" : ",\""
      text += Self.names[index] + "\":"
      field.appendJSON(to: &text)
    }
    text += "}\n"
  }

  func appendCSV(to text: inout String) {
    for (index, field) in fields.enumerated() {
      if index > 0 { text += "," }
      field.appendCSV(to: &text)
    }
    text += "\r\n"
  }
}

extension Sequenced: ExportRow where Value: ExportRow {
  static var names: [String] { ["sequence"] + Value.names }
  var fields: [ExportField] { [.integer(sequence)] + value.fields }
}

extension Outcome: ExportRow {
  static let names =
    ["request_id"] + Assignment.names + ["model"] + Measurements.names("")
    + ["allocation", "choices", "draw", "scores"]

  var fields: [ExportField] {
    let drafted = choices.map { "\($0)" }.joined(separator: " ")
    return [.text(requestID)] + assignment.fields + [.text(model.text)] + measurements.fields
      + [
        .integer(assignment.rollout?.allocation), .text(drafted.isEmpty ? nil : drafted),
        .text(draw),
        .text(measurements.scores.exported),
      ]
  }
}

extension Comparison: ExportRow {
  static let names =
    ["request_id"] + Assignment.names + ["incumbent", "candidate"]
    + Measurements.names("incumbent_") + Measurements.names("candidate_")
    + [
      "token_agreement", "prefix_agreement", "incumbent_scores", "candidate_scores", "scores",
    ]

  var fields: [ExportField] {
    [.text(requestID)] + assignment.fields + [.text(incumbent.text), .text(candidate.text)]
      + incumbentMeasurements.fields + candidateMeasurements.fields
      + [
        .number(tokenAgreement), .number(prefixAgreement),
        .text(incumbentMeasurements.scores.exported),
        .text(candidateMeasurements.scores.exported), .text(scores.exported),
      ]
  }
}

extension Feedback: ExportRow {
  static let names =
    ["request_id"] + Assignment.routingNames
    + ["model", "choice", "metric", "value", "received_at_milliseconds", "is_late", "text"]

  var fields: [ExportField] {
    [.text(requestID)] + assignment.routing + [
      .text(model.text), .integer(choice), .text(metric.text), .number(value),
      .integer(receivedAtMilliseconds), .flag(isLate), .text(text),
    ]
  }
}

extension PairLabel: ExportRow {
  static let names =
    ["pair", "request_id"] + Assignment.names
    + ["incumbent", "candidate", "judged", "preference", "actor", "labelled_at_milliseconds"]

  var fields: [ExportField] {
    [.integer(number), .text(pair.requestID)] + pair.assignment.fields + [
      .text(pair.incumbent.text), .text(pair.candidate.text), .number(pair.judged),
      .number(preference), .text(actor), .integer(atMilliseconds),
    ]
  }
}

extension Assignment {
  fileprivate static let routingNames = [
    "route", "rollout", "run", "step", "digest", "at_milliseconds", "unit_hash", "propensity",
  ]
  fileprivate static let names = routingNames + ["labels"]

  fileprivate var fields: [ExportField] {
    routing + [.text(labels.isEmpty ? nil : labelText)]
  }

  /// The hash as text: programs that read JSON know no integers beyond 2⁵³.
  fileprivate var routing: [ExportField] {
    let hash = String(unitHash, radix: 16)
    return [
      .text(route.text), .text(rollout?.rollout.text), .integer(rollout?.run),
      .integer(rollout?.step), .text(rollout?.digest), .integer(atMilliseconds),
      .text(String(repeating: "0", count: 16 - hash.count) + hash), .number(propensity),
    ]
  }

  private var labelText: String {
    var text = "{"
    for (key, value) in labels.sorted(by: { $0.key < $1.key }) {
      if text.utf8.count > 1 { text += "," }
      ExportField.appendJSON(key, to: &text)
      text += ":"
      ExportField.appendJSON(value, to: &text)
    }
    return text + "}"
  }
}

extension Measurements {
  fileprivate static func names(_ prefix: String) -> [String] {
    [
      "queue_seconds", "time_to_first_token_seconds", "time_per_output_token_seconds",
      "total_seconds", "prompt_tokens", "cached_prompt_tokens", "output_tokens", "finish_reason",
      "failure", "is_error", "cost", "revision",
    ].map { prefix + $0 }
  }

  fileprivate var fields: [ExportField] {
    [
      .number(queueSeconds), .number(timeToFirstTokenSeconds), .number(timePerOutputTokenSeconds),
      .number(totalSeconds), .integer(promptTokens), .integer(cachedPromptTokens),
      .integer(outputTokens), .text(finishReason), .text(failure?.rawValue), .flag(isError),
      .number(cost), .text(revision),
    ]
  }
}

/// A rollup with what it is about.
struct RollupRow: ExportRow {
  var run: RunID
  var key: OutcomeRollup.Key
  var rollup: OutcomeRollup

  private static let sketches = [
    "queue_seconds", "time_to_first_token_seconds", "time_per_output_token_seconds",
    "total_seconds", "output_tokens",
  ]
  private static let summaries = ["token_agreement", "prefix_agreement", "cost"]

  static let names =
    ["rollout", "run", "step", "model", "shadow", "prompt_tokens", "answers", "errors"]
    + sketches.flatMap { ["\($0)_p50", "\($0)_p95", "\($0)_p99"] }
    + summaries.flatMap { ["\($0)_count", "\($0)_mean"] } + ["scores"]

  var fields: [ExportField] {
    var fields: [ExportField] = [
      .text(run.rollout.text), .integer(run.run), .integer(key.step), .text(key.model.text),
      .flag(key.isShadow), .text(key.band.description), .integer(rollup.answers),
      .integer(rollup.errors),
    ]
    for sketch in OutcomeRollup.sketches {
      fields += [0.5, 0.95, 0.99].map { .number(rollup[keyPath: sketch].estimate($0)) }
    }
    for summary in OutcomeRollup.summaries {
      fields.append(.integer(rollup[keyPath: summary].count))
      fields.append(.number(rollup[keyPath: summary].mean))
    }
    let means = rollup.scores.sorted { $0.key < $1.key }.map {
      ($0.key.text, "{\"count\":\($0.value.count),\"mean\":\($0.value.mean ?? 0)}")
    }
    fields.append(.text(ExportField.object(means)))
    return fields
  }
}

extension AnswerScores {
  /// `{"parses":1,"rougeL":0.5}`, or `nil` without any.
  fileprivate var exported: String? {
    ExportField.object(sorted.map { ($0.id.text, $0.value.description) })
  }
}

extension ExportField {
  /// An object of JSON from members whose values are JSON already; `nil` without any.
  fileprivate static func object(_ members: [(name: String, value: String)]) -> String? {
    guard !members.isEmpty else { return nil }
    var text = "{"
    for (name, value) in members {
      if text.utf8.count > 1 { text += "," }
      appendJSON(name, to: &text)
      text += ":" + value
    }
    return text + "}"
  }
}
