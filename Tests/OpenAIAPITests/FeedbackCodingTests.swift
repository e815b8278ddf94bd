import OpenAIAPI
import Testing

/// Bodies of `POST /v1/feedback` and of its answers.
@Suite struct FeedbackCodingTests {
  private func read(_ text: String) throws -> FeedbackRequest {
    try FeedbackRequest(decoding: Array(text.utf8))
  }

  @Test func `a body is read with all it may have`() throws {
    let whole = try read(
      #"{"request_id":"r","token":"t","choice":3,"metric":"tone","value":0.25,"text":"hm"}"#)
    var expected = FeedbackRequest(requestID: "r", token: "t", value: 0.25)
    expected.choice = 3
    expected.metric = "tone"
    expected.text = "hm"
    #expect(whole == expected)
    #expect(try FeedbackRequest(decoding: whole.encoded()) == whole)
    #expect(try read(#"{"token":"t","thumbs":"up"}"#).value == 1)
    #expect(try read(#"{"token":"t","thumbs":"down"}"#).value == 0)
    // As elsewhere, null is what is not there.
    let sparse = #"{"token":"t","value":1,"thumbs":null,"choice":null,"metric":null,"text":""}"#
    #expect(try read(sparse) == FeedbackRequest(token: "t", value: 1))
  }

  @Test(
    arguments: [
      ("[]", nil), ("{", nil), (#"{"value":1}"#, "request_id"), (#"{"token":"t"}"#, "value"),
      (#"{"token":"t","value":2}"#, "value"), (#"{"token":"t","value":"1"}"#, "value"),
      (#"{"token":"t","thumbs":"up","value":1}"#, "thumbs"),
      (#"{"token":"t","tumbs":"up"}"#, "tumbs"), (#"{"token":"","value":1}"#, "token"),
      (#"{"token":1,"value":1}"#, "token"), (#"{"request_id":"a\nb","value":1}"#, "request_id"),
      (#"{"token":"t","value":1,"value":0}"#, nil), (#"{"token":"t","value":NaN}"#, nil),
    ] as [(String, String?)])
  func `a mistake is named by its field`(text: String, field: String?) throws {
    let error = #expect(throws: APIError.self) { try read(text) }
    #expect(error?.status == 400)
    #expect(error?.param == field)
  }

  @Test func `what is too long is refused`() throws {
    let long = String(repeating: "x", count: FeedbackRequest.maximumTextBytes + 1)
    let error = #expect(throws: APIError.self) {
      try read(#"{"token":"t","value":1,"text":"\#(long)"}"#)
    }
    #expect(error?.param == "text")
    let body = [UInt8](repeating: 32, count: FeedbackRequest.maximumBytes + 1)
    #expect(throws: APIError.self) { try FeedbackRequest(decoding: body) }
  }

  @Test func `an answer is read as it was written`() throws {
    for status in FeedbackResponse.Status.allCases {
      var response = FeedbackResponse(
        status: status, requestID: "r", choice: 2, metric: "feedback", value: 1, isEvidence: true,
        model: "flash", route: "assistant")
      #expect(try FeedbackResponse(decoding: response.encoded()) == response)
      response.rollout = "trial"
      response.run = 2
      response.step = 1
      response.value = 1.0 / 3
      response.model = nil
      #expect(try FeedbackResponse(decoding: response.encoded()) == response)
    }
    #expect(throws: APIError.self) { try FeedbackResponse(decoding: Array("{}".utf8)) }
  }
}
