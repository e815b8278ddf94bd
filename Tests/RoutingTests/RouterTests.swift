import Experimentation
import Routing
import Testing

@Suite struct RouterTests {
  let dense: ModelName
  let flash: ModelName
  let window: ModelName
  let assistant: RouteName

  init() throws {
    dense = try #require(ModelName("dense"))
    flash = try #require(ModelName("flash"))
    window = try #require(ModelName("window"))
    assistant = try #require(RouteName("assistant"))
  }

  func share(_ value: Double) throws -> Share { try #require(Share(value)) }

  func canary(_ weight: Double) throws -> RouteTable {
    RouteTable(
      route: assistant, incumbent: dense, unit: .user, salt: "assistant-1",
      serving: [
        WeightedModel(model: dense, share: try share(1 - weight)),
        WeightedModel(model: flash, share: try share(weight)),
      ])
  }

  func users(_ count: Int) -> [AssignmentUnit] {
    (0..<count).map { AssignmentUnit(id: "user-\($0)") }
  }

  @Test func `the candidate gets its share`() throws {
    let table = try canary(0.25)
    let served = users(10_000).count {
      Router.route($0, requestID: "r", in: table).serving == flash
    }
    // Four standard errors of a binomial with p = 0.25, n = 10 000.
    #expect(abs(served - 2_500) < 173)
  }

  @Test func `three models get their shares`() throws {
    let table = RouteTable(
      route: assistant, incumbent: dense, unit: .user, salt: "three",
      serving: [
        WeightedModel(model: dense, share: try share(0.5)),
        WeightedModel(model: flash, share: try share(0.3)),
        WeightedModel(model: window, share: try share(0.2)),
      ])
    var served: [ModelName: Int] = [:]
    for user in users(20_000) {
      served[Router.route(user, requestID: "r", in: table).serving, default: 0] += 1
    }
    // Chi-square with 2 degrees of freedom: 18.4 is exceeded with probability 1 in 10 000.
    let statistic = [(dense, 0.5), (flash, 0.3), (window, 0.2)].reduce(0.0) { sum, expected in
      let wanted = expected.1 * 20_000
      let difference = Double(served[expected.0] ?? 0) - wanted
      return sum + difference * difference / wanted
    }
    #expect(statistic < 18.4)
  }

  @Test(arguments: [(0.05, 0.25), (0.25, 0.5), (0.5, 1.0)])
  func `growing a weight never moves a unit that has the candidate back`(
    before: Double, after: Double
  ) throws {
    let (small, large) = (try canary(before), try canary(after))
    for user in users(4_000) where Router.route(user, requestID: "r", in: small).serving == flash {
      #expect(Router.route(user, requestID: "r", in: large).serving == flash)
    }
  }

  @Test func `a unit stays where it is whatever the request`() throws {
    let table = try canary(0.5)
    for user in users(200) {
      let first = Router.route(user, requestID: "a", in: table)
      let second = Router.route(user, requestID: "b", in: table)
      #expect(first.serving == second.serving)
    }
  }

  @Test func `another salt deals the units anew`() throws {
    let table = try canary(0.5)
    var other = table
    other.salt = "assistant-2"
    let moved = users(4_000).count {
      Router.route($0, requestID: "r", in: table).serving
        != Router.route($0, requestID: "r", in: other).serving
    }
    // Four standard errors of a binomial with p = 0.5, n = 4 000.
    #expect(abs(moved - 2_000) < 127)
  }

  @Test func `the propensity is the share of the model that serves`() throws {
    let table = try canary(0.25)
    for user in users(100) {
      let route = Router.route(user, requestID: "r", in: table)
      #expect(route.propensity == (route.serving == flash ? 0.25 : 0.75))
    }
  }

  @Test func `a shadow is sampled by request and not by unit`() throws {
    let rule = ShadowRule(model: flash, traffic: ShadowTraffic(share: try share(0.5)))
    let table = RouteTable(
      route: assistant, incumbent: dense, unit: .user, salt: "s", shadows: [rule])
    let one = AssignmentUnit(id: "ada")
    let sampled = (0..<4_000).count {
      Router.route(one, requestID: "request-\($0)", in: table).shadows == [rule]
    }
    #expect(abs(sampled - 2_000) < 127)
  }

  @Test func `a pinned request has no propensity, and only where the policy allows it`() throws {
    var table = try canary(0.5)
    let unit = AssignmentUnit(id: "ada")
    #expect(Router.route(unit, requestID: "r", pinned: flash, in: table).propensity != nil)
    table.allowsOverride = true
    let route = Router.route(unit, requestID: "r", pinned: flash, in: table)
    #expect(route.serving == flash)
    #expect(route.propensity == nil)
    #expect(Router.route(unit, requestID: "r", pinned: window, in: table).propensity != nil)
  }

  @Test func `who does not match gets the rules of a route without a rollout`() throws {
    var table = try canary(1)
    table.allowsOverride = true
    table.rollout = RolloutPosition(
      rollout: try #require(RolloutName("trial")), digest: "d", step: 0, run: 1)
    table.match = RequestMatch(
      labels: [RequestLabel(key: "tier", value: "gold")],
      headers: [RequestHeader(name: "x-tenant", value: "acme")])
    let plain = RouteTable(route: assistant, incumbent: dense)
    for (labels, headers, takesPart) in [
      (["tier": "gold", "a": "b"], ["x-tenant": "acme"], true),
      (["tier": "gold"], [:], false), ([:], ["x-tenant": "acme"], false),
      (["tier": "Gold"], ["x-tenant": "acme"], false),
      (["tier": "gold"], ["x-tenant": "acme "], false),
    ] {
      let rules = table.rules(labels: labels) { headers[$0] }
      #expect(rules == (takesPart ? table : plain), "\(labels) \(headers)")
    }
    table.match = nil
    #expect(table.rules(labels: [:]) { _ in nil } == table)
  }

  @Test func `nobody is sent to a model of weight zero`() throws {
    let table = try canary(0)
    for user in users(2_000) {
      #expect(Router.route(user, requestID: "r", in: table).serving == dense)
    }
  }
}
