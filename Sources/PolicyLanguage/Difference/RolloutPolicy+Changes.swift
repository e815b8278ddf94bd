package import Experimentation

extension RolloutPolicy {
  /// What this policy means differently from `old`: changed meaning, not changed text. Equal
  /// digests give none.
  package func changes(from old: RolloutPolicy) -> [PolicyChange] {
    changesOfTraffic(from: old) + changesOfSteps(from: old) + changesOfMetrics(from: old)
      + changesOfAnalysis(from: old) + changesOfOperations(from: old) + changesElsewhere(from: old)
  }

  private func changesOfTraffic(from old: RolloutPolicy) -> [PolicyChange] {
    var changes: [PolicyChange] = []
    if route != old.route {
      changes.append(.init(.changed, "route", from: old.route.text, to: route.text))
    }
    if incumbent != old.incumbent {
      changes.append(.init(.changed, "incumbent", from: old.incumbent.text, to: incumbent.text))
    }
    changes += candidates.filter { !old.candidates.contains($0) }.map {
      .init(.changed, "candidate", from: nil, to: $0.text)
    }
    changes += old.candidates.filter { !candidates.contains($0) }.map {
      .init(.changed, "candidate", from: $0.text, to: nil)
    }
    let dealt = "every unit is dealt anew"
    if assignment.unit != old.assignment.unit {
      changes.append(
        .init(
          .changed, "assignment unit", from: old.assignment.unit.canonicalText,
          to: assignment.unit.canonicalText, note: dealt))
    }
    if assignment.salt != old.assignment.salt {
      changes.append(
        .init(
          .changed, "salt", from: "'\(old.assignment.salt)'", to: "'\(assignment.salt)'",
          note: dealt))
    }
    let (before, after) = (old.assignment.layer, assignment.layer)
    if before != after {
      // More units than before is less care; as many others are neither.
      changes.append(
        .init(
          .of(before?.width ?? 1, after?.width ?? 1, laxer: .more), "units that take part",
          from: before?.description ?? "all", to: after?.description ?? "all"))
    }
    return changes
  }

  private func changesOfAnalysis(from old: RolloutPolicy) -> [PolicyChange] {
    var changes: [PolicyChange] = []
    let (before, after) = (old.analysis, analysis)
    if before.alpha != after.alpha {
      changes.append(
        .init(
          .of(before.alpha, after.alpha, laxer: .more), "alpha", from: "\(before.alpha)",
          to: "\(after.alpha)"))
    }
    if before.everySeconds != after.everySeconds {
      changes.append(
        .init(
          .changed, "looks every", from: Words.duration(before.everySeconds),
          to: Words.duration(after.everySeconds)))
    }
    if old.promotion != promotion {
      changes.append(
        .init(
          promotion == .automatic ? .loosened : .tightened, "promotion",
          from: old.promotion.rawValue, to: promotion.rawValue,
          note: promotion == .automatic ? "nobody is asked before the candidate is live" : nil))
    }
    if old.allowsOverride != allowsOverride {
      func word(_ allows: Bool) -> String { allows ? "allowed" : "refused" }
      changes.append(
        .init(.changed, "overrides", from: word(old.allowsOverride), to: word(allowsOverride)))
    }
    return changes
  }

  /// Keys that nothing above speaks of, by the canonical form, so that none is left out.
  private func changesElsewhere(from old: RolloutPolicy) -> [PolicyChange] {
    let spoken: Set<String> = [
      "apiVersion", "kind", "name", "route", "incumbent", "candidates", "assignment", "steps",
      "metrics", "analysis", "promotion", "overrides", "match", "windows", "freeze", "notify",
    ]
    return canonicalForm.changes(from: old.canonicalForm, except: spoken).map { change in
      var change = change
      change.effect = effect(of: change, from: old)
      return change
    }
  }

  /// Of what a new revision does to the rollout that runs, and of how many pairs people look at: a
  /// judge that nobody corrects passes what fools it.
  private func effect(of change: PolicyChange, from old: RolloutPolicy) -> PolicyChange.Effect {
    switch change.subject {
    case "onNewRevision":
      return change.after == nil ? .tightened : change.after == "replace" ? .loosened : .changed
    case "judge.labels":
      return .of(old.judge?.labels?.limit ?? 0, judge?.labels?.limit ?? 0, laxer: .less)
    default: return .changed
    }
  }
}

// MARK: - Metrics

