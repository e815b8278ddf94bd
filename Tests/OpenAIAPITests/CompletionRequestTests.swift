import Testing

@testable import OpenAIAPI

struct CompletionRequestTests {
  @Test func `every documented field is read and written anew`() throws {
    let request = try CompletionRequest(decoding: Fixture.bytes("completion-request.json"))
    #expect(request.prompt == .texts(["Once upon", "The end"]))
    #expect(request.maxTokens == 0)
    #expect(request.echo == true)
    #expect(request.logprobs == 5)
    #expect(request.sampling.stop == ["\n"])
    #expect(request.suffix == " they lived.")
    let upstream = request.encoded(model: "tiny-135m")
    try Fixture.expect(upstream, matches: "completion-request.upstream.json")
    var again = try CompletionRequest(decoding: upstream)
    again.model = request.model
    #expect(again == request)
  }

  @Test(arguments: [
    (#""hi""#, CompletionRequest.Prompt.text("hi"), 1), (#""""#, .text(""), 1),
    (#"["a","b"]"#, .texts(["a", "b"]), 2), ("[1,2,3]", .tokens([1, 2, 3]), 1),
    ("[[1,2],[3]]", .tokenLists([[1, 2], [3]]), 2),
  ])
  func `a prompt is text or tokens, one or several`(
    _ json: String, _ prompt: CompletionRequest.Prompt, _ count: Int
  ) throws {
    let body = "{\"model\":\"m\",\"prompt\":\(json)}"
    let request = try CompletionRequest(decoding: Array(body.utf8))
    #expect(request.prompt == prompt)
    #expect(request.prompt.count == count)
    #expect(text(request.encoded()) == body)
  }

  @Test(arguments: [
    (#""prompt":[]"#, "prompt"), (#""prompt":null"#, "prompt"), (#""prompt":[1,"a"]"#, "prompt[1]"),
    (#""prompt":["a",1]"#, "prompt[1]"), (#""prompt":[-1]"#, "prompt[0]"),
    (#""prompt":[1.5]"#, "prompt[0]"), (#""prompt":[[1],[]]"#, "prompt[1]"),
    (#""prompt":[[1],["a"]]"#, "prompt[1][0]"), (#""prompt":7"#, "prompt"),
    (#""prompt":"x","logprobs":6"#, "logprobs"), (#""prompt":"x","logprobs":true"#, "logprobs"),
    (#""prompt":"x","best_of":1,"n":2"#, "best_of"),
    (#""prompt":"x","prompt_logprobs":21"#, "prompt_logprobs"),
    (#""prompt":"x","prompt_logprobs":-1"#, "prompt_logprobs"),
    (#""prompt":"x","prompt_logprobs":0,"stream":true"#, "prompt_logprobs"),
    (#""prompt":"x","best_of":2,"stream":true"#, "best_of"),
    (#""prompt":"x","max_tokens":-1"#, "max_tokens"), (#""prompt":"x","echo":1"#, "echo"),
    (#""prompt":"x","messages":[]"#, "messages"), (#""prompt":"x","tools":[]"#, "tools"),
    (#""stream":false"#, "prompt"),
  ])
  func `what makes no sense is refused by name`(_ fields: String, _ param: String) {
    let error = completionError("{\"model\":\"m\",\(fields)}")
    #expect(error?.status == 400)
    #expect(error?.param == param, "\(error?.message ?? "")")
  }

  @Test func `the tokens of all prompts share one bound`() {
    var limits = RequestLimits()
    limits.maximumPromptTokens = 3
    #expect(completionError(#"{"model":"m","prompt":[[1,2],[3]]}"#, limits: limits) == nil)
    #expect(
      completionError(#"{"model":"m","prompt":[[1,2],[3,4]]}"#, limits: limits)?.param
        == "prompt[1]")
    #expect(
      completionError(#"{"model":"m","prompt":[1,2,3,4]}"#, limits: limits)?.param == "prompt")
    limits.maximumPrompts = 1
    #expect(
      completionError(#"{"model":"m","prompt":["a","b"]}"#, limits: limits)?.param == "prompt")
  }
}
