import Experimentation
import GRDB
import Storage

extension Feedback: TableRow {
  static let table = "feedback"
  static let columns =
    ["request_id"] + Assignment.routingColumns
    + ["model", "choice", "metric", "value", "received_milliseconds", "late", "text"]

  func write(_ row: inout RowWriter) throws {
    row.append(requestID)
    try row.append(routing: assignment)
    try row.append(model)
    row.append(choice)
    row.append(metric.text)
    row.append(value)
    row.append(receivedAtMilliseconds)
    row.append(isLate)
    row.append(text)
  }

  init(from row: inout RowReader) throws {
    self.init(
      requestID: try row.next(), assignment: try row.nextRouting(), model: try row.nextName(),
      choice: try row.next(), metric: try row.nextText(), value: try row.next(),
      receivedAtMilliseconds: try row.next(), isLate: try row.next(), text: try row.next())
  }
}

/// The rule by which feedback takes the place of feedback (``FeedbackReceipt``).
enum FeedbackRows {
  private static let standing = """
    SELECT sequence, value, late, text FROM feedback
    WHERE request_id = ? AND at_milliseconds = ? AND place = ? AND model = ? AND unit_hash = ?
      AND choice = ? AND metric = ?
    """
  /// Counted along the index of the table's uniqueness, which begins with these.
  private static let count = """
    SELECT count(*) FROM feedback
    WHERE request_id = ? AND at_milliseconds = ? AND place = ? AND model = ? AND unit_hash = ?
    """

  /// What becomes of `feedback`; what it replaces is gone when this returns.
  ///
  /// Clients name requests, and may give one name to several at once: an answer is its request, its
  /// moment, where it was routed, who answered and to whom.
  static func makeWay(
    for feedback: Feedback, _ writer: inout RowWriter, in db: Database
  ) throws -> FeedbackReceipt {
    let (place, model) = try writer.ids(of: feedback)
    let answer: StatementArguments = [
      feedback.requestID, feedback.assignment.atMilliseconds, place, model,
      Int64(bitPattern: feedback.assignment.unitHash),
    ]
    let row = try Row.fetchOne(
      db.cachedStatement(sql: standing),
      arguments: answer + [feedback.choice, feedback.metric.text])
    guard let row else {
      let rows = try Int.fetchOne(db.cachedStatement(sql: count), arguments: answer) ?? 0
      return rows < FeedbackReceipt.mostOfAnswer ? .recorded : .full
    }
    var columns = ColumnReader(row)
    let sequence: Int64 = try columns.next()
    let value: Double = try columns.next()
    let isLate: Bool = try columns.next()
    let text: String? = try columns.next()
    if value == feedback.value && text == feedback.text { return .unchanged }
    if feedback.isLate && !isLate { return .outlived }
    try db.cachedStatement(sql: "DELETE FROM feedback WHERE sequence = ?")
      .execute(arguments: [sequence])
    return .replaced
  }
}
