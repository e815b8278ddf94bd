import Experimentation

/// Reads the list under `metrics:`.
struct MetricReader {
  let log: DiagnosticLog

  /// The gates that could be read, one for each slice, in order; mistakes were reported.
  func gates(_ nodes: [PolicyNode]) -> [Placed<MetricGate>] {
    var gates: [Placed<MetricGate>] = []
    var names: [String: Int] = [:]
    for node in nodes {
      guard let reader = MappingReader<MetricKey>(node, log: log) else { continue }
      if let name = name(reader) {
        if let line = names[name] {
          log.report(
            .repeatedName, at: reader[.name]?.position ?? node.position,
            "metric '\(name)' is there twice", hint: "it is in line \(line) too")
        }
        names[name] = node.position.line
      }
      gates += self.gates(reader).map { Placed($0, at: node.position) }
    }
    return gates
  }

  /// Gates are named like models: their names stand in labels and URLs too.
  private func name(_ reader: MappingReader<MetricKey>) -> String? {
    guard case .scalar(let scalar) = reader[.name]?.content else { return nil }
    return scalar.text
  }

  private func gates(_ reader: MappingReader<MetricKey>) -> [MetricGate] {
    let name: Name<MetricGate>? = reader[.name].flatMap { $0.name("the metric's name", log) }
    let metric: Metric? = reader.word(.metric, "a metric")
    let role: MetricGate.Role? = reader.word(.role, "a role")
    let onFail = reader.word(.onFail, "onFail", or: MetricGate.FailAction.rollBack)
    if let role, !role.isRequired, reader[.onFail] != nil {
      log.report(
        .misplacedKey, at: reader.position(of: .onFail),
        "'onFail' means nothing to a metric of role \(role.rawValue)",
        hint: "it stops nothing; a goal or a guardrail does")
    }
    let slices = SliceReader(log: log).slices(reader)
    guard let metric, let role else { return [] }
    let objective = ObjectiveReader(metric: metric, role: role, log: log).objective(reader)
    guard let name, let onFail, let objective, let slices else { return [] }
    return slices.map { slice in
      MetricGate(
        name: name.text + slice.suffix, metric: metric, role: role, objective: objective,
        slice: slice.condition, onFail: onFail)
    }
  }
}
