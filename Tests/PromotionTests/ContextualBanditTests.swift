import Experimentation
import Promotion
import Routing
import SQLiteStorage
import Statistics
import Storage
import Testing

/// A bandit step whose shares hang on the request.
@Suite struct ContextualBanditTests {
  let names: Names
  /// Two values of a label, and all others.
  let context = BanditContext(
    labels: [BanditContext.Label(key: "tier", values: ["gold", "silver"])])

  init() throws { names = try Names() }

  func policy(unit: UnitKind = .request, minShare: Double = 0.1) throws -> RolloutPolicy {
    let traffic = BanditTraffic(
      reward: .metric(.errorRate), algorithm: .linearThompson, context: context,
      minShare: try .part(minShare), updateSeconds: 60)
    return names.policy(
      [Step(.bandit(traffic)), Step(.approval(team: nil))],
      metrics: [
        MetricGate(
          name: "errors", metric: .errorRate, role: .guardrail,
          objective: .notWorse(by: .absolute(0.2)))
      ], unit: unit)
  }

  /// A service's life without the service, by the table that it would publish.
  struct Life {
    let names: Names
    var state: RolloutState
    var evidence: RunEvidence
    var generator: SeededGenerator
    /// By model, then by cell.
    var errorRates: [ModelName: [Double]]
    var count: Int64 = 0

    init(_ policy: RolloutPolicy, seed: UInt64, errorRates: [ModelName: [Double]]) throws {
      names = try Names()
      state = names.state(policy)
      evidence = RunEvidence(of: state)
      generator = SeededGenerator(seed: seed)
      self.errorRates = errorRates
    }

    var table: RouteTable {
      RouteTable(names.assistant, incumbent: names.dense, rollout: state, ready: nil)
    }

    /// The rows of `count` requests, each of a cell by chance.
    mutating func rows(_ count: Int, users: UInt64? = nil) -> [Outcome] {
      let table = table
      return (0..<count).map { _ in
        self.count += 1
        let cell = Int(generator.uniform() * 3)
        let name = users.map { "user-\(generator.next() % $0)" } ?? "r\(self.count)"
        let unit = AssignmentUnit(id: name)
        let route = Router.route(unit, requestID: "r", cell: cell, in: table)
        let isError = generator.uniform() < errorRates[route.serving, default: [0, 0, 0]][cell]
        return Outcome(
          requestID: "r\(self.count)",
          assignment: Assignment(
            route: table.route, rollout: route.rollout,
            unitHash: StableHash.hash(salt: "u", unit: table.dealt(unit, in: cell).id),
            propensity: route.propensity, atMilliseconds: 0), model: route.serving,
          measurements: names.answer(failure: isError ? .rejected : nil))
      }
    }

    mutating func answer(_ count: Int, users: UInt64? = nil) {
      let first = self.count
      evidence.fold(
        rows(count, users: users).enumerated().map {
          Sequenced(sequence: first + Int64($0.offset) + 1, value: $0.element)
        })
    }

    mutating func allocate(isDue: Bool = true) {
      guard let next = evidence.allocation(of: state, isDue: isDue) else { return }
      state.allocations.append(next)
      evidence.follow(state)
    }
  }

  @Test func `each kind of request moves to the model that is better there`() throws {
    var life = try Life(
      policy(), seed: 2,
      errorRates: [names.dense: [0.1, 0.4, 0.25], names.flash: [0.4, 0.1, 0.25]])
    let even = life.table
    #expect(even.cells.count == 3)
    #expect(even.cells.allSatisfy { $0.map(\.share.value) == [0.5, 0.5] })
    for _ in 0..<4 {
      life.answer(300)
      life.allocate()
    }
    let last = try #require(life.state.allocations.last)
    #expect(last.number == 4 && last.winner == nil)
    let cells = try #require(last.cells)
    #expect(cells.map(\.name) == ["tier=gold", "tier=silver", "tier other"])
    for cell in cells {
      #expect(cell.shares.reduce(0) { $0 + $1.value } == 1)
      #expect(cell.shares.allSatisfy { $0.value >= 0.1 })
    }
    #expect(cells[0].shares[0].value > 0.85 && cells[1].shares[1].value > 0.85)
    #expect(cells.reduce(0) { $0 + $1.rewards } == 1_200)
    #expect(last.arms.reduce(0) { $0 + $1.rewards } == 1_200)
    #expect(last.arms.reduce(0) { $0 + $1.share.value } == 1)
    // What was written is what is in force, and what answers are weighed by.
    let table = life.table
    for cell in 0..<3 {
      #expect(table.cells[cell].map(\.share) == cells[cell].shares)
      let route = Router.route(
        AssignmentUnit(id: "ada"), requestID: "r", cell: cell, in: table)
      #expect(route.rollout?.allocation == 4 * 3 + cell)
      let place = try #require(last.arms.firstIndex { $0.model == route.serving })
      #expect(route.propensity == cells[cell].shares[place].value)
    }
  }

