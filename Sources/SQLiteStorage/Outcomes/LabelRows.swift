import Experimentation
import Foundation
import GRDB
import Storage

extension JudgedAnswers {
  static let columns =
    ["request_id"] + Assignment.columns
    + ["incumbent", "candidate", "prompt_tokens", "judged"]

  func write(_ row: inout RowWriter) throws {
    row.append(requestID)
    try row.append(assignment)
    try row.append(incumbent)
    try row.append(candidate)
    row.append(promptTokens)
    row.append(judged)
  }

  init(from row: inout RowReader) throws {
    self.init(
      requestID: try row.next(), assignment: try row.nextAssignment(),
      incumbent: try row.nextName(), candidate: try row.nextName(), promptTokens: try row.next(),
      judged: try row.next())
  }
}

extension PairToLabel: TableRow {
  static let table = LabelSchema.texts
  static let columns =
    JudgedAnswers.columns
    + [
      "question", "incumbent_answer", "candidate_answer", "candidate_first", "kept_milliseconds",
    ]

  var assignment: Assignment { pair.assignment }

  func write(_ row: inout RowWriter) throws {
    try pair.write(&row)
    for text in [question, incumbentAnswer, candidateAnswer] { row.append(Data(text.utf8)) }
    row.append(isCandidateFirst)
    row.append(keptAtMilliseconds)
  }

  init(from row: inout RowReader) throws {
    func text(_ row: inout RowReader) throws -> String {
      let bytes: Data = try row.next()
      return String(decoding: bytes, as: UTF8.self)
    }
    self.init(
      pair: try JudgedAnswers(from: &row), question: try text(&row),
      incumbentAnswer: try text(&row), candidateAnswer: try text(&row),
      isCandidateFirst: try row.next(), keptAtMilliseconds: try row.next())
  }
}

extension PairLabel: TableRow {
  static let table = "labels"
  static let columns =
    ["number"] + JudgedAnswers.columns
    + ["preference", "actor", "labelled_milliseconds"]

  var assignment: Assignment { pair.assignment }

  func write(_ row: inout RowWriter) throws {
    row.append(number)
    try pair.write(&row)
    row.append(preference)
    row.append(actor)
    row.append(atMilliseconds)
  }

  init(from row: inout RowReader) throws {
    self.init(
      number: try row.next(), pair: try JudgedAnswers(from: &row), preference: try row.next(),
      actor: try row.next(), atMilliseconds: try row.next())
  }
}

/// How pairs get into the tables and out of them.
enum LabelRows {
  private static let count = """
    SELECT (SELECT count(*) FROM pairs_to_label WHERE run_id = ?1 AND candidate = ?2)
      + (SELECT count(*) FROM labels WHERE run_id = ?1 AND candidate = ?2)
    """
  /// A pair that waits: run, number.
  private static let standing = """
    SELECT sequence, \(PairToLabel.columns.joined(separator: ", ")) FROM pairs_to_label
    WHERE run_id = ? AND sequence = ?
    """
  private static let said = """
    SELECT preference, candidate_first, actor FROM labels WHERE run_id = ? AND number = ?
    """

  /// Keeps `pair` while fewer than `limit` of its candidate and run are there.
  static func insert(
    _ pair: PairToLabel, limit: Int, _ writer: inout RowWriter, in db: Database
  ) throws -> Bool {
    writer.begin()
    try pair.write(&writer)
    let values = StatementArguments(writer.values)
    guard let rollout = pair.assignment.run, let run = writer.names.run(rollout),
      let candidate = writer.names.id(ofKnown: pair.pair.candidate.text)
    else { return false }
    let kept = try Int.fetchOne(db.cachedStatement(sql: count), arguments: [run, candidate]) ?? 0
    guard kept < limit else { return false }
    let statement = try db.cachedStatement(sql: PairToLabel.insertion)
    statement.setUncheckedArguments(values)
    try statement.execute()
    return true
  }

  /// Turns the pair that waits under `number` into a label.
  static func label(
    _ number: Int64, of run: Int64, as choice: LabelChoice, by actor: String,
    atMilliseconds now: Int64, _ writer: inout RowWriter, in db: Database
  ) throws -> LabelReceipt {
    if let row = try Row.fetchOne(
      db.cachedStatement(sql: said), arguments: [run, number])
    {
      var columns = ColumnReader(row)
      let preference: Double = try columns.next()
      let isCandidateFirst: Bool = try columns.next()
      let author: String = try columns.next()
      let isSame =
        author == actor && preference == choice.preference(isCandidateFirst: isCandidateFirst)
      return isSame ? .unchanged : .taken(by: author)
    }
    guard
      let row = try Row.fetchOne(
        db.cachedStatement(sql: standing), arguments: [run, number])
    else { return .unknown }
    var reader = RowReader(row, names: writer.names)
    let _: Int64 = try reader.next()
    let waiting = try PairToLabel(from: &reader)
    let label = PairLabel(
      number: number, pair: waiting.pair,
      preference: choice.preference(isCandidateFirst: waiting.isCandidateFirst), actor: actor,
      atMilliseconds: now)
    writer.begin()
    try label.write(&writer)
    writer.append(waiting.isCandidateFirst)
    let columns = (PairLabel.columns + ["candidate_first"]).joined(separator: ", ")
    let places = writer.values.map { _ in "?" }.joined(separator: ", ")
    let statement = try db.cachedStatement(
      sql: "INSERT INTO labels (\(columns)) VALUES (\(places))")
    statement.setUncheckedArguments(StatementArguments(writer.values))
    try statement.execute()
    try forget(where: "sequence = ?", [number], db)
    return .recorded
  }

  /// Removes pairs with their texts: what they stood on is overwritten, not only given free.
  @discardableResult
  static func forget(
    where condition: String, _ arguments: StatementArguments, _ db: Database
  ) throws -> Int {
    try db.execute(sql: "PRAGMA secure_delete = ON")
    defer { try? db.execute(sql: "PRAGMA secure_delete = OFF") }
    try db.execute(
      sql: "DELETE FROM pairs_to_label WHERE \(condition)", arguments: arguments)
    return db.changesCount
  }

  /// Removes labels of runs that have ended, by age, as other rows go.
  static func prune(
    before milliseconds: Int64, _ keeping: Set<RunID>, _ limit: Int, _ db: Database
  ) throws {
    for (id, run) in try labelledRuns(db) where !keeping.contains(run) {
      try db.cachedStatement(
        sql: """
          DELETE FROM labels WHERE sequence IN
            (SELECT sequence FROM labels WHERE run_id = ? ORDER BY sequence LIMIT ?)
            AND labelled_milliseconds < ?
          """
      ).execute(arguments: [id, max(0, limit), milliseconds])
    }
  }

  private static func labelledRuns(_ db: Database) throws -> [(Int64, RunID)] {
    try runs(
      "SELECT id, rollout, run FROM runs WHERE id IN (SELECT DISTINCT run_id FROM labels)", db)
  }

  /// Runs of which texts are kept.
  static func runsWithTexts(_ db: Database) throws -> [(Int64, RunID)] {
    try runs(
      "SELECT id, rollout, run FROM runs WHERE id IN (SELECT DISTINCT run_id FROM pairs_to_label)",
      db)
  }

  private static func runs(_ sql: String, _ db: Database) throws -> [(Int64, RunID)] {
    try Row.fetchAll(db, sql: sql).map { row in
      var columns = ColumnReader(row)
      let id: Int64 = try columns.next()
      return (id, RunID(rollout: try columns.nextName(), run: try columns.next()))
    }
  }
}
