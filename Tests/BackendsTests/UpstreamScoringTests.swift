import Backends
import Experimentation
import OpenAIAPI
import TestPeers
import Testing

/// A server that scores a given answer: what it is asked, and what is made of what it says.
struct UpstreamScoringTests {
  private static let scoring = ScoringSpecification(logprobs: 2)

  /// Tokens of a prompt, of which the first has no probability, then of an answer.
  private static let prompt = #"null,{"11":{"logprob":-2.5,"rank":9,"decoded_token":"Hi"}}"#
  private static let answer =
    #"{"21":{"logprob":-0.5,"rank":1,"decoded_token":"The"},"#
    + #""29":{"logprob":-1.5,"rank":2,"decoded_token":"A"}},"#
    + #"{"22":{"logprob":-3.0,"rank":7,"decoded_token":" sea"},"#
    + #""28":{"logprob":-0.2,"rank":1,"decoded_token":" sun"},"#
    + #""27":{"logprob":-1.9,"rank":2,"decoded_token":" sky"}}"#

  /// One that reads `prompt`, and `whole` where there is an answer behind it.
  private static func server(
    _ prompt: String = prompt, whole: String = "\(prompt),\(answer)"
  ) -> ScriptedServer.Script {
    { request in
      let isWhole = request.body.contains("The sea")
      let logprobs = #""prompt_logprobs":[\#(isWhole ? whole : prompt)]"#
      let usage = #""usage":{"prompt_tokens":\#(isWhole ? 4 : 2),"completion_tokens":1}"#
      return [
        ScriptedAnswer.message(
          request.path.hasSuffix("/chat/completions")
            ? #"{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"#
              + #""finish_reason":"length"}],\#(logprobs),\#(usage)}"#
            : #"{"model":"m","choices":[{"index":0,"text":"x","finish_reason":"length","#
              + #"\#(logprobs)}],\#(usage)}"#)
      ]
    }
  }

  private func given(_ prompt: Call.Prompt, _ text: String = "The sea") -> GivenAnswer {
    GivenAnswer(to: prompt, text, requestID: "req-7", deadline: .now + .seconds(10))
  }

  private func chat(_ change: (inout ChatCompletionRequest) -> Void = { _ in }) -> Call.Prompt {
    var request = ChatCompletionRequest("Hi")
    change(&request)
    return .chat(request)
  }

  @Test func `it reads prompt and answer in its own template, and the prompt by itself`()
    async throws
  {
    let answer = given(
      chat {
        $0.sampling.temperature = 0.3
        $0.maxTokens = 500
        $0.reasoningEffort = "low"
      })
    try await Upstream.run(scoring: Self.scoring, Self.server()) { upstream async throws in
      let scored = try #require(try await upstream.backend.score(answer))
      #expect(scored.places.map { $0.map(\.token) } == [[21, 29], [22, 28, 27]])
      #expect(scored.tokens == 3 + 5)
      let requests = upstream.server.requests
      let head = #"{"model":"org/the-real-name","messages":[{"role":"user","content":"Hi"}"#
      #expect(
        requests.map(\.body) == [
          head + #"],"temperature":1.0,"max_tokens":1,"prompt_logprobs":1,"#
            + #""reasoning_effort":"low"}"#,
          head + #",{"role":"assistant","content":"The sea"}],"temperature":1.0,"max_tokens":1,"#
            + #""prompt_logprobs":2,"add_generation_prompt":false,"continue_final_message":true,"#
            + #""reasoning_effort":"low"}"#,
        ])
      #expect(requests.allSatisfy { $0["x-shadow"] == ["1"] && $0["x-request-id"] == ["req-7"] })
    }
  }

  @Test func `a text is gone on with, and an answer that had begun too`() async throws {
    let text = given(.text(CompletionRequest(model: "assistant", prompt: .texts(["Hi"]))))
    let begun = given(
      chat {
        $0.messages.append(ChatMessage(.assistant, "The"))
        ($0.addGenerationPrompt, $0.continueFinalMessage) = (false, true)
      }, " sea")
    try await Upstream.run(scoring: Self.scoring, Self.server()) { upstream async throws in
      #expect(try await upstream.backend.score(text)?.places.count == 2)
      #expect(
        upstream.server.requests.last?.body
          == #"{"model":"org/the-real-name","prompt":"HiThe sea","temperature":1.0,"max_tokens":1,"#
          + #""prompt_logprobs":2}"#)
      // Which is nothing that this server knows how to cut.
      let error = await #expect(throws: BackendError.self) {
        try await upstream.backend.score(begun)
      }
      #expect(error?.apiError.code == "scored_text_differs")
      #expect(
        upstream.server.requests.last?.body.contains(
          #"{"role":"assistant","content":"The sea"}]"#) == true)
    }
  }

  @Test(
    arguments: [
      // The last token of the prompt goes on into the answer.
      (
        #"null,{"12":{"logprob":-2.5,"rank":9,"decoded_token":"HiThe"}},\#(answer)"#,
        "scored_prompt_differs"
      ),
      // A template that writes no answer at all.
      (prompt, "scored_prompt_differs"),
      // One that writes the end of the turn behind it.
      (
        #"\#(prompt),\#(answer),{"2":{"logprob":-1,"rank":1,"decoded_token":"</s>"}}"#,
        "scored_text_differs"
      ), (#"\#(prompt),{"21":{"logprob":-1}},{"22":{"logprob":-1}}"#, "scored_text_unspelled"),
      (#"\#(prompt),\#(answer),null"#, "scored_text_unspelled"),
    ])
  func `where the answer begins is not guessed`(_ whole: String, _ code: String) async throws {
    try await Upstream.run(scoring: Self.scoring, Self.server(whole: whole)) {
      upstream async throws in
      let error = await #expect(throws: BackendError.self) {
        try await upstream.backend.score(given(chat()))
      }
      #expect(error?.failure == .malformed && error?.apiError.code == code)
    }
  }

  @Test func `a server that leaves prompt_logprobs out is named, and what it left out`()
    async throws
  {
    let silent: ScriptedServer.Script = { ScriptedAnswer.chat(to: $0, ["one"]) }
    try await Upstream.run(scoring: Self.scoring, silent) { upstream async throws in
      let error = await #expect(throws: BackendError.self) {
        try await upstream.backend.score(given(chat()))
      }
      #expect(error?.failure == .malformed)
      #expect(error?.apiError.code == UpstreamBackend.lacksLogprobs)
      #expect(error?.apiError.message.contains("left prompt_logprobs out") == true)
      #expect(error?.apiError.message.contains("\(upstream.backend.model)") == true)
      #expect(upstream.server.requests.count == 1)
    }
  }

  @Test func `who cannot, or was not said to, is not asked`() async throws {
    try await Upstream.run(Self.server()) { upstream async throws in
      #expect(try await upstream.backend.score(given(chat())) == nil)
      #expect(upstream.backend.notes.isEmpty && upstream.server.requests.isEmpty)
    }
    var echoed = CompletionRequest(model: "assistant", prompt: .text("Hi"))
    echoed.echo = true
    let tokens = CompletionRequest(model: "assistant", prompt: .tokens([1, 2]))
    let answers = [
      given(.text(echoed)), given(.text(tokens)), given(chat(), ""),
      given(chat(), String(repeating: "a", count: 65_537)),
    ]
    try await Upstream.run(scoring: Self.scoring, Self.server()) { upstream async throws in
      for answer in answers { #expect(try await upstream.backend.score(answer) == nil) }
      #expect(upstream.server.requests.isEmpty)
      #expect(upstream.backend.notes.first?.contains("2 likeliest") == true)
    }
  }
}
