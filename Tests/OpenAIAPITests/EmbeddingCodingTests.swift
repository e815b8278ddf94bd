import Testing

@testable import OpenAIAPI

/// Requests for vectors, and answers with them.
struct EmbeddingCodingTests {
  private func request(_ body: String) throws(APIError) -> EmbeddingRequest {
    try EmbeddingRequest(decoding: Array(body.utf8))
  }

  @Test func `one text or several, in either spelling of numbers`() throws {
    let one = try request(#"{"model":"m","input":"Hi"}"#)
    #expect(one.texts == ["Hi"] && one.format == .float && one.dimensions == nil)
    let several = try request(
      #"{"input":["a","b"],"model":"m","encoding_format":"base64","dimensions":64,"user":"ann"}"#)
    #expect(several.texts == ["a", "b"] && several.format == .base64 && several.dimensions == 64)
    let upstream = text(several.encoded(model: "up/m"))
    #expect(
      upstream
        == #"{"model":"up/m","input":["a","b"],"encoding_format":"float","dimensions":64}"#,
      "nobody's name, and numbers that every server can spell")
  }

  @Test(arguments: [
    (#"{"input":"a"}"#, "model"), (#"{"model":"m"}"#, "input"),
    (#"{"model":"m","input":""}"#, "input"), (#"{"model":"m","input":[]}"#, "input"),
    (#"{"model":"m","input":["a",""]}"#, "input[1]"), (#"{"model":"m","input":[1,2]}"#, "input[0]"),
    (#"{"model":"m","input":[[1]]}"#, "input[0]"), (#"{"model":"m","input":null}"#, "input"),
    (#"{"model":"m","input":7}"#, "input"), (#"{"model":"m","input":["a",null]}"#, "input[1]"),
    (#"{"model":"m","input":"a","encoding_format":"int8"}"#, "encoding_format"),
    (#"{"model":"m","input":"a","dimensions":0}"#, "dimensions"),
    (#"{"model":"m","input":"a","stream":true}"#, "stream"),
  ])
  func `what is wrong is named`(_ body: String, _ param: String) {
    let error = #expect(throws: APIError.self) { try request(body) }
    #expect(error?.status == 400 && error?.param == param)
  }

  @Test func `more texts than the API takes are refused`() throws {
    let texts = Array(repeating: "\"a\"", count: EmbeddingRequest.maximumTexts)
    #expect(throws: Never.self) {
      try request(#"{"model":"m","input":[\#(texts.joined(separator: ","))]}"#)
    }
    let error = #expect(throws: APIError.self) {
      try request(#"{"model":"m","input":[\#((texts + ["\"a\""]).joined(separator: ","))]}"#)
    }
    #expect(error?.code == "array_above_max_length")
  }

  private static let vectors: [[Float]] = [
    [0.1, -1.5e-7, 3], [.leastNonzeroMagnitude, -.greatestFiniteMagnitude, 0],
  ]

  @Test(arguments: EmbeddingRequest.Format.allCases)
  func `an answer comes back bit by bit`(_ format: EmbeddingRequest.Format) throws {
    let list = EmbeddingList(vectors: Self.vectors, model: "m", promptTokens: 9)
    let bytes = list.encoded(format)
    #expect(try EmbeddingList(decoding: bytes, count: 2, dimensions: nil) == list)
    #expect(text(bytes).contains(#""usage":{"prompt_tokens":9,"total_tokens":9}"#))
    #expect(text(bytes).hasPrefix(#"{"object":"list","data":[{"object":"embedding","index":0,"#))
  }

  /// Little-endian, as the API has it: 1 is 00 00 80 3f.
  @Test func `base64 is of little-endian floats`() throws {
    let list = EmbeddingList(vectors: [[1, -2]], model: "m", promptTokens: nil)
    #expect(text(list.encoded(.base64)).contains(#""embedding":"AACAPwAAAMA=""#))
    #expect(text(list.encoded(.float)).contains(#""embedding":[1.0,-2.0]"#))
  }

  @Test func `vectors are put into the order of their texts`() throws {
    let body = #"{"data":[{"index":1,"embedding":[0,2]},{"index":0,"embedding":[1,0]}]}"#
    let list = try EmbeddingList(decoding: Array(body.utf8), count: 2, dimensions: 2)
    #expect(list.vectors == [[1, 0], [0, 2]] && list.promptTokens == nil)
  }

  @Test(arguments: [
    // Too few, too many, one twice, a place that no text has.
    #"{"data":[{"index":0,"embedding":[1]}]}"#,
    #"{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1]},{"index":1}]}"#,
    #"{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}"#,
    #"{"data":[{"index":0,"embedding":[1]},{"index":2,"embedding":[1]}]}"#,
    #"{"data":[{"embedding":[1]},{"index":1,"embedding":[1]}]}"#,
    // Of different dimensions, without any, without direction.
    #"{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1,2]}]}"#,
    #"{"data":[{"index":0,"embedding":[]},{"index":1,"embedding":[]}]}"#,
    #"{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[0.0]}]}"#,
    // No floats: beyond the range, words, base64 that is none, or of half a float, or of a NaN.
    #"{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1e300]}]}"#,
    #"{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":["a"]}]}"#,
    #"{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[null]}]}"#,
    #"{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":"AACA"}]}"#,
    #"{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":"AACAPx=="}]}"#,
    #"{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":"AADAfw=="}]}"#,
    #"{"data":{}}"#, #"{"object":"list"}"#, "[]", "nonsense",
  ])
  func `an answer that is not what was asked for is malformed`(_ body: String) {
    let error = #expect(throws: APIError.self) {
      try EmbeddingList(decoding: Array(body.utf8), count: 2, dimensions: nil)
    }
    #expect(error?.code == "malformed" && error?.status == 502)
  }

  @Test func `other dimensions than were asked for are malformed`() {
    let body = #"{"data":[{"index":0,"embedding":[1,2]}]}"#
    #expect(throws: APIError.self) {
      try EmbeddingList(decoding: Array(body.utf8), count: 1, dimensions: 3)
    }
  }

  /// RFC 4648, section 10.
  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
    ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
  ])
  func `base64 has one spelling`(_ plain: String, _ coded: String) {
    #expect(Base64.standard.encode(plain.utf8) == coded)
    #expect(Base64.standard.decode(coded.utf8) == Array(plain.utf8))
    for wrong in ["Zh==", "Zg=", "Zg", "Z===", "====", "Zm8=Zm8=", "Zm9v\n", "Zm-v", "=m8="] {
      #expect(Base64.standard.decode(wrong.utf8) == nil, "\(wrong)")
    }
  }
}
