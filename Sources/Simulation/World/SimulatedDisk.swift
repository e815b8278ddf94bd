import Foundation
package import Experimentation
import Statistics
package import Storage
import Synchronization

/// What survives a simulated process: its journal and its outcomes, with faults on command.
///
/// Shared by the processes of one world, of which one lives at a time. Journal entries that were
/// acknowledged stay; outcomes of the last moment before a crash may be gone, as in the real store.
package final class SimulatedDisk: Sendable {
  /// What goes wrong at a write to the journal.
  package enum Fault: Hashable, Sendable {
    /// The process dies before the write.
    case crashBefore
    /// The process dies after the write, before it hears of it.
    case crashAfter
    /// The write fails; the process lives.
    case refused
    /// The write succeeds, but its writer is told that it failed.
    case answerLost
  }

  private struct State {
    var entries: [JournalEntry] = []
    var keys: [String: KeyedEntries] = [:]
    var outcomes: [Sequenced<Outcome>] = []
    var comparisons: [Sequenced<Comparison>] = []
    var feedback: [Sequenced<Feedback>] = []
    var nextSequence: Int64 = 1
    var journalWrites = 0
    var faults: [Int: Fault]
    /// The process that owns the disk; those before it are dead.
    var process = 0
    var isAway = false
  }

  private let state: Mutex<State>

  /// - Parameter faults: by the number of the write to the journal, from 1
  package init(faults: [Int: Fault] = [:]) { state = Mutex(State(faults: faults)) }

  /// Every entry, for those who check the world.
  package var entries: [JournalEntry] { state.withLock { $0.entries } }

  /// Sequence of the last entry.
  package var head: Int64 { Int64(state.withLock { $0.entries.count }) }

  /// How often anybody wrote to the journal, or tried.
  package var journalWrites: Int { state.withLock { $0.journalWrites } }

  /// Whether the disk is taken away for the time being: nothing is written or read.
  package var isAway: Bool {
    get { state.withLock { $0.isAway } }
    set { state.withLock { $0.isAway = newValue } }
  }

  /// Kills the process that owns the disk, as by `kill -9`.
  package func crash() { state.withLock { $0.process += 1 } }

  /// Opens the disk for a new process; the one before is dead.
  package func open() -> SimulatedStore {
    let process = state.withLock { state in
      state.process += 1
      return state.process
    }
    return SimulatedStore(disk: self, process: process)
  }

  func isAlive(_ process: Int) -> Bool { state.withLock { $0.process == process } }

  private static func unavailable(_ reason: String) -> StorageError {
    StorageError(.unavailable, "simulated: \(reason); wait or restart")
  }

  private static func check(_ state: State, _ process: Int) throws(StorageError) {
    guard state.process == process else { throw unavailable("this process is dead") }
    if state.isAway { throw unavailable("the disk is away") }
  }

  func entries(
    after sequence: Int64, process: Int
  ) throws(StorageError) -> [JournalEntry] {
    try state.withLock { state throws(StorageError) in
      try Self.check(state, process)
      return Array(state.entries.dropFirst(Int(max(0, sequence))))
    }
  }

  func entries(ofKey text: String, process: Int) throws(StorageError) -> KeyedEntries? {
    try state.withLock { state throws(StorageError) in
      try Self.check(state, process)
      return state.keys[text]
    }
  }

  func append(
    _ records: [JournalRecord], after sequence: Int64, keys: [KeyedRecords], process: Int
  ) throws(StorageError) -> [JournalEntry] {
    try state.withLock { state throws(StorageError) in
      try Self.check(state, process)
      state.journalWrites += 1
      let fault = state.faults[state.journalWrites]
      switch fault {
      case .crashBefore:
        state.process += 1
        throw Self.unavailable("the process died before the write")
      case .refused: throw Self.unavailable("the write failed")
      case .crashAfter, .answerLost, nil: break
      }
      guard state.entries.count == Int(sequence) else {
        throw StorageError(.conflict, "another writer was faster: fold, decide again")
      }
      var written: [JournalEntry] = []
      for record in records {
        let entry = JournalChain.entry(record, after: state.entries.last)
        state.entries.append(entry)
        written.append(entry)
      }
      for keyed in keys where state.keys[keyed.key.text] == nil {
        state.keys[keyed.key.text] = KeyedEntries(
          fingerprint: keyed.key.fingerprint, entries: Array(written[keyed.records]))
      }
      if fault == .crashAfter {
        state.process += 1
        throw Self.unavailable("the process died after the write")
      }
      if fault == .answerLost { throw Self.unavailable("the answer was lost") }
      return written
    }
  }

  func append(
    outcomes: [Outcome], comparisons: [Comparison], process: Int
  ) throws(StorageError) {
    try state.withLock { state throws(StorageError) in
      try Self.check(state, process)
      for outcome in outcomes {
        state.outcomes.append(Sequenced(sequence: state.nextSequence, value: outcome))
        state.nextSequence += 1
      }
      for comparison in comparisons {
        state.comparisons.append(Sequenced(sequence: state.nextSequence, value: comparison))
        state.nextSequence += 1
      }
    }
  }

  func append(_ feedback: [Feedback], process: Int) throws(StorageError) {
    try state.withLock { state throws(StorageError) in
      try Self.check(state, process)
      for feedback in feedback {
        state.feedback.append(Sequenced(sequence: state.nextSequence, value: feedback))
        state.nextSequence += 1
      }
    }
  }

  private func rows<Value>(
    _ rows: (State) -> [Sequenced<Value>], after sequence: Int64, limit: Int, process: Int,
    where isWanted: (Value) -> Bool
  ) throws(StorageError) -> [Sequenced<Value>] {
    try state.withLock { state throws(StorageError) in
      try Self.check(state, process)
      let rows = rows(state)
      // Sequences ascend: half the search each time.
      var (low, high) = (0, rows.count)
      while low < high {
        let middle = (low + high) / 2
        if rows[middle].sequence > sequence { high = middle } else { low = middle + 1 }
      }
      var found: [Sequenced<Value>] = []
      for row in rows[low...] where isWanted(row.value) {
        if found.count == limit { break }
        found.append(row)
      }
      return found
    }
  }

  func outcomes(
    of rollout: RolloutName, run: Int, after sequence: Int64, limit: Int, process: Int
  ) throws(StorageError) -> [Sequenced<Outcome>] {
    try rows({ $0.outcomes }, after: sequence, limit: limit, process: process) {
      $0.assignment.rollout?.rollout == rollout && $0.assignment.rollout?.run == run
    }
  }

  func comparisons(
    of rollout: RolloutName, run: Int, after sequence: Int64, limit: Int, process: Int
  ) throws(StorageError) -> [Sequenced<Comparison>] {
    try rows({ $0.comparisons }, after: sequence, limit: limit, process: process) {
      $0.assignment.rollout?.rollout == rollout && $0.assignment.rollout?.run == run
    }
  }

  func feedback(
    of rollout: RolloutName, run: Int, after sequence: Int64, limit: Int, process: Int
  ) throws(StorageError) -> [Sequenced<Feedback>] {
    try rows({ $0.feedback }, after: sequence, limit: limit, process: process) {
      $0.assignment.rollout?.rollout == rollout && $0.assignment.rollout?.run == run
    }
  }
}

