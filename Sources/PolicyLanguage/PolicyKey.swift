/// The keys that one kind of mapping may have: the only place where they are listed.
///
/// Readers can ask for no other and unknown keys are held against these. What may stand behind each
/// is its ``entry``, of which the JSON Schema and the tables of the documentation are made too.
protocol PolicyKey: RawRepresentable<String>, CaseIterable, Hashable, Sendable {
  /// What the mapping is called: `engine`, `hold`.
  static var object: String { get }

  var presence: KeyPresence { get }

  var entry: KeyEntry { get }

  /// What must be true of the keys together.
  static var rules: [KeyRule<Self>] { get }
}

/// Whether a key must or may be there.
enum KeyPresence: Hashable, Sendable {
  case required
  case optional
}

/// All mappings of the language.
enum Vocabulary {
  static let objects: [any PolicyKey.Type] = [
    ModelKey.self, EngineKey.self, AttentionKey.self, RopeKey.self, UpstreamKey.self,
    TimeoutKey.self, PriceKey.self, ScoringKey.self, RolloutKey.self, AssignmentKey.self,
    LayerKey.self,
    StepKey.self, ShadowKey.self, CanaryKey.self, SplitKey.self, ApprovalKey.self, PauseKey.self,
    HoldKey.self, BanditKey.self, InterleaveKey.self, MetricKey.self, CheckKey.self,
    SchemaKey.self, JudgeKey.self, EmbeddingsKey.self, SliceKey.self, AnalysisKey.self,
    MatchKey.self, WindowKey.self, FreezeKey.self, NotifyKey.self,
  ]
}

// MARK: - Model documents

enum ModelKey: String, PolicyKey {
  case apiVersion, kind, name, engine, upstream

  static let object = "a model"

  var presence: KeyPresence {
    switch self {
    case .apiVersion, .kind, .name: .required
    case .engine, .upstream: .optional
    }
  }
}

enum EngineKey: String, PolicyKey {
  case weights, sha256, attention, rope, context

  static let object = "engine"

  /// Of any text: more is a slip of a digit.
  static let maximumTokens = 1_048_576

  var presence: KeyPresence {
    switch self {
    case .weights, .attention: .required
    case .sha256, .rope, .context: .optional
    }
  }
}

enum AttentionKey: String, PolicyKey {
  case kind, window, sinks, selection, blockSize, keys, denseLayers, gate

  static let object = "attention"

  var presence: KeyPresence { self == .kind ? .required : .optional }
}

enum RopeKey: String, PolicyKey {
  case scaling, factor

  static let object = "rope"

  /// The scaling that leaves positions as they are.
  static let withoutScaling = "none"

  var presence: KeyPresence {
    switch self {
    case .scaling: .required
    case .factor: .optional
    }
  }
}

enum UpstreamKey: String, PolicyKey {
  case url, model, apiKeyEnv, timeouts, price, scoring

  static let object = "upstream"

  var presence: KeyPresence {
    switch self {
    case .url, .model: .required
    case .apiKeyEnv, .timeouts, .price, .scoring: .optional
    }
  }
}

enum PriceKey: String, PolicyKey {
  case inputPerMillion, outputPerMillion, currency

  static let object = "price"

  var presence: KeyPresence { .required }
}

enum ScoringKey: String, PolicyKey {
  case logprobs

  static let object = "scoring"

  var presence: KeyPresence { .required }
}

enum TimeoutKey: String, PolicyKey {
  case connect, firstToken, idle, total

  static let object = "timeouts"

  var presence: KeyPresence { .optional }
}

// MARK: - Rollout documents

enum RolloutKey: String, PolicyKey {
  case apiVersion, kind, name, route, incumbent, candidates, assignment, steps, metrics, analysis
  case promotion, overrides, match, windows, freeze, notify, onNewRevision, judge, embeddings

  static let object = "a rollout"

  var presence: KeyPresence {
    switch self {
    case .apiVersion, .kind, .name, .route, .incumbent, .candidates, .assignment, .steps: .required
    case .metrics, .analysis, .promotion, .overrides, .match, .windows, .freeze, .notify,
      .onNewRevision, .judge, .embeddings:
      .optional
    }
  }
}

