import Experimentation
import Promotion
import Routing
import Testing

@Suite struct TrafficTests {
  let names: Names

  init() throws { names = try Names() }

  func state(_ policy: RolloutPolicy, step: Int = 0) -> ServiceState {
    var events: [JournalEvent] =
      names.models.map { .modelApplied($0) } + [.rolloutApplied(policy)]
    if step > 0 { events.append(.advanced(policy.name, to: step, evidence: [])) }
    return events.reduce(ControlState()) { $0.assuming($1) }.service
  }

  func route(_ policy: RolloutPolicy, step: Int = 0) -> RouteTable? {
    RoutingTable(state(policy, step: step)).routes[names.assistant]
  }

  @Test func `a shadow step asks every candidate aside and serves with the incumbent`() throws {
    let traffic = ShadowTraffic(share: try .part(0.5), concurrency: 3)
    let table = try #require(
      route(names.policy([Step(.shadow(traffic))], candidates: [names.flash, names.window])))
    #expect(table.serving == [WeightedModel(model: names.dense, share: .all)])
    #expect(table.shadows.map(\.model) == [names.flash, names.window])
    #expect(table.shadows.allSatisfy { $0.traffic == traffic })
    #expect(table.rollout?.step == 0)
  }

  @Test func `a canary's weight is for each candidate`() throws {
    let table = try #require(
      route(
        names.policy(
          [Step(.canary(weight: try .part(0.1)))], candidates: [names.flash, names.window])))
    #expect(table.serving.map(\.model) == [names.dense, names.flash, names.window])
    #expect(table.serving.map(\.share.value) == [0.8, 0.1, 0.1])
  }

  @Test func `rows keep the labels and headers by which they take part`() throws {
    var policy = names.policy([Step(.canary(weight: try .part(0.1)))])
    let tier = RequestLabel(key: "tier", value: "gold")
    let tenant = RequestHeader(name: "x-tenant", value: "a")
    policy.match = RequestMatch(labels: [tier], headers: [tenant])
    let table = try #require(route(policy))
    #expect(table.labels == [tier] && table.headers == [tenant])
  }

  @Test(arguments: [[0.3, 0.3], [0.1, 0.2], [0.7, 0.1], [1.0 / 3, 1.0 / 3], [0.05, 0.9]])
  func `shares sum to one whatever the decimals`(weights: [Double]) throws {
    let split = StepTraffic.split(weights: [
      names.dense: try .part(1 - weights[0] - weights[1]), names.flash: try .part(weights[0]),
      names.window: try .part(weights[1]),
    ])
    let table = try #require(
      route(names.policy([Step(split)], candidates: [names.flash, names.window])))
    // Two roundings of numbers below 1.
    #expect(abs(table.serving.map(\.share.value).reduce(0, +) - 1) <= 2 * Double.ulpOfOne)
    #expect(table.serving.dropFirst().map(\.share.value) == weights)
  }

  @Test func `a split that gives the incumbent nothing leaves it no crumb`() throws {
    let split = StepTraffic.split(weights: [
      names.flash: try .part(0.9), names.window: try .part(0.1),
    ])
    let table = try #require(
      route(names.policy([Step(split)], candidates: [names.flash, names.window])))
    #expect(table.serving.first == WeightedModel(model: names.dense, share: .none))
  }

  @Test func `approval and the stand after the last step keep the traffic`() throws {
    let policy = names.policy([
      Step(.canary(weight: try .part(0.25))), Step(.approval(team: nil)),
    ])
    let canary = try #require(route(policy)).serving
    #expect(try #require(route(policy, step: 1)).serving == canary)
    #expect(try #require(route(policy, step: 2)).serving == canary)
    #expect(try #require(route(policy, step: 2)).rollout?.step == 2)
  }

  @Test func `without a live rollout the incumbent is alone`() throws {
    let policy = names.policy([Step(.canary(weight: try .part(0.25)))])
    let state = [JournalEvent.aborted(policy.name)].reduce(
      names.models.map { JournalEvent.modelApplied($0) }.reduce(ControlState()) { $0.assuming($1) }
        .assuming(.rolloutApplied(policy))
    ) { $0.assuming($1) }
    let table = RoutingTable(state.service)
    #expect(
      table.routes[names.assistant] == RouteTable(route: names.assistant, incumbent: names.dense))
    #expect(table.models == [names.dense, names.flash, names.window])
  }

  @Test func `a table names only models that are ready`() throws {
    let policy = names.policy([Step(.canary(weight: try .part(0.25)))])
    let state = state(policy)
    let without = RoutingTable(state, ready: [names.dense, names.window])
    #expect(
      without.routes[names.assistant]
        == RouteTable(route: names.assistant, incumbent: names.dense))
    #expect(without.models == [names.dense, names.window])
  }

  @Test func `a route whose incumbent is not ready is known, and answers nobody`() throws {
    let state = state(names.policy([Step(.canary(weight: try .part(0.25)))]))
    let table = RoutingTable(state, ready: [names.flash])
    let alone = RouteTable(route: names.assistant, incumbent: names.dense)
    #expect(table.routes == [names.assistant: alone])
    #expect(table.models == [names.flash])
    #expect(table.unansweredRoutes == [alone])
    #expect(RoutingTable(state, ready: [names.dense]).unansweredRoutes.isEmpty)
  }
}
