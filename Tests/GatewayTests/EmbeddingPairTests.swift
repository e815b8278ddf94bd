import Experimentation
import Routing
import TestPeers
import Testing

@testable import Gateway

/// Answers of a pair are compared by their embeddings, as far as the policy allows.
@Suite(.serialized) struct EmbeddingPairTests {
  private func policy(
    share: Share = .all, concurrency: Int = 4, tokensPerDay: Int? = nil
  ) throws -> EmbeddingPolicy {
    EmbeddingPolicy(
      model: try modelName("vectors"), share: share, concurrency: concurrency,
      tokensPerDay: tokensPerDay)
  }

  /// Two vectors, with what they cost.
  private static func pair(_ first: String, _ second: String, usage: String = "") -> String {
    #"{"data":[{"index":0,"embedding":\#(first)},{"index":1,"embedding":\#(second)}]\#(usage)}"#
  }

  private func run(
    _ policy: EmbeddingPolicy, candidate: String = "four five six",
    vectors: @escaping ScriptedServer.Script,
    _ body: @escaping @Sendable (World, ScriptedServer) async throws -> Void
  ) async throws {
    try await ScriptedServer.run({ ScriptedAnswer.chat(to: $0, ["one ", "two"]) }) { dense in
      try await ScriptedServer.run({ ScriptedAnswer.chat(to: $0, [candidate]) }) { flash in
        try await ScriptedServer.run(vectors) { server in
          var route = try RouteTable.trial(shadow: ShadowTraffic(concurrency: 4))
          route.scores.embeddings = policy
          try await World.run(
            ["dense": dense.port, "flash": flash.port, "vectors": server.port], [route]
          ) { world in try await body(world, server) }
        }
      }
    }
  }

  private func pairs(_ world: World, _ outcome: EmbeddingOutcome) -> Double {
    world.counter(
      "rollout_embedding_pairs_total", ["model": "vectors", "outcome": outcome.rawValue])
  }

  @Test func `both answers are embedded in one request, and their angle is kept`() async throws {
    let usage = #","usage":{"prompt_tokens":11}"#
    let vectors = Self.pair("[3,4]", "[4,3]", usage: usage)
    try await run(policy(), vectors: { _ in [ScriptedAnswer.message(vectors)] }) { world, server in
      _ = try await world.chat()
      let pair = try #require(try await world.comparisons(1).first)
      // 24 / 25, as a Float has it.
      #expect(abs((pair.value(of: .embeddingSimilarity) ?? 0) - 0.96) < 1e-7)
      #expect(pairs(world, .compared) == 1)
      #expect(
        world.counter(
          "rollout_embedding_tokens_total", ["model": "vectors", "role": "pair"]) == 11)
      let request = try #require(server.requests.first)
      #expect(request.path == "/v1/embeddings" && request["x-shadow"] == ["1"])
      #expect(request.body.contains(#""input":["one two","four five six"]"#))
      #expect(!request.body.contains("flash") && !request.body.contains("dense"))
    }
  }

  struct Trouble: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let step: ScriptedServer.Step
    let outcome: EmbeddingOutcome
  }

  @Test(arguments: [
    Trouble(
      testDescription: "one vector",
      step: ScriptedAnswer.message(#"{"data":[{"index":0,"embedding":[1]}]}"#),
      outcome: .malformed),
    Trouble(
      testDescription: "other dimensions", step: ScriptedAnswer.message(pair("[1,0]", "[1]")),
      outcome: .malformed),
    Trouble(
      testDescription: "no direction", step: ScriptedAnswer.message(pair("[1,0]", "[0,0]")),
      outcome: .malformed),
    Trouble(
      testDescription: "an error", step: ScriptedAnswer.error(status: 500, "broken"),
      outcome: .failed),
    Trouble(
      testDescription: "too long for the model",
      step: ScriptedAnswer.error(status: 400, "long", code: "context_length_exceeded"),
      outcome: .tooLong),
  ])
  func `what could not be measured is counted by its kind and no value`(
    _ trouble: Trouble
  ) async throws {
    try await run(policy(), vectors: { _ in [trouble.step] }) { world, _ in
      _ = try await world.chat()
      let pair = try #require(try await world.comparisons(1).first)
      #expect(pair.value(of: .embeddingSimilarity) == nil && pair.prefixAgreement == 0)
      #expect(pairs(world, trouble.outcome) == 1 && pairs(world, .compared) == 0)
    }
  }

  @Test func `who says nothing, or more than is embedded, is not asked about`() async throws {
    for (text, outcome) in [
      ("", EmbeddingOutcome.noText), (" ", .noText),
      (String(repeating: "a", count: EmbeddingDesk.maximumBytes + 1), .tooLong),
    ] {
      try await run(policy(), candidate: text, vectors: { _ in [.close] }) { world, server in
        _ = try await world.chat()
        #expect(try await world.comparisons(1).first?.value(of: .embeddingSimilarity) == nil)
        #expect(pairs(world, outcome) == 1 && server.requests.isEmpty)
      }
    }
  }

  @Test func `a spent budget embeds no more, and the pairs stay`() async throws {
    // Eighteen bytes of text are seven tokens where nobody counts.
    try await run(
      policy(tokensPerDay: 7), vectors: { _ in [ScriptedAnswer.message(Self.pair("[1]", "[1]"))] }
    ) { world, _ in
      _ = try await world.chat()
      #expect(try await world.comparisons(1).last?.value(of: .embeddingSimilarity) == 1)
      _ = try await world.chat()
      #expect(try await world.comparisons(2).last?.value(of: .embeddingSimilarity) == nil)
      #expect(pairs(world, .tokenBudget) == 1)
      world.clock.advance(bySeconds: 86_400)
      _ = try await world.chat()
      #expect(try await world.comparisons(3).last?.value(of: .embeddingSimilarity) == 1)
    }
  }

  @Test func `a model that is not here is nobody's fault`() async throws {
    var policy = try policy()
    policy.model = try modelName("elsewhere")
    try await run(policy, vectors: { _ in [.close] }) { [policy] world, _ in
      _ = try await world.chat()
      #expect(try await world.comparisons(1).first?.value(of: .embeddingSimilarity) == nil)
      let labels = ["model": policy.model.text, "outcome": "noBackend"]
      #expect(world.counter("rollout_embedding_pairs_total", labels) == 1)
    }
  }
}
