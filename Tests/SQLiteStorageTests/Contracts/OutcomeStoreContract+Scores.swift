import Experimentation
import Statistics
import Storage
import Testing

extension OutcomeStoreContract {
  func checkKeepsScores(_ store: any OutcomeStore) async throws {
    let (parses, english) = (ScoreID(check: "parses"), ScoreID(check: "english"))
    let rouge = ScoreID(.rougeL)
    var outcomes = try (0..<4).map { try Sample.outcome("\($0)") }
    for index in 0..<3 { outcomes[index].measurements.scores[parses] = index == 0 ? 0 : 1 }
    outcomes[1].measurements.scores[english] = 1
    var pairs = [try Sample.comparison("1"), try Sample.comparison("2")]
    pairs[0].scores[rouge] = 0.25
    pairs[1].scores[rouge] = 0.5
    pairs[0].incumbentMeasurements.scores[parses] = 1
    pairs[0].candidateMeasurements.scores[parses] = 0
    // In two batches, so that the second adds to what the first left.
    try await store.append(outcomes: Array(outcomes[..<2]), comparisons: [pairs[0]])
    try await store.append(outcomes: Array(outcomes[2...]), comparisons: [pairs[1]])

    let rollout = try Sample.rollout()
    let read = try await store.outcomes(of: rollout, run: 1, after: 0, limit: 10).map(\.value)
    #expect(read == outcomes)
    #expect(read[3].measurements.scores.isEmpty)
    #expect(
      try await store.comparisons(of: rollout, run: 1, after: 0, limit: 10).map(\.value) == pairs)

    let rollups = try await store.rollups(of: rollout, run: 1)
    let live = try #require(rollups.first { !$0.key.isShadow }?.value.scores)
    #expect(live[parses]?.count == 3 && live[english]?.count == 1)
    // Of 0, 1 and 1; one rounding.
    #expect(abs((live[parses]?.mean ?? 0) - 2.0 / 3) < 1e-12)
    let shadow = try #require(rollups.first { $0.key.isShadow }?.value.scores)
    #expect(shadow[rouge]?.mean == 0.375 && shadow[rouge]?.count == 2)
    #expect(shadow[parses]?.mean == 0, "the incumbent's answer has an outcome of its own")
  }
}
