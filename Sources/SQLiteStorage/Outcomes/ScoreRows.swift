import Experimentation
import Foundation
import GRDB
import Statistics
import Storage

extension RowWriter {
  /// Scores as one value, or nothing (``ScoreSchema``).
  mutating func append(_ scores: AnswerScores) throws {
    guard !scores.isEmpty else { return append(nil as Data?) }
    var bytes = Data(capacity: scores.sorted.count * 8)
    for (id, value) in scores.sorted {
      guard let number = UInt32(exactly: try self.id(of: id)) else {
        throw StorageError(.unavailable, "there are too many names in the store")
      }
      for word in [number, value.bitPattern] {
        withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
      }
    }
    append(bytes)
  }
}

extension RowReader {
  mutating func nextScores() throws -> AnswerScores {
    let data: Data? = try next()
    var scores = AnswerScores()
    guard let data else { return scores }
    let bytes = Array(data)
    guard bytes.count.isMultiple(of: 8) else {
      throw StorageError(.corrupt, "scores are cut off")
    }
    func word(at place: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(bytes[place + $1]) << UInt32(8 * $1) }
    }
    for place in stride(from: 0, to: bytes.count, by: 8) {
      let id = ScoreID(stored: try text(Int64(word(at: place))))
      scores[id] = Double(Float(bitPattern: word(at: place + 4)))
    }
    return scores
  }
}

/// Scores of rollups in their table.
enum RollupScoreRows {
  private static let one = """
    SELECT count, mean, deviations FROM rollup_scores
    WHERE run_id = ? AND step = ? AND model = ? AND shadow = ? AND band = ? AND score = ?
    """
  private static let all = """
    SELECT step, model, shadow, band, score, count, mean, deviations FROM rollup_scores
    WHERE run_id = ?
    """
  private static let replacement =
    "INSERT OR REPLACE INTO rollup_scores VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"

  /// Adds to what is there.
  ///
  /// - Parameter place: run, step, model, whether shadow, band
  static func add(
    _ scores: [ScoreID: SampleSummary], at place: [any DatabaseValueConvertible],
    _ names: inout NameTable, _ db: Database
  ) throws {
    for (id, growth) in scores {
      let key = place + [try names.id(of: id.text, db)]
      let row = try Row.fetchOne(db.cachedStatement(sql: one), arguments: StatementArguments(key))
      var sum = growth
      if let row {
        var columns = ColumnReader(row)
        sum = try summary(&columns) + growth
      }
      let values: [any DatabaseValueConvertible] = [
        sum.count, sum.mean ?? 0, sum.squaredDeviations,
      ]
      try db.cachedStatement(sql: replacement).execute(arguments: StatementArguments(key + values))
    }
  }

  /// Puts the scores of a run into its rollups.
  static func read(
    of run: Int64, into rollups: inout [OutcomeRollup.Key: OutcomeRollup], _ names: NameTable,
    _ db: Database
  ) throws {
    let rows = try Row.fetchCursor(db.cachedStatement(sql: all), arguments: [run])
    while let row = try rows.next() {
      var columns = ColumnReader(row)
      let key = try RollupRows.key(&columns, names)
      let id = ScoreID(stored: try names.text(columns.next()))
      rollups[key]?.scores[id] = try summary(&columns)
    }
  }

  private static func summary(_ columns: inout ColumnReader) throws -> SampleSummary {
    guard
      let summary = SampleSummary(
        count: try columns.next(), mean: try columns.next(),
        squaredDeviations: try columns.next())
    else { throw StorageError(.corrupt, "a rollup's summary is none") }
    return summary
  }
}
