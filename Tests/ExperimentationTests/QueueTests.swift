import Experimentation
import Testing

/// The queue of revisions as a fold over the journal.
@Suite struct QueueTests {
  let dense: ModelName
  let flash: ModelName
  let first: RolloutPolicy
  let second: RolloutPolicy

  init() throws {
    dense = try #require(ModelName("dense"))
    flash = try #require(ModelName("flash"))
    first = RolloutPolicy(
      name: try #require(RolloutName("assistant")), route: try #require(RouteName("assistant")),
      incumbent: dense, candidates: [flash], assignment: AssignmentPolicy(unit: .user, salt: "a"),
      steps: [Step(.canary(weight: try #require(Share(0.1))))], digest: "d1")
    var second = first
    second.digest = "d2"
    self.second = second
  }

  func state(_ events: JournalEvent...) -> ServiceState {
    ServiceState(
      folding: events.enumerated().map { index, event in
        JournalEntry(
          sequence: Int64(index + 1),
          record: JournalRecord(
            event: event, actor: "test", reason: "because", atMilliseconds: Int64(index) * 1_000),
          hash: "")
      })
  }

  @Test func `a queued revision waits beside the live run, which keeps its traffic`() throws {
    let state = state(.rolloutApplied(first), .queued(second))
    #expect(state.liveRollout(on: first.route)?.policy == first)
    let waiting = try #require(state.queued(first.name))
    #expect(waiting.status == .pending && waiting.run == 2 && waiting.traffic == nil)
    #expect(waiting.generation == 2)
  }

  @Test func `it leaves the queue when it begins`() {
    let state = state(
      .rolloutApplied(first), .queued(second), .rolledBack(first.name, evidence: []),
      .rolloutApplied(second))
    #expect(state.queue.isEmpty)
    #expect(state.rollouts[first.name]?.run == 2)
    #expect(state.rollouts[first.name]?.policy == second)
  }

  @Test func `giving way ends the revision of that digest and no other`() {
    let live = state(
      .rolloutApplied(first), .queued(second), .superseded(first.name, digest: "d2", by: nil))
    #expect(live.queue.isEmpty && live.rollouts[first.name]?.status == .running)
    let waiting = state(
      .rolloutApplied(first), .queued(second),
      .superseded(first.name, digest: "d1", by: first.name))
    #expect(waiting.queued(first.name) != nil)
    #expect(waiting.rollouts[first.name]?.status == .superseded)
    #expect(waiting.rollouts[first.name]?.reason == "'assistant' was applied")
  }

  @Test func `an abort takes what waits under the name along, and leaves ends as they are`() {
    let live = state(.rolloutApplied(first), .queued(second), .aborted(first.name))
    #expect(live.queue.isEmpty && live.rollouts[first.name]?.status == .aborted)
    let promoted = state(
      .rolloutApplied(first), .queued(second),
      .promoted(first.name, model: flash, openGates: [], evidence: []), .aborted(first.name))
    #expect(promoted.queue.isEmpty && promoted.rollouts[first.name]?.status == .promoted)
    #expect(promoted.incumbents[first.route] == flash)
  }

  @Test func `a revision that never ran keeps its end under its own name`() throws {
    var other = second
    other.name = try #require(RolloutName("other"))
    let state = state(
      .rolloutApplied(first), .queued(other), .superseded(other.name, digest: "d2", by: nil))
    let end = try #require(state.rollouts[other.name])
    #expect(end.status == .superseded && end.run == 0 && end.reason == "because")
  }
}
