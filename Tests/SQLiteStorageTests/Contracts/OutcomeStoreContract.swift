import Experimentation
import Storage
import Testing

/// What every outcome store keeps. Each rule takes an empty store of its own.
enum OutcomeStoreContract: String, CaseIterable, Sendable {
  case isEmptyAtFirst = "an empty store has nothing of any rollout"
  case returnsWhatWasAppended = "outcomes and comparisons come back whole, in order"
  case keepsRunsApart = "rollouts and runs are kept apart"
  case readsInPages = "reading in pages finds everything once"
  case writesAllOrNothing = "of a batch with one impossible value nothing is written"
  case losesNoneOfMany = "batches of eight writers are all there, each in order"
  case rollsUpWhatWasAppended = "rollups are what all rows add up to, pinned ones left out"
  case keepsScores = "scores come back whole, and rollups have their means"
  case forgetsWhatIsOld = "rows that are too old go, rollups and runs under way stay"
  case forgetsWhatIsTooMuch = "rows beyond the number go, of ended runs first"
  case keepsFeedback = "feedback comes back whole, in the order in which it came, by run"
  case hearsOnce = "of one request, choice and metric one value stands"
  case boundsFeedback = "one answer has no more ratings than it may"
  case forgetsFeedback = "feedback goes as outcomes do"

  func check(_ store: any OutcomeStore) async throws {
    switch self {
    case .isEmptyAtFirst: try await checkIsEmptyAtFirst(store)
    case .returnsWhatWasAppended: try await checkReturnsWhatWasAppended(store)
    case .keepsRunsApart: try await checkKeepsRunsApart(store)
    case .readsInPages: try await checkReadsInPages(store)
    case .writesAllOrNothing: try await checkWritesAllOrNothing(store)
    case .losesNoneOfMany: try await checkLosesNoneOfMany(store)
    case .rollsUpWhatWasAppended: try await checkRollsUpWhatWasAppended(store)
    case .keepsScores: try await checkKeepsScores(store)
    case .forgetsWhatIsOld: try await checkForgetsWhatIsOld(store)
    case .forgetsWhatIsTooMuch: try await checkForgetsWhatIsTooMuch(store)
    case .keepsFeedback: try await checkKeepsFeedback(store)
    case .hearsOnce: try await checkHearsOnce(store)
    case .boundsFeedback: try await checkBoundsTheFeedbackOfAnAnswer(store)
    case .forgetsFeedback: try await checkForgetsFeedback(store)
    }
  }

  private func checkIsEmptyAtFirst(_ store: any OutcomeStore) async throws {
    try await store.append(outcomes: [], comparisons: [])
    #expect(try await store.runs() == [])
    #expect(try await store.rollups(of: try Sample.rollout(), run: 1) == [:])
    #expect(try await outcomes(store) == [])
    #expect(try await comparisons(store) == [])
  }

  private func checkReturnsWhatWasAppended(_ store: any OutcomeStore) async throws {
    var outcomes = [
      try Sample.outcome("1", measurements: Sample.measured), try Sample.outcome("2"),
      try Sample.outcome("3", measurements: Sample.failed, propensity: nil),
    ]
    outcomes[0].assignment.labels = ["tier": "gold", "team": "ü \"a\""]
    outcomes[0].measurements.cost = 0.125
    outcomes[0].measurements.revision = "sha256:1"
    outcomes[1].assignment.labels = ["tier": "free"]
    var control = try Sample.comparison("3")
    control.candidate = control.incumbent
    let pairs = [
      try Sample.comparison("1"), try Sample.comparison("2", agreement: nil), control,
    ]
    try await store.append(outcomes: outcomes, comparisons: pairs)
    #expect(try await self.outcomes(store).map(\.value) == outcomes)
    #expect(try await comparisons(store).map(\.value) == pairs)
  }

  private func checkKeepsRunsApart(_ store: any OutcomeStore) async throws {
    let mine = try Sample.outcome("mine", run: 2)
    let pair = try Sample.comparison("mine", run: 2)
    var outside = try Sample.outcome("outside")
    outside.assignment.rollout = nil
    try await store.append(
      outcomes: [
        try Sample.outcome("earlier", run: 1), outside, mine,
        try Sample.outcome("other", rollout: "other", run: 2),
      ],
      comparisons: [try Sample.comparison("earlier", run: 1), pair])
    #expect(try await outcomes(store, run: 2).map(\.value) == [mine])
    #expect(try await comparisons(store, run: 2).map(\.value) == [pair])
    #expect(try await outcomes(store, run: 3) == [])
  }

  private func checkReadsInPages(_ store: any OutcomeStore) async throws {
    let ids = (0..<25).map { "\($0)" }
    try await store.append(
      outcomes: try ids.map { try Sample.outcome($0) },
      comparisons: try ids.map { try Sample.comparison($0) })
    var read: [Sequenced<Outcome>] = []
    while true {
      let page = try await outcomes(store, after: read.last?.sequence ?? 0, limit: 7)
      if page.isEmpty { break }
      #expect(page.count <= 7)
      read += page
    }
    #expect(read.map(\.value.requestID) == ids)
    #expect(try await comparisons(store, limit: 7).map(\.value.requestID) == Array(ids.prefix(7)))
    #expect(try await outcomes(store, limit: 0) == [])
    #expect(try await outcomes(store, limit: -1) == [])
    #expect(try await outcomes(store, after: .max) == [])
  }

  private func checkWritesAllOrNothing(_ store: any OutcomeStore) async throws {
    for total in [-1, .nan, .infinity] {
      let impossible = try Sample.outcome(
        "impossible", measurements: Measurements(totalSeconds: total))
      await #expect(throws: StorageError.self) {
        try await store.append(
          outcomes: [try Sample.outcome("1"), impossible], comparisons: [try Sample.comparison("1")]
        )
      }
    }
    await #expect(throws: StorageError.self) {
      try await store.append(
        outcomes: [try Sample.outcome("1")],
        comparisons: [try Sample.comparison("1", agreement: 1.5)])
    }
    #expect(try await outcomes(store) == [])
    #expect(try await comparisons(store) == [])
  }

  private func checkLosesNoneOfMany(_ store: any OutcomeStore) async throws {
    try await withThrowingTaskGroup(of: Void.self) { writers in
      for writer in 0..<8 {
        writers.addTask {
          for batch in 0..<20 {
            try await store.append(
              outcomes: try (0..<10).map { try Sample.outcome("\(writer)/\(batch * 10 + $0)") },
              comparisons: [])
          }
        }
      }
      try await writers.waitForAll()
    }
    let ids = try await outcomes(store).map(\.value.requestID)
    #expect(ids.count == 1_600)
    for writer in 0..<8 {
      #expect(
        ids.filter { $0.hasPrefix("\(writer)/") } == (0..<200).map { "\(writer)/\($0)" })
    }
  }

  private func outcomes(
    _ store: any OutcomeStore, run: Int = 1, after sequence: Int64 = 0, limit: Int = 10_000
  ) async throws -> [Sequenced<Outcome>] {
    try await store.outcomes(of: try Sample.rollout(), run: run, after: sequence, limit: limit)
  }

  private func comparisons(
    _ store: any OutcomeStore, run: Int = 1, after sequence: Int64 = 0, limit: Int = 10_000
  ) async throws -> [Sequenced<Comparison>] {
    try await store.comparisons(of: try Sample.rollout(), run: run, after: sequence, limit: limit)
  }
}
