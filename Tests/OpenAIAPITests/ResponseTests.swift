import Testing

@testable import OpenAIAPI

struct ResponseTests {
  @Test func `a chat answer is read past what only its server knows`() throws {
    let answer = try ChatCompletion(decoding: Fixture.bytes("chat-completion.json"))
    #expect(answer.id == "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT")
    #expect(answer.choices.map(\.finishReason) == [.stop, .toolCalls])
    #expect(answer.choices[0].message.content == "Hello! \"How\" can I assist you?")
    let tokens = try #require(answer.choices[0].logprobs?.content)
    #expect(tokens[0].logprob == -0.31725305)
    #expect(tokens[0].bytes == Array("Hello".utf8))
    #expect(tokens[0].alternatives.map(\.token) == ["Hello", "\u{FFFD}"])
    #expect(tokens[1].bytes == nil)
    #expect(answer.choices[1].message.content == nil)
    #expect(answer.choices[1].message.reasoning == "The user greets.")
    #expect(answer.choices[1].message.toolCalls.map(\.name) == ["get_current_weather"])
    #expect(
      answer.usage
        == Usage(
          promptTokens: 19, completionTokens: 10, cachedPromptTokens: 4, reasoningTokens: 3))
    #expect(answer.usage?.totalTokens == 29)
  }

  @Test func `a chat answer is written as clients read it`() throws {
    let answer = try ChatCompletion(decoding: Fixture.bytes("chat-completion.json"))
    try Fixture.expect(answer.encoded(), matches: "chat-completion.written.json")
    #expect(try ChatCompletion(decoding: answer.encoded()) == answer)
  }

  @Test func `a completion is read and written`() throws {
    let answer = try Completion(decoding: Fixture.bytes("completion.json"))
    let logprobs = try #require(answer.choices[0].logprobs)
    #expect(logprobs.tokenLogprobs == [nil, -0.004, -0.25])
    #expect(logprobs.topLogprobs?[0] == nil)
    #expect(logprobs.topLogprobs?[2]?.map(\.token) == [" a", " the"])
    #expect(answer.choices.map(\.finishReason) == [.length, .stop])
    try Fixture.expect(answer.encoded(), matches: "completion.written.json")
    #expect(try Completion(decoding: answer.encoded()) == answer)
  }

  @Test func `alternatives that are spelled alike are written once`() throws {
    let logprobs = Completion.Logprobs(
      tokens: ["\u{FFFD}"], tokenLogprobs: [-0.5],
      topLogprobs: [
        [
          .init(token: "\u{FFFD}", logprob: -0.5), .init(token: "\u{FFFD}", logprob: -2),
          .init(token: "a", logprob: -.infinity),
        ]
      ], textOffset: [0])
    let answer = Completion(
      id: "c", created: 1, model: "m",
      choices: [.init(index: 0, text: "\u{FFFD}", logprobs: logprobs, finishReason: .stop)])
    #expect(text(answer.encoded()).contains("[{\"\u{FFFD}\":-0.5,\"a\":-9999.0}]"))
    #expect(throws: Never.self) { try Completion(decoding: answer.encoded()) }
  }

  @Test func `a list of models is read and written`() throws {
    let list = try ModelList(decoding: Fixture.bytes("model-list.json"))
    #expect(list.entries.map(\.id) == ["assistant", "tiny-135m"])
    try Fixture.expect(list.encoded(), matches: "model-list.written.json")
    #expect(try ModelList(decoding: list.encoded()) == list)
    var bytes: [UInt8] = []
    list.entries[0].encode(into: &bytes)
    #expect(
      text(bytes)
        == #"{"id":"assistant","object":"model","created":1686935002,"owned_by":"rollout"}"#)
  }

  @Test(arguments: [
    "stop", "length", "content_filter", "tool_calls", "function_call", "abort", "",
  ])
  func `every finish reason survives`(_ word: String) {
    #expect(FinishReason(rawValue: word).rawValue == word)
  }

  @Test func `a logarithm that is not finite is written as the API's unlikely`() {
    var bytes: [UInt8] = []
    let token = TokenLogprob(
      token: "a", logprob: -.infinity, bytes: [97],
      alternatives: [.init(token: "b", logprob: .nan)])
    JSONWriter.append(to: &bytes) { token.encode(into: &$0) }
    #expect(
      text(bytes)
        == #"{"token":"a","logprob":-9999.0,"bytes":[97],"top_logprobs":[{"token":"b","#
        + #""logprob":-9999.0,"bytes":null}]}"#)
  }

  @Test(
    arguments: [
      ("", nil), ("<html>502</html>", nil), ("[]", nil), ("{}", "choices"),
      ("{\"choices\":{}}", "choices"),
      (#"{"choices":[{}]}"#, "choices[0].message"),
      (#"{"choices":[{"index":-1,"message":{}}]}"#, "choices[0].index"),
      (#"{"choices":[{"index":100000,"message":{}}]}"#, "choices[0].index"),
      (#"{"choices":[{"message":{"content":7}}]}"#, "choices[0].message.content"),
      (#"{"choices":[],"usage":{"prompt_tokens":-5}}"#, "usage.prompt_tokens"),
      (#"{"choices":[],"usage":{"prompt_tokens":1e400}}"#, nil),
      (
        #"{"choices":[{"message":{},"logprobs":{"content":[{"token":"a","logprob":"x"}]}}]}"#,
        "choices[0].logprobs.content[0].logprob"
      ),
      (
        #"{"choices":[{"message":{},"logprobs":{"content":[{"token":"a","bytes":[256]}]}}]}"#,
        "choices[0].logprobs.content[0].bytes[0]"
      ),
      (#"{"id":"a","id":"b","choices":[]}"#, nil),
    ] as [(String, String?)])
  func `an answer that is none is the upstream's fault`(_ body: String, _ field: String?) {
    let error = #expect(throws: APIError.self) {
      try ChatCompletion(decoding: Array(body.utf8))
    }
    #expect(error?.status == 502)
    #expect(error?.code == "malformed")
    if let field {
      #expect(error?.message.contains("'\(field)'") == true, "\(error?.message ?? "")")
    }
  }

  @Test func `a token of the byte zero is read and written`() throws {
    let body = #"{"choices":[{"message":{"content":"a\u0000"}}]}"#
    let answer = try ChatCompletion(decoding: Array(body.utf8))
    #expect(answer.choices[0].message.content == "a\0")
    #expect(text(answer.encoded()).contains(#""content":"a\u0000""#))
    let raw = Array("{\"choices\":[{\"message\":{\"content\":\"a\0\"}}]}".utf8)
    #expect(throws: APIError.self) { try ChatCompletion(decoding: raw) }
  }

  @Test func `too many choices are refused before they are kept`() {
    let choices = Array(repeating: "{\"message\":{}}", count: 129).joined(separator: ",")
    let error = #expect(throws: APIError.self) {
      try ChatCompletion(decoding: Array("{\"choices\":[\(choices)]}".utf8))
    }
    #expect(error?.message.contains("128") == true)
  }
}

struct APIErrorTests {
  @Test func `an error has the four fields of the API`() {
    #expect(
      text(APIError.modelNotFound("gpt\n9").encoded())
        == #"{"error":{"message":"The model 'gpt?9' does not exist or is not served here.","#
        + #""type":"invalid_request_error","param":"model","code":"model_not_found"}}"#)
    #expect(
      text(APIError.internalFailure("x").encoded())
        == #"{"error":{"message":"x","type":"server_error","param":null,"code":"internal_error"}}"#)
  }

  @Test func `each kind has its status`() {
    let errors: [(APIError, Int)] = [
      (.invalidRequest("x"), 400), (.unauthenticated("x"), 401), (.forbidden("x"), 403),
      (.modelNotFound("x"), 404), (.notFound("x"), 404), (.methodNotAllowed("x"), 405),
      (.requestTimeout("x"), 408), (.conflict("x"), 409), (.tooLarge("x"), 413),
      (.unsupportedMediaType("x"), 415), (.unprocessable("x"), 422), (.rateLimited("x"), 429),
      (.clientClosedRequest(), 499), (.internalFailure("x"), 500), (.badGateway("x"), 502),
      (.unavailable("x"), 503), (.deadlineExceeded("x"), 504),
    ]
    for (error, status) in errors { #expect(error.status == status) }
  }

  @Test(
    arguments: [
      (
        #"{"error":{"message":"Slow down","type":"requests","param":null,"code":"rate_limit"}}"#,
        "Slow down", "rate_limit"
      ),
      (#"{"error":"model is loading"}"#, "model is loading", nil),
      (
        #"{"object":"error","message":"too long","type":"BadRequestError","code":400}"#, "too long",
        "400"
      ),
      (#"{"detail":"Not Found"}"#, "Not Found", nil),
      (
        #"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#,
        "Loading model", "503"
      ),
      ("<html>bad gateway</html>", "The upstream answered with status 429.", nil),
      ("", "The upstream answered with status 429.", nil),
    ] as [(String, String, String?)])
  func `an upstream's error is understood in the usual dialects`(
    _ body: String, _ message: String, _ code: String?
  ) {
    let error = APIError(status: 429, body: Array(body.utf8))
    #expect(error.status == 429)
    #expect(error.message == message)
    #expect(error.code == code)
  }

  @Test func `an upstream's long story is cut`() {
    let body = "{\"error\":{\"message\":\"\(String(repeating: "é", count: 5_000))\"}}"
    #expect(APIError(status: 500, body: Array(body.utf8)).message.utf8.count <= 1_026)
    #expect(APIError(status: 200, body: []).status == 502)
  }

  @Test func `an error inside of a stream or a good status is an error`() {
    let event = #"{"error":{"message":"out of memory","type":"server_error","code":503}}"#
    let error = #expect(throws: APIError.self) {
      try ChatCompletionChunk(decoding: Array(event.utf8))
    }
    #expect(error?.message == "out of memory")
    #expect(error?.status == 503)
    #expect(throws: APIError.self) { try ChatCompletion(decoding: Array(event.utf8)) }
    #expect(throws: Never.self) {
      try ChatCompletion(decoding: Array(#"{"error":null,"choices":[]}"#.utf8))
    }
  }
}
