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
    let onNoData = reader.word(.onNoData, "onNoData", or: MetricGate.NoDataAction.hold)
    for key in reader.present([.onFail, .onNoData]) {
      guard let role, !role.isRequired else { break }
      log.report(
        .misplacedKey, at: reader.position(of: key),
        "'\(key.rawValue)' means nothing to a metric of role \(role.rawValue)",
        hint: "it stops nothing; a goal or a guardrail does")
    }
    let slices = SliceReader(log: log).slices(reader)
    guard let metric, let role else { return [] }
    if metric.isFromUsers, let key = reader.present([.slice, .slices]).first {
      log.report(
        .misplacedKey, at: reader.position(of: key),
        "'\(key.rawValue)' means nothing to \(metric.rawValue), which is looked at whole",
        hint: "what users say comes without their prompts; leave it out")
      return []
    }
    let check = check(reader, of: metric)
    let objective = ObjectiveReader(metric: metric, role: role, log: log).objective(reader)
    let quantile = quantile(reader, of: metric)
    guard let name, let onFail, let onNoData, let objective, let quantile, let slices, let check
    else { return [] }
    return slices.map { slice in
      MetricGate(
        name: name.text + slice.suffix, metric: metric, role: role, objective: objective,
        quantile: quantile.value, slice: slice.condition, onFail: onFail,
        onNoData: onNoData == .hold ? nil : onNoData,
        check: check.rule.map { AnswerCheck(name: name.text, rule: $0) })
    }
  }

  /// What an answer must be like, or that nothing is asked of it.
  private struct ReadCheck {
    var rule: AnswerRule?
  }

  /// `nil` when there was a mistake.
  private func check(_ reader: MappingReader<MetricKey>, of metric: Metric) -> ReadCheck? {
    guard let node = reader[.check] else {
      guard metric == .check, !reader.hasAny([.check]) else {
        return reader.hasAny([.check]) ? nil : ReadCheck()
      }
      log.report(
        .missingKey, at: reader.position(of: .metric), "missing key 'check' in a metric",
        hint: "say what an answer must be like: 'check: { json: any }'")
      return nil
    }
    guard metric == .check else {
      log.report(
        .misplacedKey, at: reader.position(of: .check),
        "'check' means nothing to \(metric.rawValue)", hint: "write 'metric: check'")
      return nil
    }
    return CheckReader(log: log).rule(node).map { ReadCheck(rule: $0) }
  }

  /// A quantile, or that means are compared.
  private struct ReadQuantile {
    var value: Double?
  }

  /// Where tails are rare enough to be compared by who is in them. Nearer to the middle the mean of
  /// logarithms tells sooner, and further out nobody waits so long.
  static let quantiles = Bounds(from: 0.9, to: 0.999)

  /// `nil` when there was a mistake.
  private func quantile(_ reader: MappingReader<MetricKey>, of metric: Metric) -> ReadQuantile? {
    guard reader[.quantile] != nil else {
      // One that is there without a usable value was reported.
      return reader.hasAny([.quantile]) ? nil : ReadQuantile()
    }
    guard metric.hasTail else {
      let isRate = metric == .tokensPerSecond
      log.report(
        .misplacedKey, at: reader.position(of: .quantile),
        "'quantile' means nothing to \(metric.rawValue)",
        hint: isRate
          ? "its slow end is the high end of timePerOutputToken"
          : "times, outputTokens and cost have one")
      return nil
    }
    let hint =
      "p95 is 0.95; for the middle leave it out: means of logarithms are compared then, which "
      + "tell sooner"
    return reader.number(.quantile, hint: hint).map { ReadQuantile(value: $0) }
  }
}
