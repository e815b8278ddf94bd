import Experimentation
import Storage
import Testing

/// What every journal keeps. Each rule takes an empty journal of its own.
enum JournalContract: String, CaseIterable, Sendable {
  case isEmptyAtFirst = "an empty journal has no entries"
  case returnsWhatWasAppended = "entries come back as they were appended, counted from 1"
  case readsOn = "reading goes on after a sequence"
  case appendsNothing = "appending nothing writes nothing"
  case refusesTheSlower =
    "of two writers who know the same entry one is refused, and writes nothing"
  case refusesTheFuture = "a writer who knows entries that are not there is refused"
  case keepsAnyText = "actor, reason and numbers at their extremes come back"
  case refusesNUL = "text that a database would cut short is refused"
  case knowsKeys = "what the command of a key became is known, and a key stands for one command"
  case losesNoneOfMany = "a thousand appends of eight writers leave no gap"

  func check(_ journal: any Journal) async throws {
    switch self {
    case .isEmptyAtFirst:
      #expect(try await journal.entries(after: 0) == [])
    case .returnsWhatWasAppended: try await checkReturnsWhatWasAppended(journal)
    case .readsOn: try await checkReadsOn(journal)
    case .appendsNothing:
      #expect(try await journal.append([], after: 0) == [])
      #expect(try await journal.entries(after: 0) == [])
    case .refusesTheSlower: try await checkRefusesTheSlower(journal)
    case .refusesTheFuture:
      let error = await #expect(throws: StorageError.self) {
        try await journal.append([try .sample()], after: 5)
      }
      #expect(error?.code == .conflict)
      #expect(try await journal.entries(after: 0) == [])
    case .keepsAnyText: try await checkKeepsAnyText(journal)
    case .refusesNUL: try await checkRefusesNUL(journal)
    case .knowsKeys: try await checkKnowsKeys(journal)
    case .losesNoneOfMany: try await checkLosesNoneOfMany(journal)
    }
  }

  private func checkReturnsWhatWasAppended(_ journal: any Journal) async throws {
    let records = try JournalRecord.oneOfEach()
    let first = try await journal.append(Array(records.prefix(3)), after: 0)
    let rest = try await journal.append(Array(records.dropFirst(3)), after: 3)
    let entries = try await journal.entries(after: 0)
    #expect(entries == first + rest)
    #expect(entries.map(\.record) == records)
    #expect(entries.map(\.sequence) == Array(1...Int64(records.count)))
    #expect(Set(entries.map(\.hash)).count == records.count)
  }

  private func checkReadsOn(_ journal: any Journal) async throws {
    let entries = try await journal.append(try JournalRecord.oneOfEach(), after: 0)
    #expect(try await journal.entries(after: 4) == Array(entries.dropFirst(4)))
    #expect(try await journal.entries(after: Int64(entries.count)) == [])
    #expect(try await journal.entries(after: .max) == [])
  }

  private func checkRefusesTheSlower(_ journal: any Journal) async throws {
    let entries = try await journal.append([try .sample(actor: "faster")], after: 0)
    let error = await #expect(throws: StorageError.self) {
      try await journal.append([try .sample(), try .sample()], after: 0)
    }
    #expect(error?.code == .conflict)
    #expect(try await journal.entries(after: 0) == entries)
  }

  private func checkKeepsAnyText(_ journal: any Journal) async throws {
    var records = [
      try JournalRecord.sample(actor: "Zoë O'Neil", reason: ""),
      try JournalRecord.sample(
        actor: "a\u{1b}[2J\n\"'\\; DROP TABLE journal", reason: "🙂\u{7f}e\u{301}"),
    ]
    records[0].atMilliseconds = .min
    records[1].atMilliseconds = .max
    records[1].event = .rolledBack(
      try Sample.rollout(),
      evidence: [try Sample.report(lowerBound: -.infinity, upperBound: .infinity)])
    _ = try await journal.append(records, after: 0)
    #expect(try await journal.entries(after: 0).map(\.record) == records)
  }

  private func checkRefusesNUL(_ journal: any Journal) async throws {
    for record in [
      try JournalRecord.sample(actor: "al\u{0}ice"), try .sample(reason: "be\u{0}cause"),
    ] {
      await #expect(throws: StorageError.self) {
        try await journal.append([try .sample(), record], after: 0)
      }
    }
    #expect(try await journal.entries(after: 0) == [])
  }

  private func checkKnowsKeys(_ journal: any Journal) async throws {
    let print = String(repeating: "a", count: 64)
    let one = try #require(IdempotencyKey("one", fingerprint: print))
    let two = try #require(IdempotencyKey("two", fingerprint: print))
    let records = try ["0", "1", "2", "3"].map { try JournalRecord.sample(actor: $0) }
    let entries = try await journal.append(
      records, after: 0, keys: [KeyedRecords(two, 3..<4), KeyedRecords(one, 0..<3)])
    #expect(
      try await journal.entries(ofKey: "one")
        == KeyedEntries(fingerprint: print, entries: Array(entries[..<3])))
    #expect(try await journal.entries(ofKey: "two")?.entries == [entries[3]])
    #expect(try await journal.entries(ofKey: "three") == nil)

    let other = try #require(
      IdempotencyKey("one", fingerprint: String(repeating: "b", count: 64)))
    let later = try await journal.append(
      [.sample()], after: 4, keys: [KeyedRecords(other, 0..<1)])
    #expect(later.count == 1)
    #expect(try await journal.entries(ofKey: "one")?.fingerprint == print)
    #expect(try await journal.entries(after: 0) == entries + later)
  }

  private func checkLosesNoneOfMany(_ journal: any Journal) async throws {
    try await withThrowingTaskGroup(of: Void.self) { writers in
      for writer in 0..<8 {
        writers.addTask {
          var written = 0
          var known: Int64 = 0
          while written < 125 {
            do {
              let record = try JournalRecord.sample(actor: "\(writer)", reason: "\(written)")
              known = try await journal.append([record], after: known).last?.sequence ?? known
              written += 1
            } catch let error as StorageError where error.code == .conflict {
              known = try await journal.entries(after: known).last?.sequence ?? known
            }
          }
        }
      }
      try await writers.waitForAll()
    }
    let entries = try await journal.entries(after: 0)
    #expect(entries.map(\.sequence) == Array(1...1_000))
    for writer in 0..<8 {
      let reasons = entries.filter { $0.record.actor == "\(writer)" }.map(\.record.reason)
      #expect(reasons == (0..<125).map { "\($0)" })
    }
  }
}
