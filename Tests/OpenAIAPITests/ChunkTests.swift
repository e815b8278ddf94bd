import Testing

@testable import OpenAIAPI

struct ChunkTests {
  private func chunks(_ stream: [UInt8]) throws -> [ChatCompletionChunk] {
    var parser = ServerSentEventParser()
    var events: [ServerSentEvent] = []
    try parser.parse(stream, into: &events)
    #expect(events.last?.isDone == true)
    return try events.dropLast().map { try ChatCompletionChunk(decoding: $0.data) }
  }

  @Test func `a stream folds into the answer that would have come in one piece`() throws {
    var accumulator = ChatCompletionAccumulator()
    for (index, chunk) in try chunks(Fixture.raw("chat-stream.txt")).enumerated() {
      #expect(accumulator.isFinished == (index > 5))
      try accumulator.add(chunk)
    }
    let answer = accumulator.completion
    #expect(answer.choices[0].message.content == "Grüß dich.")
    #expect(answer.choices[0].logprobs?.content?.map(\.token) == ["Grüß", " dich."])
    #expect(
      answer.choices[1].message.toolCalls == [
        ToolCall(
          id: "call_1", call: .function(name: "look_up", arguments: #"{"word": "Ä"}"#))
      ])
    #expect(answer.choices[1].message.content == nil)
    #expect(answer.choices.map(\.finishReason) == [.stop, .toolCalls])
    #expect(answer.usage == Usage(promptTokens: 9, completionTokens: 12))
    try Fixture.expect(answer.encoded(), matches: "chat-stream.folded.json")
  }

  @Test func `a stream is written as clients read it`() throws {
    let encoder = ChunkEncoder(
      id: "chatcmpl-1", created: 1_741_569_952, model: "tiny \"1\"", systemFingerprint: "fp_1",
      includesUsage: true)
    var bytes: [UInt8] = []
    encoder.start(choice: 0, into: &bytes)
    encoder.content("Grüß\n\"dich\"", choice: 0, into: &bytes)
    encoder.content(
      " 😀", choice: 1,
      logprobs: ChatLogprobs(content: [TokenLogprob(token: " 😀", logprob: -0.5)]), into: &bytes)
    encoder.chunk(
      [
        .init(
          index: 2,
          delta: .init(toolCalls: [.init(index: 0, id: "call_1", name: "f", arguments: "")])),
        .init(index: 3, delta: .init(content: "x", reasoning: "hm"), finishReason: .length),
      ], into: &bytes)
    encoder.finish(.stop, choice: 0, into: &bytes)
    encoder.usage(Usage(promptTokens: 3, completionTokens: 4), into: &bytes)
    encoder.done(into: &bytes)
    if text(bytes).last == "\n" { bytes.removeLast() }
    try Fixture.expect(bytes, matches: "chat-stream.written.txt")
  }

  @Test func `the encoder for many chunks and the one for a single chunk agree`() throws {
    for chunk in try chunks(Fixture.raw("chat-stream.txt")) {
      let encoder = ChunkEncoder(
        id: chunk.id, created: chunk.created, model: chunk.model,
        systemFingerprint: chunk.systemFingerprint)
      var bytes: [UInt8] = []
      if let usage = chunk.usage {
        encoder.usage(usage, into: &bytes)
      } else {
        encoder.chunk(chunk.choices, into: &bytes)
      }
      #expect(text(bytes) == "data: \(text(chunk.encoded()))\n\n")
      #expect(try ChatCompletionChunk(decoding: chunk.encoded()) == chunk)
    }
  }

  @Test func `a streamed completion is written as clients read it`() throws {
    let encoder = CompletionChunkEncoder(id: "cmpl-1", created: 1_741_569_952, model: "tiny")
    var bytes: [UInt8] = []
    encoder.choice(.init(index: 0, text: "Once", finishReason: nil), into: &bytes)
    encoder.choice(.init(index: 0, text: "", finishReason: .length), into: &bytes)
    encoder.usage(Usage(promptTokens: 1, completionTokens: 2), into: &bytes)
    encoder.done(into: &bytes)
    #expect(
      text(bytes) == """
        data: {"id":"cmpl-1","object":"text_completion","created":1741569952,"model":"tiny",\
        "choices":[{"text":"Once","index":0,"logprobs":null,"finish_reason":null}]}

        data: {"id":"cmpl-1","object":"text_completion","created":1741569952,"model":"tiny",\
        "choices":[{"text":"","index":0,"logprobs":null,"finish_reason":"length"}]}

        data: {"id":"cmpl-1","object":"text_completion","created":1741569952,"model":"tiny",\
        "choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}

        data: [DONE]


        """)
  }

  @Test func `an answer without end is refused at its bound`() throws {
    var limits = ResponseLimits()
    limits.maximumBytes = 1_000
    var accumulator = ChatCompletionAccumulator(limits: limits)
    let chunk = ChatCompletionChunk(
      id: "c", created: 1, model: "m",
      choices: [.init(delta: .init(content: String(repeating: "x", count: 100)))])
    for _ in 0..<10 { try accumulator.add(chunk) }
    let error = #expect(throws: APIError.self) { try accumulator.add(chunk) }
    #expect(error?.code == "malformed")
    #expect(accumulator.completion.choices[0].message.content?.utf8.count == 1_000)
    #expect(throws: APIError.self) {
      try accumulator.add(
        ChatCompletionChunk(
          id: "c", created: 1, model: "m", choices: [.init(index: 128, delta: .init())]))
    }
  }

  @Test func `a long answer in many pieces is folded in one pass`() throws {
    // 20,000 pieces; copying what was held with each would move 2 · 10⁸ tokens.
    var accumulator = ChatCompletionAccumulator()
    let logprobs = ChatLogprobs(content: [TokenLogprob(token: "x", logprob: -1)])
    let delta = ChatCompletionChunk.Delta(
      content: "x", toolCalls: [.init(index: 0, arguments: "y")])
    let chunk = ChatCompletionChunk(
      id: "c", created: 1, model: "m", choices: [.init(delta: delta, logprobs: logprobs)])
    for _ in 0..<20_000 { try accumulator.add(chunk) }
    let choice = accumulator.completion.choices[0]
    #expect(choice.message.content?.utf8.count == 20_000)
    #expect(choice.logprobs?.content?.count == 20_000)
    #expect(
      choice.message.toolCalls.map(\.call)
        == [.function(name: "", arguments: String(repeating: "y", count: 20_000))])
  }

  @Test func `chunks of other servers are read`() throws {
    // No id in tool pieces, delta null, usage beside choices, a role that nobody knows.
    let odd =
      #"{"choices":[{"index":0,"delta":null,"finish_reason":"eos"}],"usage":"#
      + #"{"prompt_tokens":1,"total_tokens":1}}"#
    let chunk = try ChatCompletionChunk(decoding: Array(odd.utf8))
    #expect(chunk.choices[0].finishReason == .other("eos"))
    #expect(chunk.usage == Usage(promptTokens: 1, completionTokens: 0))
    let ping = #"{"choices":[{"delta":{"role":"model","content":"x"}}]}"#
    #expect(
      try ChatCompletionChunk(decoding: Array(ping.utf8)).choices[0].delta
        == .init(content: "x"))
  }
}