  @Test func `an answer that names another cell's table than its chance is of counts for nothing`()
    throws
  {
    var life = try Life(
      policy(), seed: 3,
      errorRates: [names.dense: [0, 0.5, 0], names.flash: [0.5, 0, 0]])
    life.answer(600)
    life.allocate()
    let before = life.evidence
    var wrong = life.rows(200)
    for index in wrong.indices {
      let table = wrong[index].assignment.rollout?.allocation ?? 0
      wrong[index].assignment.rollout?.allocation = 3 + (table + 1) % 3
    }
    // Cells in which both models have as much by chance are not told apart by it.
    let cells = try #require(life.state.allocations.last?.cells)
    #expect(Set(cells.map { $0.shares[0] }).count == 3)
    life.evidence.fold(
      wrong.enumerated().map { Sequenced(sequence: 601 + Int64($0.offset), value: $0.element) })
    #expect(life.evidence.samples == before.samples)
    #expect(life.evidence.reports == before.reports)
  }

  @Test func `a user is a unit for each kind of request`() throws {
    var life = try Life(
      policy(unit: .user), seed: 4,
      errorRates: [names.dense: [0.2, 0.2, 0.2], names.flash: [0.1, 0.1, 0.1]])
    let rows = life.rows(600, users: 50)
    var twice = life.evidence
    life.evidence.fold(rows.sequenced())
    let once = try #require(life.evidence.allocation(of: life.state, isDue: true))
    #expect(once.arms.reduce(0) { $0 + $1.rewards } == 600)
    #expect(once.cells?.reduce(0) { $0 + $1.rewards } == 600)
    // Who says the same again is one voice: nothing is more certain by it.
    twice.fold((rows + rows).sequenced())
    let again = try #require(twice.allocation(of: life.state, isDue: true))
    #expect(again.cells?.map(\.bestProbabilities) == once.cells?.map(\.bestProbabilities))
    #expect(again.arms.reduce(0) { $0 + $1.rewards } == 1_200)
  }

  @Test func `models that are equal over all requests are seldom told apart`() throws {
    // Each is better for one kind of request, so that shares differ by cell and never settle.
    let worlds = 60
    var ended = 0
    for seed in 0..<worlds {
      var life = try Life(
        policy(), seed: UInt64(100 + seed),
        errorRates: [names.dense: [0.1, 0.3, 0.2], names.flash: [0.3, 0.1, 0.2]])
      for _ in 0..<5 where life.state.winner == nil {
        life.answer(400)
        life.allocate()
      }
      if life.state.winner != nil { ended += 1 }
    }
    // At most 5 %, and three standard errors.
    #expect(Double(ended) <= 60 * (0.05 + 3 * (0.05 * 0.95 / 60).squareRoot()), "\(ended)")
  }

  @Test func `a model that is better over all requests is named, though not for each of them`()
    throws
  {
    var life = try Life(
      policy(), seed: 5,
      errorRates: [names.dense: [0.4, 0.1, 0.5], names.flash: [0.1, 0.2, 0.1]])
    for _ in 0..<20 where life.state.winner == nil {
      life.answer(300)
      life.allocate()
    }
    #expect(life.state.winner == names.flash)
    // It has all cells but for the floor, while people are asked.
    let cells = try #require(life.state.allocations.last?.cells)
    for cell in cells { #expect(abs(cell.shares[1].value - 0.9) < 1e-8) }
    #expect(cells[1].bestProbabilities[0] > 0.5, "the incumbent is ahead for silver")
    life.state.step = 1
    #expect(life.table.cells.count == 3, "an approval keeps what was")
  }

  @Test func `tables are written down, in force then, and there again after a restart`()
    async throws
  {
    let world = try World()
    var controller = try await world.controller()
    let policy = try policy()
    try await world.apply(policy, to: controller)
    var life = try Life(
      policy, seed: 6, errorRates: [names.dense: [0.1, 0.5, 0.2], names.flash: [0.5, 0.1, 0.2]])
    try await world.database.outcomes.append(outcomes: life.rows(300), comparisons: [])
    world.clock.advance(by: .seconds(60))
    await controller.look()
    let first = try await world.rollout(controller)
    #expect(first.allocations.count == 1)
    let table = try #require(world.route)
    #expect(table.rollout?.allocation == 3 && table.cells.count == 3)
    #expect(table.cells[0][0].share > table.cells[1][0].share)
    controller = try await world.controller()
    #expect(try await world.rollout(controller) == first)
    #expect(world.route == table)
    // Rows under it are read back with the number of their cell's table.
    life.state = first
    try await world.database.outcomes.append(outcomes: life.rows(300), comparisons: [])
    world.clock.advance(by: .seconds(60))
    await controller.look()
    let second = try await world.rollout(controller)
    #expect(second.allocations.last?.arms.reduce(0) { $0 + $1.rewards } == 600)
  }
}
