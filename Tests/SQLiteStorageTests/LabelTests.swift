import Experimentation
import Foundation
import Storage
import Testing

@testable import SQLiteStorage

/// Judged pairs and what people say of them, in `metrics.sqlite`.
@Suite struct LabelTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let day: Int64 = 86_400_000
  private static let now: Int64 = 1_800_000_000_000

  private func pair(
    _ id: String, run: Int = 1, candidate: String = "flash", judged: Double = 1,
    isCandidateFirst: Bool = false, at milliseconds: Int64 = now
  ) throws -> PairToLabel {
    var assignment = try Sample.comparison(id, run: run).assignment
    assignment.labels = ["tier": "gold"]
    return PairToLabel(
      pair: JudgedAnswers(
        requestID: id, assignment: assignment, incumbent: try Sample.model("dense"),
        candidate: try Sample.model(candidate), promptTokens: 300, judged: judged),
      question: "question-\(id)", incumbentAnswer: "incumbent-\(id)\u{0}!",
      candidateAnswer: "candidate-\(id)", isCandidateFirst: isCandidateFirst,
      keptAtMilliseconds: milliseconds)
  }

  private func waiting(_ store: SQLiteOutcomeStore, run: Int = 1) async throws
    -> [Sequenced<PairToLabel>]
  {
    try await store.waiting(of: try Sample.rollout(), run: run, after: 0, limit: 100)
  }

  private func label(
    _ number: Int64, _ choice: LabelChoice, by actor: String = "alice", run: Int = 1,
    in store: SQLiteOutcomeStore
  ) async throws -> LabelReceipt {
    try await store.label(
      number, of: try Sample.rollout(), run: run, as: choice, by: actor, atMilliseconds: Self.now)
  }

  @Test func `a pair waits as it was kept, becomes a label once, and is then without texts`()
    async throws
  {
    let database = try folder.open()
    let store = database.outcomes
    let kept = [try pair("a"), try pair("b", judged: 0.25, isCandidateFirst: true)]
    for pair in kept { #expect(try await store.keep(pair, limit: 10)) }
    let rows = try await waiting(store)
    #expect(rows.map(\.value) == kept)
    let numbers = rows.map(\.sequence)
    #expect(try await label(numbers[0], .first, in: store) == .recorded)
    #expect(try await label(numbers[1], .first, in: store) == .recorded)
    #expect(try await label(numbers[1], .first, in: store) == .unchanged)
    #expect(try await label(numbers[1], .tie, in: store) == .taken(by: "alice"))
    #expect(try await label(numbers[1], .first, by: "bob", in: store) == .taken(by: "alice"))
    #expect(try await label(99, .first, in: store) == .unknown)
    #expect(try await waiting(store).isEmpty)
    let labels = try await store.labels(of: try Sample.rollout(), run: 1, after: 0, limit: 10)
    #expect(labels.map(\.value.preference) == [0, 1])
    #expect(labels.map(\.value.pair) == kept.map(\.pair))
    #expect(labels.map(\.value.number) == numbers)
    #expect(
      try await store.labelCounts(of: try Sample.rollout(), run: 1)
        == LabelCounts(waiting: 0, labelled: 2))
    try database.close()
    // Another life of the service knows them.
    let again = try folder.open()
    #expect(try await label(numbers[0], .second, in: again.outcomes) == .taken(by: "alice"))
  }

  @Test func `a number that is of another run is unknown, and none is given out twice`()
    async throws
  {
    let store = try folder.open().outcomes
    #expect(try await store.keep(try pair("a"), limit: 10))
    #expect(try await store.keep(try pair("b", run: 2), limit: 10))
    let number = try #require(try await waiting(store).first?.sequence)
    #expect(try await label(number, .tie, run: 2, in: store) == .unknown)
    #expect(try await label(number, .tie, in: store) == .recorded)
    #expect(try await store.keep(try pair("c"), limit: 10))
    #expect(try #require(try await waiting(store).first).sequence > number)
  }

  @Test func `no more are kept of a candidate than its policy asks for, labelled or not`()
    async throws
  {
    let store = try folder.open().outcomes
    for id in ["a", "b"] { #expect(try await store.keep(try pair(id), limit: 2)) }
    #expect(!(try await store.keep(try pair("c"), limit: 2)))
    let number = try #require(try await waiting(store).first?.sequence)
    #expect(try await label(number, .second, in: store) == .recorded)
    #expect(!(try await store.keep(try pair("d"), limit: 2)))
    #expect(try await store.keep(try pair("e", candidate: "window"), limit: 2))
    #expect(try await store.keep(try pair("f", run: 2), limit: 2))
    let long = String(repeating: "x", count: 40_000)
    var tooLong = try pair("g", run: 3)
    tooLong.question = long
    await #expect(throws: StorageError.self) { try await store.keep(tooLong, limit: 2) }
  }

  /// Whether `text` stands anywhere in the files of the folder.
  private func isOnDisk(_ text: String) throws -> Bool {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).contains { name in
      try Data(contentsOf: URL(filePath: folder.path + "/" + name))
        .range(of: Data(text.utf8)) != nil
    }
  }

  @Test func `a labelled pair's texts are gone from the disk, down to the log`() async throws {
    let store = try folder.open().outcomes
    // Longer than a page, so that its pages are given free.
    var secret = try pair("a")
    secret.question = String(repeating: "a secret question ", count: 1_500)
    secret.candidateAnswer = "a secret answer"
    #expect(try await store.keep(secret, limit: 10))
    #expect(try await store.keep(try pair("b"), limit: 10))
    #expect(try isOnDisk("a secret question") && isOnDisk("a secret answer"))
    let number = try #require(try await waiting(store).first?.sequence)
    #expect(try await label(number, .first, in: store) == .recorded)
    #expect(try !isOnDisk("a secret question") && !isOnDisk("a secret answer"))
    #expect(try isOnDisk("question-b"))
  }

  @Test func `texts go with their run, and when they are two weeks old`() async throws {
    let store = try folder.open().outcomes
    let rollout = try Sample.rollout()
    let old = Self.now - LabelPlan.textMilliseconds - 1
    #expect(try await store.keep(try pair("old", at: old), limit: 10))
    #expect(try await store.keep(try pair("young"), limit: 10))
    #expect(try await store.keep(try pair("over", run: 2), limit: 10))
    let live: Set = [RunID(rollout: rollout, run: 1)]
    #expect(try await store.forgetTexts(nowMilliseconds: Self.now, keeping: live) == 2)
    #expect(try await waiting(store).map(\.value.pair.requestID) == ["young"])
    #expect(try await waiting(store, run: 2).isEmpty)
    #expect(try !isOnDisk("question-old") && !isOnDisk("question-over"))
    #expect(try await store.forgetTexts(nowMilliseconds: Self.now, keeping: live) == 0)
    #expect(try await store.forgetTexts(nowMilliseconds: Self.now, keeping: []) == 1)
  }

  @Test func `texts of a candidate that has left go, and no others`() async throws {
    let store = try folder.open().outcomes
    #expect(try await store.keep(try pair("gone"), limit: 10))
    #expect(try await store.keep(try pair("stays", candidate: "other"), limit: 10))
    #expect(try await store.keep(try pair("later", run: 2), limit: 10))
    let number = try #require(try await waiting(store).first?.sequence)
    let run = RunID(rollout: try Sample.rollout(), run: 1)
    let left = [try Sample.model("flash"), try Sample.model("never-seen")]
    #expect(try await store.forgetTexts(of: left, in: run) == 1)
    #expect(try await store.forgetTexts(of: left, in: run) == 0)
    #expect(try await waiting(store).map(\.value.pair.requestID) == ["stays"])
    #expect(try await waiting(store, run: 2).count == 1)
    #expect(try await label(number, .first, in: store) == .unknown)
    #expect(try !isOnDisk("question-gone") && isOnDisk("question-stays"))
  }

  @Test func `a copy has the labels and no text, not even as free bytes`() async throws {
    let database = try folder.open()
    let store = database.outcomes
    var secret = try pair("a")
    secret.question = String(repeating: "a secret question ", count: 1_500)
    #expect(try await store.keep(secret, limit: 10))
    #expect(try await store.keep(try pair("b"), limit: 10))
    #expect(try await label(2, .second, in: store) == .recorded)
    let copy = try await database.copy(.outcomes)
    var bytes = Data()
    while bytes.count < copy.byteCount { bytes += try copy.read(bytes.count, 1 << 16) }
    #expect(bytes.range(of: Data("secret question".utf8)) == nil)
    #expect(bytes.range(of: Data("candidate-a".utf8)) == nil)
    let restored = try TemporaryFolder()
    try bytes.write(to: URL(filePath: restored.metrics))
    let other = try restored.open().outcomes
    #expect(
      try await other.labels(of: try Sample.rollout(), run: 1, after: 0, limit: 10)
        .map(\.value.preference) == [1])
    #expect(try await waiting(other).isEmpty)
    // The source still has what people are to look at.
    #expect(try await waiting(store).map(\.value) == [secret])
  }

  @Test func `labels of runs that are over go as other rows do`() async throws {
    let store = try folder.open().outcomes
    #expect(try await store.keep(try pair("a"), limit: 10))
    #expect(try await label(1, .tie, in: store) == .recorded)
    let retention = Retention(maximumAge: .seconds(86_400))
    let live: Set = [RunID(rollout: try Sample.rollout(), run: 1)]
    for keeping in [live, []] {
      _ = try await store.prune(
        retention, nowMilliseconds: Self.now + 2 * Self.day, keeping: keeping, limit: 100)
      let left = try await store.labels(of: try Sample.rollout(), run: 1, after: 0, limit: 10)
      #expect(left.count == keeping.count)
    }
  }
}