extension RolloutPolicy {
  private func changesOfMetrics(from old: RolloutPolicy) -> [PolicyChange] {
    let before = Dictionary(
      old.metrics.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let after = Set(metrics.map(\.name))
    let gone = old.metrics.filter { !after.contains($0.name) }.map { gate in
      PolicyChange(
        gate.role.isRequired ? .loosened : .changed, "metric '\(gate.name)'", from: gate.inWords,
        to: nil)
    }
    return gone
      + metrics.flatMap { gate in
        guard let known = before[gate.name] else {
          return [
            PolicyChange(
              gate.role.isRequired ? .tightened : .changed, "metric '\(gate.name)'", from: nil,
              to: gate.inWords)
          ]
        }
        return gate.changes(from: known)
      }
  }
}

extension MetricGate {
  /// The gate in a line: `guardrail, errorRate at most +0.5pp`.
  var inWords: String {
    let which = quantile.map { "p\(Words.decimal($0 * 100)) of \(metric.rawValue)" }
    let part = slice.map { " where \($0)" } ?? ""
    let rule = check.map { " \($0.rule.canonicalForm.json)" } ?? ""
    return "\(role.rawValue), \(which ?? metric.rawValue)\(rule) \(wantedInWords)\(part)"
  }

  /// What must be shown: `at most +0.5pp`, `at least -20%`.
  private var wantedInWords: String {
    let isLower = metric.direction == .lower
    switch objective {
    case .notWorse(let margin):
      let words = margin.inWords(of: metric)
      return isLower ? "at most +\(words)" : "at most \(words) less"
    case .better(let margin):
      let words = margin.inWords(of: metric)
      return isLower ? "more than \(words) less" : "more than +\(words)"
    }
  }

  fileprivate func changes(from old: MetricGate) -> [PolicyChange] {
    let subject = "metric '\(name)'"
    // Another thing measured, in another part of traffic: nothing compares.
    if (metric, quantile, slice, check) != (old.metric, old.quantile, old.slice, old.check) {
      return [
        PolicyChange(
          old.role.isRequired ? .loosened : .changed, subject, from: old.inWords, to: nil),
        PolicyChange(role.isRequired ? .tightened : .changed, subject, from: nil, to: inWords),
      ]
    }
    var changes: [PolicyChange] = []
    if role != old.role {
      changes.append(
        .init(
          .of(old.role.strictness, role.strictness, laxer: .less), subject,
          from: old.role.rawValue, to: role.rawValue))
    }
    if objective != old.objective {
      changes.append(
        .init(
          objective.effect(after: old.objective), subject, from: old.wantedInWords,
          to: wantedInWords))
    }
    if onFail != old.onFail {
      changes.append(
        .init(
          .of(old.onFail.strictness, onFail.strictness, laxer: .less), subject,
          from: "onFail \(old.onFail.rawValue)", to: "onFail \(onFail.rawValue)"))
    }
    let spoken: Set<String> = [
      "name", "metric", "role", "objective", "quantile", "promptTokens", "label", "onFail",
    ]
    let rest = canonicalForm.changes(from: old.canonicalForm, except: spoken, in: subject)
    // What is left is what happens without data: pausing, or nothing.
    changes += rest.map { change in
      var change = change
      change.effect = change.after == nil ? .loosened : .tightened
      return change
    }
    return changes
  }
}

extension MetricGate.Objective {
  fileprivate func effect(after old: Self) -> PolicyChange.Effect {
    switch (old, self) {
    case (.notWorse(.absolute(let before)), .notWorse(.absolute(let after))),
      (.notWorse(.relative(let before)), .notWorse(.relative(let after))):
      .of(before, after, laxer: .more)
    case (.better(.absolute(let before)), .better(.absolute(let after))),
      (.better(.relative(let before)), .better(.relative(let after))):
      .of(before, after, laxer: .less)
    case (.better, .notWorse): .loosened
    case (.notWorse, .better): .tightened
    // Points against percent of a value that nobody knows here: a reviewer looks.
    case (.notWorse, .notWorse), (.better, .better): .loosened
    }
  }
}

extension MetricGate.Margin {
  /// As policies write it: `0.5pp`, `20%`; `0.02 nats` where they write a plain number.
  fileprivate func inWords(of metric: Metric) -> String {
    switch self {
    case .absolute(let value):
      metric.changeUnit(isRatio: false) == .nats
        ? "\(Words.decimal(value)) nats" : "\(Words.decimal(value * 100))pp"
    case .relative(let value): "\(Words.decimal(value * 100))%"
    }
  }
}

extension MetricGate.Role {
  fileprivate var strictness: Int {
    switch self {
    case .info: 0
    case .signal: 1
    case .guardrail: 2
    case .goal: 3
    }
  }
}

extension MetricGate.FailAction {
  fileprivate var strictness: Int {
    switch self {
    case .warn: 0
    case .pause: 1
    case .drop: 2
    case .rollBack: 3
    }
  }
}
