import Backends
import Experimentation
import OpenAIAPI
import Quality
import Routing
import TestPeers
import Testing

@testable import Gateway

/// Shadows are offered the functions that the client offers, and what both call is compared.
@Suite(.serialized) struct ToolShadowTests {
  private static let tool = #"{"type":"function","function":{"name":"find","parameters":{}}}"#
  private static let tools = #","tools":[\#(tool)],"tool_choice":"auto""#

  /// An answer that calls a function, in the way the request asks for.
  private static func call(
    to request: ScriptedRequest, _ arguments: String
  ) -> [ScriptedServer.Step] {
    let call =
      #"{"index":0,"id":"c","type":"function","function":{"name":"find","arguments":"#
      + #""\#(arguments)"}}"#
    guard request.asksForStream else {
      return [
        ScriptedAnswer.message(
          #"{"id":"up","created":1,"model":"up","choices":[{"index":0,"message":{"role":"#
            + #""assistant","content":null,"tool_calls":[\#(call)]},"finish_reason":"#
            + #""tool_calls"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#)
      ]
    }
    return [
      ScriptedAnswer.streamHead,
      ScriptedAnswer.event(
        #"{"id":"up","created":1,"model":"up","choices":[{"index":0,"delta":{"tool_calls":"#
          + #"[\#(call)]},"finish_reason":null}]}"#),
      ScriptedAnswer.token(nil, finish: "tool_calls"), ScriptedAnswer.usage(3, 2),
      ScriptedAnswer.event("[DONE]"), ScriptedAnswer.streamEnd,
    ]
  }

  private func run(
    _ candidate: @escaping ScriptedServer.Script,
    _ body: @escaping @Sendable (World, ScriptedServer) async throws -> Void
  ) async throws {
    try await ScriptedServer.run({ Self.call(to: $0, #"{\"id\":7,\"all\":true}"#) }) { dense in
      try await ScriptedServer.run(candidate) { flash in
        var route = try RouteTable.trial(shadow: ShadowTraffic(concurrency: 4))
        route.scores.checks = [AnswerCheck(name: "finds", rule: .calls("find"))]
        route.scores.texts = [.exactMatch]
        route.scores.comparesCalls = true
        try await World.run(["dense": dense.port, "flash": flash.port], [route]) { world in
          try await body(world, flash)
        }
      }
    }
  }

  @Test func `a shadow is offered the same functions, and equal calls are equal`() async throws {
    try await run({ Self.call(to: $0, #"{ \"all\": true, \"id\": 7.0 }"#) }) { world, flash in
      #expect(try await world.chat("Hi", Self.tools).status == 200)
      let pair = try #require(try await world.comparisons(1).first)
      #expect(flash.requests.first?.body.contains(Self.tools) == true)
      #expect(pair.value(of: .callEquality) == 1)
      #expect(pair.value(of: .exactMatch) == 0, "who compares words sees how they are written")
      let finds = ScoreID(check: "finds")
      #expect(pair.incumbentMeasurements.scores[finds] == 1)
      #expect(pair.candidateMeasurements.scores[finds] == 1)
    }
  }

  @Test func `a candidate that talks instead calls nothing`() async throws {
    try await run({ ScriptedAnswer.chat(to: $0, ["Let me see."]) }) { world, _ in
      _ = try await world.chat("Hi", Self.tools, headers: [])
      let pair = try #require(try await world.comparisons(1).first)
      #expect(pair.value(of: .callEquality) == 0)
      #expect(pair.candidateMeasurements.scores[ScoreID(check: "finds")] == 0)
    }
  }

  @Test func `a model that takes no functions is not asked where they are offered`() throws {
    let body = World.body("Hi", Self.tools)
    let question = try Question(.chat, body: Array(body.utf8), limits: .standard)
    // A model in this process takes none: asked without them it would answer another question.
    #expect(question.forShadow(takesTools: false) == nil)
    guard case .chat(let copy)? = question.forShadow(takesTools: true) else {
      Issue.record("no chat")
      return
    }
    #expect(copy.tools.count == 1 && copy.toolChoice == .auto)
    let plain = try Question(.chat, body: Array(World.body().utf8), limits: .standard)
    #expect(plain.forShadow(takesTools: false) != nil)
  }
}
