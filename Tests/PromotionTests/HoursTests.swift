import Experimentation
import Promotion
import Routing
import Synchronization
import Testing

/// Hours at which nothing goes forward, and gates that nothing is measured for.
@Suite struct HoursTests {
  let world: World
  let names: Names

  init() throws {
    world = try World()
    names = world.names
  }

  let hold = ScheduleHold(reason: "frozen")

  func policy(
    _ promotion: PromotionMode = .manual, hold: HoldConditions = HoldConditions(),
    onNoData: MetricGate.NoDataAction? = nil
  ) throws -> RolloutPolicy {
    names.policy(
      [Step(.canary(weight: try .part(0.5)), hold: hold)],
      metrics: [
        MetricGate(
          name: "errors", metric: .errorRate, role: .guardrail,
          objective: .notWorse(by: .absolute(0.1)), onNoData: onNoData)
      ], promotion: promotion)
  }

  func findings(
    _ verdict: Verdict, seconds: Double = 0, samples: Int = 50, hold: ScheduleHold? = nil
  ) -> Findings {
    Findings(
      reports: [
        GateReport(
          gate: "errors", metric: .errorRate, role: .guardrail, candidate: names.flash,
          verdict: verdict, threshold: 0.1, samples: verdict == .noData ? 0 : samples)
      ], samples: [names.dense: samples, names.flash: samples], secondsInStep: seconds,
      scheduleHold: hold)
  }

  @Test func `outside of its hours a rollout stays, says so, and still goes back`() throws {
    let limits = HoldConditions(maxSeconds: 60)
    let first = names.state(try policy(.automatic, hold: limits))
    let last = names.state(try policy(.automatic), step: 1)
    #expect(first.next(on: findings(.pass)) == .advance(to: 1))
    #expect(
      first.next(on: findings(.pass, hold: hold))
        == .hold(because: "frozen; it never opens as it stands"))
    #expect(last.next(on: findings(.pass)) == .promote(names.flash))
    guard case .hold = last.next(on: findings(.pass, hold: hold)) else {
      Issue.record("promoted in a freeze")
      return
    }
    guard case .rollBack = first.next(on: findings(.fail, hold: hold)) else {
      Issue.record("harm was kept in a freeze")
      return
    }
    guard case .inconclusive = first.next(on: findings(.inconclusive, seconds: 60, hold: hold))
    else {
      Issue.record("a standstill waited for the end of a freeze")
      return
    }
    // What has passed waits for its hour, however long that takes.
    guard case .hold = first.next(on: findings(.pass, seconds: 60, hold: hold)) else {
      Issue.record("a step that had passed ended for the hour alone")
      return
    }
  }

  @Test func `without data a gate holds, or pauses when the step has its time and its requests`()
    throws
  {
    let limits = HoldConditions(minSamples: 10, minSeconds: 60)
    func move(
      _ action: MetricGate.NoDataAction?, _ verdict: Verdict, seconds: Double, samples: Int = 50
    ) throws -> Move {
      names.state(try policy(hold: limits, onNoData: action))
        .next(on: findings(verdict, seconds: seconds, samples: samples))
    }
    guard case .hold = try move(nil, .noData, seconds: 600) else {
      Issue.record("the usual is to hold")
      return
    }
    guard case .hold = try move(.pause, .noData, seconds: 59) else {
      Issue.record("paused before the shortest time")
      return
    }
    guard case .hold = try move(.pause, .noData, seconds: 60, samples: 9) else {
      Issue.record("paused although hardly anybody asked")
      return
    }
    var lopsided = findings(.noData, seconds: 60)
    lopsided.samples[names.dense] = 9
    guard case .hold = names.state(try policy(hold: limits, onNoData: .pause)).next(on: lopsided)
    else {
      Issue.record("paused although hardly anybody asked the incumbent")
      return
    }
    #expect(
      try move(.pause, .noData, seconds: 60)
        == .pause(because: "gate 'errors' of 'flash': no data"))
    #expect(try move(.pause, .pass, seconds: 60) == .advance(to: 1))
  }

  @Test func `a controller advances and promotes in its window only, or by force`() async throws {
    var policy = try policy()
    policy.schedule = Schedule(windows: [
      try ScheduleTests.window(ScheduleTests.workdays, "09:00", "16:00")
    ])
    let controller = try await world.controller()
    let friday = try ScheduleTests.utc("2026-12-04T12:00")
    let monday = try ScheduleTests.utc("2026-12-07T08:00")
    world.wall.withLock { $0 = friday }
    try await world.apply(policy, to: controller)
    try await world.serve(policy, step: 0, count: 200)
    await controller.look()
    #expect(try await world.rollout(controller).step == 0)

    world.wall.withLock { $0 = monday }
    await controller.look()
    #expect(try await world.rollout(controller).step == 1)

    world.wall.withLock { $0 = friday }
    let refusal = await #expect(throws: CommandRefusal.self) {
      try await controller.perform(
        .promote(names.rollout, model: nil, force: false), actor: "ana", reason: nil)
    }
    #expect(refusal?.code == .closed)
    #expect(refusal?.message.contains("Mon 2026-12-07 09:00 (Europe/Berlin)") == true)
    let forced = try await controller.perform(
      .promote(names.rollout, model: nil, force: true), actor: "ana", reason: "it burns")
    guard case .promoted(_, _, let open, _) = try #require(forced.first?.record.event) else {
      Issue.record("not promoted")
      return
    }
    #expect(open == ["outside of its windows; opens Mon 2026-12-07 09:00 (Europe/Berlin)"])
    let back = try await controller.perform(.rollBack(names.rollout), actor: "ana", reason: nil)
    #expect(back.map(\.record.event.title) == ["rolled back"])
  }
}
