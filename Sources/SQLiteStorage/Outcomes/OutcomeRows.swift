import Experimentation
import GRDB
import Storage

/// A value that a row of one table holds.
protocol TableRow: Sendable {
  static var table: String { get }
  /// Every column but `sequence`, in the order of `write` and of reading.
  static var columns: [String] { get }
  var assignment: Assignment { get }
  func write(_ row: inout RowWriter) throws
  init(from row: inout RowReader) throws
}

extension TableRow {
  static var insertion: String {
    let places = columns.map { _ in "?" }.joined(separator: ", ")
    return "INSERT INTO \(table) (\(columns.joined(separator: ", "))) VALUES (\(places))"
  }

  /// Rows of one run after a sequence: run, sequence, limit.
  static var selection: String {
    """
    SELECT sequence, \(columns.joined(separator: ", ")) FROM \(table)
    WHERE run_id = ? AND sequence > ? ORDER BY sequence LIMIT ?
    """
  }
}

/// Collects a row's values in the order of its columns; names become numbers.
struct RowWriter {
  private(set) var values: [DatabaseValue] = []
  private(set) var names: NameTable
  private let db: Database

  init(names: NameTable, _ db: Database) {
    self.names = names
    self.db = db
  }

  mutating func begin() { values.removeAll(keepingCapacity: true) }

  mutating func append(_ value: (some DatabaseValueConvertible)?) {
    values.append(value?.databaseValue ?? .null)
  }

  mutating func append<Kind>(_ name: Name<Kind>) throws {
    append(try names.id(of: name.text, db))
  }

  mutating func append(word: String) throws {
    append(try names.id(of: word, db))
  }

  mutating func append(revision: String?) throws {
    append(try names.id(ofRevision: revision, db))
  }

  mutating func append(_ assignment: Assignment) throws {
    try append(routing: assignment)
    append(try names.id(of: assignment.labels, db))
  }

  /// The number of a score's name.
  mutating func id(of score: ScoreID) throws -> Int64 { try names.id(of: score.text, db) }

  /// The numbers of where feedback's request was routed and of who answered.
  mutating func ids(of feedback: Feedback) throws -> (place: Int64, model: Int64) {
    let assignment = feedback.assignment
    return (
      try names.id(of: assignment.route, assignment.rollout, db).0,
      try names.id(of: feedback.model.text, db)
    )
  }

  /// An assignment without its labels.
  mutating func append(routing assignment: Assignment) throws {
    let (place, run) = try names.id(of: assignment.route, assignment.rollout, db)
    append(place)
    append(run)
    append(Int64(bitPattern: assignment.unitHash))
    append(assignment.propensity)
    append(assignment.atMilliseconds)
  }
}

/// Reads what a `RowWriter` wrote.
struct RowReader {
  private var columns: ColumnReader
  private let names: NameTable

  init(_ row: Row, names: NameTable) {
    columns = ColumnReader(row)
    self.names = names
  }

  mutating func next<Value: DatabaseValueConvertible & StatementColumnConvertible>() throws -> Value
  {
    try columns.next()
  }

  mutating func nextName<Kind>() throws -> Name<Kind> { try names.name(columns.next()) }

  mutating func nextWord() throws -> String { try names.text(columns.next()) }

  mutating func nextFailure() throws -> FailureClass? { try columns.nextFailure() }

  mutating func nextRevision() throws -> String? {
    let id: Int64? = try columns.next()
    return try id.map(names.text)
  }

  /// The text of a number that a value has in it.
  func text(_ id: Int64) throws -> String { try names.text(id) }

  /// A name that is written out in the row.
  mutating func nextText<Kind>() throws -> Name<Kind> { try columns.nextName() }

  mutating func nextAssignment() throws -> Assignment {
    var assignment = try nextRouting()
    assignment.labels = try names.labels(columns.next())
    return assignment
  }

  /// An assignment without its labels.
  mutating func nextRouting() throws -> Assignment {
    let (route, position) = try names.place(columns.next())
    let _: Int64? = try columns.next()
    let unitHash: Int64 = try columns.next()
    return Assignment(
      route: route, rollout: position, unitHash: UInt64(bitPattern: unitHash),
      propensity: try columns.next(), atMilliseconds: try columns.next())
  }
}

