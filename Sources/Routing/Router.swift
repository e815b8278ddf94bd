package import Experimentation
import Statistics

/// Who answers one request, and who is asked aside.
package struct Route: Hashable, Sendable {
  package var serving: ModelName
  /// Where the request belongs; `nil` without a rollout, and for a unit that takes no part in it.
  package var rollout: RolloutPosition?
  /// Propensity: the probability with which `serving` was chosen, 0 < p ≤ 1; `nil` where nothing
  /// was drawn for it: a pinned request, or the place of a candidate that has left.
  package var propensity: Double?
  package var shadows: [ShadowRule]
  /// Whose answer stands in each place of one with several choices; empty when `serving` gives all.
  package var draft: [ModelName] = []
}

/// Decides a request from a frozen table: pure arithmetic, no lock, no clock, no chance.
///
/// The same table, unit and request id give the same route.
package enum Router {
  /// Routes one request.
  ///
  /// A unit outside of the table's part of its layer gets the incumbent, as on a route without a
  /// rollout: nothing was drawn, it cannot be pinned to a candidate, and leaves no evidence.
  ///
  /// - Parameters:
  ///   - unit: what stays on one model
  ///   - requestID: decides whether the request is shadowed, independently of the unit
  ///   - pinned: the model asked for by header; only looked at when the table allows it and names
  ///     it
  ///   - choices: how many the answer shall have, where they may come from several models
  ///   - cell: of the table's context; `nil` for a request of which nothing is known
  package static func route(
    _ unit: AssignmentUnit, requestID: String, pinned: ModelName? = nil, choices: Int = 1,
    cell: Int? = nil, in table: RouteTable
  ) -> Route {
    guard LayerMembership.takesPart(unit, in: table.layer) else {
      return Route(serving: table.incumbent, rollout: nil, propensity: 1, shadows: [])
    }
    let cell = table.cell(cell)
    var rollout = table.rollout
    if let cell { rollout?.allocation += cell }
    if let pinned, table.allowsOverride, table.serves(pinned) {
      return Route(serving: pinned, rollout: rollout, propensity: nil, shadows: [])
    }
    if let rule = table.interleaving {
      // What is not drafted is the incumbent's for certain: nothing to compare it with.
      guard (2...max(2, rule.greatestChoices)).contains(choices) else {
        return Route(serving: table.incumbent, rollout: rollout, propensity: nil, shadows: [])
      }
      return Route(
        serving: table.incumbent, rollout: rollout, propensity: 1, shadows: [],
        draft: TeamDraft.draft(
          rule.teams, places: choices, requestID: requestID, salt: table.salt))
    }
    let choice = WeightedRendezvous.choose(
      unit: table.dealt(unit, in: cell), salt: table.salt,
      among: cell.map { table.cells[$0] } ?? table.serving)
    if let choice, table.vacant.contains(choice.model) {
      // Nobody's draw changes because a candidate left. What the incumbent answers in its place is
      // compared with nothing: by the shares in force another model was drawn.
      return Route(serving: table.incumbent, rollout: rollout, propensity: nil, shadows: [])
    }
    return Route(
      serving: choice?.model ?? table.incumbent, rollout: rollout,
      propensity: choice?.share.value ?? 1,
      shadows: table.shadows.filter { rule in
        ShadowSampling.isSampled(requestID: requestID, salt: table.salt, rule: rule)
      })
  }
}

extension RouteTable {
  /// Whether `model` takes part on this route, as incumbent, candidate or shadow.
  package func serves(_ model: ModelName) -> Bool {
    if model == incumbent { return true }
    if vacant.contains(model) { return false }
    return serving.contains { $0.model == model }
      || interleaving?.teams.contains(model) == true || shadows.contains { $0.model == model }
  }
}
