import Experimentation
import Statistics
import Storage
import Testing

extension OutcomeStoreContract {
  func checkRollsUpWhatWasAppended(_ store: any OutcomeStore) async throws {
    var rollups: [OutcomeRollup.Key: OutcomeRollup] = [:]
    for batch in 0..<5 {
      var outcomes = try (0..<40).map { try outcome(batch * 40 + $0) }
      var comparisons = [try Sample.comparison("p\(batch)")]
      for outcome in outcomes {
        let key = try #require(OutcomeRollup.Key(outcome))
        rollups[key, default: OutcomeRollup()].add(outcome.measurements)
      }
      for pair in comparisons {
        rollups[try #require(OutcomeRollup.Key(pair)), default: OutcomeRollup()].add(pair)
      }
      // Neither is evidence of this run.
      outcomes.append(try Sample.outcome("pinned", propensity: nil))
      outcomes.append(try Sample.outcome("other", run: 2))
      comparisons.append(try Sample.comparison("other", run: 2))
      // An incumbent that is its own control is in no rollup.
      var control = try Sample.comparison("control\(batch)")
      control.candidate = control.incumbent
      comparisons.append(control)
      try await store.append(outcomes: outcomes, comparisons: comparisons)
    }
    let read = try await store.rollups(of: try Sample.rollout(), run: 1)
    #expect(Set(read.keys) == Set(rollups.keys))
    for (key, rollup) in read {
      let expected = try #require(rollups[key])
      // Sketches are exact; means are those of another order of additions.
      for sketch in OutcomeRollup.sketches {
        #expect(rollup[keyPath: sketch] == expected[keyPath: sketch])
      }
      #expect(rollup.answers == expected.answers)
      #expect(rollup.errors == expected.errors)
      let (mean, other) = (rollup.tokenAgreement.mean ?? 0, expected.tokenAgreement.mean ?? 0)
      #expect(abs(mean - other) < 1e-12)
      #expect(rollup.cost.count == expected.cost.count)
    }
    #expect(read.values.reduce(0) { $0 + $1.answers } == 205)
    #expect(try await store.rollups(of: try Sample.rollout(), run: 3) == [:])
  }

  /// Every length of prompt, an error in ten, a cost for some.
  private func outcome(_ index: Int) throws -> Outcome {
    var measurements = Measurements(
      queueSeconds: Double(index) / 1_000, timeToFirstTokenSeconds: 0.1 + Double(index) / 100,
      totalSeconds: 1, promptTokens: index % 7 == 0 ? nil : index * 37, outputTokens: index,
      failure: index % 10 == 0 ? .unavailable : nil)
    measurements.cost = index % 2 == 0 ? 0.25 : nil
    return try Sample.outcome("\(index)", measurements: measurements)
  }

  func checkForgetsWhatIsOld(_ store: any OutcomeStore) async throws {
    let rollout = try Sample.rollout()
    for run in 1...2 {
      let outcomes = try (0..<20).map { index in
        var outcome = try Sample.outcome("\(index)", run: run)
        outcome.assignment.atMilliseconds = Int64(index) * 1_000
        return outcome
      }
      try await store.append(
        outcomes: outcomes, comparisons: [try Sample.comparison("p", run: run)])
    }
    let retention = Retention(maximumAge: .seconds(10), maximumRows: 1_000)
    let underWay = RunID(rollout: rollout, run: 2)
    func prune(_ limit: Int) async throws -> Int {
      try await store.prune(retention, nowMilliseconds: 20_000, keeping: [underWay], limit: limit)
    }
    let rollups = try await store.rollups(of: rollout, run: 1)
    #expect(try await prune(7) == 7)
    #expect(try await prune(7) == 3)
    #expect(try await prune(7) == 0)
    let left = try await store.outcomes(of: rollout, run: 1, after: 0, limit: 100)
    // Those of the last ten seconds, the oldest of them exactly ten seconds old.
    #expect(left.map(\.value.requestID) == (10..<20).map(String.init))
    #expect(try await store.outcomes(of: rollout, run: 2, after: 0, limit: 100).count == 20)
    #expect(try await store.rollups(of: rollout, run: 1) == rollups)
    #expect(
      try await store.runs() == [
        StoredRun(id: RunID(rollout: rollout, run: 1), outcomes: 10, comparisons: 1),
        StoredRun(id: underWay, outcomes: 20, comparisons: 1),
      ])
  }

  func checkForgetsWhatIsTooMuch(_ store: any OutcomeStore) async throws {
    let rollout = try Sample.rollout()
    for run in 1...2 {
      try await store.append(
        outcomes: try (0..<20).map { try Sample.outcome("\($0)", run: run) }, comparisons: [])
    }
    let underWay = RunID(rollout: rollout, run: 2)
    func left(_ rows: Int) async throws -> [Int] {
      let retention = Retention(maximumAge: .seconds(1e9), maximumRows: rows)
      while try await store.prune(
        retention, nowMilliseconds: 1_800_000_000_000, keeping: [underWay], limit: 6) > 0
      {}
      return try await store.runs().map(\.outcomes)
    }
    #expect(try await left(40) == [20, 20])
    #expect(try await left(30) == [10, 20])
    #expect(try await left(15) == [0, 15])
    let kept = try await store.outcomes(of: rollout, run: 2, after: 0, limit: 100)
    #expect(kept.map(\.value.requestID) == (5..<20).map(String.init))
    // Numbers are never given out twice, so that no reader passes over what comes next.
    let last = try #require(kept.last).sequence
    #expect(try await left(1) == [0, 1])
    try await store.append(outcomes: [try Sample.outcome("next", run: 2)], comparisons: [])
    let next = try await store.outcomes(of: rollout, run: 2, after: last, limit: 100)
    #expect(next.map(\.value.requestID) == ["next"])
  }
}
