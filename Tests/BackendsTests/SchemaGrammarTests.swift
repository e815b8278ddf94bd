import Foundation
import OpenAIAPI
import Testing

@testable import Backends
@testable import Transformer

/// Which documents a schema lets through, and which schemas are refused.
struct SchemaGrammarTests {
  private static func grammar(_ schema: String) throws -> Grammar {
    let value = try JSONValue(parsing: Array(schema.utf8))
    return try #require(
      try SchemaGrammar.grammar(of: .jsonSchema(["name": "test", "schema": value])))
  }

  private static func accepts(_ document: String, _ grammar: Grammar) -> Bool {
    var reader = GrammarReader(grammar)
    for byte in document.utf8 { reader.read(byte) }
    return reader.isComplete
  }

  private static let person =
    #"{"type":"object","properties":{"name":{"type":"string","minLength":1,"maxLength":5},"#
    + #""age":{"type":"integer"},"tags":{"type":"array","items":{"enum":["a","b",null]},"#
    + #""maxItems":2}},"required":["name","tags"],"additionalProperties":false}"#

  @Test(arguments: [
    #"{"name":"Ada","tags":[]}"#, #"{"name": "Ada", "age": -36, "tags": ["a", null]}"#,
    "{\n  \"name\": \"Ödön\",\n  \"age\": 0,\n  \"tags\": [\n    \"b\"\n  ]\n}",
    #"{"name":"\n\"\\\u0041é","tags":["a"]}"#,
  ])
  func `documents of the schema are let through`(document: String) throws {
    #expect(Self.accepts(document, try Self.grammar(Self.person)))
  }

  @Test(arguments: [
    #"{"name":"","tags":[]}"#, #"{"name":"Adaaaa","tags":[]}"#, #"{"tags":[],"name":"Ada"}"#,
    #"{"name":"Ada"}"#, #"{"name":"Ada","age":1.5,"tags":[]}"#,
    #"{"name":"Ada","age":01,"tags":[]}"#,
    #"{"name":"Ada","tags":["a","b","a"]}"#, #"{"name":"Ada","tags":["c"]}"#,
    #"{"name":"Ada","tags":[],"more":1}"#, #"{"name":"Ada","tags":[]},"#, #"{"name":"Ada",}"#,
    #" {"name":"Ada","tags":[]}"#, #"{"name":"\ud800","tags":[]}"#, "{\"name\":\"\n\",\"tags\":[]}",
    "{}", "",
  ])
  func `other documents are not`(document: String) throws {
    #expect(!Self.accepts(document, try Self.grammar(Self.person)))
  }

  /// Random documents, of any shape, as Foundation writes them.
  @Test func `any object is let through where any will do, and nothing else`() throws {
    let grammar = try #require(try SchemaGrammar.grammar(of: .jsonObject))
    for document in [
      "{}", #"{"a":{"b":[1,-2.5e-3,true,false,null,"x",[],{}]}}"#, "{\n\t\"a\": 1}", "[]", "1",
      #"{"a":1"#, #"{"a":tru}"#, #"{"a":1.}"#, #"{"a":+1}"#, #"{"a":1}}"#,
    ] {
      let isObject = document == "{}" || document.hasPrefix(#"{"a":{"b""#)
      #expect(Self.accepts(document, grammar) == isObject, "\(document)")
    }
  }

  @Test(arguments: [
    (#"{"anyOf":[{"type":"integer"},{"type":"string"}]}"#, ["12", #""x""#], ["1.5", "null"]),
    (#"{"type":["number","null"]}"#, ["1.5", "-0", "1e10", "null"], ["true", "1.e1"]),
    (#"{"type":"integer","enum":[1,2.5,"x",12]}"#, ["1", "12"], ["2.5", "2", #""x""#]),
    (#"{"const":{"a":[1,"é"]}}"#, [#"{"a":[1,"é"]}"#], [#"{"a":[1]}"#]),
    (#"{"type":"array","minItems":2,"maxItems":2}"#, [#"[1,{"a":2}]"#], ["[1]", "[1,2,3]", "[]"]),
    (#"{"type":"array","maxItems":0}"#, ["[]"], ["[1]"]),
    (#"{"type":"boolean","title":"T","description":"D","default":true}"#, ["true"], ["null"]),
    (#"{}"#, ["1", "[]", #"{"a":null}"#], ["nul"]),
    (
      #"{"type":"object","properties":{"a":true,"b":true},"additionalProperties":false}"#,
      ["{}", #"{"a":1}"#, #"{"b":1}"#, #"{"a":1,"b":2}"#], [#"{"b":1,"a":2}"#, #"{,"b":1}"#]
    ),
  ])
  func `each keyword means what it says`(
    schema: String, accepted: [String], refused: [String]
  ) throws {
    let grammar = try Self.grammar(schema)
    for document in accepted { #expect(Self.accepts(document, grammar), "\(document)") }
    for document in refused { #expect(!Self.accepts(document, grammar), "\(document)") }
  }

  @Test(arguments: [
    (#"{"type":"strin"}"#, "type"),
    (#"{"properties":{}}"#, "say its 'type'"), (#"{"type":"string","minItems":1}"#, "'minItems'"),
    (#"{"type":"object","properties":{},"required":["x"]}"#, "required"),
    (#"{"type":"string","minLength":5,"maxLength":4}"#, "above"),
    (#"{"type":"string","enum":[1]}"#, "no value"), (#"{"enum":[]}"#, "enum"), ("false", "boolean"),
    (
      #"{"anyOf":["#
        + [String](repeating: #"{"type":"string","maxLength":9999}"#, count: 4)
        .joined(separator: ",") + "]}", "states"
    ),
  ])
  func `a schema that cannot be honoured is refused with the reason`(
    schema: String, part: String
  ) {
    let error = #expect(throws: APIError.self) { try Self.grammar(schema) }
    #expect(error?.status == 400 && error?.param == "response_format")
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
  }

  // MARK: On the real weights

  @Test(arguments: [0.0, 1.5])
  func `the model writes documents of the schema, whatever the temperature`(
    temperature: Double
  ) async throws {
    let schema =
      #"{"type":"object","properties":{"city":{"type":"string","maxLength":12},"#
      + #""capital":{"type":"boolean"},"size":{"enum":["small","large"]}},"#
      + #""required":["city","capital","size"],"additionalProperties":false}"#
    let grammar = try Self.grammar(schema)
    var request = ChatCompletionRequest.greedy("Describe Paris as JSON.", maxTokens: 120)
    request.sampling.temperature = temperature
    request.sampling.seed = 5
    request.responseFormat = .jsonSchema([
      "name": "city", "schema": try JSONValue(parsing: Array(schema.utf8)),
    ])
    let answer = try await EmbeddedModel.backend().collect(Call(request, within: .seconds(120)))
    #expect(answer.finishReason() == .stop)
    #expect(Self.accepts(answer.text(), grammar), "\(answer.text())")
    let again = try await EmbeddedModel.backend().collect(Call(request, within: .seconds(120)))
    #expect(again.text() == answer.text(), "a seed reproduces")
  }

  @Test func `an answer that is cut off says so`() async throws {
    var request = ChatCompletionRequest.greedy("Tell me a story.", maxTokens: 4)
    request.responseFormat = .jsonObject
    let answer = try await EmbeddedModel.backend().collect(Call(request, within: .seconds(120)))
    #expect(answer.finishReason() == .length)
    #expect(answer.text().hasPrefix("{"))
  }
}
