/// How traffic finds out whether a candidate should serve: a `kind: Rollout` document, checked.
///
/// `PolicyLanguage` is the only maker of these outside tests; what it hands out satisfies every
/// rule named here.
package struct RolloutPolicy: Hashable, Sendable {
  package var name: RolloutName
  /// The `model` that clients ask for.
  package var route: RouteName
  /// The live model this file was written against.
  package var incumbent: ModelName
  /// At least one, none of them the incumbent, no repeats.
  package var candidates: [ModelName]
  package var assignment: AssignmentPolicy
  /// At least one.
  package var steps: [Step]
  /// Names are unique.
  package var metrics: [MetricGate]
  package var analysis: AnalysisPolicy
  package var promotion: PromotionMode
  /// Whether a client may pin a request to a model by header; pinned requests are never evidence.
  package var allowsOverride: Bool
  /// Which requests take part; `nil` is all of the route's.
  package var match: RequestMatch?
  /// When the rollout may move forward.
  package var schedule: Schedule
  /// Whom to tell what; at most 16.
  package var notifications: [NotificationRule]
  /// What becomes of this document when another rollout is live on its route, or an earlier
  /// revision of it anywhere.
  package var onNewRevision: RevisionMode
  /// Who judges pairs of answers; `nil` for nobody. Neither the incumbent nor a candidate.
  package var judge: JudgePolicy?
  /// Whose embeddings say how much answers are alike; `nil` for nobody's.
  package var embeddings: EmbeddingPolicy?
  /// SHA-256 of the canonical document, lower-case hex.
  package var digest: String

  package init(
    name: RolloutName, route: RouteName, incumbent: ModelName, candidates: [ModelName],
    assignment: AssignmentPolicy, steps: [Step], metrics: [MetricGate] = [],
    analysis: AnalysisPolicy = AnalysisPolicy(), promotion: PromotionMode = .manual,
    allowsOverride: Bool = false, match: RequestMatch? = nil, schedule: Schedule = .always,
    notifications: [NotificationRule] = [], onNewRevision: RevisionMode = .refuse,
    judge: JudgePolicy? = nil, embeddings: EmbeddingPolicy? = nil, digest: String
  ) {
    self.name = name
    self.route = route
    self.incumbent = incumbent
    self.candidates = candidates
    self.assignment = assignment
    self.steps = steps
    self.metrics = metrics
    self.analysis = analysis
    self.promotion = promotion
    self.allowsOverride = allowsOverride
    self.match = match
    self.schedule = schedule
    self.notifications = notifications
    self.onNewRevision = onNewRevision
    self.judge = judge
    self.embeddings = embeddings
    self.digest = digest
  }
}

extension RolloutPolicy {
  /// Every model that the policy has asked, each once: the incumbent, the candidates, the judge and
  /// who embeds, which may be one of them.
  package var models: [ModelName] {
    let arms = [incumbent] + candidates + [judge?.model].compactMap(\.self)
    guard let embedder = embeddings?.model, !arms.contains(embedder) else { return arms }
    return arms + [embedder]
  }
}

/// Who makes a candidate the incumbent when every step has passed.
package enum PromotionMode: String, Hashable, Sendable, Codable, CaseIterable {
  /// A person, with `rollout promote`.
  case manual
  /// The controller, at the look that passes the last step.
  case automatic
}

/// What becomes of a new revision while another run is under way.
package enum RevisionMode: String, Hashable, Sendable, Codable, CaseIterable {
  /// It is refused.
  case refuse
  /// It begins at its first step, and what was live is superseded.
  case replace
  /// It begins when what is live has ended, if the model that it was written against is live then.
  case queue
}

/// What stays on one model, and what makes experiments independent of each other.
package struct AssignmentPolicy: Hashable, Sendable, Codable {
  package var unit: UnitKind
  /// Another salt deals the units anew.
  package var salt: String
  /// Which units take part; `nil` is all of them. The others get the incumbent, outside of the
  /// rollout: they are no evidence.
  package var layer: LayerRange?

  package init(unit: UnitKind, salt: String, layer: LayerRange? = nil) {
    self.unit = unit
    self.salt = salt
    self.layer = layer
  }
}

/// Which property of a request is its assignment unit.
package enum UnitKind: Hashable, Sendable, Codable {
  /// The `user` field of the request.
  case user
  /// The `x-rollout-session` header.
  case session
  /// Every request is a unit of its own: not sticky.
  case request
  /// The value of a header, named in lower case.
  case header(String)
}

/// How often and how strictly the controller looks.
package struct AnalysisPolicy: Hashable, Sendable, Codable {
  /// The chance of ever judging wrongly that a gate allows, however often one looks; 0 < alpha ≤
  /// 0.2.
  package var alpha: Double
  /// Seconds between looks, at least 0.1.
  package var everySeconds: Double

  package init(alpha: Double = 0.05, everySeconds: Double = 30) {
    self.alpha = alpha
    self.everySeconds = everySeconds
  }
}
