package import Experimentation

/// The names and documents that simulated worlds share.
package struct SimulatedNames: Sendable {
  package let incumbent: ModelName
  package let candidate: ModelName
  /// A second candidate, of policies that have two.
  package let rival: ModelName
  package let route: RouteName
  package let rollout: RolloutName
  package let other: RolloutName

  /// `nil` never happens: the names are valid; written so that nothing has to trap.
  package init?() {
    guard let incumbent = ModelName("incumbent"), let candidate = ModelName("candidate"),
      let rival = ModelName("rival"),
      let route = RouteName("assistant"), let rollout = RolloutName("assistant"),
      let other = RolloutName("other")
    else { return nil }
    (self.incumbent, self.candidate, self.rival) = (incumbent, candidate, rival)
    (self.route, self.rollout, self.other) = (route, rollout, other)
  }

  /// A document of `model`; another digest is another document.
  package func model(_ name: ModelName, digest: String = "m1") -> ModelSpecification {
    ModelSpecification(
      name: name,
      backend: .engine(EngineSpecification(weights: "simulated.gguf", attention: .flash)),
      digest: digest)
  }

  /// A rollout of the candidate against the incumbent.
  package func policy(
    _ steps: [Step], metrics: [MetricGate] = [], name: RolloutName? = nil,
    unit: UnitKind = .user, everySeconds: Double = 30, promotion: PromotionMode = .automatic,
    onNewRevision: RevisionMode = .refuse, digest: String = "p1"
  ) -> RolloutPolicy {
    RolloutPolicy(
      name: name ?? rollout, route: route, incumbent: incumbent, candidates: [candidate],
      assignment: AssignmentPolicy(unit: unit, salt: "simulated"), steps: steps, metrics: metrics,
      analysis: AnalysisPolicy(everySeconds: everySeconds), promotion: promotion,
      onNewRevision: onNewRevision, digest: digest)
  }
}
