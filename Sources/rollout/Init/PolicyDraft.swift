import PolicyLanguage

/// The first policies of a route: two models and a rollout, commented for whoever changes them.
///
/// A function from answers to texts; that the parser takes them without a warning is asked before
/// any is written.
struct PolicyDraft {
  var incumbent: DraftModel
  var candidate: DraftModel
  var route: String
  var strategy: Strategy

  /// How traffic finds out.
  enum Strategy: String, CaseIterable {
    case shadow, canary, split

    var meaning: String {
      switch self {
      case .shadow: "the candidate is asked aside, nobody sees its answers"
      case .canary: "shadow first, then a growing part of the users"
      case .split: "half of the users from the start, an A/B test"
      }
    }
  }

  /// One file a document, by name.
  var files: [PolicySource] {
    [
      PolicySource(file: "\(incumbent.name).yaml", text: model(incumbent, "who answers today")),
      PolicySource(file: "\(candidate.name).yaml", text: model(candidate, "who may take over")),
      PolicySource(file: "rollout-\(route).yaml", text: rollout),
    ]
  }

  // MARK: Models

  private func model(_ model: DraftModel, _ role: String) -> String {
    """
    # A model: \(role).

    apiVersion: \(PolicyParser.apiVersion)
    kind: Model
    name: \(model.quotedName)

    \(backend(model))

    """
  }

  private func backend(_ model: DraftModel) -> String {
    switch model.backend {
    case .engine(let weights, let attention):
      """
      engine:
        # In the model folder of the service (`rollout serve --models`), or an absolute path.
        weights: \(weights.quotedForPolicy)
        # What the file must hash to; `sha256sum` prints it. What is measured of a model is worth
        # nothing when its weights may change.
        # sha256: …
        # dense | flash | slidingWindow | blockSparse | hybrid | gated
        attention: \(self.attention(attention))
      """
    case .upstream(let url, let model):
      """
      upstream:
        url: \(url.quotedForPolicy)
        model: \(model.quotedForPolicy)
        # The name of the variable that holds the server's key, never the key.
        # apiKeyEnv: MODEL_API_KEY
        timeouts: { connect: 2s, firstToken: 20s, idle: 15s, total: 120s }
      """
    }
  }

  /// With what a kind cannot be without; also by the names of variants that `evaluate` has.
  private func attention(_ kind: String) -> String {
    switch kind {
    case "slidingWindow", "window": "{ kind: slidingWindow, window: 1024, sinks: 4 }"
    case "blockSparse", "quest": "{ kind: blockSparse, selection: quest, keys: 1024 }"
    case "moba": "{ kind: blockSparse, selection: moba, keys: 1024 }"
    case "hybrid": "{ kind: hybrid, keys: 1024 }"
    default: "{ kind: \(kind.quotedForPolicy) }"
    }
  }

  // MARK: Rollout

  private var rollout: String {
    """
    # A rollout: how traffic finds out whether \(candidate.name) may take over.
    # `rollout check` finds mistakes, `rollout explain CODE` says what one means.

    apiVersion: \(PolicyParser.apiVersion)
    kind: Rollout
    name: \(route.quotedForPolicy)
    route: \(route.quotedForPolicy)   # the `model` that clients ask for
    incumbent: \(incumbent.quotedName)
    candidates: [\(candidate.quotedName)]

    # A user stays on one model for the whole rollout.
    assignment: { unit: user }

    # Steps run in order. One is passed when its hold is over and all goals and guardrails pass.
    steps:
    \(steps)

    # `goal` must be shown to improve, `guardrail` must be shown not to get worse than its margin,
    # `signal` warns, `info` is only drawn. Small margins need many samples.
    metrics:
      # At most 2 percentage points more failures.
      - { name: errors, metric: errorRate, role: guardrail, maxIncrease: 2pp, onFail: rollBack }
      # At most a quarter slower, by the time that the model itself takes.
      - { name: latency, metric: latency, role: guardrail, maxIncrease: 25%, onFail: pause }
    \(likeness)
    # A person says the last word; `automatic` lets the gates say it.
    promotion: manual

    """
  }

  private var steps: String {
    switch strategy {
    case .shadow: Self.shadow
    case .canary: Self.shadow + "\n" + Self.canary
    case .split:
      """
        - split: { weights: { \(incumbent.quotedName): 50%, \(candidate.quotedName): 50% } }
          hold: { minSamples: 2000, minTime: 1d, maxTime: 14d }
      """
    }
  }

  private static let shadow = """
      # The candidate is asked the same questions; nobody sees its answers.
      - shadow: { percent: 100, concurrency: 1, tokenBudget: 5M/day }
        hold: { minSamples: 300, minTime: 1h, maxTime: 7d }
    """

  private static let canary = """
      # Users who have the candidate keep it as the weight grows.
      - canary: { weight: 5% }
        hold: { minSamples: 500, minTime: 4h, maxTime: 7d, onInconclusive: rollBack }
      - canary: { weight: 25% }
        hold: { minSamples: 2000, minTime: 1d, maxTime: 14d, onInconclusive: rollBack }
    """

  /// How alike the answers are, which only shadow steps measure. A server may not be able to score
  /// a given text.
  private var likeness: String {
    switch (strategy, candidate.isUpstream) {
    case (.split, _): ""
    case (_, true): Self.sameStart
    case (_, false): Self.fidelity
    }
  }

  private static let sameStart = """
      # How far both answers begin alike. Two answers of one model differ too, so it only warns.
      - { name: same-start, metric: prefixAgreement, role: signal, margin: 0.5 }

    """

  private static let fidelity = """
      # Given the incumbent's answer, it ranks the same next token first, but for 5 of 100.
      - { name: fidelity, metric: tokenAgreement, role: guardrail, margin: 0.05, onFail: pause }

    """
}

extension DraftModel {
  /// The name as a policy writes it.
  var quotedName: String { name.quotedForPolicy }
}

extension String {
  /// The text in quotes where YAML's readers could take it for something else.
  var quotedForPolicy: String {
    let other = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"]
    let isWord = utf8.allSatisfy { Self.plainLetters.contains($0) } && first?.isLetter == true
    if isWord, !other.contains(lowercased()), lowercased() != "infinity" { return self }
    return "\"\(replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
  }

  /// Letters that mean nothing to YAML wherever they stand in a word.
  private static let plainLetters = Set(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/".utf8)
}
