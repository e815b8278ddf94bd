import Experimentation
import Storage
import Testing

extension OutcomeStoreContract {
  func checkKeepsFeedback(_ store: any OutcomeStore) async throws {
    var said = [try Sample.feedback("1"), try Sample.feedback("2"), try Sample.feedback("3")]
    said[0].text = "thänks \"🙂\"\n"
    said[0].choice = 1
    said[1].assignment.propensity = nil
    said[1].metric = try #require(FeedbackName("tone"))
    said[2].isLate = true
    #expect(try await store.record([]) == [])
    #expect(try await store.record(said) == [.recorded, .recorded, .recorded])
    _ = try await store.record([try Sample.feedback("other", run: 2)])
    let rows = try await feedback(store)
    #expect(rows.map(\.value) == said)
    let after = try await feedback(store, after: rows[0].sequence, limit: 1)
    #expect(after.map(\.value.requestID) == ["2"])
    #expect(try await feedback(store, limit: 0) == [])
    #expect(try await feedback(store, run: 3) == [])
    // All or nothing.
    for value in [-0.1, 1.1, .nan, .infinity] {
      await #expect(throws: StorageError.self) {
        _ = try await store.record([
          try Sample.feedback("4"), try Sample.feedback("5", value: value),
        ])
      }
    }
    #expect(try await feedback(store).count == 3)
  }

  func checkHearsOnce(_ store: any OutcomeStore) async throws {
    func record(_ value: Double, late: Bool = false, text: String? = nil) async throws
      -> FeedbackReceipt
    {
      var said = try Sample.feedback("1", value: value)
      said.isLate = late
      said.text = text
      return try #require(try await store.record([said]).first)
    }
    #expect(try await record(1) == .recorded)
    let first = try #require(try await feedback(store).first).sequence
    #expect(try await record(1) == .unchanged)
    #expect(try await feedback(store).map(\.sequence) == [first])
    #expect(try await record(0) == .replaced)
    // Whoever has read the first sees the second.
    #expect(try await feedback(store, after: first).map(\.value.value) == [0])
    #expect(try await record(0, text: "why") == .replaced)
    #expect(try await record(1, late: true) == .outlived)
    #expect(try await feedback(store).map(\.value.value) == [0])
    #expect(try await store.runs().map(\.feedback) == [1])
    // What is not the same thing to rate: another choice, metric, or request of the same name.
    var others = [try Sample.feedback("1"), try Sample.feedback("1"), try Sample.feedback("1")]
    others[0].choice = 1
    others[1].metric = try #require(FeedbackName("tone"))
    others[2].assignment.atMilliseconds += 1
    #expect(try await store.record(others) == [.recorded, .recorded, .recorded])
    // Within one batch, too; and late replaces late.
    var late = [try Sample.feedback("9", value: 1), try Sample.feedback("9", value: 0.5)]
    late[0].isLate = true
    late[1].isLate = true
    #expect(try await store.record(late) == [.recorded, .replaced])
    #expect(try await store.runs().map(\.feedback) == [5])
    #expect(try await feedback(store).count == 5)
    // One name in one moment, given to answers in another run, of another model, to another user.
    var same = [
      try Sample.feedback("1", run: 2), try Sample.feedback("1"), try Sample.feedback("1"),
    ]
    same[1].model = try #require(ModelName("dense"))
    same[2].assignment.unitHash &+= 1
    #expect(try await store.record(same) == [.recorded, .recorded, .recorded])
    #expect(try await feedback(store).count == 7)
    #expect(try await feedback(store, run: 2).count == 1)
  }

  func checkBoundsTheFeedbackOfAnAnswer(_ store: any OutcomeStore) async throws {
    let most = FeedbackReceipt.mostOfAnswer
    let many = try (0..<most + 2).map { index in
      var said = try Sample.feedback("1")
      said.metric = try #require(FeedbackName("name-\(index)"))
      return said
    }
    let receipts = try await store.record(many)
    #expect(receipts == Array(repeating: .recorded, count: most) + [.full, .full])
    #expect(try await feedback(store).count == most)
    // What stands can be changed, and other answers are free.
    var changed = many[0]
    changed.value = 0
    let other = try Sample.feedback("2")
    #expect(try await store.record([changed, other, many[most]]) == [.replaced, .recorded, .full])
    #expect(try await store.runs().map(\.feedback) == [most + 1])
  }

  func checkForgetsFeedback(_ store: any OutcomeStore) async throws {
    for run in 1...2 {
      _ = try await store.record(
        try (0..<10).map { index in
          var said = try Sample.feedback("\(index)", run: run)
          said.assignment.atMilliseconds = Int64(run * 100 + index) * 1_000
          return said
        })
    }
    let underWay = RunID(rollout: try Sample.rollout(), run: 2)
    func prune(age: Double, rows: Int, now: Int64) async throws -> [Int] {
      let retention = Retention(maximumAge: .seconds(age), maximumRows: rows)
      while try await store.prune(
        retention, nowMilliseconds: now, keeping: [underWay], limit: 3) > 0
      {}
      return try await store.runs().map(\.feedback)
    }
    #expect(try await prune(age: 10, rows: 100, now: 115_000) == [5, 10])
    #expect(try await prune(age: 1e9, rows: 12, now: 115_000) == [2, 10])
    #expect(try await prune(age: 1e9, rows: 4, now: 115_000) == [0, 4])
    let kept = try await feedback(store, run: 2)
    #expect(kept.map(\.value.requestID) == ["6", "7", "8", "9"])
  }

  private func feedback(
    _ store: any OutcomeStore, run: Int = 1, after sequence: Int64 = 0, limit: Int = 10_000
  ) async throws -> [Sequenced<Feedback>] {
    try await store.feedback(of: try Sample.rollout(), run: run, after: sequence, limit: limit)
  }
}
