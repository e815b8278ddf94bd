import Experimentation
import GRDB

/// A value that a row of one table holds.
protocol TableRow: Sendable {
  static var table: String { get }
  /// Every column but `sequence`, in the order of `arguments` and of reading.
  static var columns: [String] { get }
  var arguments: [(any DatabaseValueConvertible)?] { get }
  init(from columns: inout ColumnReader) throws
}

extension TableRow {
  static var insertion: String {
    let places = columns.map { _ in "?" }.joined(separator: ", ")
    return "INSERT INTO \(table) (\(columns.joined(separator: ", "))) VALUES (\(places))"
  }

  /// Rows of one run after a sequence: rollout, run, sequence, limit.
  static var selection: String {
    """
    SELECT sequence, \(columns.joined(separator: ", ")) FROM \(table)
    WHERE rollout = ? AND run = ? AND sequence > ? ORDER BY sequence LIMIT ?
    """
  }
}

extension Outcome: TableRow {
  static let table = "outcomes"
  static let columns = ["request_id"] + Assignment.columns + ["model"] + Measurements.columns("")

  var arguments: [(any DatabaseValueConvertible)?] {
    [requestID] + assignment.arguments + [model.text] + measurements.arguments
  }

  init(from columns: inout ColumnReader) throws {
    self.init(
      requestID: try columns.next(), assignment: try Assignment(from: &columns),
      model: try columns.nextName(), measurements: try Measurements(from: &columns))
  }
}

extension Comparison: TableRow {
  static let table = "comparisons"
  static let columns =
    ["request_id"] + Assignment.columns + ["incumbent", "candidate"]
    + Measurements.columns("incumbent_") + Measurements.columns("candidate_")
    + ["token_agreement", "prefix_agreement"]

  var arguments: [(any DatabaseValueConvertible)?] {
    [requestID] + assignment.arguments + [incumbent.text, candidate.text]
      + incumbentMeasurements.arguments + candidateMeasurements.arguments
      + [tokenAgreement, prefixAgreement]
  }

  init(from columns: inout ColumnReader) throws {
    self.init(
      requestID: try columns.next(), assignment: try Assignment(from: &columns),
      incumbent: try columns.nextName(), candidate: try columns.nextName(),
      incumbentMeasurements: try Measurements(from: &columns),
      candidateMeasurements: try Measurements(from: &columns),
      tokenAgreement: try columns.next(), prefixAgreement: try columns.next())
  }
}

extension Assignment {
  fileprivate static let columns = [
    "route", "rollout", "digest", "step", "run", "unit_hash", "propensity", "at_milliseconds",
  ]

  fileprivate var arguments: [(any DatabaseValueConvertible)?] {
    [
      route.text, rollout?.rollout.text, rollout?.digest, rollout?.step, rollout?.run,
      Int64(bitPattern: unitHash), propensity, atMilliseconds,
    ]
  }

  fileprivate init(from columns: inout ColumnReader) throws {
    let route: RouteName = try columns.nextName()
    let rollout: RolloutName? = try columns.nextName()
    let digest: String? = try columns.next()
    let step: Int? = try columns.next()
    let run: Int? = try columns.next()
    var position: RolloutPosition?
    if let rollout, let digest, let step, let run {
      position = RolloutPosition(rollout: rollout, digest: digest, step: step, run: run)
    }
    let unitHash: Int64 = try columns.next()
    self.init(
      route: route, rollout: position, unitHash: UInt64(bitPattern: unitHash),
      propensity: try columns.next(), atMilliseconds: try columns.next())
  }
}

extension Measurements {
  fileprivate static func columns(_ prefix: String) -> [String] {
    [
      "queue_seconds", "time_to_first_token_seconds", "time_per_output_token_seconds",
      "total_seconds", "prompt_tokens", "output_tokens", "finish_reason", "failure",
      "cached_prompt_tokens",
    ].map { prefix + $0 }
  }

  fileprivate var arguments: [(any DatabaseValueConvertible)?] {
    [
      queueSeconds, timeToFirstTokenSeconds, timePerOutputTokenSeconds, totalSeconds, promptTokens,
      outputTokens, finishReason, failure?.rawValue, cachedPromptTokens,
    ]
  }

  fileprivate init(from columns: inout ColumnReader) throws {
    self.init(
      queueSeconds: try columns.next(), timeToFirstTokenSeconds: try columns.next(),
      timePerOutputTokenSeconds: try columns.next(), totalSeconds: try columns.next(),
      promptTokens: try columns.next(), outputTokens: try columns.next(),
      finishReason: try columns.next(), failure: try columns.nextFailure())
    cachedPromptTokens = try columns.next()
  }
}
