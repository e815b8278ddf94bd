package import Experimentation

extension RolloutPolicy {
  /// The document in its one canonical spelling, JSON, with slices written out as gates; the digest
  /// is made over this.
  package var canonicalText: String { canonicalForm.json }

  var canonicalForm: CanonicalForm {
    .object([
      "apiVersion": .text(PolicyParser.apiVersion), "kind": .text("Rollout"),
      "name": .text(name.text), "route": .text(route.text), "incumbent": .text(incumbent.text),
      "candidates": .list(candidates.map { .text($0.text) }),
      "assignment": .object([
        "unit": .text(assignment.unit.canonicalText), "salt": .text(assignment.salt),
        "layer": assignment.layer.map(\.canonicalForm),
      ]),
      "steps": .list(steps.map(\.canonicalForm)),
      "metrics": .list(metrics.map(\.canonicalForm)),
      "analysis": .object([
        "alpha": .number(analysis.alpha), "everySeconds": .number(analysis.everySeconds),
      ]),
      "promotion": .text(promotion.rawValue),
      "overrides": .text(allowsOverride ? "allowed" : "refused"),
      "match": match.map(\.canonicalForm),
      "windows": Self.list(schedule.windows.map(\.canonicalForm)),
      "freeze": Self.list(schedule.freezes.map(\.canonicalForm)),
      "notify": Self.list(notifications.map(\.canonicalForm)),
      "onNewRevision": onNewRevision == .refuse ? nil : .text(onNewRevision.rawValue),
      "judge": judge.map(\.canonicalForm),
      "embeddings": embeddings.map(\.canonicalForm),
    ])
  }
}

extension RolloutPolicy {
  /// `nil` for an empty list, as everything was before there were such.
  fileprivate static func list(_ items: [CanonicalForm]) -> CanonicalForm? {
    items.isEmpty ? nil : .list(items)
  }
}

extension LayerRange {
  fileprivate var canonicalForm: CanonicalForm {
    .object([
      "name": .text(name.text), "lower": .number(lower.value), "upper": .number(upper.value),
    ])
  }
}

extension UnitKind {
  var canonicalText: String {
    switch self {
    case .user: "user"
    case .session: "session"
    case .request: "request"
    case .header(let name): "header:\(name)"
    }
  }
}

extension Step {
  var canonicalForm: CanonicalForm {
    let (key, content) = traffic.canonicalEntry
    return .object([key: content, "hold": traffic.sharesTraffic ? hold.canonicalForm : nil])
  }
}

extension StepTraffic {
  var canonicalEntry: (String, CanonicalForm) {
    switch self {
    case .shadow(let shadow):
      (
        "shadow",
        .object([
          "share": .number(shadow.share.value), "concurrency": .integer(shadow.concurrency),
          "tokensPerDay": shadow.tokensPerDay.map(CanonicalForm.integer),
          "control": shadow.hasControl ? .text("true") : nil,
        ])
      )
    case .canary(let weight): ("canary", .object(["weight": .number(weight.value)]))
    case .split(let weights):
      (
        "split",
        .object([
          "weights": .object(
            Dictionary(uniqueKeysWithValues: weights.map { ($0.text, .number($1.value)) }))
        ])
      )
    case .interleave(let choices): ("interleave", .object(["choices": .integer(choices)]))
    case .bandit(let bandit): ("bandit", bandit.canonicalForm)
    case .approval(let team): ("approval", .object(["team": team.map(CanonicalForm.text)]))
    case .pause(let seconds): ("pause", .object(["seconds": .number(seconds)]))
    }
  }
}

extension HoldConditions {
  fileprivate var canonicalForm: CanonicalForm {
    .object([
      "minSamples": .integer(minSamples), "minSeconds": .number(minSeconds),
      "maxSeconds": maxSeconds.map(CanonicalForm.number),
      "onInconclusive": .text(onInconclusive.rawValue),
    ])
  }
}

extension MetricGate {
  var canonicalForm: CanonicalForm {
    .object([
      "name": .text(name), "metric": .text(metric.rawValue), "role": .text(role.rawValue),
      "objective": objective.canonicalForm, "quantile": quantile.map(CanonicalForm.number),
      "promptTokens": slice.flatMap { $0.asksForLength ? $0.canonicalForm : nil },
      "label": .oneOrSeveral(slice?.labels.map(\.canonicalText) ?? []),
      "header": .oneOrSeveral(slice?.headers.map(\.canonicalText) ?? []),
      "onFail": .text(onFail.rawValue), "onNoData": onNoData.map { .text($0.rawValue) },
      "check": check.map(\.rule.canonicalForm),
    ])
  }
}

extension MetricGate.Objective {
  fileprivate var canonicalForm: CanonicalForm {
    switch self {
    case .notWorse(let margin): .object(["notWorse": margin.canonicalForm])
    case .better(let margin): .object(["better": margin.canonicalForm])
    }
  }
}

extension MetricGate.Margin {
  fileprivate var canonicalForm: CanonicalForm {
    switch self {
    case .absolute(let value): .object(["absolute": .number(value)])
    case .relative(let value): .object(["relative": .number(value)])
    }
  }
}

extension SliceCondition {
  fileprivate var canonicalForm: CanonicalForm {
    let high = promptTokens.upperBound == .max ? nil : promptTokens.upperBound
    return .object([
      "from": .integer(promptTokens.lowerBound), "to": high.map(CanonicalForm.integer),
    ])
  }
}
