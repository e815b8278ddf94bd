import Testing

@testable import OpenAIAPI

/// `prompt_logprobs` on the wire, as vLLM writes it.
struct PromptLogprobsCodingTests {
  private static let field =
    #"[null,{"17":{"logprob":-0.5,"rank":1,"decoded_token":" a"},"#
    + #""4":{"logprob":-2,"rank":3,"decoded_token":" b"}}]"#

  @Test func `a chat answer has it beside its choices, and it is read as it was written`() throws {
    let body =
      #"{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"#
      + #""message":{"role":"assistant","content":"Hi","refusal":null},"logprobs":null,"#
      + #""finish_reason":"stop"}],"prompt_logprobs":\#(Self.field)}"#
    let answer = try ChatCompletion(decoding: Array(body.utf8))
    let positions = try #require(answer.choices[0].promptLogprobs).positions
    #expect(positions[0] == nil)
    #expect(positions[1]?.map(\.token) == [17, 4])
    #expect(positions[1]?[1].rank == 3 && positions[1]?[1].decodedToken == " b")
    let written = String(decoding: answer.encoded(), as: UTF8.self)
    #expect(
      written.contains(#"},"prompt_logprobs":[null,{"17":{"logprob":-0.5,"rank":1,"#)
        || written.contains(#"],"prompt_logprobs":[null,{"17":{"logprob":-0.5,"rank":1,"#))
    #expect(try ChatCompletion(decoding: answer.encoded()) == answer)
  }

  @Test func `a legacy answer has it in each choice`() throws {
    let body =
      #"{"id":"x","object":"text_completion","created":1,"model":"m","choices":[{"text":"Hi","#
      + #""index":0,"logprobs":null,"finish_reason":"stop","prompt_logprobs":\#(Self.field)}]}"#
    let answer = try Completion(decoding: Array(body.utf8))
    #expect(answer.choices[0].promptLogprobs?.positions.count == 2)
    let again = try Completion(decoding: answer.encoded())
    #expect(again == answer)
  }

  @Test(arguments: [
    #"{"5":{}}"#, #"[{"five":{"logprob":-1}}]"#, #"[{"-5":{"logprob":-1}}]"#, #"[{"5":-1}]"#,
    #"[{"5":{"logprob":"low"}}]"#,
  ])
  func `what is no such list is malformed`(field: String) {
    let body = #"{"choices":[{"text":"Hi","index":0,"prompt_logprobs":\#(field)}]}"#
    #expect(throws: APIError.self) { try Completion(decoding: Array(body.utf8)) }
  }
}
