package import Experimentation
package import Routing

extension RoutingTable {
  /// The traffic that `state` asks for: a pure function, so that recovery is to fold and to
  /// publish.
  ///
  /// - Parameter ready: the models whose backends stand; `nil` means all of them. A rollout of
  ///   which one model that is still in is not ready leaves everything with the incumbent, outside
  ///   of the rollout. A route stays although its incumbent is not ready: it is known, and answers
  ///   that it is unavailable.
  package init(_ state: ServiceState, ready: Set<ModelName>? = nil) {
    let known = Set(state.models.keys)
    let models = ready.map(known.intersection) ?? known
    self.init(models: models)
    for (route, incumbent) in state.incumbents {
      routes[route] = RouteTable(
        route, incumbent: incumbent, rollout: state.liveRollout(on: route), ready: models)
    }
  }

  /// Routes that nobody answers, because their incumbent is not ready; in order of name.
  package var unansweredRoutes: [RouteTable] {
    routes.values.filter { !models.contains($0.incumbent) }.sorted { $0.route < $1.route }
  }
}

extension RouteTable {
  /// The rules of one route; without a rollout that may have traffic, the incumbent alone.
  ///
  /// - Parameter ready: the models that answer; `nil` means all of them
  package init(
    _ route: RouteName, incumbent: ModelName, rollout: RolloutState?, ready: Set<ModelName>?
  ) {
    self.init(route: route, incumbent: incumbent)
    // Commands keep a live rollout's incumbent the route's own; were it not, nobody could say what
    // its candidates are compared with.
    guard let rollout, rollout.policy.incumbent == incumbent,
      ready?.isSuperset(of: [incumbent] + rollout.candidates) ?? true
    else { return }
    self.rollout = rollout.position
    unit = rollout.policy.assignment.unit
    salt = rollout.policy.assignment.salt
    allowsOverride = rollout.policy.allowsOverride
    match = rollout.policy.match
    layer = rollout.policy.assignment.layer
    labels = Set(rollout.policy.metrics.flatMap { $0.slice?.labels ?? [] })
    // So that a row tells why it took part.
    labels.formUnion(match?.labels ?? [])
    for step in rollout.policy.steps {
      labels.formUnion(step.traffic.context?.requestLabels ?? [])
    }
    headers = Set(rollout.policy.metrics.flatMap { $0.slice?.headers ?? [] })
    headers.formUnion(match?.headers ?? [])
    scores = ScorePlan(rollout.policy)
    func weighted(_ shares: [ModelName: Share]) -> [WeightedModel] {
      rollout.policy.arms.compactMap { model in
        shares[model].map { WeightedModel(model: model, share: $0) }
      }
    }
    serving = weighted(rollout.drawnShares)
    vacant = Set(rollout.dropped.map(\.model))
    if let context = rollout.traffic?.context {
      self.context = context
      cells = (0..<context.cellCount).map { weighted(rollout.drawnShares(in: $0)) }
    }
    if case .interleave(let choices) = rollout.traffic {
      interleaving = InterleavingRule(
        teams: [incumbent] + rollout.candidates, greatestChoices: choices)
    }
    if case .shadow(let traffic) = rollout.traffic {
      shadows = rollout.candidates.map { ShadowRule(model: $0, traffic: traffic) }
      if traffic.hasControl, let first = rollout.candidates.first {
        shadows.append(ShadowRule(model: incumbent, traffic: traffic, controlOf: first))
      }
    }
  }
}
