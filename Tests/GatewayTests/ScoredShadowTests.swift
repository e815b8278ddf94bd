import Backends
import Experimentation
import Foundation
import Logging
import OpenAIAPI
import Routing
import TestPeers
import Testing

@testable import Gateway

/// Servers that score the incumbent's answer: distances of distributions without a model in this
/// process.
@Suite(.serialized) struct ScoredShadowTests {
  /// A server that answers "one two", and holds that its first token has this probability and its
  /// second half of all.
  private static func server(first: Double, second: Int = 22) -> ScriptedServer.Script {
    { request in
      guard request.body.contains("prompt_logprobs") else {
        return ScriptedAnswer.chat(to: request, ["one ", "two"])
      }
      func place(_ token: Int, _ text: String, _ probability: Double) -> String {
        let (own, other) = (log(probability), log(1 - probability))
        return #"{"\#(token)":{"logprob":\#(own),"rank":\#(own >= other ? 1 : 2),"#
          + #""decoded_token":"\#(text)"},"99":{"logprob":\#(other),"#
          + #""rank":\#(own >= other ? 2 : 1),"decoded_token":"x"}}"#
      }
      let prompt = #"null,{"11":{"logprob":-2.5,"rank":9,"decoded_token":"Hi"}}"#
      let answer = place(21, "one", first) + "," + place(second, " two", 0.5)
      let isWhole = request.body.contains("continue_final_message")
      return [
        ScriptedAnswer.message(
          #"{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"#
            + #""finish_reason":"length"}],"#
            + #""prompt_logprobs":[\#(prompt)\#(isWhole ? "," + answer : "")],"#
            + #""usage":{"prompt_tokens":\#(isWhole ? 4 : 2),"completion_tokens":1}}"#)
      ]
    }
  }

  private func run(
    _ metrics: [Metric], scoring: ScoringSpecification? = ScoringSpecification(logprobs: 1),
    traffic: ShadowTraffic = ShadowTraffic(), candidate: @escaping ScriptedServer.Script,
    _ body: @escaping @Sendable (World, ScriptedServer) async throws -> Void
  ) async throws {
    var route = try RouteTable.trial(shadow: traffic)
    route.scores.distributions = metrics.filter(\.isOfDistributions)
    route.scores.agreement = metrics.contains(.tokenAgreement)
    let table = route
    try await ScriptedServer.run(Self.server(first: 0.8)) { dense in
      try await ScriptedServer.run(candidate) { flash in
        try await World.run(
          ["dense": dense.port, "flash": flash.port], [table], options: { $0.scoring = scoring }
        ) { try await body($0, flash) }
      }
    }
  }

  @Test func `both servers are asked, and the pair has what follows`() async throws {
    try await run(
      [.klDivergence, .answerPerplexity, .tokenAgreement], candidate: Self.server(first: 0.4)
    ) { world, _ in
      #expect(try await world.chat().status == 200)
      let pair = try #require(try await world.comparisons(1).first)
      // Two outcomes, both told: 0.8 and 0.2 against 0.4 and 0.6. The second token is alike.
      let divergence = (0.8 * log(0.8 / 0.4) + 0.2 * log(0.2 / 0.6)) / 2
      let told = try #require(pair.scores[ScoreID(.klDivergence)])
      #expect(abs(told - divergence) < 1e-6)
      // √(0.8 / 0.4)
      let ratio = try #require(pair.scores[ScoreID(.answerPerplexity)])
      #expect(abs(ratio - 2.0.squareRoot()) < 1e-6)
      #expect(pair.tokenAgreement == 0.5)
    }
  }

  @Test func `agreement alone is asked for, and nothing else is kept`() async throws {
    try await run([.tokenAgreement], candidate: Self.server(first: 0.9)) { world, _ in
      #expect(try await world.chat().status == 200)
      let pair = try #require(try await world.comparisons(1).first)
      #expect(pair.tokenAgreement == 1 && pair.scores.isEmpty)
    }
  }

  @Test func `other tokens have a ratio of perplexities only`() async throws {
    try await run(
      [.klDivergence, .answerPerplexity, .tokenAgreement],
      candidate: Self.server(first: 0.4, second: 23)
    ) { world, _ in
      #expect(try await world.chat().status == 200)
      let pair = try #require(try await world.comparisons(1).first)
      #expect(pair.tokenAgreement == nil && pair.scores[ScoreID(.klDivergence)] == nil)
      #expect(pair.scores[ScoreID(.answerPerplexity)] != nil)
    }
  }

  @Test func `nobody is asked for what no gate looks at, or where no document says so`()
    async throws
  {
    for (metrics, scoring) in [
      ([], ScoringSpecification(logprobs: 1)), ([Metric.klDivergence], nil),
    ] {
      try await run(metrics, scoring: scoring, candidate: Self.server(first: 0.4)) {
        world, flash async throws in
        #expect(try await world.chat().status == 200)
        let pair = try #require(try await world.comparisons(1).first)
        #expect(pair.scores.isEmpty && pair.tokenAgreement == nil)
        #expect(flash.requests.count == 1)
      }
    }
  }

  @Test func `a server without prompt_logprobs is worth a warning that names its model`() {
    let sentence = "'flash' left prompt_logprobs out of its answer."
    let broken = BackendError(
      .malformed, .badGateway(sentence, code: UpstreamBackend.lacksLogprobs))
    #expect(DistanceReading.level(of: broken) == .warning)
    #expect(DistanceReading.reason(broken) == sentence)
    let other = BackendError(.malformed, .badGateway("secret", code: "scored_text_differs"))
    #expect(DistanceReading.level(of: other) == .info)
    #expect(DistanceReading.reason(other) == "scored_text_differs")
  }

  @Test func `what is read for it counts in the day's tokens, also where it fails`() async throws {
    let failing: ScriptedServer.Script = { request in
      request.body.contains("prompt_logprobs")
        ? [ScriptedAnswer.error(status: 400, "no such field")]
        : ScriptedAnswer.chat(to: request, ["one ", "two"])
    }
    for candidate in [Self.server(first: 0.4), failing] {
      // 3 + 2 for the answer; 2 · (3 + 5) for two readings by two servers, or 2 · 5 in its stead.
      try await run(
        [.klDivergence], traffic: ShadowTraffic(concurrency: 1, tokensPerDay: 14),
        candidate: candidate
      ) { world, _ async throws in
        #expect(try await world.chat().status == 200)
        #expect(await eventually { world.isIdle })
        #expect(try await world.comparisons(1).first?.candidateMeasurements.failure == nil)
        #expect(try await world.chat().status == 200)
        #expect(await eventually { world.dropped("tokenBudget") == 1 })
      }
    }
  }
}
