import Experimentation
import Routing
import Testing

/// Rollouts that share units out among them.
@Suite struct LayerTests {
  let dense: ModelName
  let flash: ModelName
  let assistant: RouteName
  let people: LayerName

  init() throws {
    dense = try #require(ModelName("dense"))
    flash = try #require(ModelName("flash"))
    assistant = try #require(RouteName("assistant"))
    people = try #require(LayerName("people"))
  }

  func part(_ lower: Double, _ upper: Double, of name: String = "people") throws -> LayerRange {
    LayerRange(
      name: try #require(LayerName(name)), lower: try #require(Share(lower)),
      upper: try #require(Share(upper)))
  }

  func table(_ weight: Double, _ layer: LayerRange?, salt: String = "one") throws -> RouteTable {
    let share = try #require(Share(weight))
    var table = RouteTable(
      route: assistant, incumbent: dense,
      rollout: RolloutPosition(
        rollout: try #require(RolloutName("trial")), digest: "d", step: 0, run: 1),
      unit: .user, salt: salt,
      serving: [
        WeightedModel(model: dense, share: share.complement),
        WeightedModel(model: flash, share: share),
      ], allowsOverride: true)
    table.layer = layer
    return table
  }

  /// Where a user stands: 0 outside of the table's part, 1 with the incumbent in it, 2 with the
  /// candidate.
  func cell(_ user: Int, in table: RouteTable) -> Int {
    let route = Router.route(AssignmentUnit(id: "user-\(user)"), requestID: "r", in: table)
    if route.rollout == nil { return 0 }
    return route.serving == dense ? 1 : 2
  }

  func statistic(_ counts: [Int], _ shares: [Double], of count: Int) -> Double {
    zip(counts, shares).reduce(0) { sum, cell in
      let wanted = cell.1 * Double(count)
      return sum + (Double(cell.0) - wanted) * (Double(cell.0) - wanted) / wanted
    }
  }

  @Test func `of a million users each part and each model within it has its share`() throws {
    let count = 1_000_000
    let first = try table(0.1, try part(0, 0.3))
    let second = try table(0.5, try part(0.3, 0.8), salt: "two")
    // Of one layer, and of another one: no part of the same says anything of it.
    let third = try table(0.2, try part(0.1, 0.6, of: "others"), salt: "three")
    var own = [Int](repeating: 0, count: 5)
    var joint = [Int](repeating: 0, count: 9)
    var meetings = 0
    for user in 0..<count {
      let (a, b, c) = (
        cell(user, in: first), cell(user, in: second), cell(user, in: third)
      )
      meetings += a > 0 && b > 0 ? 1 : 0
      own[a > 0 ? a : b > 0 ? 2 + b : 0] += 1
      joint[3 * a + c] += 1
    }
    #expect(meetings == 0)
    // Chi-square is above 23.5 with 4 degrees of freedom, and above 31.8 with 8, once in ten
    // thousand.
    #expect(statistic(own, [0.2, 0.27, 0.03, 0.25, 0.25], of: count) < 23.5, "\(own)")
    let shares = [0.7, 0.27, 0.03].flatMap { a in [0.5, 0.4, 0.1].map { a * $0 } }
    #expect(statistic(joint, shares, of: count) < 31.8, "\(joint)")
  }

  @Test func `growing a weight or a part moves nobody back`() throws {
    let small = try table(0.1, try part(0.2, 0.4))
    let heavier = try table(0.3, try part(0.2, 0.4))
    let wider = try table(0.1, try part(0.1, 0.7))
    let (before, after, more) = (
      (0..<20_000).map { cell($0, in: small) }, (0..<20_000).map { cell($0, in: heavier) },
      (0..<20_000).map { cell($0, in: wider) }
    )
    for user in before.indices where before[user] > 0 {
      #expect(after[user] >= before[user])
      #expect(more[user] == before[user])
    }
    // Another salt deals models anew, and takes nobody out of the layer's part.
    let other = try table(0.1, try part(0.2, 0.4), salt: "two")
    for user in before.indices { #expect((cell(user, in: other) > 0) == (before[user] > 0)) }
  }

  @Test func `a unit outside has the incumbent in every kind of step, and is no evidence`() throws {
    var shadowed = try table(0, try part(0, 0))
    shadowed.shadows = [ShadowRule(model: flash, traffic: ShadowTraffic())]
    var drafted = try table(0, try part(0, 0))
    drafted.interleaving = InterleavingRule(teams: [dense, flash], greatestChoices: 4)
    for table in [shadowed, drafted, try table(1, try part(0, 0))] {
      let unit = AssignmentUnit(id: "ada")
      for pinned in [nil, flash] {
        let route = Router.route(unit, requestID: "r", pinned: pinned, choices: 2, in: table)
        #expect(route.serving == dense && route.rollout == nil && route.propensity == 1)
        #expect(route.shadows.isEmpty && route.draft.isEmpty)
      }
      var whole = table
      whole.layer = nil
      let inside = Router.route(unit, requestID: "r", choices: 2, in: whole)
      #expect(inside.rollout == table.rollout)
      #expect(inside.serving == flash || !inside.shadows.isEmpty || !inside.draft.isEmpty)
    }
  }
}
