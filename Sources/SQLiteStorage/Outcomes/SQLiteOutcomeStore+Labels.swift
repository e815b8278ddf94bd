package import Experimentation
import GRDB
package import Storage
import Synchronization

extension SQLiteOutcomeStore: LabelStore {
  package func keep(_ pair: PairToLabel, limit: Int) async throws(StorageError) -> Bool {
    guard pair.assignment.run != nil, limit > 0 else { return false }
    try checkSpace()
    return try await file.write { [self] db in
      var writer = RowWriter(names: names.withLock { $0 }, db)
      let isKept = try LabelRows.insert(pair, limit: limit, &writer, in: db)
      return (isKept, writer.names)
    } committed: { [self] written in
      names.withLock { $0 = written.1 }
    }.0
  }

  package func waiting(
    of rollout: RolloutName, run: Int, after number: Int64, limit: Int
  ) async throws(StorageError) -> [Sequenced<PairToLabel>] {
    try await rows(of: RunID(rollout: rollout, run: run), after: number, limit)
  }

  package func label(
    _ number: Int64, of rollout: RolloutName, run: Int, as choice: LabelChoice, by actor: String,
    atMilliseconds now: Int64
  ) async throws(StorageError) -> LabelReceipt {
    let receipt = try await file.write { [self] db in
      var writer = RowWriter(names: names.withLock { $0 }, db)
      guard let id = writer.names.run(RunID(rollout: rollout, run: run)) else {
        return (LabelReceipt.unknown, writer.names)
      }
      let receipt = try LabelRows.label(
        number, of: id, as: choice, by: actor, atMilliseconds: now, &writer, in: db)
      return (receipt, writer.names)
    } committed: { [self] written in
      names.withLock { $0 = written.1 }
    }.0
    if receipt == .recorded { try await file.checkpoint() }
    return receipt
  }

  package func labels(
    of rollout: RolloutName, run: Int, after sequence: Int64, limit: Int
  ) async throws(StorageError) -> [Sequenced<PairLabel>] {
    try await rows(of: RunID(rollout: rollout, run: run), after: sequence, limit)
  }

  package func labelCounts(
    of rollout: RolloutName, run: Int
  ) async throws(StorageError) -> LabelCounts {
    try await file.read { [self] db in
      guard let id = names.withLock({ $0.run(RunID(rollout: rollout, run: run)) }) else {
        return LabelCounts()
      }
      func count(_ table: String) throws -> Int {
        try Int.fetchOne(
          db.cachedStatement(sql: "SELECT count(*) FROM \(table) WHERE run_id = ?"),
          arguments: [id]) ?? 0
      }
      return LabelCounts(
        waiting: try count(PairToLabel.table), labelled: try count(PairLabel.table))
    }
  }

  @discardableResult
  package func forgetTexts(
    nowMilliseconds: Int64, keeping: Set<RunID>
  ) async throws(StorageError) -> Int {
    let oldest = nowMilliseconds - LabelPlan.textMilliseconds
    let gone = try await file.write { db in
      let runs = try LabelRows.runsWithTexts(db)
      if runs.isEmpty { return 0 }
      var gone = try LabelRows.forget(where: "kept_milliseconds < ?", [oldest], db)
      for (id, run) in runs where !keeping.contains(run) {
        gone += try LabelRows.forget(where: "run_id = ?", [id], db)
      }
      return gone
    }
    if gone > 0 { try await file.checkpoint() }
    return gone
  }

  @discardableResult
  package func forgetTexts(
    of candidates: [ModelName], in run: RunID
  ) async throws(StorageError) -> Int {
    let ids: (run: Int64, candidates: [Int64])? = names.withLock { names in
      names.run(run).map { ($0, candidates.compactMap { names.id(ofKnown: $0.text) }) }
    }
    guard let ids, !ids.candidates.isEmpty else { return 0 }
    let gone = try await file.write { db in
      var gone = 0
      for candidate in ids.candidates {
        gone += try LabelRows.forget(
          where: "run_id = ? AND candidate = ?", [ids.run, candidate], db)
      }
      return gone
    }
    if gone > 0 { try await file.checkpoint() }
    return gone
  }
}
