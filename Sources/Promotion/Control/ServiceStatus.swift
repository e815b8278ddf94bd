package import Experimentation

/// What the controller knows at one moment: for the console and the command line.
package struct ServiceStatus: Hashable, Sendable {
  /// As the journal has it.
  package var state: ServiceState
  /// The verdicts of the last look at each rollout that was looked at since the service started.
  package var reports: [RolloutName: [GateReport]]
  /// How the models did, by the store's rollups: of the latest run of each rollout that has any.
  package var comparisons: [RolloutName: ComparisonTable]
  package var health: ControllerHealth

  package init(
    state: ServiceState = ServiceState(), reports: [RolloutName: [GateReport]] = [:],
    comparisons: [RolloutName: ComparisonTable] = [:], health: ControllerHealth = ControllerHealth()
  ) {
    self.state = state
    self.reports = reports
    self.comparisons = comparisons
    self.health = health
  }
}

/// What the controller cannot do at present. Serving goes on meanwhile; promotions do not.
package struct ControllerHealth: Hashable, Sendable {
  /// What is wrong, in sentences; in a fixed order.
  package var problems: [String]

  package var isDegraded: Bool { !problems.isEmpty }

  package init(problems: [String] = []) {
    self.problems = problems
  }
}
