/// What OpenAI-compatible servers say, in steps for a `ScriptedServer`.
package enum ScriptedAnswer {
  /// A whole message with a body.
  package static func message(
    status: Int = 200, _ body: String, headers: [String] = [],
    type: String = "application/json"
  ) -> ScriptedServer.Step {
    let lines =
      ["HTTP/1.1 \(status) Scripted", "content-type: \(type)"] + headers
      + ["content-length: \(body.utf8.count)", "", body]
    return .send(lines.joined(separator: "\r\n"))
  }

  /// OpenAI's error.
  package static func error(
    status: Int, _ message: String, code: String? = nil
  ) -> ScriptedServer.Step {
    let code = code.map { "\"\($0)\"" } ?? "null"
    return self.message(
      status: status,
      #"{"error":{"message":"\#(message)","type":"scripted","param":null,"code":\#(code)}}"#)
  }

  /// The head of a stream, whose body comes in chunks.
  package static let streamHead = ScriptedServer.Step.send(
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")

  /// The end of a body that came in chunks.
  package static let streamEnd = ScriptedServer.Step.send("0\r\n\r\n")

  /// Bytes of a body that comes in chunks.
  package static func piece(_ text: String) -> ScriptedServer.Step {
    .send("\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n")
  }

  /// One event.
  package static func event(_ data: String) -> ScriptedServer.Step { piece("data: \(data)\n\n") }

  /// An event with a piece of a chat answer.
  package static func token(
    _ text: String?, choice: Int = 0, finish: String? = nil
  ) -> ScriptedServer.Step {
    let delta = text.map { #"{"content":"\#($0)"}"# } ?? "{}"
    let finish = finish.map { "\"\($0)\"" } ?? "null"
    return event(
      #"{"id":"up","object":"chat.completion.chunk","created":1,"model":"up","choices":"#
        + #"[{"index":\#(choice),"delta":\#(delta),"finish_reason":\#(finish)}]}"#)
  }

  /// The event that carries the usage.
  package static func usage(_ prompt: Int, _ completion: Int) -> ScriptedServer.Step {
    event(
      #"{"id":"up","object":"chat.completion.chunk","created":1,"model":"up","choices":[],"#
        + #""usage":\#(counts(prompt, completion))}"#)
  }

  /// A whole chat answer, streamed.
  ///
  /// - Parameter pause: before each token but the first
  package static func stream(
    _ tokens: [String], promptTokens: Int = 3, pause: Duration? = nil
  ) -> [ScriptedServer.Step] {
    var steps = [streamHead]
    for (index, text) in tokens.enumerated() {
      if let pause, index > 0 { steps.append(.wait(pause)) }
      steps.append(token(text))
    }
    return steps + [
      token(nil, finish: "stop"), usage(promptTokens, tokens.count), event("[DONE]"), streamEnd,
    ]
  }

  /// A chat answer in one piece.
  package static func whole(_ text: String, promptTokens: Int = 3, tokens: Int = 2)
    -> ScriptedServer.Step
  {
    message(
      #"{"id":"up","object":"chat.completion","created":1,"model":"up","choices":[{"index":0,"#
        + #""message":{"role":"assistant","content":"\#(text)"},"finish_reason":"stop"}],"#
        + #""usage":\#(counts(promptTokens, tokens))}"#)
  }

  /// A legacy completion's answer, as the request asks for it.
  package static func completion(
    to request: ScriptedRequest, _ tokens: [String]
  ) -> [ScriptedServer.Step] {
    func body(_ text: String, _ rest: String) -> String {
      #"{"id":"up","object":"text_completion","created":1,"model":"up","choices":[{"index":0,"#
        + #""text":"\#(text)","logprobs":null,"finish_reason":\#(rest)}"#
    }
    let usage = counts(3, tokens.count)
    guard request.asksForStream else {
      return [message(body(tokens.joined(), #""stop"}],"usage":\#(usage)"#))]
    }
    return [streamHead] + tokens.map { event(body($0, "null}]")) } + [
      event(body("", #""stop"}]"#)),
      event(
        #"{"id":"up","object":"text_completion","created":1,"model":"up","choices":[],"#
          + #""usage":\#(usage)}"#), event("[DONE]"), streamEnd,
    ]
  }

  /// A chat answer in the way the request asks for.
  package static func chat(
    to request: ScriptedRequest, _ tokens: [String], pause: Duration? = nil
  ) -> [ScriptedServer.Step] {
    if request.asksForStream { return stream(tokens, pause: pause) }
    let wait = pause.map { [ScriptedServer.Step.wait($0 * max(0, tokens.count - 1))] } ?? []
    return wait + [whole(tokens.joined(), tokens: tokens.count)]
  }

  private static func counts(_ prompt: Int, _ completion: Int) -> String {
    #"{"prompt_tokens":\#(prompt),"completion_tokens":\#(completion),"#
      + #""total_tokens":\#(prompt + completion)}"#
  }
}
