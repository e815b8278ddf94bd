/// How journals keep a policy: what has its usual value is left out where earlier versions did not
/// know of it, so that their entries read the same and new ones stay as short.
extension RolloutPolicy: Codable {
  private enum CodingKeys: String, CodingKey {
    case name, route, incumbent, candidates, assignment, steps, metrics, analysis, promotion
    case allowsOverride, match, schedule, notifications, onNewRevision, judge, embeddings, digest
  }

  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      name: try fields.decode(RolloutName.self, forKey: .name),
      route: try fields.decode(RouteName.self, forKey: .route),
      incumbent: try fields.decode(ModelName.self, forKey: .incumbent),
      candidates: try fields.decode([ModelName].self, forKey: .candidates),
      assignment: try fields.decode(AssignmentPolicy.self, forKey: .assignment),
      steps: try fields.decode([Step].self, forKey: .steps),
      metrics: try fields.decode([MetricGate].self, forKey: .metrics),
      analysis: try fields.decode(AnalysisPolicy.self, forKey: .analysis),
      promotion: try fields.decode(PromotionMode.self, forKey: .promotion),
      allowsOverride: try fields.decode(Bool.self, forKey: .allowsOverride),
      match: try fields.decodeIfPresent(RequestMatch.self, forKey: .match),
      schedule: try fields.decodeIfPresent(Schedule.self, forKey: .schedule) ?? .always,
      notifications: try fields.decodeIfPresent([NotificationRule].self, forKey: .notifications)
        ?? [],
      onNewRevision: try fields.decodeIfPresent(RevisionMode.self, forKey: .onNewRevision)
        ?? .refuse,
      judge: try fields.decodeIfPresent(JudgePolicy.self, forKey: .judge),
      embeddings: try fields.decodeIfPresent(EmbeddingPolicy.self, forKey: .embeddings),
      digest: try fields.decode(String.self, forKey: .digest))
  }

  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(name, forKey: .name)
    try fields.encode(route, forKey: .route)
    try fields.encode(incumbent, forKey: .incumbent)
    try fields.encode(candidates, forKey: .candidates)
    try fields.encode(assignment, forKey: .assignment)
    try fields.encode(steps, forKey: .steps)
    try fields.encode(metrics, forKey: .metrics)
    try fields.encode(analysis, forKey: .analysis)
    try fields.encode(promotion, forKey: .promotion)
    try fields.encode(allowsOverride, forKey: .allowsOverride)
    try fields.encodeIfPresent(match, forKey: .match)
    if schedule != .always { try fields.encode(schedule, forKey: .schedule) }
    if !notifications.isEmpty { try fields.encode(notifications, forKey: .notifications) }
    if onNewRevision != .refuse { try fields.encode(onNewRevision, forKey: .onNewRevision) }
    try fields.encodeIfPresent(judge, forKey: .judge)
    try fields.encodeIfPresent(embeddings, forKey: .embeddings)
    try fields.encode(digest, forKey: .digest)
  }
}
