import Experimentation

/// Reads the list under `steps:`.
struct StepReader {
  let models: Models
  let log: DiagnosticLog

  /// Whom shares may name.
  struct Models {
    var incumbent: ModelName?
    var candidates: [ModelName]
  }

  struct ReadStep {
    var step: Step
    var key: StepKey
  }

  /// The steps that could be read, in order; those with mistakes were reported.
  func steps(_ nodes: [PolicyNode]) -> [Placed<ReadStep>] {
    nodes.compactMap { node in step(node).map { Placed($0, at: node.position) } }
  }

  private func step(_ node: PolicyNode) -> ReadStep? {
    guard let reader = MappingReader<StepKey>(node, log: log) else { return nil }
    let kinds = reader.present(StepKey.kinds)
    guard let key = kinds.first else {
      // A kind that this version cannot run, or one without a value, was reported.
      if !reader.hasAny(StepKey.allCases.filter { $0 != .hold }) {
        log.report(.oneOf, at: node.position, "a step needs one of \(StepKey.kinds.list)")
      }
      return nil
    }
    if kinds.count > 1 {
      log.report(
        .oneOf, at: reader.position(of: kinds[1]),
        "a step is '\(key.rawValue)' or '\(kinds[1].rawValue)', not both",
        hint: "begin another step with '- \(kinds[1].rawValue):'")
    }
    guard let content = reader[key] else { return nil }
    let hold = reader[.hold].map { self.hold($0, of: key, at: reader.position(of: .hold)) }
    guard let traffic = traffic(key, content), let hold = hold ?? HoldConditions() else {
      return nil
    }
    return ReadStep(step: Step(traffic, hold: hold), key: key)
  }

  private func traffic(_ key: StepKey, _ node: PolicyNode) -> StepTraffic? {
    switch key {
    case .shadow: shadow(node).map(StepTraffic.shadow)
    case .canary: canary(node)
    case .split: split(node)
    case .approval: approval(node)
    case .pause: pause(node)
    case .bandit:
      BanditReader(arms: models.incumbent.map { _ in models.candidates.count + 1 }, log: log)
        .traffic(node).map(StepTraffic.bandit)
    case .interleave: InterleaveReader(log: log).traffic(node)
    case .hold: nil
    }
  }
}

// MARK: - Kinds of step

extension StepReader {
  private func shadow(_ node: PolicyNode) -> ShadowTraffic? {
    guard let reader = MappingReader<ShadowKey>(node, log: log) else { return nil }
    let share = reader[.percent].flatMap { $0.percentOfRequests(log) }
    let concurrency = reader.integer(.concurrency, or: 1)
    let budget = reader[.tokenBudget].flatMap { $0.tokensPerDay(log) }
    guard let share, let concurrency, let control = reader.truth(.control, or: false) else {
      return nil
    }
    return ShadowTraffic(
      share: share, concurrency: concurrency, tokensPerDay: budget, hasControl: control)
  }

  private func canary(_ node: PolicyNode) -> StepTraffic? {
    guard let reader = MappingReader<CanaryKey>(node, log: log), let node = reader[.weight],
      let weight = node.percent("weight", log)
    else { return nil }
    let count = max(models.candidates.count, 1)
    // With nothing left for the incumbent there is nothing to compare with.
    guard weight > 0, let share = Share(weight), weight * Double(count) < 1 else {
      log.report(
        .outOfRange, at: node.position,
        count == 1
          ? "weight must be above 0% and below 100%, found \(Self.percent(weight))"
          : "weight goes to each of \(count) candidates, so it must be above 0% and below "
            + "\(Self.percent(1 / Double(count))), found \(Self.percent(weight))",
        hint: "the incumbent needs a part to be compared with")
      return nil
    }
    return .canary(weight: share)
  }

