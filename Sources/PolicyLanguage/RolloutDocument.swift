import Experimentation

/// Reads a `kind: Rollout` document.
struct RolloutDocument {
  private let reader: MappingReader<RolloutKey>
  private let log: DiagnosticLog

  /// The names by which a rollout is tied to other files; read even when the rest has mistakes.
  struct References {
    var name: Placed<RolloutName>?
    var route: Placed<RouteName>?
    var incumbent: Placed<ModelName>?
    var candidates: [Placed<ModelName>] = []
    /// Where `assignment` stands.
    var assignment: SourcePosition?
    var judge: Placed<ModelName>?
    var embedder: Placed<ModelName>?

    var models: [Placed<ModelName>] {
      [incumbent].compactMap(\.self) + candidates + [judge, embedder].compactMap(\.self)
    }
  }

  init?(_ root: PolicyNode, log: DiagnosticLog) {
    guard let reader = MappingReader<RolloutKey>(root, log: log) else { return nil }
    self.reader = reader
    self.log = log
  }

  func references() -> References {
    func name<Kind>(_ key: RolloutKey, _ expected: String) -> Placed<Name<Kind>>? {
      reader[key].flatMap { node in
        node.name(expected, log).map { Placed($0, at: node.position) }
      }
    }
    var references = References(
      name: name(.name, "the rollout's name"), route: name(.route, "the route"),
      incumbent: name(.incumbent, "the incumbent's name"))
    references.assignment = reader[.assignment]?.position
    references.judge = helper(.judge, JudgeKey.model)
    references.embedder = helper(.embeddings, EmbeddingsKey.model)
    for node in reader.list(.candidates) ?? [] {
      guard let name: ModelName = node.name("a candidate's name", log) else { continue }
      if references.candidates.contains(where: { $0.value == name }) {
        log.report(.repeatedCandidate, at: node.position, "candidate '\(name)' is there twice")
      } else if name == references.incumbent?.value {
        log.report(
          .incumbentIsCandidate, at: node.position, "'\(name)' is the incumbent",
          hint: "a candidate is another model than the one that is live")
      } else {
        references.candidates.append(Placed(name, at: node.position))
      }
    }
    return references
  }

  /// Who is asked aside about answers. What is no name is reported with the rest of the mapping.
  private func helper(_ key: RolloutKey, _ model: some PolicyKey) -> Placed<ModelName>? {
    guard let node = reader[key]?.value(of: model), case .scalar(let name) = node.content else {
      return nil
    }
    return ModelName(name.text).map { Placed($0, at: node.position) }
  }

  /// `nil` when a part is missing or was reported.
  func rollout(_ references: References) -> RolloutPolicy? {
    let assignment = reader[.assignment].flatMap { self.assignment($0, references.name?.value) }
    let analysis = reader[.analysis].map(self.analysis) ?? AnalysisPolicy()
    let promotion = reader.word(.promotion, "promotion", or: PromotionMode.manual)
    let overrides = reader.word(.overrides, "overrides", or: OverrideMode.refused)
    let match = reader[.match].map { MatchReader(log: log).match($0) }
    let schedule = ScheduleReader(log: log).schedule(
      windows: reader.list(.windows) ?? [], freezes: reader.list(.freeze) ?? [])
    let notifications = NotificationReader(log: log).rules(reader.list(.notify) ?? [])
    let onNewRevision = reader.word(.onNewRevision, "onNewRevision", or: RevisionMode.refuse)
    let models = StepReader.Models(
      incumbent: references.incumbent?.value, candidates: references.candidates.map(\.value))
    let steps = reader[.steps].map { _ in
      StepReader(models: models, log: log).steps(reader.list(.steps) ?? [])
    }
    let judge = reader[.judge].flatMap { JudgeReader(log: log).judge($0) }
    let gates = MetricReader(log: log).gates(reader.list(.metrics) ?? [])
    checkJudge(references, gates)
    let embeddings = reader[.embeddings].flatMap { EmbeddingsReader(log: log).embeddings($0) }
    checkEmbeddings(gates)
    guard let steps, let promotion else { return nil }
    RolloutRules(
      steps: steps, gates: gates, candidateCount: references.candidates.count,
      promotion: Placed(promotion, at: reader.position(of: .promotion)),
      stepsPosition: reader.position(of: .steps), log: log
    ).check()
    guard let name = references.name, let route = references.route,
      let incumbent = references.incumbent, let assignment, let analysis, let overrides,
      let onNewRevision
    else { return nil }
    var policy = RolloutPolicy(
      name: name.value, route: route.value, incumbent: incumbent.value,
      candidates: models.candidates, assignment: assignment, steps: steps.map(\.value.step),
      metrics: gates.map(\.value), analysis: analysis, promotion: promotion,
      allowsOverride: overrides == .allowed, match: match ?? nil, schedule: schedule,
      notifications: notifications, onNewRevision: onNewRevision, judge: judge,
      embeddings: embeddings, digest: "")
    policy.digest = Digest.hex(of: policy.canonicalText)
    return policy
  }

