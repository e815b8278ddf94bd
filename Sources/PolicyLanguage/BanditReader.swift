import Experimentation

/// What a bandit step may say.
enum BanditKey: String, PolicyKey {
  case reward, algorithm, context, minProb, updateEvery, halfLife, margin, onTie

  static let object = "bandit"

  var presence: KeyPresence { self == .reward ? .required : .optional }

  var entry: KeyEntry {
    switch self {
    case .reward:
      KeyEntry(
        .words(Self.metrics.map(\.rawValue), or: .feedbackMetric),
        """
        what shall be as good as possible: a metric that single answers have, or \
        `feedback:<name>`, what users say under that name
        """)
    case .algorithm:
      KeyEntry(
        .words(BanditTraffic.Algorithm.allCases.map(\.rawValue)), or: "`thompson`",
        """
        `thompson`: a model's share is the probability that it is best, so that users lose \
        least. `topTwo`: the two that are ahead get more, so that it is known sooner. \
        `linearThompson`: as `thompson`, for each kind of request that `context` tells apart
        """)
    case .context:
      KeyEntry(
        .list(.pattern(ContextReader.featurePattern), 1...4), usual: "for `linearThompson`",
        """
        what requests are told apart by: `promptTokens`, as estimated from the text at four bytes \
        a token, in the bands below 256, 1024, 4096 and above; `"tier=gold,silver"`, values of a \
        member of `metadata`, any other being one more. All combinations are 64 cells at most, and \
        256 with a share for each model
        """)
    case .minProb:
      KeyEntry(
        .quantity(["%"]), or: "5%",
        "what every model gets at least, the incumbent too; all of them together below 100%")
    case .updateEvery:
      KeyEntry(.duration(10...86_400), or: "10m", "time between two allocations, 10s to 1d")
    case .halfLife:
      KeyEntry(
        .duration(60...HoldKey.longestSeconds), usual: "nothing is forgotten",
        "after this time an answer counts half for the shares, where models change with the time")
    case .margin:
      KeyEntry(
        .quantity(["pp", "%"]), usual: "the best is looked for",
        "how much a model may lose to another and still be taken: `1pp` of a share, `5%` of a time")
    case .onTie:
      KeyEntry(
        .words(BanditTraffic.TieRule.allCases.map(\.rawValue)), or: "`incumbent`",
        "who is taken of models within the margin: `incumbent`, or `cheapest` by `cost`")
    }
  }

  /// What single answers to live traffic have.
  static let metrics = Metric.allCases.filter {
    !$0.isOfPair && $0 != .preference && $0 != .check
  }
}

extension WordShape {
  /// A name under which users rate.
  static let feedbackMetric = WordShape(
    prefix: "feedback:", first: "a-z0-9", rest: "a-z0-9._-", length: 1...63)
}

/// Reads what stands behind `bandit:`.
struct BanditReader {
  /// How many models take part, if that is known.
  let arms: Int?
  let log: DiagnosticLog

  /// `nil` when something is wrong, which was reported.
  func traffic(_ node: PolicyNode) -> BanditTraffic? {
    guard let reader = MappingReader<BanditKey>(node, log: log) else { return nil }
    let reward = reader[.reward].flatMap(self.reward)
    let algorithm = reader.word(
      .algorithm, "an algorithm", or: BanditTraffic.Algorithm.thompson)
    let context = reader[.context].map { _ in
      ContextReader(arms: arms, log: log).context(
        reader.list(.context) ?? [], at: reader.position(of: .context))
    }
    if reader[.context] != nil, let algorithm, algorithm != .linearThompson {
      log.report(
        .misplacedKey, at: reader.position(of: .context),
        "'context' means nothing to \(algorithm.rawValue)",
        hint: "write 'algorithm: linearThompson'")
      return nil
    }
    if algorithm == .linearThompson, !reader.hasAny([.context]) {
      log.report(
        .missingKey, at: reader.position, "missing key 'context' in \(BanditKey.object)",
        hint: "write 'context: [promptTokens]', or 'algorithm: thompson'")
      return nil
    }
    let minShare = minShare(reader)
    let update = reader.duration(.updateEvery, or: 600)
    let halfLife = reader.duration(.halfLife)
    let onTie = reader.word(.onTie, "onTie", or: BanditTraffic.TieRule.incumbent)
    let margin = reward.flatMap { self.margin(reader, $0.metric) }
    if reader[.onTie] != nil, reader[.margin] == nil {
      log.report(
        .misplacedKey, at: reader.position(of: .onTie), "'onTie' means nothing without 'margin'",
        hint: "without a margin one model has to be shown to be the best")
      return nil
    }
    if reader[.halfLife] != nil, halfLife == nil { return nil }
    guard let reward, let algorithm, let minShare, let update, let onTie, let margin else {
      return nil
    }
    if reader.hasAny([.context]), context.flatMap({ $0 }) == nil { return nil }
    return BanditTraffic(
      reward: reward, algorithm: algorithm, context: context ?? nil, minShare: minShare,
      updateSeconds: update, halfLifeSeconds: halfLife, margin: margin, onTie: onTie)
  }

  private func reward(_ node: PolicyNode) -> BanditReward? {
    guard let text = node.scalar("a reward", log)?.text else { return nil }
    if let metric = BanditKey.metrics.first(where: { $0.rawValue == text }) {
      return .metric(metric)
    }
    let shape = WordShape.feedbackMetric
    if shape.matches(text), let name = FeedbackName(text.dropFirst(shape.prefix.count)) {
      return name == .standard ? .metric(.feedback) : .feedback(name)
    }
    node.refuseChoice(
      text, "a reward", of: BanditKey.metrics.map(\.rawValue) + ["feedback:<name>"], log)
    return nil
  }

  private func minShare(_ reader: MappingReader<BanditKey>) -> Share? {
    guard let node = reader[.minProb] else { return Share(0.05) }
    guard let value = node.percent("minProb", log) else { return nil }
    let count = max(arms ?? 2, 2)
    guard value > 0, let share = Share(value), value * Double(count) < 1 else {
      log.report(
        .outOfRange, at: node.position,
        "minProb goes to each of \(count) models, so it must be above 0% and below "
          + "\(Share(1 / Double(count)) ?? .all)",
        hint: "what is left over follows the reward")
      return nil
    }
    return share
  }

  private func margin(_ reader: MappingReader<BanditKey>, _ metric: Metric) -> Double? {
    guard let node = reader[.margin] else { return 0 }
    guard let margin = node.margin(.margin, of: metric, log) else { return nil }
    switch (margin, metric.scale) {
    case (.absolute(let value), .proportion), (.relative(let value), .logarithm):
      if value > 0, value < 1 { return value }
      let unit = metric.scale == .proportion ? "pp" : "%"
      log.report(
        .outOfRange, at: node.position, "margin must be above 0 and below 100\(unit)")
    case (.absolute, .logarithm), (.relative, .proportion):
      log.report(
        .wrongUnit, at: node.position,
        "expected margin in pp: rewards of \(metric.rawValue) are compared in percentage points")
    }
    return nil
  }
}
