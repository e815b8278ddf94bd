import Experimentation
import Foundation
import Testing

@testable import PolicyLanguage

/// What a file says is what the values hold.
struct PolicyValuesTests {
  private func metric(_ line: String) throws -> MetricGate? {
    try Sample.policy(Sample.rollout + "\n  - { name: gate, \(line) }").map(\.metrics)?.last
  }

  private func step(_ text: String) throws -> Step? {
    try Sample.policy(
      Sample.rollout(replacing: "metrics:", with: "  - \(text)\nmetrics:"))?.steps.last
  }

  @Test func `the demo's rollout holds what its file says`() throws {
    let set = try PolicyParser.parse(Repository.sources(in: Repository.policies))
    #expect(set.warnings.isEmpty)
    #expect(
      set.models.map(\.name.text) == [
        "smollm2-dense", "smollm2-flash", "smollm2-hybrid-512", "smollm2-hybrid", "smollm2-quest",
        "smollm2-stream", "smollm2-window-512", "smollm2-window", "smollm2-yarn-32k",
      ])
    let engines: [EngineSpecification] = set.models.compactMap { model in
      guard case .engine(let engine) = model.backend else { return nil }
      #expect(engine.weights == "SmolLM2-135M-Instruct.Q4_1.gguf")
      #expect(engine.sha256?.hasPrefix("b179c9523d0e6a0f") == true)
      return engine
    }
    #expect(
      engines.map(\.attention) == [
        .dense, .flash,
        .hybrid(
          selection: .means, blockSize: 16, keys: 512, window: 128, sinks: 4, denseLayers: 2),
        .hybrid(
          selection: .means, blockSize: 16, keys: 1024, window: 128, sinks: 4, denseLayers: 2),
        .blockSparse(selection: .quest, blockSize: 16, keys: 1024, denseLayers: 0),
        .slidingWindow(window: 2044, sinks: 4), .slidingWindow(window: 508, sinks: 4),
        .slidingWindow(window: 1024, sinks: 4), .flash,
      ])
    #expect(
      engines.map(\.context)
        == [8192, 8192, 8192, 8192, 8192, 1_048_576, 8192, 8192, 32_768])
    #expect(engines.compactMap(\.rope) == [RopeSpecification(.yarn, factor: 4)])

    let policy = try #require(set.rollouts.first)
    #expect(policy.route.text == "assistant")
    #expect(policy.incumbent.text == "smollm2-dense")
    #expect(policy.candidates.map(\.text) == ["smollm2-flash"])
    #expect(policy.assignment == AssignmentPolicy(unit: .user, salt: "assistant-1"))
    #expect(
      policy.steps == [
        Step(
          .shadow(ShadowTraffic(share: .all, concurrency: 1)),
          hold: HoldConditions(minSamples: 50, minSeconds: 5, maxSeconds: 86_400))
      ])
    #expect(
      policy.metrics == [
        MetricGate(
          name: "errors", metric: .errorRate, role: .guardrail,
          objective: .notWorse(by: .absolute(0.08))),
        MetricGate(
          name: "fidelity", metric: .tokenAgreement, role: .guardrail,
          objective: .notWorse(by: .absolute(0.08))),
        MetricGate(
          name: "latency", metric: .latency, role: .guardrail,
          objective: .notWorse(by: .relative(0.25)), onFail: .pause),
        MetricGate(
          name: "ttft-long", metric: .timeToFirstToken, role: .info,
          objective: .better(by: .relative(0.05)),
          slice: SliceCondition(promptTokens: 256...Int.max)),
      ])
    #expect(policy.analysis == AnalysisPolicy(alpha: 0.05, everySeconds: 1))
    #expect(policy.promotion == .manual)
    #expect(policy.allowsOverride)
  }

  @Test func `the examples are read without a warning about the language`() throws {
    let models = try PolicyParser.parse(Repository.sources(in: Repository.policies)).models
    let set = try PolicyParser.parse(
      Repository.sources(in: Repository.policies.appending(path: "examples")),
      knownModels: Set(models.map(\.name)))
    #expect(set.models.count == 5)
    #expect(
      set.rollouts.map(\.name.text) == [
        "lengths", "tone", "chat", "demo-bandit", "demo-canary", "demo-interleave", "demo-split",
        "drafts", "letters", "gold", "orders", "summaries", "support", "desk",
      ])
    #expect(set.warnings.isEmpty)
  }

  @Test func `what is left out has its default`() throws {
    let policy = try #require(
      try Sample.policy(
        Sample.rollout(replacing: "{ unit: user, salt: one }", with: "{ unit: session }")
          .replacingOccurrences(
            of: "    hold: { minSamples: 50, minTime: 5s, maxTime: 24h }\n", with: "")))
    #expect(policy.assignment == AssignmentPolicy(unit: .session, salt: "assistant"))
    #expect(policy.steps == [Step(.shadow(ShadowTraffic()))])
    #expect(policy.analysis == AnalysisPolicy(alpha: 0.05, everySeconds: 30))
    #expect(policy.promotion == .manual)
    #expect(!policy.allowsOverride)
    #expect(policy.metrics.first?.onFail == .rollBack)
  }

  private func rule(_ text: String) throws -> AnswerRule? {
    try metric("metric: check, check: \(text), role: info")?.check?.rule
  }

  @Test func `every kind of check is read`() throws {
    #expect(try rule("{ json: any }") == .json(AnswerSchema()))
    #expect(try rule("{ matches: '\\d+' }") == .matches(TextPattern("\\d+")))
    #expect(try rule("{ contains: \"a b\" }") == .contains("a b"))
    #expect(try rule("{ lacks: \"a b\" }") == .lacks("a b"))
    #expect(try rule("{ refusal: absent }") == .noRefusal)
    #expect(try rule("{ language: de }") == .language(.german))
    // Shadows are asked without tools.
    let canary = Sample.rollout(
      replacing: "shadow: { percent: 100 }", with: "canary: { weight: 5% }")
    let calls = "  - { name: gate, metric: check, check: { calls: find_order }, role: info }"
    #expect(
      try Sample.policy("\(canary)\n\(calls)")?.metrics.last?.check?.rule == .calls("find_order"))
  }

  @Test func `a schema holds what it says`() throws {
    let read = try rule(
      """
      { json: { type: object, required: [id], additionalProperties: false, properties: { \
      id: { type: integer, minimum: 1 }, tags: { type: [array, "null"], maxItems: 3, items: { \
      enum: [a, "1", 1, true, null] } }, note: { minLength: 1, pattern: '^x' } } } }
      """)
    guard case .json(let schema) = try #require(read) else { throw CancellationError() }
    #expect(schema.kinds == [.object] && schema.required == ["id"] && !schema.allowsOtherKeys)
    #expect(schema.properties["id"]?.kinds == [.integer])
    #expect(schema.properties["id"]?.minimum == 1)
    let tags = try #require(schema.properties["tags"])
    #expect(tags.kinds == [.array, .null] && tags.maxItems == 3)
    #expect(
      tags.items.first?.literals == [.string("a"), .string("1"), .number(1), .bool(true), .null])
    #expect(schema.properties["note"]?.minLength == 1)
    #expect(try schema.properties["note"]?.pattern == TextPattern("^x"))
  }

  @Test(arguments: [
    ("required: [z], additionalProperties: false", DiagnosticCode.unreachableGate),
    (
      "required: [id, z], additionalProperties: false, properties: { id: { type: integer } }",
      DiagnosticCode.unreachableGate
    ),
    ("minimum: 2, maximum: 1", DiagnosticCode.outOfRange),
    ("minLength: 2, maxLength: 1", DiagnosticCode.outOfRange),
    ("items: { minItems: 2, maxItems: 1 }", DiagnosticCode.outOfRange),
  ])
  func `a schema that nothing fits is refused`(_ schema: String, _ code: DiagnosticCode) {
    let check = "\n  - { name: c, metric: check, check: { json: { \(schema) } }, role: info }"
    #expect(Sample.codes(Sample.rollout + check) == [code])
    // What fits one value is enough.
    let mended = check.replacing("false", with: "true").replacing(": 2", with: ": 1")
    #expect(Sample.codes(Sample.rollout + mended).isEmpty)
  }

  @Test func `slices of a check are gates of their own, with one check for all`() throws {
    let policy = try Sample.policy(
      Sample.rollout
        + "\n  - { name: c, metric: check, check: { json: any }, role: info, "
        + "slices: [promptTokens] }"
    )
    let gates = try #require(policy?.metrics.filter { $0.metric == .check })
    #expect(gates.count == 4 && Set(gates.map(\.name)).count == 4)
    #expect(Set(gates.compactMap { $0.check?.name }) == ["c"])
    #expect(Set(gates.compactMap(\.score)) == [ScoreID(check: "c")])
  }

  @Test func `every kind of step is read`() throws {
    let half = try #require(Share(0.5))
    let dense = try #require(ModelName("smollm2-dense"))
    let flash = try #require(ModelName("smollm2-flash"))
    #expect(
      try step("shadow: { percent: 12.5%, concurrency: 4, tokenBudget: 1.5M/day }")?.traffic
        == .shadow(
          ShadowTraffic(
            share: try #require(Share(0.125)), concurrency: 4, tokensPerDay: 1_500_000)))
    #expect(
      try step("shadow: { percent: 100, control: true }")?.traffic
        == .shadow(ShadowTraffic(hasControl: true)))
    #expect(
      try step("shadow: { percent: 100, control: false }")?.traffic == .shadow(ShadowTraffic()))
    #expect(try step("canary: { weight: 50% }")?.traffic == .canary(weight: half))
    #expect(
      try step("split: { weights: { smollm2-dense: 50%, \"smollm2-flash\": 50% } }")?.traffic
        == .split(weights: [dense: half, flash: half]))
    #expect(try step("approval: { team: ml-serving }")?.traffic == .approval(team: "ml-serving"))
    #expect(try step("approval: {}")?.traffic == .approval(team: nil))
    #expect(try step("pause: { for: 90m }")?.traffic == .pause(seconds: 5_400))
    #expect(try step("interleave: { choices: 4 }")?.traffic == .interleave(choices: 4))
  }

  @Test func `what tells requests apart for a bandit is read`() throws {
    let text =
      "bandit: { reward: latency, algorithm: linearThompson, "
      + "context: [\"tier=gold,silver\", promptTokens] }"
    guard case .bandit(let bandit) = try step(text)?.traffic else {
      Issue.record("no bandit")
      return
    }
    #expect(bandit.algorithm == .linearThompson)
    #expect(
      bandit.context
        == BanditContext(
          usesPromptLength: true,
          labels: [BanditContext.Label(key: "tier", values: ["gold", "silver"])]))
  }

  @Test func `a bandit is read, with what holds without its keys`() throws {
    #expect(
      try step("bandit: { reward: errorRate }")?.traffic
        == .bandit(
          BanditTraffic(
            reward: .metric(.errorRate), algorithm: .thompson,
            minShare: try #require(Share(0.05)), updateSeconds: 600, halfLifeSeconds: nil,
            margin: 0, onTie: .incumbent)))
    #expect(
      try step(
        """
        bandit: { reward: "feedback:solved", algorithm: topTwo, minProb: 10%, updateEvery: 1h, \
        halfLife: 2d, margin: 1pp, onTie: cheapest }
        """)?.traffic
        == .bandit(
          BanditTraffic(
            reward: .feedback(try #require(FeedbackName("solved"))), algorithm: .topTwo,
            minShare: try #require(Share(0.1)), updateSeconds: 3_600,
            halfLifeSeconds: 172_800, margin: 0.01, onTie: .cheapest)))
    // The standard name is the metric that gates know.
    guard case .bandit(let traffic) = try step("bandit: { reward: \"feedback:feedback\" }")?.traffic
    else {
      Issue.record("no bandit was read")
      return
    }
    #expect(traffic.reward == .metric(.feedback))
  }

  @Test func `thirds that are written as people write them sum to the whole`() throws {
    let text = Sample.rollout(replacing: "[smollm2-flash]", with: "[smollm2-flash, smollm2-window]")
      .replacingOccurrences(
        of: "metrics:",
        with: """
            - split:
                weights: { smollm2-dense: 33.4%, smollm2-flash: 33.3%, smollm2-window: 33.3% }
          metrics:
          """)
    #expect(try Sample.policy(text)?.steps.count == 2)
  }

  @Test(arguments: [
    (
      "errorRate, role: guardrail, maxIncrease: 0.5pp",
      MetricGate.Objective.notWorse(by: .absolute(0.005))
    ),
    ("errorRate, role: guardrail, margin: 0.02", .notWorse(by: .absolute(0.02))),
    ("errorRate, role: goal, minDecrease: 1pp", .better(by: .absolute(0.01))),
    ("errorRate, role: guardrail, maxIncrease: 50%", .notWorse(by: .relative(0.5))),
    ("errorRate, role: guardrail, maxIncrease: 900%", .notWorse(by: .relative(9))),
    ("errorRate, role: goal, minDecrease: 20%", .better(by: .relative(0.2))),
    ("latency, role: goal, minDecrease: 20%", .better(by: .relative(0.2))),
    ("latency, role: signal, maxIncrease: 0.1%", .notWorse(by: .relative(0.001))),
    ("tokenAgreement, role: guardrail, maxDecrease: 2pp", .notWorse(by: .absolute(0.02))),
    ("prefixAgreement, role: info", .notWorse(by: .absolute(0))),
    ("outputTokens, role: info", .notWorse(by: .relative(0))),
  ])
  func `a margin is on its metric's scale`(_ line: String, _ objective: MetricGate.Objective) throws
  {
    #expect(try metric("metric: \(line)")?.objective == objective)
  }

  @Test func `a quantile is read where there is a tail`() throws {
    let line = "metric: timeToFirstToken, role: guardrail, maxIncrease: 10%, quantile: "
    #expect(try metric(line + "0.95")?.quantile == 0.95)
    #expect(try metric("metric: latency, role: info")?.quantile == nil)
    for wrong in ["0.5", "95%", "1", "p95"] {
      let bad = "\n  - { name: slow, \(line)\(wrong) }"
      #expect(!Sample.codes(Sample.rollout + bad).isEmpty, "\(wrong)")
    }
    for metric in ["errorRate", "tokenAgreement", "tokensPerSecond"] {
      let bad = "\n  - { name: slow, metric: \(metric), role: info, quantile: 0.95 }"
      #expect(Sample.codes(Sample.rollout + bad).contains(.misplacedKey), "\(metric)")
    }
  }

  @Test func `what users say is a share that grows, where users are shown something`() throws {
    let text = Sample.rollout(
      replacing: "metrics:", with: "  - canary: { weight: 5% }\nmetrics:")
    let gate = try Sample.policy(
      text + "\n  - { name: thumbs, metric: feedback, role: goal, minIncrease: 2pp }"
    )?.metrics.last
    #expect(gate?.metric == .feedback)
    #expect(gate?.objective == .better(by: .absolute(0.02)))
    let wrong = text + "\n  - { name: thumbs, metric: feedback, role: goal, minDecrease: 2pp }"
    #expect(Sample.codes(wrong) == [.wrongDirection])
  }

  @Test(arguments: [
    (">= 2048", 2048...Int.max), ("> 2048", 2049...Int.max), ("<= 255", 0...255), ("<256", 0...255),
    ("256..1023", 256...1023),
  ])
  func `a condition is a range`(_ text: String, _ range: ClosedRange<Int>) throws {
    let gate = try metric("metric: latency, role: info, where: { promptTokens: \"\(text)\" }")
    #expect(gate?.slice == SliceCondition(promptTokens: range))
  }

  @Test func `a slice may ask for several labels and headers`() throws {
    let text =
      "metric: latency, role: info, where: { label: [\"tier=gold\", \"eu=yes\"], "
      + "header: [\"x-a=1\", \"x-b=2\"] }"
    let slice = try #require(try metric(text)?.slice)
    let all = ["tier": "gold", "eu": "yes", "header:x-a": "1", "header:x-b": "2"]
    #expect(slice.contains(promptTokens: nil, labels: all))
    for key in all.keys {
      #expect(!slice.contains(promptTokens: nil, labels: all.filter { $0.key != key }), "\(key)")
    }
    #expect(slice.description == "eu=yes, tier=gold, x-a=1, x-b=2")
  }

  @Test func `a condition may ask for a label, and for both`() throws {
    let label = RequestLabel(key: "tier", value: "gold=1")
    let gold = "metric: latency, role: info, where: { label: \"tier=gold=1\" }"
    #expect(try metric(gold)?.slice == SliceCondition(labels: [label]))
    let both = "where: { promptTokens: \">= 9\", label: \"tier=gold=1\" }"
    let slice = SliceCondition(promptTokens: 9...Int.max, labels: [label])
    #expect(try metric("metric: latency, role: info, \(both)")?.slice == slice)
    for wrong in [
      "where: { label: tier }", "where: { label: \"=gold\" }", "where: {}",
      "slices: { label: \"tier=gold\" }",
    ] {
      let line = "\n  - { name: slow, metric: latency, role: info, \(wrong) }"
      #expect(!Sample.codes(Sample.rollout + line).isEmpty, "\(wrong)")
    }
  }

  @Test func `slices make one gate for each band`() throws {
    let standard = try Sample.policy(
      Sample.rollout + "\n  - { name: slow, metric: latency, role: info, slices: [promptTokens] }")
    #expect(
      standard?.metrics.dropFirst().map(\.name) == [
        "slow[promptTokens 0…255]", "slow[promptTokens 256…1023]", "slow[promptTokens 1024…4095]",
        "slow[promptTokens ≥ 4096]",
      ])
    let chosen = try Sample.policy(
      Sample.rollout
        + "\n  - { name: slow, metric: latency, role: info, slices: { promptTokens: [16, 1024] } }")
    #expect(
      chosen?.metrics.dropFirst().map(\.slice?.promptTokens) == [16...1023, 1024...Int.max])
  }

  @Test(arguments: [
    ("user", UnitKind.user), ("session", .session), ("request", .request),
    ("header:x-tenant", .header("x-tenant")),
  ])
  func `every assignment unit is read`(_ text: String, _ unit: UnitKind) throws {
    let policy = try Sample.policy(Sample.rollout(replacing: "unit: user", with: "unit: \(text)"))
    #expect(policy?.assignment.unit == unit)
  }

  private func engine(_ lines: String) throws -> EngineSpecification? {
    let text = """
      apiVersion: rollout/v1
      kind: Model
      name: a
      engine:
        weights: weights.gguf
        \(lines)
      """
    guard
      case .model(let model) = try PolicyParser.parse(PolicySource(file: "m.yaml", text: text)),
      case .engine(let engine) = model.backend
    else { return nil }
    return engine
  }

  @Test(arguments: [
    (
      "{ kind: hybrid, keys: 512 }",
      AttentionSpecification.hybrid(
        selection: .means, blockSize: 16, keys: 512, window: 128, sinks: 4, denseLayers: 2)
    ),
    (
      "{ kind: hybrid, selection: quest, blockSize: 32, keys: 256, window: 64, sinks: 0, "
        + "denseLayers: 0 }",
      .hybrid(selection: .quest, blockSize: 32, keys: 256, window: 64, sinks: 0, denseLayers: 0)
    ),
    (
      "{ kind: blockSparse, selection: moba, keys: 48 }",
      .blockSparse(selection: .moba, blockSize: 16, keys: 48, denseLayers: 0)
    ),
    ("{ kind: slidingWindow, window: 8 }", .slidingWindow(window: 8, sinks: 0)),
    (
      "{ kind: gated, gate: a.gate, keys: 512 }",
      .gated(gate: "a.gate", keys: 512, window: 128, sinks: 4, denseLayers: 2)
    ),
    (
      "{ kind: gated, gate: /g/a.gate, keys: 96, window: 32, sinks: 0, denseLayers: 0 }",
      .gated(gate: "/g/a.gate", keys: 96, window: 32, sinks: 0, denseLayers: 0)
    ),
  ])
  func `every attention is read`(_ text: String, _ attention: AttentionSpecification) throws {
    #expect(try engine("attention: \(text)")?.attention == attention)
  }

  @Test(arguments: RopeSpecification.Scaling.allCases)
  func `every rope scaling is read`(_ scaling: RopeSpecification.Scaling) throws {
    let engine = try engine(
      "attention: { kind: flash }\n  rope: { scaling: \(scaling.rawValue), factor: 1.5 }")
    #expect(engine?.rope == RopeSpecification(scaling, factor: 1.5))
  }

  @Test func `an upstream model holds what its file says`() throws {
    let document = try PolicyParser.parse(
      PolicySource(
        file: "m.yaml",
        text: """
          apiVersion: rollout/v1
          kind: Model
          name: chat
          upstream:
            url: https://api.example.org:8443/v1/
            model: acme/chat-7b
            apiKeyEnv: CHAT_7B_KEY
            timeouts: { connect: 500ms, total: 2m }
            price: { inputPerMillion: 0.1, outputPerMillion: 0.4, currency: EUR }
            scoring: { logprobs: 20 }
          """))
    guard case .model(let model) = document, case .upstream(let upstream) = model.backend else {
      Issue.record("not an upstream model")
      return
    }
    #expect(
      upstream
        == UpstreamSpecification(
          url: "https://api.example.org:8443/v1", model: "acme/chat-7b",
          apiKeyEnvironment: "CHAT_7B_KEY",
          timeouts: UpstreamTimeouts(
            connectSeconds: 0.5, firstTokenSeconds: 20, idleSeconds: 15, totalSeconds: 120),
          price: Price(inputPerMillion: 0.1, outputPerMillion: 0.4, currency: "EUR"),
          scoring: ScoringSpecification(logprobs: 20)))
  }
}
