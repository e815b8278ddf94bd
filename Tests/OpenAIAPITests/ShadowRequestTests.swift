import Testing

@testable import OpenAIAPI

struct ShadowRequestTests {
  @Test func `a shadow's copy keeps the question and loses what could cause an effect`() throws {
    let request = try ChatCompletionRequest(decoding: Fixture.bytes("chat-request-full.json"))
    let copy = try #require(request.sanitisedForShadow())
    try Fixture.expect(
      copy.encoded(model: "tiny-135m"), matches: "chat-request-full.shadow.json")
    #expect(copy.messages.map(\.content) == request.messages.map(\.content))
    #expect(copy.sampling == request.sampling)
  }

  @Test func `nothing that names a person or leaves a trace is left in the bytes`() throws {
    let request = try ChatCompletionRequest(decoding: Fixture.bytes("chat-request-full.json"))
    let bytes = text(try #require(request.sanitisedForShadow()).encoded())
    for trace in [
      "store", "metadata", "user-17", "s-17",
      "thread-3", "prompt_cache", "service_tier", "web_search", "modalities", "\"ann\"",
    ] {
      #expect(!bytes.contains(trace), "\(trace)")
    }
  }

  @Test(arguments: [
    (#"{"type":"image_url","image_url":{"url":"https://example.com/x.png"}}"#, false),
    (#"{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}"#, true),
    (#"{"type":"image_url","image_url":{"url":"database.example"}}"#, false),
    (#"{"type":"image_url","image_url":{}}"#, false),
    (#"{"type":"video_url","video_url":{"url":"file:///etc/passwd"}}"#, false),
    (#"{"type":"input_audio","input_audio":{"data":"AA==","format":"wav"}}"#, true),
    (#"{"type":"file","file":{"file_id":"file-1"}}"#, false),
    (#"{"type":"file","file":{"file_data":"data:application/pdf;base64,AA=="}}"#, true),
    (#"{"type":"text","text":"see https://example.com"}"#, true),
  ])
  func `a part that would have to be fetched is never mirrored`(
    _ part: String, _ isMirrored: Bool
  ) throws {
    let body = #"{"model":"m","messages":[{"role":"user","content":["# + part + "]}]}"
    let request = try ChatCompletionRequest(decoding: Array(body.utf8))
    #expect((request.sanitisedForShadow() != nil) == isMirrored)
  }

  /// The client runs functions, and only if it reads that they are called.
  @Test func `functions are offered to a shadow as they were to the model`() throws {
    let request = try ChatCompletionRequest(decoding: Fixture.bytes("chat-request-full.json"))
    let copy = try #require(request.sanitisedForShadow())
    #expect(!copy.tools.isEmpty && copy.tools == request.tools)
    #expect(copy.toolChoice == request.toolChoice)
    #expect(copy.parallelToolCalls == request.parallelToolCalls)
  }

  @Test func `a completion's copy loses only who asked`() throws {
    let request = try CompletionRequest(decoding: Fixture.bytes("completion-request.json"))
    var expected = request
    expected.user = nil
    #expect(request.user == "user-17")
    #expect(request.sanitisedForShadow() == expected)
  }
}
