import Experimentation
import Routing
import Testing

/// A table with shares for each kind of request.
@Suite struct ContextTests {
  let table: RouteTable
  let context = BanditContext(
    usesPromptLength: true,
    labels: [BanditContext.Label(key: "tier", values: ["gold", "silver"])])

  /// The candidate's share grows with the cell.
  init() throws {
    let (dense, flash) = (
      try #require(ModelName("dense")), try #require(ModelName("flash"))
    )
    var table = RouteTable(
      route: try #require(RouteName("assistant")), incumbent: dense,
      rollout: RolloutPosition(
        rollout: try #require(RolloutName("trial")), digest: "d", step: 0, run: 1,
        allocation: 45), unit: .user, salt: "s")
    table.context = context
    table.cells = try (0..<context.cellCount).map { cell in
      let share = try #require(Share(Double(cell + 1) / 16))
      return [
        WeightedModel(model: dense, share: share.complement),
        WeightedModel(model: flash, share: share),
      ]
    }
    self.table = table
  }

  @Test func `every request is in one cell, unknown values in cells of their own`() {
    #expect(context.cellCount == 15)
    var seen: Set<Int> = []
    for tokens in [0, 255, 256, 1_024, 4_096, nil] {
      for tier in ["gold", "silver", "lead", nil] {
        let cell = context.cell(promptTokens: tokens, labels: tier.map { ["tier": $0] } ?? [:])
        seen.insert(cell)
        #expect((0..<15).contains(cell))
      }
    }
    #expect(seen.count == 15)
    #expect(
      context.cell(promptTokens: 300, labels: ["tier": "lead"])
        == context.cell(promptTokens: 900, labels: [:]))
    #expect(Set((0..<15).map { context.levels(of: $0) }).count == 15)
    #expect(
      context.name(of: context.cell(promptTokens: 300, labels: ["tier": "gold"]))
        == "256–1023 tokens, tier=gold")
    #expect(context.name(of: context.unknownCell) == "unknown tokens, tier other")
  }

  @Test func `in each cell a model has its share, and an answer the chance that it had`() {
    let count = 20_000
    for cell in [0, 7, 14] {
      var candidates = 0
      for user in 0..<count {
        let route = Router.route(
          AssignmentUnit(id: "user-\(user)"), requestID: "r", cell: cell, in: table)
        let share = Double(cell + 1) / 16
        #expect(route.propensity == (route.serving == table.incumbent ? 1 - share : share))
        #expect(route.rollout?.allocation == 45 + cell)
        if route.serving != table.incumbent { candidates += 1 }
      }
      let share = Double(cell + 1) / 16
      let error = (share * (1 - share) * Double(count)).squareRoot()
      #expect(abs(Double(candidates) - share * Double(count)) < 5 * error)
    }
  }

  @Test func `a user stays on a model for one kind of request, and is dealt anew for another`() {
    var (same, both) = (0, 0)
    for user in 0..<4_000 {
      let unit = AssignmentUnit(id: "user-\(user)")
      let first = Router.route(unit, requestID: "a", cell: 7, in: table)
      #expect(first == Router.route(unit, requestID: "b", cell: 7, in: table))
      let other = Router.route(unit, requestID: "a", cell: 11, in: table)
      if first.serving != table.incumbent {
        both += 1
        same += other.serving != table.incumbent ? 1 : 0
      }
      #expect(table.dealt(unit, in: 7) != table.dealt(unit, in: 11))
    }
    // Of those who had it with a half, three quarters have it again: what chance alone gives. Five
    // standard errors.
    let expected = 0.75 * Double(both)
    #expect(abs(Double(same) - expected) < 5 * (0.1875 * Double(both)).squareRoot())
  }

  @Test
  func `who says nothing is in the cell of what is unknown, and tables without cells in none`() {
    let unit = AssignmentUnit(id: "ada")
    #expect(
      Router.route(unit, requestID: "r", in: table)
        == Router.route(unit, requestID: "r", cell: context.unknownCell, in: table))
    var plain = table
    (plain.context, plain.cells) = (nil, [])
    #expect(plain.dealt(unit, in: 3) == unit)
    #expect(Router.route(unit, requestID: "r", cell: 3, in: plain).rollout?.allocation == 45)
  }
}