  private func split(_ node: PolicyNode) -> StepTraffic? {
    guard let reader = MappingReader<SplitKey>(node, log: log), let node = reader[.weights] else {
      return nil
    }
    guard case .mapping(let entries) = node.content else {
      log.report(
        .wrongKind, at: node.position, "expected weights, a mapping, found \(node.kind)",
        hint: "write '{ incumbent-name: 50%, candidate-name: 50% }'")
      return nil
    }
    var weights: [ModelName: Share] = [:]
    var isWhole = true
    for entry in entries {
      guard let name = model(entry) else { isWhole = false; continue }
      if weights[name] != nil {
        log.report(.duplicateKey, at: entry.keyPosition, "key '\(name)' is there twice")
        isWhole = false
      } else if let share = weight(entry.value) {
        weights[name] = share
      } else {
        isWhole = false
      }
    }
    guard isWhole, checkEveryModel(weights, at: node.position) else { return nil }
    let sum = weights.values.reduce(0) { $0 + $1.value }
    // Percentages of few digits add up exactly but for rounding in the last places.
    guard abs(sum - 1) < 1e-9 else {
      log.report(
        .weightsSum, at: node.position, "weights must sum to 100%, found \(Self.percent(sum))")
      return nil
    }
    return .split(weights: weights)
  }

  private func weight(_ node: PolicyNode) -> Share? {
    guard let weight = node.percent("a weight", log) else { return nil }
    guard weight > 0, let share = Share(weight) else {
      log.report(
        .outOfRange, at: node.position,
        "a weight must be above 0% and at most 100%, found \(Self.percent(weight))")
      return nil
    }
    return share
  }

  private func model(_ entry: PolicyNode.Entry) -> ModelName? {
    let known = (models.incumbent.map { [$0] } ?? []) + models.candidates
    if let name = ModelName(entry.key), known.contains(name) { return name }
    // Without the incumbent the rollout was refused already, and every name would be unknown.
    guard models.incumbent != nil else { return nil }
    log.report(
      .unknownModel, at: entry.keyPosition,
      "'\(entry.key.clipped)' is neither the incumbent nor a candidate",
      suggestion: NearestName.suggestion(for: entry.key, among: known.map(\.text)),
      hint: "this rollout has \(known.map(\.text).joined(separator: ", "))")
    return nil
  }

  private func checkEveryModel(
    _ weights: [ModelName: Share], at position: SourcePosition
  ) -> Bool {
    guard let incumbent = models.incumbent else { return false }
    let missing = ([incumbent] + models.candidates).filter { weights[$0] == nil }
    guard !missing.isEmpty else { return true }
    let names = missing.map { "'\($0)'" }.joined(separator: ", ")
    log.report(
      .missingWeight, at: position, "no weight for \(names)",
      hint: "incumbent and candidates are compared, so each needs a part")
    return false
  }

  private func approval(_ node: PolicyNode) -> StepTraffic? {
    guard let reader = MappingReader<ApprovalKey>(node, log: log) else { return nil }
    guard let node = reader[.team] else { return .approval(team: nil) }
    return node.text("the team", log).map { .approval(team: $0) }
  }

  private func pause(_ node: PolicyNode) -> StepTraffic? {
    MappingReader<PauseKey>(node, log: log)?.duration(.duration).map { .pause(seconds: $0) }
  }

  /// As people write it, whatever the range.
  private static func percent(_ share: Double) -> String {
    let percent = (share * 1e8).rounded() / 1e6
    return percent == percent.rounded() && abs(percent) < 1e15 ? "\(Int(percent))%" : "\(percent)%"
  }
}

// MARK: - Hold

extension StepReader {
  private func hold(
    _ node: PolicyNode, of key: StepKey, at position: SourcePosition
  ) -> HoldConditions? {
    guard key.measures else {
      log.report(
        .misplacedKey, at: position, "'hold' means nothing to \(key.rawValue)",
        hint: key == .pause ? "'for' says how long it takes" : "it waits for a person")
      return nil
    }
    guard let reader = MappingReader<HoldKey>(node, log: log) else { return nil }
    let usual = HoldConditions()
    let maxSeconds = reader.duration(.maxTime)
    let minSamples = reader.integer(.minSamples, or: usual.minSamples)
    let minSeconds = reader.duration(.minTime, or: usual.minSeconds)
    let action = reader.word(.onInconclusive, "onInconclusive", or: usual.onInconclusive)
    guard let minSamples, let minSeconds, let action else { return nil }
    let hold = HoldConditions(
      minSamples: minSamples, minSeconds: minSeconds, maxSeconds: maxSeconds,
      onInconclusive: action)
    if let node = reader[.maxTime], let longest = hold.maxSeconds, longest <= hold.minSeconds {
      log.report(
        .timesOutOfOrder, at: node.position, "maxTime must be longer than minTime",
        hint: "the step would end before it may pass")
    }
    return hold
  }
}
