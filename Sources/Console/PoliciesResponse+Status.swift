import Experimentation
import Promotion

extension PoliciesResponse {
  init(_ status: ServiceStatus, rates: [RouteName: RequestRate]) {
    let state = status.state
    self.init(
      sequence: state.sequence, models: state.models.values.sorted { $0.name < $1.name },
      rollouts: state.rollouts.values.sorted { $0.policy.name < $1.policy.name }.map { rollout in
        Standing(
          policy: rollout.policy, status: rollout.status, step: rollout.step, run: rollout.run,
          dropped: rollout.dropped.map(RolloutResponse.Dropped.init))
      },
      routes: state.incumbents.sorted { $0.key < $1.key }.map { name, incumbent in
        Route(
          name: name, incumbent: incumbent, requestsPerSecond: rates[name]?.perSecond,
          countedSeconds: rates[name]?.seconds, comparison: status.comparison(on: name))
      })
  }
}

extension ServiceStatus {
  /// Of the run on `route` that began last, of those with answers.
  fileprivate func comparison(on route: RouteName) -> [RolloutResponse.ComparisonLine] {
    let latest = state.rollouts.values.filter {
      $0.policy.route == route && comparisons[$0.policy.name]?.lines.isEmpty == false
    }.max { $0.startedAtMilliseconds < $1.startedAtMilliseconds }
    return latest.flatMap { comparisons[$0.policy.name] }?.linesByBand
      .map(RolloutResponse.ComparisonLine.init) ?? []
  }
}