extension Outcome: TableRow {
  static let table = "outcomes"
  static let columns =
    ["request_id"] + Assignment.columns + ["model"] + Measurements.columns("")
    + ["choices", "scores", "draw"]

  func write(_ row: inout RowWriter) throws {
    row.append(requestID)
    try row.append(assignment)
    try row.append(model)
    try measurements.write(&row)
    // `0,2`: read by people, and by nobody else so far.
    row.append(
      choices.isEmpty ? nil : choices.map { "\($0)" }.joined(separator: ","))
    try row.append(measurements.scores)
    row.append(draw)
  }

  init(from row: inout RowReader) throws {
    self.init(
      requestID: try row.next(), assignment: try row.nextAssignment(), model: try row.nextName(),
      measurements: try Measurements(from: &row))
    let text: String? = try row.next()
    choices = text?.split(separator: ",").compactMap { Int($0) } ?? []
    measurements.scores = try row.nextScores()
    draw = try row.next()
  }
}

extension Comparison: TableRow {
  static let table = "comparisons"
  /// Stands for the incumbent where it is its own candidate.
  private static let itself = "=incumbent"
  static let columns =
    ["request_id"] + Assignment.columns + ["incumbent", "candidate"]
    + Measurements.columns("incumbent_") + Measurements.columns("candidate_")
    + ["token_agreement", "prefix_agreement", "incumbent_scores", "candidate_scores", "scores"]

  func write(_ row: inout RowWriter) throws {
    row.append(requestID)
    try row.append(assignment)
    try row.append(incumbent)
    // The table wants two models in a row, and names of models never look like this word.
    if isControl { try row.append(word: Self.itself) } else { try row.append(candidate) }
    try incumbentMeasurements.write(&row)
    try candidateMeasurements.write(&row)
    row.append(tokenAgreement)
    row.append(prefixAgreement)
    try row.append(incumbentMeasurements.scores)
    try row.append(candidateMeasurements.scores)
    try row.append(scores)
  }

  init(from row: inout RowReader) throws {
    let requestID: String = try row.next()
    let assignment = try row.nextAssignment()
    let incumbent: ModelName = try row.nextName()
    let candidate = try row.nextWord()
    self.init(
      requestID: requestID, assignment: assignment, incumbent: incumbent,
      candidate: candidate == Self.itself ? incumbent : try ColumnReader.name(candidate),
      incumbentMeasurements: try Measurements(from: &row),
      candidateMeasurements: try Measurements(from: &row),
      tokenAgreement: try row.next(), prefixAgreement: try row.next())
    incumbentMeasurements.scores = try row.nextScores()
    candidateMeasurements.scores = try row.nextScores()
    scores = try row.nextScores()
  }
}

extension Assignment {
  static let routingColumns = ["place", "run_id", "unit_hash", "propensity", "at_milliseconds"]
  static let columns = routingColumns + ["labels"]
}

extension Measurements {
  fileprivate static func columns(_ prefix: String) -> [String] {
    [
      "queue_seconds", "time_to_first_token_seconds", "time_per_output_token_seconds",
      "total_seconds", "prompt_tokens", "output_tokens", "finish_reason", "failure",
      "cached_prompt_tokens", "cost", "revision",
    ].map { prefix + $0 }
  }

  fileprivate func write(_ row: inout RowWriter) throws {
    row.append(queueSeconds)
    row.append(timeToFirstTokenSeconds)
    row.append(timePerOutputTokenSeconds)
    row.append(totalSeconds)
    row.append(promptTokens)
    row.append(outputTokens)
    row.append(finishReason)
    row.append(failure?.rawValue)
    row.append(cachedPromptTokens)
    row.append(cost)
    try row.append(revision: revision)
  }

  fileprivate init(from row: inout RowReader) throws {
    self.init(
      queueSeconds: try row.next(), timeToFirstTokenSeconds: try row.next(),
      timePerOutputTokenSeconds: try row.next(), totalSeconds: try row.next(),
      promptTokens: try row.next(), outputTokens: try row.next(),
      finishReason: try row.next(), failure: try row.nextFailure())
    cachedPromptTokens = try row.next()
    cost = try row.next()
    revision = try row.nextRevision()
  }
}
