import Experimentation
import Testing

@Suite struct ServiceStateTests {
  let dense: ModelName
  let flash: ModelName
  let policy: RolloutPolicy

  init() throws {
    dense = try #require(ModelName("dense"))
    flash = try #require(ModelName("flash"))
    policy = RolloutPolicy(
      name: try #require(RolloutName("assistant")), route: try #require(RouteName("assistant")),
      incumbent: dense, candidates: [flash],
      assignment: AssignmentPolicy(unit: .user, salt: "a"),
      steps: [
        Step(.shadow(ShadowTraffic())), Step(.approval(team: nil)),
        Step(.canary(weight: try #require(Share(0.1)))),
      ],
      digest: "d1")
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

  @Test func `the first rollout of a route makes its incumbent live`() {
    let state = state(.rolloutApplied(policy))
    #expect(state.incumbents[policy.route] == dense)
    #expect(state.liveRollout(on: policy.route)?.step == 0)
    #expect(state.sequence == 1)
  }

  @Test func `a promotion changes the incumbent and ends the rollout`() {
    let state = state(
      .rolloutApplied(policy),
      .promoted(policy.name, model: flash, openGates: [], evidence: []))
    #expect(state.incumbents[policy.route] == flash)
    #expect(state.liveRollout(on: policy.route) == nil)
    #expect(state.rollouts[policy.name]?.traffic == nil)
  }

  @Test func `rolling a promotion back restores the incumbent`() {
    let state = state(
      .rolloutApplied(policy),
      .promoted(policy.name, model: flash, openGates: [], evidence: []),
      .rolledBack(policy.name, evidence: []))
    #expect(state.incumbents[policy.route] == dense)
    #expect(state.rollouts[policy.name]?.status == .rolledBack)
  }

  @Test func `allocations add up, and move no rollout to another standing`() throws {
    let shares = [try #require(Share(0.25)), try #require(Share(0.75))]
    func allocation(_ number: Int, winner: ModelName? = nil) -> BanditAllocation {
      BanditAllocation(
        number: number,
        arms: zip([dense, flash], shares).map {
          BanditAllocation.Arm(model: $0, share: $1, bestProbability: 0.5)
        }, winner: winner)
    }
    let before = try #require(state(.rolloutApplied(policy)).rollouts[policy.name])
    let after = try #require(
      state(
        .rolloutApplied(policy), .allocated(policy.name, allocation(1)),
        .allocated(policy.name, allocation(2, winner: flash))
      ).rollouts[policy.name])
    #expect(after.allocations.map(\.number) == [1, 2])
    #expect(after.generation == before.generation && after.step == before.step)
    #expect(before.position.allocation == 0 && after.position.allocation == 2)
    #expect(before.contenders == [flash] && after.winner == flash)
    // Another run begins without them.
    let again = state(
      .rolloutApplied(policy), .allocated(policy.name, allocation(1)), .aborted(policy.name),
      .rolloutApplied(policy))
    #expect(again.rollouts[policy.name]?.allocations.isEmpty == true)
  }

  @Test func `an approval step keeps the traffic of the step before`() {
    let state = state(
      .rolloutApplied(policy), .advanced(policy.name, to: 1, evidence: []))
    #expect(state.rollouts[policy.name]?.traffic == policy.steps[0].traffic)
  }

  @Test func `after the last step its traffic stays until promotion`() {
    let state = state(
      .rolloutApplied(policy), .advanced(policy.name, to: 3, evidence: []))
    #expect(state.rollouts[policy.name]?.currentStep == nil)
    #expect(state.rollouts[policy.name]?.traffic == policy.steps[2].traffic)
  }

  @Test func `applying again begins a new run and supersedes another rollout of the route`() throws
  {
    var other = policy
    other.name = try #require(RolloutName("other"))
    let state = state(
      .rolloutApplied(policy), .rolloutApplied(policy), .rolloutApplied(other))
    #expect(state.rollouts[policy.name]?.run == 2)
    #expect(state.rollouts[policy.name]?.status == .superseded)
    #expect(state.liveRollout(on: policy.route)?.policy.name == other.name)
  }

  @Test(arguments: ["", "A", "-a", "a b", "a/b", "é", String(repeating: "a", count: 64)])
  func `what is no name is refused`(text: String) {
    #expect(ModelName(text) == nil)
  }

  @Test(arguments: [(0.05, "5%"), (0.125, "12.5%"), (1, "100%"), (0, "0%")])
  func `a share is written as people write it`(value: Double, text: String) throws {
    #expect(try #require(Share(value)).description == text)
  }

  @Test(arguments: [-0.1, 1.1, .nan, .infinity])
  func `what is no share is refused`(value: Double) {
    #expect(Share(value) == nil)
  }
}
