package import Experimentation

/// Who may be asked, under which names: immutable, so that a request sees one table from end to
/// end.
package struct RoutingTable: Hashable, Sendable {
  package var routes: [RouteName: RouteTable]
  /// Models that may be asked by their own name; such requests are never evidence.
  package var models: Set<ModelName>

  package init(routes: [RouteName: RouteTable] = [:], models: Set<ModelName> = []) {
    self.routes = routes
    self.models = models
  }
}

/// The frozen rules of one route.
package struct RouteTable: Hashable, Sendable {
  package var route: RouteName
  package var incumbent: ModelName
  /// `nil` when no rollout is live.
  package var rollout: RolloutPosition?
  package var unit: UnitKind
  package var salt: String
  /// Who is drawn to answer, with shares that sum to 1; the incumbent is always named.
  package var serving: [WeightedModel]
  /// Candidates that have left: who draws one of them gets the incumbent, and is no evidence.
  package var vacant: Set<ModelName> = []
  /// What of a request decides by which of `cells` it is dealt; `nil` deals all by `serving`.
  package var context: BanditContext?
  /// Who is drawn in each cell of the context, with shares that sum to 1.
  package var cells: [[WeightedModel]] = []
  /// Who is asked aside.
  package var shadows: [ShadowRule]
  /// Who takes part in answers with several choices; `nil` leaves them to one model.
  package var interleaving: InterleavingRule?
  /// Whether the client may choose the model by header.
  package var allowsOverride: Bool
  /// What slices, contexts and `match` ask for, key and value; other labels are not kept. So the
  /// sets of labels that rows name are few, whatever clients write.
  package var labels: Set<RequestLabel> = []
  /// The same of headers.
  package var headers: Set<RequestHeader> = []
  /// Which requests take part in the rollout; `nil` is all of them.
  package var match: RequestMatch?
  /// Which units do; `nil` is all of them.
  package var layer: LayerRange?
  /// What is measured of answers that take part, beyond what is measured of all.
  package var scores = ScorePlan()

  package init(
    route: RouteName, incumbent: ModelName, rollout: RolloutPosition? = nil,
    unit: UnitKind = .request, salt: String = "", serving: [WeightedModel]? = nil,
    shadows: [ShadowRule] = [], allowsOverride: Bool = false
  ) {
    self.route = route
    self.incumbent = incumbent
    self.rollout = rollout
    self.unit = unit
    self.salt = salt
    self.serving = serving ?? [WeightedModel(model: incumbent, share: .all)]
    self.shadows = shadows
    self.allowsOverride = allowsOverride
  }
}

extension RouteTable {
  /// The rules for one request: these where it takes part in the rollout, else the incumbent alone,
  /// as on a route without one. So whoever does not take part cannot be pinned to a candidate, is
  /// not asked aside, and leaves no evidence.
  ///
  /// - Parameters:
  ///   - labels: the texts of the request's `metadata`; asked for only where the rules do
  ///   - headerValue: the value of the header of a name; `nil` where there is none
  package func rules(
    labels: @autoclosure () -> [String: String], headerValue: (String) -> String?
  ) -> RouteTable {
    guard let match else { return self }
    let takesPart = match.contains(
      labels: match.labels.isEmpty ? [:] : labels(), headerValue: headerValue)
    return takesPart ? self : RouteTable(route: route, incumbent: incumbent)
  }
}

/// A model with its share of the traffic.
package struct WeightedModel: Hashable, Sendable, Codable {
  package var model: ModelName
  package var share: Share

  package init(model: ModelName, share: Share) {
    self.model = model
    self.share = share
  }
}

/// A model that is asked aside, with its bounds.
package struct ShadowRule: Hashable, Sendable {
  package var model: ModelName
  package var traffic: ShadowTraffic
  /// For the incumbent as its own control: the candidate beside which it is asked, of whose
  /// requests it gets every one. `nil` for a candidate.
  package var controlOf: ModelName?

  package init(model: ModelName, traffic: ShadowTraffic, controlOf: ModelName? = nil) {
    self.model = model
    self.traffic = traffic
    self.controlOf = controlOf
  }
}
