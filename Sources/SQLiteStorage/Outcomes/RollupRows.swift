import Experimentation
import Foundation
import GRDB
import Statistics
import Storage

/// Rollups in their table: read, grown by a batch, built anew from rows.
enum RollupRows {
  /// What a batch adds, by run and key.
  typealias Growth = [RunID: [OutcomeRollup.Key: OutcomeRollup]]

  private static let sketches = [
    "queue_seconds", "time_to_first_token_seconds", "time_per_output_token_seconds",
    "total_seconds", "output_tokens",
  ]
  private static let summaries = ["token_agreement", "prefix_agreement", "cost"]

  private static let key = ["run_id", "step", "model", "shadow", "band"]
  private static let values =
    ["answers", "errors"] + sketches
    + summaries.flatMap { ["\($0)_count", "\($0)_mean", "\($0)_deviations"] }

  private static let one =
    "SELECT \(values.joined(separator: ", ")) FROM rollups WHERE "
    + key.map { "\($0) = ?" }.joined(separator: " AND ")
  private static let all =
    "SELECT step, model, shadow, band, \(values.joined(separator: ", ")) FROM rollups "
    + "WHERE run_id = ? ORDER BY step, model, shadow, band"
  private static let replacement =
    "INSERT OR REPLACE INTO rollups (\((key + values).joined(separator: ", "))) VALUES ("
    + (key + values).map { _ in "?" }.joined(separator: ", ") + ")"

  static func growth(_ outcomes: [Outcome], _ comparisons: [Comparison]) -> Growth {
    var growth = Growth()
    for outcome in outcomes {
      guard let key = OutcomeRollup.Key(outcome), let run = outcome.assignment.run else { continue }
      growth[run, default: [:]][key, default: OutcomeRollup()].add(outcome.measurements)
    }
    for comparison in comparisons {
      guard let key = OutcomeRollup.Key(comparison), let run = comparison.assignment.run else {
        continue
      }
      growth[run, default: [:]][key, default: OutcomeRollup()].add(comparison)
    }
    return growth
  }

  static func add(_ growth: Growth, _ names: inout NameTable, _ db: Database) throws {
    for (run, rollups) in growth {
      let run = try names.id(of: run, db)
      for (key, rollup) in rollups {
        let place: [any DatabaseValueConvertible] = [
          run, key.step, try names.id(of: key.model.text, db), key.isShadow, key.band.rawValue,
        ]
        let row = try Row.fetchOne(
          db.cachedStatement(sql: one), arguments: StatementArguments(place))
        let sum = try row.map { try read(ColumnReader($0)) + rollup } ?? rollup
        try db.cachedStatement(sql: replacement)
          .execute(arguments: StatementArguments(place + arguments(of: sum)))
        try RollupScoreRows.add(rollup.scores, at: place, &names, db)
      }
    }
  }

  static func rollups(
    of run: Int64, _ names: NameTable, _ db: Database
  ) throws -> [OutcomeRollup.Key: OutcomeRollup] {
    var rollups: [OutcomeRollup.Key: OutcomeRollup] = [:]
    let rows = try Row.fetchCursor(db.cachedStatement(sql: all), arguments: [run])
    while let row = try rows.next() {
      var columns = ColumnReader(row)
      let key = try key(&columns, names)
      rollups[key] = try read(columns)
    }
    try RollupScoreRows.read(of: run, into: &rollups, names, db)
    return rollups
  }

  /// Step, model, whether shadow, and band.
  static func key(
    _ columns: inout ColumnReader, _ names: NameTable
  ) throws -> OutcomeRollup.Key {
    let step: Int = try columns.next()
    let model: Int64 = try columns.next()
    let isShadow: Bool = try columns.next()
    let band: Int = try columns.next()
    guard let band = PromptBand(rawValue: band) else {
      throw StorageError(.corrupt, "there is no band \(band) of prompt lengths")
    }
    return OutcomeRollup.Key(
      step: step, model: try names.name(model), isShadow: isShadow, band: band)
  }

  private static func read(_ columns: ColumnReader) throws -> OutcomeRollup {
    var columns = columns
    var rollup = OutcomeRollup()
    rollup.answers = try columns.next()
    rollup.errors = try columns.next()
    for sketch in OutcomeRollup.sketches {
      let bytes: Data = try columns.next()
      rollup[keyPath: sketch] = try QuantileSketch(decoding: Array(bytes))
    }
    for summary in OutcomeRollup.summaries {
      guard
        let read = SampleSummary(
          count: try columns.next(), mean: try columns.next(),
          squaredDeviations: try columns.next())
      else { throw StorageError(.corrupt, "a rollup's summary is none") }
      rollup[keyPath: summary] = read
    }
    return rollup
  }

  private static func arguments(of rollup: OutcomeRollup) -> [any DatabaseValueConvertible] {
    var arguments: [any DatabaseValueConvertible] = [rollup.answers, rollup.errors]
    for sketch in OutcomeRollup.sketches {
      arguments.append(Data(rollup[keyPath: sketch].encoded))
    }
    for summary in OutcomeRollup.summaries {
      let summary = rollup[keyPath: summary]
      arguments += [summary.count, summary.mean ?? 0, summary.squaredDeviations]
    }
    return arguments
  }
}

extension Assignment {
  /// The run that the request is evidence of.
  var run: RunID? { rollout.map { RunID(rollout: $0.rollout, run: $0.run) } }
}
