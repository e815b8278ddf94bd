package import Experimentation
import Promotion

/// Answer to `GET /api/v1/status`: the whole service.
package struct StatusResponse: Hashable, Sendable, Codable {
  /// Sequence of the journal's last entry.
  package var sequence: Int64
  /// What the controller cannot do at present, in sentences; empty when all is well.
  package var problems: [String]
  /// By name.
  package var routes: [Route]
  /// By name.
  package var models: [Model]
  /// The latest run of each, by name.
  package var rollouts: [RolloutResponse]

  /// A name that clients ask for.
  package struct Route: Hashable, Sendable, Codable {
    package var name: RouteName
    package var incumbent: ModelName
    /// The rollout that is live on it, if any.
    package var rollout: RolloutName?
    /// The rollout of which a revision waits for the route, if any.
    package var queued: RolloutName?
  }

  /// Who can answer.
  package struct Model: Hashable, Sendable, Codable {
    package var name: ModelName
    /// How it answers, in words: `engine flash`, `upstream http://…`.
    package var backend: String
    package var digest: String
  }
}

extension StatusResponse {
  /// - Parameter notes: what is to be known of how a model is run
  init(
    _ status: ServiceStatus, nowMilliseconds: Int64, notes: (ModelName) -> [String]
  ) {
    let state = status.state
    self.init(
      sequence: state.sequence, problems: status.health.problems,
      routes: state.incumbents.sorted { $0.key < $1.key }.map { route, incumbent in
        Route(
          name: route, incumbent: incumbent, rollout: state.liveRollout(on: route)?.policy.name,
          queued: state.queue[route]?.policy.name)
      },
      models: state.models.values.sorted { $0.name < $1.name }.map { model in
        Model(name: model.name, backend: model.backend.inWords, digest: model.digest)
      },
      rollouts: Set(state.rollouts.keys).union(state.queue.values.map(\.policy.name)).sorted()
        .compactMap {
          RolloutResponse($0, in: status, nowMilliseconds: nowMilliseconds, notes: notes)
        })
  }
}

extension BackendSpecification {
  fileprivate var inWords: String {
    switch self {
    case .engine(let engine): "engine \(engine.attention)"
    case .upstream(let upstream): "upstream \(upstream.url) \(upstream.model)"
    }
  }
}
