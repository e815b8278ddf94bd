import Backends
import Experimentation
import OpenAIAPI
import TestPeers
import Testing

/// Vectors, by a model in this process and by one behind a server.
@Suite(.serialized) struct EmbeddingTests {
  private func call(
    _ texts: [String], dimensions: Int? = nil, priority: Call.Priority = .live
  ) -> EmbeddingCall {
    EmbeddingCall(
      texts, dimensions: dimensions, requestID: "req-1", priority: priority,
      deadline: .now + .seconds(60))
  }

  private func failure(
    _ backend: any Backend, _ call: EmbeddingCall
  ) async -> BackendError? {
    do {
      _ = try await backend.embed(call)
      Issue.record("it was embedded")
      return nil
    } catch { return error }
  }

  // MARK: In this process

  @Test func `a text is alike to itself, whatever comes with it`() async throws {
    let backend = try EmbeddedModel.backend()
    let one = try await backend.embed(call(["The sea is blue."]))
    let pair = try await backend.embed(call(["One", "The sea is blue."], priority: .shadow))
    #expect(one.vectors.count == 1 && pair.vectors.count == 2)
    #expect(one.vectors[0] == pair.vectors[1] && one.vectors[0].count == 576)
    #expect(one.tokens == 5 && pair.tokens == 6)
    #expect(!backend.takesTools)
  }

  @Test func `marks of the model's own are text like any other`() async throws {
    let backend = try EmbeddedModel.backend()
    let plain = try await backend.embed(call(["<|im_end|>"]))
    #expect((plain.tokens ?? 0) > 1, "not the one token that ends an answer")
  }

  @Test func `what the model cannot do is refused with its reason`() async throws {
    let backend = try EmbeddedModel.backend("short", context: 64)
    let cut = await failure(backend, call(["a"], dimensions: 64))
    #expect(cut?.failure == .invalidRequest && cut?.apiError.param == "dimensions")
    #expect(try await backend.embed(call(["a"], dimensions: 576)).vectors.count == 1)
    let long = await failure(backend, call([String(repeating: "word ", count: 100)]))
    #expect(long?.failure == .rejected && long?.apiError.param == "input")
    #expect(long?.apiError.code == "context_length_exceeded")
    // 1,820 vectors of 576 numbers have room in an answer.
    let many = await failure(backend, call(Array(repeating: "a", count: 1_821)))
    #expect(many?.failure == .invalidRequest && many?.apiError.message.contains("1820") == true)
  }

  // MARK: Behind a server

  private static let answer =
    #"{"object":"list","data":[{"index":1,"embedding":[0,1]},{"index":0,"embedding":[1,0]}],"#
    + #""model":"up","usage":{"prompt_tokens":7,"total_tokens":7}}"#

  @Test func `a server is asked in its own words, and read in the order of the texts`() async throws
  {
    try await Upstream.run(
      keyVariable: "KEY", environment: ["KEY": "sk-1"],
      { _ in [ScriptedAnswer.message(Self.answer)] },
      { upstream in
        let made = try await upstream.backend.embed(call(["a", "b"], priority: .shadow))
        #expect(made == Embeddings(vectors: [[1, 0], [0, 1]], tokens: 7))
        let request = try #require(upstream.server.requests.first)
        #expect(request.path == "/v1/embeddings")
        #expect(
          request.body
            == #"{"model":"org/the-real-name","input":["a","b"],"encoding_format":"float"}"#)
        #expect(request["authorization"] == ["Bearer sk-1"] && request["x-shadow"] == ["1"])
        #expect(request["x-request-id"] == ["req-1"])
        #expect(upstream.backend.takesTools)
      })
  }

  @Test func `a price changes nothing about vectors`() async throws {
    try await Upstream.run({ _ in [ScriptedAnswer.message(Self.answer)] }) { upstream in
      let priced = PricedBackend(
        upstream.backend, price: Price(inputPerMillion: 1, outputPerMillion: 1, currency: "EUR"))
      let made = try await priced.embed(call(["a", "b"]))
      #expect(made.vectors == [[1, 0], [0, 1]])
      #expect(priced.takesTools)
    }
  }

  struct Trouble: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let steps: [ScriptedServer.Step]
    let failure: FailureClass
  }

  @Test(arguments: [
    Trouble(
      testDescription: "another count",
      steps: [ScriptedAnswer.message(#"{"data":[{"index":0,"embedding":[1]}]}"#)],
      failure: .malformed),
    Trouble(
      testDescription: "no JSON", steps: [ScriptedAnswer.message("<html>")], failure: .malformed),
    Trouble(
      testDescription: "an error with a good status",
      steps: [ScriptedAnswer.message(#"{"error":{"message":"no","type":"x"}}"#)],
      failure: .unavailable),
    Trouble(
      testDescription: "compressed",
      steps: [ScriptedAnswer.message(Self.answer, headers: ["content-encoding: gzip"])],
      failure: .malformed),
    Trouble(
      testDescription: "no such route", steps: [ScriptedAnswer.error(status: 404, "what?")],
      failure: .unavailable),
    Trouble(
      testDescription: "too long a text",
      steps: [ScriptedAnswer.error(status: 400, "long", code: "context_length_exceeded")],
      failure: .rejected),
    Trouble(
      testDescription: "overloaded", steps: [ScriptedAnswer.error(status: 429, "later")],
      failure: .unavailable),
    Trouble(testDescription: "closes", steps: [.close], failure: .unavailable),
    Trouble(
      testDescription: "a body that has no end",
      steps: [
        .send("HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n"),
        .flood(String(repeating: " ", count: 1 << 16)),
      ], failure: .malformed),
  ])
  func `what is no answer has a name`(_ trouble: Trouble) async throws {
    try await Upstream.run({ _ in trouble.steps }) { upstream in
      #expect(await failure(upstream.backend, call(["a", "b"]))?.failure == trouble.failure)
    }
  }

  @Test func `a server that hangs is given up at the deadline`() async throws {
    try await Upstream.run({ _ in [.hang] }) { upstream in
      var call = call(["a"])
      call.deadline = .now + .milliseconds(300)
      #expect(await failure(upstream.backend, call)?.failure == .deadlineExceeded)
    }
  }
}
