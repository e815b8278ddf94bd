package import Experimentation
package import Routing
import Statistics

/// What one step of a policy will do to a route's traffic, and what its gates need.
package struct StepPlan: Hashable, Sendable, Codable {
  /// From 0.
  package var step: Int
  /// Who answers, with shares that sum to 1; the incumbent first.
  package var serving: [WeightedModel]
  /// Who is asked aside, of which share of the requests.
  package var shadows: [WeightedModel]
  /// The share of units that another model answers than in the traffic before, exactly.
  package var movedShare: Double
  /// Of the units that were named, those that another model answers; `nil` where none were.
  package var movedUnits: Int?
  /// The gates that the step waits for.
  package var gates: [GateForecast]
}

extension StepPlan {
  /// The steps of `policy` that share traffic, each against the one before, the first against
  /// `current`.
  ///
  /// - Parameters:
  ///   - current: the rules of the route in force; `nil` for a route that is new
  ///   - units: whom to count the moves of, by what their assignment unit is; may be empty
  package static func steps(
    of policy: RolloutPolicy, after current: RouteTable?, baseline: TrafficBaseline,
    units: [AssignmentUnit] = []
  ) -> [StepPlan] {
    var before = current ?? RouteTable(route: policy.route, incumbent: policy.incumbent)
    return policy.steps.indices.filter { policy.steps[$0].traffic.sharesTraffic }.map { index in
      let table = policy.table(at: index)
      let plan = StepPlan(
        step: index, serving: table.serving,
        shadows: table.shadows.map { WeightedModel(model: $0.model, share: $0.traffic.share) },
        movedShare: movedShare(from: before, to: table),
        movedUnits: units.isEmpty ? nil : units.count { moves($0, from: before, to: table) },
        gates: policy.forecasts(at: index, baseline))
      before = table
      return plan
    }
  }

  /// Of all units, those outside of a layer's part among them: these have the incumbent.
  private static func movedShare(from before: RouteTable, to after: RouteTable) -> Double {
    let (old, new) = (before.layer?.width ?? 1, after.layer?.width ?? 1)
    let both = overlap(before, after)
    func without(_ table: RouteTable) -> RouteTable {
      RouteTable(route: table.route, incumbent: table.incumbent)
    }
    return both * dealtShare(from: before, to: after)
      + max(old - both, 0) * dealtShare(from: before, to: without(after))
      + max(new - both, 0) * dealtShare(from: without(before), to: after)
      + max(1 - old - new + both, 0) * dealtShare(from: without(before), to: without(after))
  }

  /// The share of units that take part by both tables.
  private static func overlap(_ before: RouteTable, _ after: RouteTable) -> Double {
    guard let old = before.layer, let new = after.layer else {
      return (before.layer?.width ?? 1) * (after.layer?.width ?? 1)
    }
    // Units of two kinds have nothing to do with one another.
    return before.unit == after.unit ? old.overlap(with: new) : old.width * new.width
  }

  /// Of units that take part by both tables.
  private static func dealtShare(from before: RouteTable, to after: RouteTable) -> Double {
    func shares(_ table: RouteTable) -> [ModelName: Share] {
      Dictionary(
        table.serving.map { ($0.model, $0.share) }, uniquingKeysWith: { first, _ in first })
    }
    // A table that one model answers alone deals nobody: its salt is of no account.
    let deals = [before, after].allSatisfy { $0.serving.count { $0.share > .none } > 1 }
    let isDealtAnew =
      deals
      && ((before.salt, before.unit) != (after.salt, after.unit) || before.context != after.context)
    return WeightedRendezvous.movedShare(
      from: shares(before), to: shares(after), sameSalt: !isDealtAnew)
  }

  private static func moves(
    _ unit: AssignmentUnit, from before: RouteTable, to after: RouteTable
  ) -> Bool {
    let models = [before, after].map { table in
      Router.route(unit, requestID: unit.id, in: table).serving
    }
    return models[0] != models[1]
  }
}

extension RolloutPolicy {
  /// The rules of the route while the step is in force, as a service would publish them.
  fileprivate func table(at step: Int) -> RouteTable {
    let state = RolloutState(
      policy: self, run: 1, step: step, stepStartedAtMilliseconds: 0, startedAtMilliseconds: 0)
    return RouteTable(route, incumbent: incumbent, rollout: state, ready: nil)
  }

  fileprivate func forecasts(at step: Int, _ baseline: TrafficBaseline) -> [GateForecast] {
    gates(judgedAt: step).flatMap { gate in
      candidates.compactMap { candidate in
        GateForecast(of: gate, candidate: candidate, step: step, in: self, baseline: baseline)
      }
    }
  }
}
