import Experimentation

/// Reads what must be shown of a metric: a tolerated loss or a wanted gain.
struct ObjectiveReader {
  let metric: Metric
  let role: MetricGate.Role
  let log: DiagnosticLog

  /// `nil` when it is missing or was reported.
  func objective(_ reader: MappingReader<MetricKey>) -> MetricGate.Objective? {
    let keys = reader.present(MetricKey.objectives)
    guard let key = keys.first, let node = reader[key] else { return withoutMargin(reader) }
    if keys.count > 1 {
      log.report(
        .oneOf, at: reader.position(of: keys[1]),
        "a metric has '\(key.rawValue)' or '\(keys[1].rawValue)', not both",
        hint: "write a second metric for a second condition")
    }
    guard checkKey(key, at: reader.position(of: key)) else { return nil }
    return key == gainKey ? gain(key, node) : loss(key, node)
  }

  /// The key that says how much the metric may get worse.
  private var lossKey: MetricKey {
    metric.isInNats ? .margin : metric.direction == .lower ? .maxIncrease : .maxDecrease
  }

  /// The key that says how much the metric must get better.
  private var gainKey: MetricKey { metric.direction == .lower ? .minDecrease : .minIncrease }

  private var exampleKey: MetricKey { role == .goal ? gainKey : lossKey }

  private var exampleValue: String { exampleKey == .margin ? "0.02" : "5\(unit)" }

  private var unit: String { Self.unit(isShare: metric.scale == .proportion) }

  private static func unit(isShare: Bool) -> String { isShare ? "pp" : "%" }

  /// What is only drawn needs no margin; it is held against no change at all.
  private func withoutMargin(_ reader: MappingReader<MetricKey>) -> MetricGate.Objective? {
    if role == .info {
      return .notWorse(by: metric.scale == .proportion ? .absolute(0) : .relative(0))
    }
    // One that is there without a usable value was reported.
    guard !reader.hasAny(MetricKey.objectives) else { return nil }
    log.report(
      .missingMargin, at: reader.position(of: .role),
      "a metric of role \(role.rawValue) must say what is to be shown",
      hint: "write it like '\(exampleKey.rawValue): \(exampleValue)'")
    return nil
  }

  private func checkKey(_ key: MetricKey, at position: SourcePosition) -> Bool {
    if metric.isInNats, key == .maxIncrease {
      log.report(
        .wrongUnit, at: position,
        "\(metric.rawValue) is in nats, which are neither points nor percent",
        hint: "write the tolerated loss as a plain number, like 'margin: 0.02'")
      return false
    }
    let better = metric.direction == .lower ? "a decrease" : "an increase"
    if key != .margin, key != lossKey, key != gainKey {
      log.report(
        .wrongDirection, at: position,
        "'\(key.rawValue)' on \(metric.rawValue), of which \(better) is better",
        suggestion: exampleKey.rawValue)
      return false
    }
    if role == .goal, key != gainKey {
      log.report(
        .wrongDirection, at: position,
        "'\(key.rawValue)' on a goal, which must be shown to improve",
        suggestion: gainKey.rawValue, hint: "or give it the role guardrail")
      return false
    }
    if role == .guardrail, key == gainKey {
      log.report(
        .wrongDirection, at: position,
        "'\(key.rawValue)' on a guardrail, which must be shown not to get worse",
        suggestion: lossKey.rawValue, hint: "or give it the role goal")
      return false
    }
    return true
  }

  // MARK: Loss

  private func loss(_ key: MetricKey, _ node: PolicyNode) -> MetricGate.Objective? {
    let read = key == .margin ? plainMargin(node).map { .absolute($0) } : margin(key, node)
    guard let margin = read, check(margin, of: key, grows: metric.direction == .lower, node) else {
      return nil
    }
    if margin.value == 0, role.isRequired {
      log.report(
        .unreachableGate, at: node.position,
        "a margin of 0 can never be shown by a candidate that is just as good",
        hint: "say how much loss is tolerated, such as 1\(unit)")
      return nil
    }
    return .notWorse(by: margin)
  }

  /// `margin: 0.02`: a tolerated loss in shares, without a unit because it is on the metric's
  /// scale.
  private func plainMargin(_ node: PolicyNode) -> Double? {
    guard metric.scale == .proportion else {
      log.report(
        .wrongUnit, at: node.position,
        "'margin' is for shares, and \(metric.rawValue) is compared in percent",
        suggestion: nil, hint: "write it like '\(lossKey.rawValue): 10%'")
      return nil
    }
    return node.number("margin", log)?.value
  }

  // MARK: Gain

  private func gain(_ key: MetricKey, _ node: PolicyNode) -> MetricGate.Objective? {
    guard !metric.isLikeness else {
      log.report(
        .unreachableGate, at: node.position,
        "\(metric.rawValue) compares with the incumbent, which always agrees with itself",
        hint: "no candidate can be better; use a guardrail with '\(lossKey.rawValue)'")
      return nil
    }
    guard let margin = margin(key, node),
      check(margin, of: key, grows: metric.direction == .higher, node)
    else { return nil }
    return .better(by: margin)
  }

  private func margin(_ key: MetricKey, _ node: PolicyNode) -> MetricGate.Margin? {
    node.margin(key, of: metric, log)
  }

  /// Checks that evidence can show the margin: shares differ by less than 1, those of votes from
  /// one half by less than ½, risks of rare events by less than elevenfold, and quantities are
  /// compared by logarithms of ratios, of which no pair counts for more than 4 or less than 1/4.
  private func check(
    _ margin: MetricGate.Margin, of key: MetricKey, grows: Bool, _ node: PolicyNode
  ) -> Bool {
    let (value, isShare) = (margin.value, margin.isAbsolute)
    let largest = metric.scale == .proportion ? Self.largestRiskRatio : Self.largestRatio
    let smallest = metric.scale == .proportion ? 0 : 1 / Self.largestRatio
    let limit = isShare ? metric.greatestDifference : grows ? largest - 1 : 1 - smallest
    guard !(value >= 0 && value < limit) else { return true }
    let unit = Self.unit(isShare: isShare)
    if metric == .preference, key == gainKey, value >= limit {
      log.report(
        .unreachableGate, at: node.position,
        "preference is held against one half of the votes, and no share is 50pp above it",
        hint: "with 20pp, more than 70% of those who prefer one must prefer the candidate's")
      return false
    }
    let bound =
      key == .margin ? (limit == 1 ? "1" : "\(limit)") : "\(Int((limit * 100).rounded()))\(unit)"
    log.report(
      .outOfRange, at: node.position, "\(key.rawValue) must be from 0 to below \(bound)",
      hint: metric.scale == .proportion
        ? metric == .preference ? "it is held against one half of the votes" : nil
        : "no answer counts as more than \(Int(Self.largestRatio)) times as much as another")
    return false
  }

  private static let largestRatio = 4.0
  private static let largestRiskRatio = 11.0
}

extension MetricGate.Margin {
  fileprivate var value: Double {
    switch self {
    case .absolute(let value), .relative(let value): value
    }
  }

  fileprivate var isAbsolute: Bool {
    switch self {
    case .absolute: true
    case .relative: false
    }
  }
}
