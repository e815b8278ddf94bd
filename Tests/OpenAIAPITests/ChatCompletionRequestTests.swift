import Testing

@testable import OpenAIAPI

struct ChatCompletionRequestTests {
  @Test func `the smallest request has a model and a message`() throws {
    let request = try ChatCompletionRequest(
      decoding: Fixture.bytes("chat-request-minimal.json"))
    #expect(
      request == ChatCompletionRequest(model: "assistant", messages: [.init(.user, "Say hello.")]))
    #expect(
      text(request.encoded())
        == #"{"model":"assistant","messages":[{"role":"user","content":"Say hello."}]}"#)
  }

  @Test func `what the official client sends back of an answer is read`() throws {
    let request = try ChatCompletionRequest(decoding: Fixture.bytes("chat-request-python.json"))
    #expect(request.streaming == Streaming(isOn: true, includesUsage: true))
    #expect(request.messages[1].role == .assistant)
    #expect(request.messages[1].content == nil)
    #expect(request.messages[1].toolCalls.map(\.id) == ["call_abc"])
  }

  @Test func `every documented field is read`() throws {
    let request = try ChatCompletionRequest(decoding: Fixture.bytes("chat-request-full.json"))
    #expect(request.messages.map(\.role) == [.system, .developer, .user, .assistant, .tool, .user])
    #expect(request.messages[1].text == "Be brief.")
    #expect(request.messages[2].text == nil)
    #expect(request.messages[2].name == "ann")
    #expect(request.messages[3].toolCalls.map(\.name) == ["look_up"])
    #expect(request.messages[4].toolCallID == "call_1")
    #expect(request.streaming == Streaming(isOn: true, includesUsage: true))
    #expect(request.sampling.n == 2)
    #expect(request.sampling.stop == ["\n\n", "END"])
    #expect(request.sampling.seed == -42)
    #expect(request.sampling.temperature == 0.7)
    #expect(request.sampling.topP == 1)
    #expect(request.sampling.topK == 40)
    #expect(request.sampling.minP == 0.05)
    #expect(request.sampling.repetitionPenalty == 1.1)
    #expect(request.sampling.presencePenalty == -0.5)
    #expect(request.sampling.frequencyPenalty == 0.25)
    #expect(
      request.sampling.logitBias == [.init(token: 50256, bias: -100), .init(token: 11, bias: 2.5)])
    #expect(request.tokenBudget == 256)
    #expect(request.topLogprobs == 5)
    #expect(request.user == "user-17")
    #expect(request.offersTools)
    #expect(request.responseFormat != .text)
    #expect(request.metadata == ["team": "search", "run": "7"])
    #expect(request.store == true)
  }

  @Test func `what goes upstream is written anew with the upstream's name of the model`() throws {
    let request = try ChatCompletionRequest(decoding: Fixture.bytes("chat-request-full.json"))
    let upstream = request.encoded(model: "tiny-135m")
    try Fixture.expect(upstream, matches: "chat-request-full.upstream.json")
    var again = try ChatCompletionRequest(decoding: upstream)
    #expect(again.model == "tiny-135m")
    again.model = "assistant"
    #expect(again == request)
  }

  @Test func `an answer that has begun is left open, upstream as here`() throws {
    let body =
      #"{"model":"m","messages":[{"role":"user","content":"hi"},"#
      + #"{"role":"assistant","content":"Hel"}],"prompt_logprobs":3,"#
      + #""add_generation_prompt":false,"continue_final_message":true}"#
    let request = try ChatCompletionRequest(decoding: Array(body.utf8))
    #expect(request.addGenerationPrompt == false && request.continueFinalMessage == true)
    #expect(text(request.encoded()) == body)
    #expect(request.sanitisedForShadow()?.continueFinalMessage == true)
  }

  @Test func `null stands for an absent field`() throws {
    let nulls = [
      "stream", "stream_options", "n", "stop", "seed", "temperature", "top_p", "top_k", "min_p",
      "max_tokens", "max_completion_tokens", "logprobs", "top_logprobs", "presence_penalty",
      "frequency_penalty", "repetition_penalty", "logit_bias", "user", "tools", "tool_choice",
      "parallel_tool_calls", "response_format", "metadata", "store", "service_tier",
      "reasoning_effort", "safety_identifier", "prompt_cache_key", "verbosity", "audio",
      "modalities", "prediction", "web_search_options", "functions", "function_call",
      "prompt_logprobs", "add_generation_prompt", "continue_final_message",
    ].map { "\"\($0)\":null" }.joined(separator: ",")
    let request = try ChatCompletionRequest(decoding: Array(chatBody(nulls).utf8))
    #expect(request == ChatCompletionRequest(model: "m", messages: [.init(.user, "hi")]))
  }

  @Test(
    arguments: [
      (#""temperature":-1"#, "temperature", "decimal_below_min_value"),
      (#""temperature":1e9"#, "temperature", "decimal_above_max_value"),
      (#""temperature":"1""#, "temperature", "invalid_type"),
      (#""top_p":1.01"#, "top_p", "decimal_above_max_value"),
      (#""presence_penalty":2.5"#, "presence_penalty", "decimal_above_max_value"),
      (#""frequency_penalty":-3"#, "frequency_penalty", "decimal_below_min_value"),
      (#""min_p":2"#, "min_p", "decimal_above_max_value"),
      (#""repetition_penalty":0"#, "repetition_penalty", "decimal_below_min_value"),
      (#""top_k":-2"#, "top_k", "integer_below_min_value"),
      (#""n":0"#, "n", "integer_below_min_value"), (#""n":10000"#, "n", "integer_above_max_value"),
      (#""n":1e0"#, "n", "invalid_type"), (#""n":1.0"#, "n", "invalid_type"),
      (#""n":-0"#, "n", "invalid_type"), (#""n":true"#, "n", "invalid_type"),
      (#""seed":9223372036854775808"#, "seed", "integer_above_max_value"),
      (#""seed":1.5"#, "seed", "invalid_type"),
      (#""max_tokens":2147483648"#, "max_tokens", "integer_above_max_value"),
      (#""max_tokens":-1"#, "max_tokens", "integer_below_min_value"),
      (#""max_completion_tokens":0"#, "max_completion_tokens", "integer_below_min_value"),
      (#""max_tokens":1,"max_completion_tokens":2"#, "max_tokens", "invalid_value"),
      (#""stop":["a","b","c","d","e"]"#, "stop", "array_above_max_length"),
      (#""stop":["a",""]"#, "stop[1]", "empty_string"), (#""stop":7"#, "stop", "invalid_type"),
      (#""stop":["a",null]"#, "stop[1]", "invalid_type"),
      (#""stream":"true""#, "stream", "invalid_type"),
      (#""stream_options":{"include_usage":true}"#, "stream_options", "invalid_value"),
      (#""stream":true,"stream_options":{"x":1}"#, "stream_options.x", "unknown_parameter"),
      (#""top_logprobs":3"#, "top_logprobs", "invalid_value"),
      (#""logprobs":true,"top_logprobs":21"#, "top_logprobs", "integer_above_max_value"),
      (#""logprobs":5"#, "logprobs", "invalid_type"),
      (#""logit_bias":{"x":1}"#, "logit_bias", "invalid_value"),
      (#""logit_bias":{"+7":1}"#, "logit_bias", "invalid_value"),
      (#""logit_bias":{"7":101}"#, "logit_bias.7", "decimal_above_max_value"),
      (#""logit_bias":[1]"#, "logit_bias", "invalid_type"), (#""user":"""#, "user", "empty_string"),
      (#""user":"a\r\nX-Evil: 1""#, "user", "invalid_value"),
      (#""tools":{}"#, "tools", "invalid_type"), (#""tools":[{}]"#, "tools[0].type", nil),
      (#""tools":[{"type":"function"}]"#, "tools[0].function", nil),
      (#""tools":[{"type":"function","function":{}}]"#, "tools[0].function.name", nil),
      (#""tools":[{"type":"web"}]"#, "tools[0].type", "invalid_value"),
      (#""tool_choice":"auto""#, "tool_choice", "invalid_value"),
      (#""tool_choice":"any""#, "tool_choice", "invalid_value"),
      (#""response_format":{"type":"xml"}"#, "response_format.type", "invalid_value"),
      (#""response_format":{"type":"json_schema"}"#, "response_format.json_schema", nil),
      (#""metadata":{"k":1}"#, "metadata.k", "invalid_type"),
      (#""functions":[]"#, "functions", "unsupported_parameter"),
      (#""add_generation_prompt":1"#, "add_generation_prompt", "invalid_type"),
      (#""continue_final_message":true"#, "continue_final_message", "invalid_value"),
      // The last message is the user's.
      (
        #""add_generation_prompt":false,"continue_final_message":true"#, "continue_final_message",
        "invalid_value"
      ),
    ] as [(String, String, String?)])
  func `a field out of range is refused by name`(
    _ field: String, _ param: String, _ code: String?
  ) {
    let error = chatError(chatBody(field))
    #expect(error?.status == 400)
    #expect(error?.type == "invalid_request_error")
    #expect(error?.param == param)
    #expect(error?.code == code ?? "missing_required_parameter")
    #expect(error?.message.contains("'\(param)'") == true, "\(error?.message ?? "")")
  }

  @Test(arguments: [
    (#"{"messages":[{"role":"user","content":"x"}]}"#, "model"),
    (#"{"model":null,"messages":[{"role":"user","content":"x"}]}"#, "model"),
    (#"{"model":"","messages":[{"role":"user","content":"x"}]}"#, "model"),
    (#"{"model":"a\nb","messages":[{"role":"user","content":"x"}]}"#, "model"),
    (#"{"model":"m"}"#, "messages"), (#"{"model":"m","messages":[]}"#, "messages"),
    (#"{"model":"m","messages":null}"#, "messages"),
    (#"{"model":"m","messages":"hi"}"#, "messages"),
    (#"{"model":"m","messages":["hi"]}"#, "messages[0]"),
    (#"{"model":"m","messages":[{"content":"x"}]}"#, "messages[0].role"),
    (#"{"model":"m","messages":[{"role":"robot","content":"x"}]}"#, "messages[0].role"),
    (#"{"model":"m","messages":[{"role":"user"}]}"#, "messages[0].content"),
    (#"{"model":"m","messages":[{"role":"user","content":[]}]}"#, "messages[0].content"),
    (#"{"model":"m","messages":[{"role":"user","content":3}]}"#, "messages[0].content"),
    (
      #"{"model":"m","messages":[{"role":"user","content":[{"type":"text"}]}]}"#,
      "messages[0].content[0].text"
    ),
    (
      #"{"model":"m","messages":[{"role":"user","content":[{"type":"hologram"}]}]}"#,
      "messages[0].content[0].type"
    ),
    (
      #"{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":"x"}]}]}"#,
      "messages[0].content[0].file"
    ),
    (
      #"{"model":"m","messages":[{"role":"user","content":[{"type":"refusal","refusal":"x"}]}]}"#,
      "messages[0].content[0]"
    ),
    (
      #"{"model":"m","messages":[{"role":"user","content":"x","tool_call_id":"1"}]}"#,
      "messages[0].tool_call_id"
    ),
    (#"{"model":"m","messages":[{"role":"tool","content":"x"}]}"#, "messages[0].tool_call_id"),
    (
      #"{"model":"m","messages":[{"role":"user","content":"x","refusal":"no"}]}"#,
      "messages[0].refusal"
    ),
    (
      #"{"model":"m","messages":[{"role":"user","content":"x","weight":1}]}"#,
      "messages[0].weight"
    ),
    (
      #"{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"1"}]}]}"#,
      "messages[0].tool_calls[0].function"
    ),
  ])
  func `a conversation that makes no sense is refused at its place`(
    _ body: String, _ param: String
  ) {
    let error = chatError(body)
    #expect(error?.status == 400)
    #expect(error?.param == param, "\(error?.message ?? "")")
  }

  @Test(arguments: [
    "n_discard", "cache_prompt", "id_slot", "grammar", "lora", "guided_json", "extra_body",
    "prompt", "best_of", "echo",
  ])
  func `a field that the route does not know is refused by name`(_ field: String) {
    let error = chatError(chatBody("\"\(field)\":-1"))
    #expect(error?.status == 400)
    #expect(error?.code == "unknown_parameter")
    #expect(error?.param == field)
  }

  @Test func `a misspelt field is told its nearest name`() {
    #expect(
      chatError(chatBody(#""temprature":1"#))?.message
        == "Unrecognized request argument supplied: 'temprature'. Did you mean 'temperature'?")
    #expect(
      chatError(chatBody(#""max_token":1"#))?.message.hasSuffix("Did you mean 'max_tokens'?")
        == true)
    #expect(chatError(chatBody(#""zzzzzzzz":1"#))?.message.contains("mean") == false)
    let long = String(repeating: "q", count: 5_000)
    #expect((chatError(chatBody("\"\(long)\":1"))?.message.utf8.count ?? 0) < 300)
  }

  @Test func `what is wrong with the body itself is told with its place`() {
    let duplicate = chatError(#"{"model":"allowed","mod\u0065l":"forbidden","messages":[]}"#)
    #expect(duplicate?.status == 400)
    #expect(duplicate?.code == "duplicate_key")
    #expect(duplicate?.message.contains("line 1, column 20") == true)
    #expect(
      chatError(#"{"model":"m","messages":[{"role":"user","role":"system","content":"x"}]}"#)?.code
        == "duplicate_key")
    #expect(chatError("[]")?.code == "invalid_type")
    #expect(chatError("")?.code == "empty")
    var limits = RequestLimits()
    limits.maximumBodyBytes = 20
    #expect(chatError(chatBody(""), limits: limits)?.status == 413)
  }

  @Test func `the bounds of a request hold exactly`() {
    let message = #"{"role":"user","content":"x"}"#
    func body(_ count: Int) -> String {
      let messages = Array(repeating: message, count: count).joined(separator: ",")
      return "{\"model\":\"m\",\"messages\":[\(messages)]}"
    }
    #expect(chatError(body(2_048)) == nil)
    #expect(chatError(body(2_049))?.param == "messages")
    #expect(chatError(chatBody(#""n":128"#)) == nil)
    #expect(chatError(chatBody(#""n":129"#))?.param == "n")
    #expect(chatError(chatBody(#""stop":["a","b","c","d"]"#)) == nil)
    let name = String(repeating: "m", count: 257)
    #expect(
      chatError("{\"model\":\"\(name)\",\"messages\":[\(message)]}")?.code
        == "string_above_max_length")
    var narrow = RequestLimits()
    narrow.maximumChoices = 1
    #expect(chatError(chatBody(#""n":2"#), limits: narrow)?.param == "n")
  }

  @Test func `a text model reads text and refuses everything else by name`() throws {
    func refusal(_ body: String) throws -> String? {
      let request = try ChatCompletionRequest(decoding: Array(body.utf8))
      do {
        _ = try request.textMessages()
        return nil
      } catch {
        #expect(error.status == 400 && error.code == "unsupported_parameter")
        return error.param
      }
    }
    let parts = #"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"},"#
    let request = try ChatCompletionRequest(
      decoding: Array((parts + #"{"type":"text","text":"b"}]}]}"#).utf8))
    #expect(try request.textMessages() == [TextMessage(role: .user, text: "ab")])
    #expect(
      try refusal(parts + #"{"type":"image_url","image_url":{"url":"https://x/y"}}]}]}"#)
        == "messages[0].content")
    let tool = #""tools":[{"type":"function","function":{"name":"f"}}]"#
    #expect(try refusal(chatBody(tool)) == "tools")
    #expect(try refusal(chatBody(tool + #","tool_choice":"none""#)) == nil)
    #expect(try refusal(chatBody(#""response_format":{"type":"text"}"#)) == nil)
    // The form of the answer is for whoever writes it to honour or to refuse.
    #expect(try refusal(chatBody(#""response_format":{"type":"json_object"}"#)) == nil)
    #expect(try refusal(chatBody(#""modalities":["text","audio"]"#)) == "modalities")
    #expect(
      try refusal(
        #"{"model":"m","messages":[{"role":"tool","tool_call_id":"1","content":"x"}]}"#)
        == "messages[0]")
  }
}
