import OpenAIAPI
import Routing
import TestPeers
import Testing

@testable import Gateway

/// What is refused, with what, and that nobody was asked.
@Suite(.serialized) struct RefusalTests {
  private func run(
    options: (inout World.Options) -> Void = { _ in },
    _ body: @escaping @Sendable (World) async throws -> Void
  ) async throws {
    let options = {
      var made = World.Options()
      options(&made)
      return made
    }()
    try await ScriptedServer.run {
      ScriptedAnswer.chat(to: $0, ["Hi"])
    } _: { server in
      try await World.run(
        ["dense": server.port, "flash": server.port], [.trial()], options: { $0 = options }
      ) { world in
        try await body(world)
        #expect(server.requests.isEmpty, "nobody was asked")
        #expect(world.counter("rollout_requests_total") == 0)
      }
    }
  }

  private func expectError(
    _ answer: HTTPAnswer, _ status: Int, code: String? = nil, param: String? = nil
  ) throws {
    #expect(answer.status == status)
    #expect(answer["content-type"] == "application/json")
    #expect(answer["x-request-id"] != nil)
    let error = try #require(try JSONValue(parsing: Array(answer.body.utf8))["error"])
    guard case .string(let message)? = error["message"], case .string? = error["type"] else {
      Issue.record("not OpenAI's shape: \(answer.body)")
      return
    }
    #expect(!message.isEmpty)
    if let code { #expect(error["code"] == .string(code)) }
    if let param { #expect(error["param"] == .string(param)) }
  }

  @Test func `an unknown model`() async throws {
    try await run { world in
      try expectError(
        try await world.chat(model: "gpt-9"), 404, code: "model_not_found", param: "model")
      // No name of ours at all.
      try expectError(try await world.chat(model: "Ünknown/Model"), 404, code: "model_not_found")
      #expect(world.counter("rollout_requests_refused_total", ["status": "404"]) == 2)
    }
  }

  @Test(arguments: [
    "", "{", "[]", "null", "{} {}", #"{"model":"assistant"}"#,
    #"{"model":"assistant","messages":[]}"#,
    #"{"model":"assistant","messages":[{"role":"user","content":"a"}],}"#,
    #"{"model":"assistant","mod\u0065l":"flash","messages":[{"role":"user","content":"a"}]}"#,
    #"{"model":"assistant","messages":[{"role":"user","content":"a"}],"n_discard":-1}"#,
    #"{"model":"assistant","messages":[{"role":"user","content":"a"}],"n":10000}"#,
    #"{"model":"assistant","messages":[{"role":"user","content":"a"}],"temperature":1e400}"#,
    #"{"model":"assistant","messages":[{"role":"user","content":"\ud800"}]}"#,
    "\u{FEFF}{}",
  ])
  func `a body that is no request`(body: String) async throws {
    try await run { world in
      try expectError(try await world.ask("POST", World.chat, body), 400)
    }
  }

  @Test func `a body so deep that it could break a parser`() async throws {
    try await run { world in
      let deep = String(repeating: "[", count: 100_000)
      try expectError(try await world.ask("POST", World.chat, deep), 400)
    }
  }

  @Test func `other methods and other paths`() async throws {
    try await run { world in
      for (method, path) in [
        ("GET", World.chat), ("DELETE", "/v1/models"), ("POST", "/v1/models/dense"),
        ("POST", "/metrics"), ("PUT", "/v1/completions"), ("POST", "/health/ready"),
        ("GET", "/v1/embeddings"),
      ] {
        try expectError(try await world.ask(method, path), 405, code: "method_not_allowed")
      }
      for path in [
        "/", "/v1", "/v1/chat/completions/", "/v1/%6dodels", "/v1/../metrics", "/v1/models;a",
        "/V1/models", "/v1/embeddings/", "/rollouts",
      ] {
        try expectError(try await world.ask("GET", path), 404, code: "not_found")
      }
    }
  }

  @Test func `a body that is too large, told or not`() async throws {
    try await run(options: { $0.gateway.limits.maximumBodyBytes = 1_000 }) { world in
      let long = String(repeating: "a", count: 1_000)
      try expectError(try await world.chat(long), 413, code: "request_too_large")
      let chunked = try await RawClient.run(port: world.port) { client in
        try await client.send(
          "POST \(World.chat) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "3e8\r\n\(long)\r\n3e8\r\n\(long)\r\n0\r\n\r\n")
        return try await client.answer()
      }
      try expectError(chunked, 413, code: "request_too_large")
    }
  }

  @Test func `requests inside of a body that is too large are not requests`() async throws {
    try await run(options: { $0.gateway.limits.maximumBodyBytes = 1_000 }) { world in
      let smuggled = World.bytes("POST", World.chat, World.body())
      let body = String(repeating: smuggled, count: 20)
      try await RawClient.run(port: world.port) { client in
        try await client.send(World.bytes("POST", World.chat, body))
        try await client.send(World.bytes("GET", "/health/live"))
        #expect(await eventually { client.received.hasSuffix("live\n") || client.isClosed })
        #expect(client.received.ranges(of: "HTTP/1.1 ").count == 2)
        #expect(client.received.contains("413"))
      }
    }
  }

  @Test(arguments: ["text/plain", "application/jsonp", "multipart/form-data; boundary=a"])
  func `another type of body`(type: String) async throws {
    try await run { world in
      let answer = try await world.ask(
        "POST", World.chat, World.body(), headers: ["Content-Type: \(type)"])
      try expectError(answer, 415, code: "unsupported_media_type")
    }
  }

  @Test func `a wrong key or none, where keys are configured`() async throws {
    try await run(options: { $0.gateway.apiKeys = ["sk-right", "sk-other"] }) { world in
      for header in [
        [], ["Authorization: Bearer sk-wrong"], ["Authorization: sk-right"],
        ["Authorization: Bearer "],
        [
          "Authorization: Bearer sk-right "
            + "x"
        ], ["Authorization: Basic sk-right"], ["X-Api-Key: sk-right"],
      ] {
        let answer = try await world.chat(headers: header)
        try expectError(answer, 401, code: "invalid_api_key")
        #expect(!answer.body.contains("sk-"), "keys are not repeated")
      }
      try expectError(try await world.ask("GET", "/v1/models"), 401)
      try expectError(try await world.ask("GET", "/v1/models/dense"), 401)
      #expect(try await world.ask("GET", "/health/live").status == 200)
      let known = ["Authorization: Bearer sk-other"]
      #expect(try await world.ask("GET", "/v1/models", headers: known).status == 200)
    }
  }

  @Test func `a body that comes too slowly`() async throws {
    try await run(options: { $0.gateway.bodyTimeout = .milliseconds(300) }) { world in
      try await RawClient.run(port: world.port) { client in
        try await client.send(
          "POST \(World.chat) HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
        let start = ContinuousClock.now
        while client.received.isEmpty, start.duration(to: .now) < .seconds(5) {
          try? await client.send("{")
          try await Task.sleep(for: .milliseconds(20))
        }
        try expectError(try await client.answer(), 408, code: "request_timeout")
        #expect(await eventually { client.isClosed }, "the rest of the body is no request")
      }
      #expect(world.isIdle)
    }
  }

  @Test func `a header that comes too slowly`() async throws {
    try await run(options: { $0.gateway.idleTimeout = .milliseconds(300) }) { world in
      try await RawClient.run(port: world.port) { client in
        try await client.send("GET /health/live HTTP/1.1\r\nX-Long: ")
        let start = ContinuousClock.now
        while !client.isClosed, start.duration(to: .now) < .seconds(5) {
          try? await client.send("a")
          try await Task.sleep(for: .milliseconds(20))
        }
        #expect(client.isClosed)
        #expect(HTTPAnswer(client.receivedBytes)?.status != 200)
      }
    }
  }
}
