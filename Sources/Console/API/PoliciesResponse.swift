package import Experimentation

/// Answer to `GET /api/v1/policies`: what is in force, whole, for those who compare it with files.
package struct PoliciesResponse: Hashable, Sendable, Codable {
  /// Sequence of the journal's last entry.
  package var sequence: Int64
  /// By name.
  package var models: [ModelSpecification]
  /// The latest run of each, by name.
  package var rollouts: [Standing]
  /// By name.
  package var routes: [Route]

  /// A rollout with where it stands.
  package struct Standing: Hashable, Sendable, Codable {
    package var policy: RolloutPolicy
    package var status: RolloutStatus
    package var step: Int
    package var run: Int
    /// Candidates that have left this run, in the order in which they did; `nil` from a service
    /// that does not tell.
    package var dropped: [RolloutResponse.Dropped]?
  }

  /// A name that clients ask for.
  package struct Route: Hashable, Sendable, Codable {
    package var name: RouteName
    package var incumbent: ModelName
    /// Over at most the last hour; `nil` where too few came since the service started.
    package var requestsPerSecond: Double?
    /// How long was counted for it.
    package var countedSeconds: Double?
    /// How the models did on it, by length of prompt, in the latest run that has answers.
    package var comparison: [RolloutResponse.ComparisonLine]
  }
}

/// The pace of requests on one route.
package struct RequestRate: Hashable, Sendable {
  package var perSecond: Double
  /// How long was counted for it.
  package var seconds: Double

  package init(perSecond: Double, seconds: Double) {
    (self.perSecond, self.seconds) = (perSecond, seconds)
  }
}