/// A chain over the entries of a simulated journal: each hash stands for all before it.
enum JournalChain {
  static func entry(_ record: JournalRecord, after last: JournalEntry?) -> JournalEntry {
    let sequence = (last?.sequence ?? 0) + 1
    return JournalEntry(
      sequence: sequence, record: record,
      hash: hash(record, sequence: sequence, previous: last?.hash ?? ""))
  }

  static func hash(_ record: JournalRecord, sequence: Int64, previous: String) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    // Infinite and not-a-number bounds never get into events; were they to, the chain would still
    // tell entries apart by all else.
    let event = (try? encoder.encode(record.event)) ?? Data()
    let text = String(decoding: event, as: UTF8.self)
    let unit = "\(sequence)/\(record.actor)/\(record.reason ?? "")/\(record.atMilliseconds)/\(text)"
    return String(StableHash.hash(salt: previous, unit: unit), radix: 16)
  }
}

/// The disk as one process sees it, with the time that reading and writing take.
package struct SimulatedStore: Journal, OutcomeStore {
  let disk: SimulatedDisk
  let process: Int
  /// Waits as long as a disk takes; every wait is a place where others get their turn.
  var latency: @Sendable () async -> Void = {}

  /// Whether the process that opened the disk still lives.
  package var isAlive: Bool { disk.isAlive(process) }

  /// The same disk, of which each operation takes as long as `latency`.
  package func taking(_ latency: @escaping @Sendable () async -> Void) -> SimulatedStore {
    var store = self
    store.latency = latency
    return store
  }

  package func entries(after sequence: Int64) async throws(StorageError) -> [JournalEntry] {
    await latency()
    let entries = try disk.entries(after: sequence, process: process)
    await latency()
    return entries
  }

  package func entries(ofKey text: String) async throws(StorageError) -> KeyedEntries? {
    await latency()
    return try disk.entries(ofKey: text, process: process)
  }

  package func append(
    _ records: [JournalRecord], after sequence: Int64, keys: [KeyedRecords]
  ) async throws(StorageError) -> [JournalEntry] {
    await latency()
    let entries = try disk.append(records, after: sequence, keys: keys, process: process)
    await latency()
    // Whoever dies while the answer is on its way never gets it.
    guard isAlive else { throw StorageError(.unavailable, "simulated: this process is dead") }
    return entries
  }

  package func append(
    outcomes: [Outcome], comparisons: [Comparison]
  ) async throws(StorageError) {
    await latency()
    try disk.append(outcomes: outcomes, comparisons: comparisons, process: process)
  }

  package func outcomes(
    of rollout: RolloutName, run: Int, after sequence: Int64, limit: Int
  ) async throws(StorageError) -> [Sequenced<Outcome>] {
    await latency()
    return try disk.outcomes(
      of: rollout, run: run, after: sequence, limit: limit, process: process)
  }

  package func comparisons(
    of rollout: RolloutName, run: Int, after sequence: Int64, limit: Int
  ) async throws(StorageError) -> [Sequenced<Comparison>] {
    await latency()
    return try disk.comparisons(
      of: rollout, run: run, after: sequence, limit: limit, process: process)
  }

  /// Keeps what users of a simulated world say, who say it once.
  package func record(
    _ feedback: [Feedback]
  ) async throws(StorageError) -> [FeedbackReceipt] {
    await latency()
    try disk.append(feedback, process: process)
    return feedback.map { _ in .recorded }
  }

  package func feedback(
    of rollout: RolloutName, run: Int, after sequence: Int64, limit: Int
  ) async throws(StorageError) -> [Sequenced<Feedback>] {
    await latency()
    return try disk.feedback(
      of: rollout, run: run, after: sequence, limit: limit, process: process)
  }
}