  /// A judge is nobody's rival, and a gate that it decides has one.
  private func checkJudge(_ references: References, _ gates: [Placed<MetricGate>]) {
    let asking = gates.first { $0.value.metric == .judgePreference }
    if let asking, !reader.hasAny([.judge]) {
      log.report(
        .unmeasurableGate, at: asking.position,
        "judgePreference is what a judge says, and the rollout has none",
        hint: "add 'judge: { model: NAME, rubric: \"…\" }'")
    }
    guard let judge = references.judge else { return }
    if asking == nil {
      log.report(
        .misplacedKey, at: reader.position(of: .judge),
        "'judge' means nothing without a metric judgePreference",
        hint: "add a metric, or leave it out")
    }
    let arms = (references.incumbent.map { [$0] } ?? []) + references.candidates
    if arms.contains(where: { $0.value == judge.value }) {
      log.report(
        .judgeIsArm, at: judge.position, "'\(judge.value)' judges answers of its own",
        hint: "models prefer what they wrote themselves: name another")
    }
  }

  /// A gate on embeddings has somebody who makes them, and the other way round.
  private func checkEmbeddings(_ gates: [Placed<MetricGate>]) {
    let asking = gates.first { $0.value.metric == .embeddingSimilarity }
    if let asking, !reader.hasAny([.embeddings]) {
      log.report(
        .unmeasurableGate, at: asking.position,
        "embeddingSimilarity compares embeddings, and the rollout says nobody who makes them",
        hint: "add 'embeddings: { model: NAME }'")
    } else if asking == nil, reader[.embeddings] != nil {
      log.report(
        .misplacedKey, at: reader.position(of: .embeddings),
        "'embeddings' means nothing without a metric embeddingSimilarity",
        hint: "add a metric, or leave it out")
    }
  }

  enum OverrideMode: String, CaseIterable { case allowed, refused }
}

// MARK: - Assignment and analysis

extension RolloutDocument {
  private func assignment(_ node: PolicyNode, _ name: RolloutName?) -> AssignmentPolicy? {
    guard let reader = MappingReader<AssignmentKey>(node, log: log) else { return nil }
    let unit = reader[.unit].flatMap(self.unit)
    let salt = reader[.salt].map { $0.text("the salt", log) } ?? name?.text
    let layer = reader[.layer].map { LayerReader(log: log).layer($0) }
    if reader[.layer] != nil, unit == .request {
      log.report(
        .misplacedKey, at: reader.position(of: .layer),
        "'layer' means nothing to single requests",
        hint: "each is of one route anyway; name a unit that comes back, such as 'user'")
      return nil
    }
    guard let unit, let salt else { return nil }
    if let layer, layer == nil { return nil }
    return AssignmentPolicy(unit: unit, salt: salt, layer: layer ?? nil)
  }

  private func unit(_ node: PolicyNode) -> UnitKind? {
    guard let text = node.scalar("the assignment unit", log)?.text else { return nil }
    if let unit = UnitWord(rawValue: text) { return unit.kind }
    let prefix = WordShape.header.prefix
    if text.hasPrefix(prefix) {
      return header(String(text.dropFirst(prefix.count)), at: node.position)
    }
    node.refuseChoice(
      text, "the assignment unit", of: UnitWord.allCases.map(\.rawValue) + [prefix + "<name>"], log)
    return nil
  }

  private func header(_ name: String, at position: SourcePosition) -> UnitKind? {
    let isFit = HeaderName.check(
      name, at: position, log, use: "no assignment unit", spelled: { "header:\($0)" },
      instead: "use 'user', 'session' or a header that names a tenant")
    return isFit ? .header(name) : nil
  }

  private func analysis(_ node: PolicyNode) -> AnalysisPolicy? {
    guard let reader = MappingReader<AnalysisKey>(node, log: log) else { return nil }
    var policy = AnalysisPolicy()
    let hint = "it is the chance of judging wrongly; 0.05 is usual"
    if let alpha = reader.number(.alpha, hint: hint) { policy.alpha = alpha }
    if let seconds = reader.duration(.every) { policy.everySeconds = seconds }
    return policy
  }
}

/// What stays on one model, in one word.
enum UnitWord: String, CaseIterable {
  case user, session, request

  var kind: UnitKind {
    switch self {
    case .user: .user
    case .session: .session
    case .request: .request
    }
  }
}
