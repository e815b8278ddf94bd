import Experimentation

/// What stands behind `judge:`.
enum JudgeKey: String, PolicyKey {
  case model, rubric, percent, concurrency, tokenBudget, labels, labelPercent

  static let object = "a judge"

  var presence: KeyPresence {
    switch self {
    case .model, .rubric: .required
    case .percent, .concurrency, .tokenBudget, .labels, .labelPercent: .optional
    }
  }

  var entry: KeyEntry {
    switch self {
    case .model: KeyEntry(.word(.name), "a model that is no incumbent and no candidate here")
    case .rubric: KeyEntry(.text, "what makes an answer better, in your words")
    case .percent:
      KeyEntry(
        .percentOfRequests(Bounds(above: 0, to: 100)), or: "100",
        "share of the pairs that it is asked about, above 0 to 100")
    case .concurrency:
      KeyEntry(
        .integer(1...64), or: "1",
        "pairs that it looks at at once, 1 to 64; one that comes meanwhile is not judged")
    case .tokenBudget:
      KeyEntry(
        .quantity(TokenRateUnit.allCases.map(\.rawValue)), usual: "none",
        "tokens that it may spend: `200k/day`, `5M/day`")
    case .labels:
      KeyEntry(
        .integer(LabelPlan.limits), usual: "none: no text is kept",
        """
        judged pairs of each candidate that people are asked about, 20 to 1000: `rollout label`; \
        their texts are kept until then, 14 days at most
        """)
    case .labelPercent:
      KeyEntry(
        .percentOfRequests(Bounds(above: 0, to: 100)), or: "10",
        "share of the judged pairs that is drawn for `labels`, above 0 to 100")
    }
  }
}

/// Reads who judges pairs of answers.
struct JudgeReader {
  let log: DiagnosticLog

  /// `nil` when there was a mistake.
  func judge(_ node: PolicyNode) -> JudgePolicy? {
    guard let reader = MappingReader<JudgeKey>(node, log: log) else { return nil }
    let model: ModelName? = reader[.model].flatMap { $0.name("the judge's name", log) }
    let rubric = reader[.rubric].flatMap { $0.text("what makes an answer better", log) }
    let share = reader[.percent].map { $0.percentOfRequests(log) } ?? .all
    let concurrency = reader.integer(.concurrency, or: 1)
    let budget = reader[.tokenBudget].flatMap { $0.tokensPerDay(log) }
    let labels = labels(reader)
    guard let model, let rubric, let share, let concurrency else { return nil }
    return JudgePolicy(
      model: model, rubric: rubric, share: share, concurrency: concurrency, tokensPerDay: budget,
      labels: labels)
  }

  private func labels(_ reader: MappingReader<JudgeKey>) -> LabelPlan? {
    let share = reader[.labelPercent].map { $0.percentOfRequests(log) } ?? LabelPlan.usualShare
    guard reader.hasAny([.labels]) else {
      if reader.hasAny([.labelPercent]) {
        log.report(
          .misplacedKey, at: reader.position(of: .labelPercent),
          "'labelPercent' means nothing without 'labels'",
          hint: "say how many pairs people shall label: 'labels: 100'")
      }
      return nil
    }
    guard let limit = reader.integer(.labels), let share else { return nil }
    return LabelPlan(limit: limit, share: share)
  }
}

extension PolicyNode {
  /// The key's name is the unit: `percent: 100`; `100%` says the same.
  func percentOfRequests(_ log: DiagnosticLog) -> Share? {
    let share: Double?
    if case .scalar(let scalar) = content, scalar.text.hasSuffix("%") {
      share = percent("percent", log)
    } else {
      share = number("percent", log).flatMap { Double("\($0.text)e-2") }
    }
    guard let share else { return nil }
    guard case .percentOfRequests(let bounds) = ShadowKey.percent.entry.form,
      bounds.contains(share * 100), let share = Share(share)
    else {
      log.report(.outOfRange, at: position, "percent must be above 0 and at most 100")
      return nil
    }
    return share
  }
}
