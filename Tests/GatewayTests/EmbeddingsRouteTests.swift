import OpenAIAPI
import TestPeers
import Testing

@testable import Gateway

/// `POST /v1/embeddings`: vectors by a model that the client names.
@Suite(.serialized) struct EmbeddingsRouteTests {
  private static let path = "/v1/embeddings"
  private static let vectors = ScriptedAnswer.message(
    #"{"data":[{"index":0,"embedding":[1,0.5]}],"model":"up","usage":{"prompt_tokens":4}}"#)

  private func run(
    _ step: ScriptedServer.Step = vectors, apiKeys: Set<String>? = nil,
    _ body: @escaping @Sendable (World, ScriptedServer) async throws -> Void
  ) async throws {
    try await ScriptedServer.run({ _ in [step] }) { server in
      try await World.run(
        ["dense": server.port, "flash": server.port], [.trial()],
        options: { $0.gateway.apiKeys = apiKeys }
      ) { world in
        try await body(world, server)
        #expect(world.isIdle)
        #expect(world.counter("rollout_requests_total") == 0, "no answer of a model to anybody")
      }
    }
  }

  private func body(_ model: String, _ more: String = "") -> String {
    #"{"model":"\#(model)","input":["Hi"]\#(more)}"#
  }

  @Test func `a model's vectors come as the client wants them spelled`() async throws {
    try await run { world, server in
      let answer = try await world.ask("POST", Self.path, body("flash"))
      #expect(answer.status == 200 && answer["x-rollout-model"] == "flash")
      #expect(
        answer.body
          == #"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1.0,0.5]}],"#
          + #""model":"flash","usage":{"prompt_tokens":4,"total_tokens":4}}"#)
      let coded = try await world.ask(
        "POST", Self.path, body("flash", #","encoding_format":"base64""#))
      #expect(coded.body.contains(#""embedding":"AACAPwAAAD8=""#))
      #expect(server.requests.allSatisfy { $0["x-shadow"].isEmpty })
      #expect(
        world.counter(
          "rollout_embedding_requests_total", ["model": "flash", "outcome": "ok"]) == 2)
      #expect(world.counter("rollout_embedding_tokens_total", ["role": "live"]) == 8)
    }
  }

  /// Vectors of two models cannot be compared, and a rollout changes the model behind a route.
  @Test func `a route's name is refused, as are strangers and other methods`() async throws {
    try await run(apiKeys: ["sk-1"]) { world, server in
      let key = ["Authorization: Bearer sk-1"]
      for (method, body, status, code) in [
        ("POST", body("assistant"), 400, "route_has_no_embeddings"),
        ("POST", body("nobody"), 404, "model_not_found"), ("GET", "", 405, "method_not_allowed"),
        ("POST", #"{"model":"flash","input":[1]}"#, 400, "unsupported_parameter"),
      ] {
        let answer = try await world.ask(method, Self.path, body, headers: key)
        #expect(answer.status == status && answer.body.contains(#""code":"\#(code)""#))
      }
      #expect(try await world.ask("POST", Self.path, body("flash")).status == 401)
      #expect(server.requests.isEmpty)
    }
  }

  @Test func `what went wrong with a model is told as of answers`() async throws {
    try await run(ScriptedAnswer.message(#"{"data":[]}"#)) { world, _ in
      let answer = try await world.ask("POST", Self.path, body("dense"))
      #expect(answer.status == 502 && answer["x-request-id"] != nil)
      #expect(
        world.counter("rollout_embedding_requests_total", ["outcome": "malformed"]) == 1)
    }
    try await run(ScriptedAnswer.error(status: 400, "no such size", code: "x")) { world, server in
      let answer = try await world.ask("POST", Self.path, body("dense", #","dimensions":3"#))
      #expect(answer.status == 400 && answer.body.contains("no such size"))
      #expect(server.requests.first?.body.contains(#""dimensions":3"#) == true)
    }
  }
}
