import Experimentation
import Testing

/// Values to store.
enum Sample {
  static func rollout(_ name: String = "assistant") throws -> RolloutName {
    try #require(RolloutName(name))
  }

  static func model(_ name: String) throws -> ModelName { try #require(ModelName(name)) }

  static let measured = Measurements(
    queueSeconds: 0.25, timeToFirstTokenSeconds: 0.1, timePerOutputTokenSeconds: 1.0 / 3,
    totalSeconds: 2.5, promptTokens: 2_048, outputTokens: 0, cachedPromptTokens: 1_984,
    finishReason: "stop")
  static let failed = Measurements(totalSeconds: 0, failure: .malformed)

  static func outcome(
    _ requestID: String, rollout: String = "assistant", run: Int = 1,
    measurements: Measurements = Measurements(totalSeconds: 1), propensity: Double? = 0.05
  ) throws -> Outcome {
    Outcome(
      requestID: requestID,
      assignment: try assignment(rollout: rollout, run: run, propensity: propensity),
      model: try model("flash"), measurements: measurements)
  }

  static func comparison(
    _ requestID: String, run: Int = 1, agreement: Double? = 0.75
  ) throws -> Comparison {
    Comparison(
      requestID: requestID, assignment: try assignment(rollout: "assistant", run: run),
      incumbent: try model("dense"), candidate: try model("flash"),
      incumbentMeasurements: measured, candidateMeasurements: failed,
      tokenAgreement: agreement, prefixAgreement: agreement.map { $0 / 3 })
  }

  static func feedback(
    _ requestID: String, run: Int = 1, value: Double = 1
  ) throws -> Feedback {
    Feedback(
      requestID: requestID,
      assignment: try assignment(rollout: "assistant", run: run, propensity: 0.05),
      model: try model("flash"), value: value, receivedAtMilliseconds: 1_800_000_001_000)
  }

  private static func assignment(
    rollout: String, run: Int, propensity: Double? = 1
  ) throws -> Assignment {
    Assignment(
      route: try #require(RouteName("chat")),
      rollout: RolloutPosition(
        rollout: try self.rollout(rollout), digest: "d1", step: 0, run: run),
      unitHash: .max - 1, propensity: propensity, atMilliseconds: 1_800_000_000_000)
  }

  static func report(lowerBound: Double = -0.5, upperBound: Double = 0.25) throws -> GateReport {
    GateReport(
      gate: "ttft", metric: .timeToFirstToken, role: .goal, candidate: try model("flash"),
      verdict: .inconclusive, estimate: -0.125, lowerBound: lowerBound, upperBound: upperBound,
      threshold: -0.2, incumbentMean: 0.5, candidateMean: 0.4375, samples: 300,
      samplesMissing: 1_200, explanation: "the interval is still too wide")
  }

  static func policy() throws -> RolloutPolicy {
    let dense = try model("dense")
    let flash = try model("flash")
    return RolloutPolicy(
      name: try rollout(), route: try #require(RouteName("chat")), incumbent: dense,
      candidates: [flash],
      assignment: AssignmentPolicy(unit: .header("x-team"), salt: "assistant-1"),
      steps: [
        Step(
          .shadow(ShadowTraffic(share: .all, concurrency: 2, tokensPerDay: 5_000_000)),
          hold: HoldConditions(
            minSamples: 300, minSeconds: 600, maxSeconds: 86_400, onInconclusive: .rollBack)),
        Step(.canary(weight: try #require(Share(0.05)))),
        Step(.approval(team: "ml-serving")), Step(.pause(seconds: 60)),
        Step(.split(weights: [dense: try #require(Share(0.5)), flash: try #require(Share(0.5))])),
      ],
      metrics: [
        MetricGate(
          name: "ttft", metric: .timeToFirstToken, role: .goal,
          objective: .better(by: .relative(0.2)),
          slice: SliceCondition(promptTokens: 2_048...Int.max)),
        MetricGate(
          name: "errors", metric: .errorRate, role: .guardrail,
          objective: .notWorse(by: .absolute(0.005)), onFail: .pause),
      ],
      analysis: AnalysisPolicy(alpha: 0.05, everySeconds: 30), promotion: .automatic,
      allowsOverride: true, digest: String(repeating: "ab", count: 32))
  }

  /// A policy that says when it moves, for whom, and who is told.
  static func policyOfHours() throws -> RolloutPolicy {
    var policy = try policy()
    policy.match = RequestMatch(
      labels: [RequestLabel(key: "tier", value: "gold")],
      headers: [RequestHeader(name: "x-tenant", value: "acme")])
    policy.schedule = Schedule(
      windows: [
        WeeklyWindow(
          days: [.monday, .tuesday], opensAtMinute: 540, closesAtMinute: 960,
          timeZone: "Europe/Berlin")
      ],
      freezes: [
        Freeze(
          from: try #require(LocalTime("2026-12-20")), to: try #require(LocalTime("2027-01-03")),
          timeZone: "UTC", reason: "holidays")
      ])
    policy.notifications = [
      NotificationRule(on: [.promoted, .rolledBack], target: .environment("HOOK")),
      NotificationRule(on: [.queued], target: .url("https://hooks.example.com/rollouts")),
    ]
    policy.onNewRevision = .queue
    policy.metrics[1].onNoData = .pause
    return policy
  }

  static func engineModel() throws -> ModelSpecification {
    ModelSpecification(
      name: try model("flash"),
      backend: .engine(
        EngineSpecification(
          weights: "SmolLM2-135M-Instruct.Q4_1.gguf", sha256: String(repeating: "0f", count: 32),
          attention: .slidingWindow(window: 1_024, sinks: 4), context: 8_192)),
      digest: String(repeating: "cd", count: 32))
  }

  static func upstreamModel() throws -> ModelSpecification {
    ModelSpecification(
      name: try model("dense"),
      backend: .upstream(
        UpstreamSpecification(
          url: "http://vllm:8000/v1", model: "acme/chat-7b-v4", apiKeyEnvironment: "CHAT_KEY")),
      digest: String(repeating: "ef", count: 32))
  }
}

extension JournalRecord {
  static func sample(actor: String = "alice", reason: String? = nil) throws -> JournalRecord {
    JournalRecord(
      event: .resumed(try Sample.rollout()), actor: actor, reason: reason,
      atMilliseconds: 1_800_000_000_000)
  }

  /// A record of every kind of event, and both kinds of model.
  static func oneOfEach() throws -> [JournalRecord] {
    let name = try Sample.rollout()
    let evidence = [try Sample.report()]
    let events: [JournalEvent] = [
      .modelApplied(try Sample.engineModel()), .modelApplied(try Sample.upstreamModel()),
      .rolloutApplied(try Sample.policy()), .advanced(name, to: 1, evidence: evidence),
      .approved(name, step: 2), .paused(name, evidence: []), .resumed(name),
      .inconclusive(name, evidence: evidence), .rolledBack(name, evidence: evidence),
      .aborted(name),
      .promoted(
        name, model: try Sample.model("flash"), openGates: ["ttft"], evidence: evidence),
      .queued(try Sample.policyOfHours()), .superseded(name, digest: "ab", by: name),
      .superseded(name, digest: "ab", by: nil),
      .policiesApplied(
        PolicyOrigin(
          digest: "d1", commit: GitCommit(hash: "0123456789abcdef", isDirty: true),
          seal: PolicySeal(
            key: "0011223344556677", revision: 42, expiresAtMilliseconds: 1_900_000_000_000))),
      .allocated(
        name,
        BanditAllocation(
          number: 2,
          arms: [
            .init(
              model: try Sample.model("dense"), share: try #require(Share(0.25)), rewards: 100,
              mean: 0.5, bestProbability: 0.125),
            .init(
              model: try Sample.model("flash"), share: try #require(Share(0.75)), rewards: 120,
              mean: 0.625, bestProbability: 0.875, progress: 0.5),
          ], winner: try Sample.model("flash"))),
    ]
    return events.enumerated().map { index, event in
      JournalRecord(
        event: event, actor: index.isMultiple(of: 2) ? "alice" : "controller",
        reason: index.isMultiple(of: 3) ? "because — ü" : nil,
        atMilliseconds: 1_800_000_000_000 + Int64(index) * 1_000)
    }
  }
}