enum AssignmentKey: String, PolicyKey {
  case unit, salt, layer

  static let object = "assignment"

  var presence: KeyPresence { self == .unit ? .required : .optional }
}

enum LayerKey: String, PolicyKey {
  case name, range

  static let object = "a layer"

  var presence: KeyPresence { .required }
}

enum StepKey: String, PolicyKey {
  case shadow, canary, split, approval, pause, hold, bandit, interleave

  static let object = "a step"

  /// The kinds of step that this version runs.
  static let kinds: [StepKey] = [
    .shadow, .canary, .split, .bandit, .interleave, .approval, .pause,
  ]

  /// Whether a step of this kind asks candidates, so that something is measured.
  var measures: Bool {
    switch self {
    case .shadow, .canary, .split, .bandit, .interleave: true
    case .approval, .pause, .hold: false
    }
  }

  /// Whether users read candidates' answers in such a step, one model's at a time.
  var serves: Bool { measures && self != .shadow && self != .interleave }

  var presence: KeyPresence {
    switch self {
    case .shadow, .canary, .split, .approval, .pause, .hold, .bandit, .interleave: .optional
    }
  }
}

enum ShadowKey: String, PolicyKey {
  case percent, concurrency, tokenBudget, control

  static let object = "shadow"

  var presence: KeyPresence { self == .percent ? .required : .optional }
}

enum CanaryKey: String, PolicyKey {
  case weight

  static let object = "canary"

  var presence: KeyPresence { .required }
}

enum SplitKey: String, PolicyKey {
  case weights

  static let object = "split"

  var presence: KeyPresence { .required }
}

enum ApprovalKey: String, PolicyKey {
  case team

  static let object = "approval"

  var presence: KeyPresence { .optional }
}

enum PauseKey: String, PolicyKey {
  case duration = "for"

  static let object = "pause"

  var presence: KeyPresence { .required }
}

enum HoldKey: String, PolicyKey {
  case minSamples, minTime, maxTime, onInconclusive

  static let object = "hold"

  /// Of a step, in any form.
  static let longestSeconds: Double = 366 * 86_400

  var presence: KeyPresence { .optional }
}

enum MetricKey: String, PolicyKey {
  case name, metric, role, maxIncrease, maxDecrease, minIncrease, minDecrease, margin
  case slice = "where"
  case slices, onFail, onNoData, quantile, check

  static let object = "a metric"

  /// The keys that say what must be shown; a metric has at most one of them.
  static let objectives: [MetricKey] = [
    .maxIncrease, .maxDecrease, .minIncrease, .minDecrease, .margin,
  ]

  var presence: KeyPresence {
    switch self {
    case .name, .metric, .role: .required
    case .maxIncrease, .maxDecrease, .minIncrease, .minDecrease, .margin, .slice, .slices, .onFail,
      .onNoData, .quantile, .check:
      .optional
    }
  }
}

enum SliceKey: String, PolicyKey {
  case promptTokens, label, header

  static let object = "a slice"

  var presence: KeyPresence { .optional }
}

enum AnalysisKey: String, PolicyKey {
  case alpha, every

  static let object = "analysis"

  var presence: KeyPresence { .optional }
}

enum MatchKey: String, PolicyKey {
  case label, header

  static let object = "match"

  var presence: KeyPresence { .optional }
}

enum WindowKey: String, PolicyKey {
  case allow, timeZone

  static let object = "a window"

  var presence: KeyPresence { .required }
}

enum FreezeKey: String, PolicyKey {
  case from, to, timeZone, reason

  static let object = "a freeze"

  var presence: KeyPresence { self == .reason ? .optional : .required }
}

enum NotifyKey: String, PolicyKey {
  case on, webhook, webhookEnv

  static let object = "a notification"

  /// Where it goes.
  static let targets: [NotifyKey] = [.webhook, .webhookEnv]

  var presence: KeyPresence { self == .on ? .required : .optional }
}
