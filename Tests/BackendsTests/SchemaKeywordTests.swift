import Foundation
import OpenAIAPI
import Testing

@testable import Backends
@testable import Transformer

/// What references, merged schemas, bounds and patterns let through, and what is refused of them.
struct SchemaKeywordTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let schema: String
    let accepted: [String]
    let refused: [String]
    var testDescription: String { schema }

    init(_ schema: String, _ accepted: [String], _ refused: [String]) {
      self.schema = schema
      self.accepted = accepted
      self.refused = refused
    }
  }

  static func grammar(_ schema: String) throws -> Grammar {
    let value = try JSONValue(parsing: Array(schema.utf8))
    return try #require(
      try SchemaGrammar.grammar(of: .jsonSchema(["name": "test", "schema": value])))
  }

  static func accepts(_ document: String, _ grammar: Grammar) -> Bool {
    var reader = GrammarReader(grammar)
    for byte in document.utf8 { reader.read(byte) }
    return reader.isComplete
  }

  private func check(_ example: Case) throws {
    let grammar = try Self.grammar(example.schema)
    for document in example.accepted {
      let isAccepted = Self.accepts(document, grammar)
      #expect(isAccepted, "\(document)")
    }
    for document in example.refused {
      let isAccepted = Self.accepts(document, grammar)
      #expect(!isAccepted, "\(document)")
    }
  }

  @Test(arguments: [
    Case(
      ##"{"$ref":"#/$defs/a","$defs":{"a":{"type":"integer"}}}"##, ["1"], ["null", "1.5"]),
    Case(
      ##"{"type":"object","properties":{"x":{"$ref":"#/definitions/a~1b"}},"required":["x"],"##
        + ##""definitions":{"a/b":{"enum":["y"]}}}"##,
      [#"{"x":"y"}"#], [#"{"x":1}"#, "{}"]),
    // A tree, of nodes in nodes.
    Case(
      ##"{"$defs":{"node":{"type":"object","properties":{"v":{"type":"integer"},"##
        + ##""next":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]}},"##
        + ##""required":["v","next"]}},"$ref":"#/$defs/node"}"##,
      [#"{"v":1,"next":null}"#, #"{"v":1,"next":{"v":2,"next":{"v":3,"next":null}}}"#],
      [#"{"v":1}"#, #"{"v":1,"next":{"v":2}}"#]),
    Case(
      ##"{"type":"object","properties":{"v":{"type":"boolean"},"c":{"type":"array","items":"##
        + ##"{"$ref":"#"}}},"required":["v"]}"##,
      [#"{"v":true}"#, #"{"v":true,"c":[{"v":false,"c":[]},{"v":true}]}"#],
      [#"{"v":true,"c":[1]}"#]),
    // An optional member that nothing finite satisfies is never begun.
    Case(
      ##"{"type":"object","properties":{"a":{"$ref":"#/$defs/e"},"b":{"type":"null"}},"##
        + ##""$defs":{"e":{"type":"object","properties":{"e":{"$ref":"#/$defs/e"}},"##
        + ##""required":["e"]}}}"##,
      [#"{"b":null}"#, "{}"], [#"{"a"#]),
  ])
  func `references lead to places in the schema`(example: Case) throws { try check(example) }

  @Test(arguments: [
    Case(
      #"{"allOf":[{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]},"#
        + #"{"type":"object","properties":{"b":{"type":"null"}},"required":["b"]}]}"#,
      [#"{"a":1,"b":null}"#], [#"{"a":1}"#, #"{"b":null}"#]),
    Case(
      #"{"allOf":[{"type":["integer","null"]},{"type":"number"}]}"#, ["1"], ["null", "1.5"]),
    Case(
      #"{"allOf":[{"type":"string","minLength":1},{"minLength":2},{"maxLength":3}]}"#,
      [#""ab""#, #""abc""#], [#""a""#, #""abcd""#]),
    Case(#"{"allOf":[{"enum":[1,2,3]},{"enum":[2,3,4]}]}"#, ["2", "3"], ["1", "4"]),
    // The same property on both sides; one that the other side does not allow.
    Case(
      #"{"allOf":[{"type":"object","properties":{"a":{"type":"integer","minimum":3}},"#
        + #""additionalProperties":false},{"type":"object","properties":"#
        + #"{"a":{"maximum":4},"b":{"type":"null"}},"required":["a"]}]}"#,
      [#"{"a":3}"#, #"{"a":4}"#], [#"{"a":2}"#, #"{"a":5}"#, #"{"a":3,"b":null}"#]),
    Case(
      ##"{"$ref":"#/$defs/a","minimum":5,"$defs":{"a":{"type":"integer","maximum":6}}}"##,
      ["5", "6"], ["4", "7"]),
    Case(
      ##"{"allOf":[{"$ref":"#/$defs/a"}],"description":"D","$defs":{"a":{"type":"null"}}}"##,
      ["null"], ["1"]),
    Case(
      #"{"type":"integer","anyOf":[{"maximum":-3},{"minimum":3}]}"#, ["-3", "3", "10"],
      ["0", "2", "-2", "3.0"]),
    Case(
      #"{"allOf":[{"anyOf":[{"type":"integer"},{"type":"null"}]},"#
        + #"{"anyOf":[{"type":"number"},{"type":"string"}]}]}"#.replacing(
          #"{"type":"string"}]}]}"#, with: #"{"type":["null","number"]}]}]}"#),
      ["1", "null"], ["1.5", #""a""#]),
  ])
  func `schemas that must all hold become one`(example: Case) throws { try check(example) }

  @Test(arguments: [
    Case(
      #"{"type":"object","additionalProperties":{"type":"integer"}}"#,
      ["{}", #"{"a":1,"b":-2}"#], [#"{"a":null}"#]),
    Case(
      #"{"type":"object","properties":{"a":{"type":"null"}},"additionalProperties":"#
        + #"{"type":"integer"}}"#,
      ["{}", #"{"a":null}"#], [#"{"a":1}"#]),
    Case(#"{"type":"object","properties":{},"additionalProperties":false}"#, ["{}"], [#"{"a":1}"#]),
  ])
  func `additional members have a schema of their own`(example: Case) throws { try check(example) }

  @Test(arguments: [
    Case(
      #"{"type":"string","pattern":"^[a-c]{2,3}$"}"#, [#""ab""#, #""ccc""#], [#""a""#, #""abd""#]),
    Case(
      #"{"type":"string","pattern":"b+"}"#, [#""b""#, #""abba""#, #""éb""#], [#""""#, #""a""#]),
    Case(
      #"{"type":"string","pattern":"^(?:ab|c(d|e)?)*\\\\?$"}"#,
      [#""""#, #""abcdc""#, #""ab\\""#], [#""a""#, #""d""#]),
    Case(
      #"{"type":"string","pattern":"^[^a\"]$"}"#, [#""b""#, #""é""#, #""\\""#],
      [#""a""#, #""\"""#]),
    Case(
      #"{"type":"string","pattern":"^\\d\\D\\w.\\.$"}"#, [#""1a_é.""#],
      [#""11_e.""#, #""1a_e,""#]),
    Case(
      #"{"type":"string","pattern":"^é[+\\-*]$"}"#, [#""é-""#, #""é+""#],
      [#""e-""#, #""é,""#]),
    Case(
      #"{"type":"string","format":"date"}"#, [#""2024-02-29""#, #""1999-12-31""#],
      [#""2023-02-29""#, #""2023-13-01""#, #""2023-04-31""#, #""1900-02-29""#, #""2023-1-1""#]),
    Case(
      #"{"type":"string","format":"date-time"}"#,
      [#""2024-05-06T07:08:09Z""#, #""2024-05-06T23:59:59.125+02:00""#],
      [#""2024-05-06 07:08:09Z""#, #""2024-05-06T24:00:00Z""#, #""2024-05-06T07:08:09""#]),
    Case(
      #"{"type":"string","format":"uuid"}"#, [#""123e4567-e89b-12d3-a456-426614174000""#],
      [#""123e4567e89b12d3a456426614174000""#]),
    Case(
      #"{"type":"string","format":"email"}"#, [#""ada.l@example.org""#, #""a@b.c""#],
      [#""ada""#, #""a@b""#, #""@b.c""#, #""a..b@c.d""#]),
    Case(
      #"{"type":"string","format":"ipv4"}"#, [#""0.10.200.255""#],
      [#""256.1.1.1""#, #""01.1.1.1""#]),
    Case(
      #"{"type":"string","format":"hostname"}"#, [#""a""#, #""x-1.example.org""#],
      [#""-a""#, #""a.""#]),
  ])
  func `patterns and formats hold strings`(example: Case) throws { try check(example) }

  /// Every whole number near the bounds, against comparing.
  @Test(
    arguments: [
      (0, 255), (-40, 7), (13, 1_004), (-1_300, -98), (7, 7), (99, 100), (nil, -5), (995, nil),
      (-1, nil), (nil, 0),
    ] as [(Int?, Int?)])
  func `bounds hold integers and numbers exactly`(least: Int?, most: Int?) throws {
    func schema(_ type: String, _ low: String, _ high: String) -> String {
      let bounds = [least.map { "\"\(low)\":\($0)" }, most.map { "\"\(high)\":\($0)" }]
      return "{\"type\":\"\(type)\"," + bounds.compactMap { $0 }.joined(separator: ",") + "}"
    }
    let integers = try Self.grammar(schema("integer", "minimum", "maximum"))
    let numbers = try Self.grammar(schema("number", "minimum", "maximum"))
    let between =
      least.map { $0 == most } == true
      ? nil
      : try Self.grammar(
        schema("number", "exclusiveMinimum", "exclusiveMaximum"))
    for value in Set([least, most].compactMap { $0 }.flatMap { ($0 - 25)...($0 + 25) }) {
      let isInside = value >= least ?? Int.min && value <= most ?? Int.max
      #expect(Self.accepts("\(value)", integers) == isInside, "\(value)")
      for (fraction, part) in [("", 0.0), (".0", 0), (".5", 0.5), (".001", 0.001)] {
        let text = "\(value)\(fraction)"
        let number = value < 0 ? Double(value) - part : Double(value) + part
        let (low, high) = (least.map(Double.init), most.map(Double.init))
        #expect(
          Self.accepts(text, numbers)
            == (number >= low ?? -.infinity && number <= high ?? .infinity), "\(text)")
        if let between {
          #expect(
            Self.accepts(text, between)
              == (number > low ?? -.infinity && number < high ?? .infinity), "\(text) between")
        }
      }
      #expect(!Self.accepts("0\(abs(value))", integers) || value == 0)
    }
  }

  @Test(arguments: [
    (##"{"$ref":"#/$defs/a"}"##, "#/$ref", "nothing at"),
    (##"{"$ref":"https://a.example/b"}"##, "#/$ref", "JSON pointers"),
    (##"{"$ref":"#"}"##, "#", "refers to itself"),
    (
      ##"{"anyOf":[{"$ref":"#/$defs/a"},{"type":"null"}],"$defs":{"a":{"$ref":"#"}}}"##, "#",
      "refers to itself"
    ),
    (##"{"allOf":[{"$ref":"#"},{"type":"null"}]}"##, "#/allOf/0/$ref", "comes back to itself"),
    (
      ##"{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}"##, "#", "finite"
    ),
    (
      ##"{"type":"object","properties":{"a":{"allOf":[{"$ref":"#"},{"type":"object"}]}}}"##,
      "", "deep"
    ),
    (#"{"allOf":[{"type":"null"},{"type":"string"}]}"#, "#", "no document"),
    (
      #"{"allOf":[{"type":"string","pattern":"a"},{"pattern":"b"}]}"#, "#/allOf/1/pattern",
      "together"
    ),
    (#"{"type":"integer","minimum":0.5}"#, "#/minimum", "whole"),
    (#"{"type":"integer","minimum":3,"maximum":2}"#, "#", "no integer"),
    (#"{"type":"number","exclusiveMinimum":1,"maximum":1}"#, "#", "no number"),
    (#"{"type":"integer","multipleOf":2}"#, "#/multipleOf", "'minimum'"),
    (#"{"oneOf":[{"type":"null"}]}"#, "#/oneOf", "'anyOf'"),
    (
      #"{"type":"object","properties":{"a/b":{"type":"string","format":"regex"}}}"#,
      "#/properties/a~1b/format", "'date-time'"
    ),
    (#"{"type":"string","pattern":"(?=a)b"}"#, "#/pattern", "groups"),
    (#"{"type":"string","pattern":"(a)\\1"}"#, "#/pattern", #"'\1'"#),
    (#"{"type":"string","pattern":"\\bword"}"#, "#/pattern", #"'\b'"#),
    (#"{"type":"string","pattern":"a{2"}"#, "#/pattern", "'{n,m}'"),
    (#"{"type":"string","pattern":"a*?"}"#, "#/pattern", "lazy"),
    (#"{"type":"string","pattern":"^a|b$"}"#, "#/pattern", "group"),
    (#"{"type":"string","pattern":"[z-a]"}"#, "#/pattern", "downwards"),
    (#"{"type":"string","pattern":"[aé]"}"#, "#/pattern", "printable ASCII"),
    (#"{"type":"string","pattern":"[a-é]"}"#, "#/pattern", "printable ASCII"),
    (#"{"type":"string","pattern":"\n"}"#, "#/pattern", "control characters"),
    (#"{"type":"string","pattern":"a^b"}"#, "#/pattern", "beginning"),
    (#"{"type":"string","pattern":"(a|b$)"}"#, "#/pattern", "end"),
    (#"{"type":"string","pattern":"(?i)a"}"#, "#/pattern", "groups"),
    (#"{"type":"string","pattern":"(a{100}){100}"}"#, "#/pattern", "multiply"),
    (#"{"type":"string","pattern":"a","maxLength":3}"#, "#/maxLength", "'pattern'"),
    (#"{"type":"string","format":"uuid","minLength":3}"#, "#/minLength", "'format'"),
    (#"{"type":"object","additionalProperties":3}"#, "#/additionalProperties", "an integer"),
    (
      #"{"type":"object","properties":{"a":{"type":"string","pattern":"("}}}"#,
      "#/properties/a/pattern", "closed"
    ),
  ])
  func `what cannot be honoured is refused with its place`(
    schema: String, place: String, part: String
  ) {
    let error = #expect(throws: APIError.self) { try Self.grammar(schema) }
    #expect(error?.status == 400 && error?.param == "response_format")
    #expect(error?.code == "invalid_json_schema")
    // What is nested without end has a place as long as the bound is deep.
    let isPlaced = place.isEmpty || error?.message.contains("at '\(place)'") == true
    #expect(isPlaced, "\(error?.message ?? "")")
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
  }

  /// Short schemas that stand for very long ones, or for very deep ones.
  @Test func `a schema that would take for ever is refused soon`() {
    let wide = (0..<30).map { "\"a\($0)\":true" }.joined(separator: ",")
    let doubling = (0..<40).map { number in
      ##""d\##(number)":{"allOf":[{"$ref":"#/$defs/d\##(number + 1)"},"##
        + ##"{"$ref":"#/$defs/d\##(number + 1)"}]}"##
    }.joined(separator: ",")
    let choices = (0..<5).map { set in
      let bounds = (0..<200).map { #"{"type":"integer","minimum":\#(set * 1_000 + $0)}"# }
      return #"{"anyOf":["# + bounds.joined(separator: ",") + "]}"
    }
    for schema in [
      ##"{"$ref":"#/$defs/d0","$defs":{"##
        + doubling + ##","d40":{"type":"object","properties":{"## + wide + "}}}}",
      #"{"allOf":["# + choices.joined(separator: ",") + "]}",
    ] {
      // What has no bound takes hours.
      #expect(throws: APIError.self) { _ = try Self.grammar(schema) }
    }
  }

  // MARK: On the real weights

  /// Whatever the model would rather say: the answer is checked by hand, not by the grammar.
  @Test(arguments: [0.0, 1.5])
  func `the model writes documents of a schema with references, bounds and formats`(
    temperature: Double
  ) async throws {
    let schema = ##"""
      {"$defs":{"person":{"type":"object","properties":{
        "age":{"type":"integer","minimum":18,"maximum":99},
        "born":{"type":"string","format":"date"},
        "code":{"type":"string","pattern":"^[A-Z]{3}-[0-9]{2}$"},
        "friend":{"anyOf":[{"type":"null"},{"$ref":"#/$defs/friend"}]}},
        "required":["age","born","code","friend"]},
        "friend":{"type":"object","properties":{"score":{"type":"number","minimum":0,"maximum":1}},
        "required":["score"]}},
       "allOf":[{"$ref":"#/$defs/person"}]}
      """##
    var request = ChatCompletionRequest.greedy("Describe Ada as JSON.", maxTokens: 160)
    request.sampling.temperature = temperature
    request.sampling.seed = 7
    request.responseFormat = .jsonSchema([
      "name": "person", "schema": try JSONValue(parsing: Array(schema.utf8)),
    ])
    let answer = try await EmbeddedModel.backend().collect(Call(request, within: .seconds(120)))
    #expect(answer.finishReason() == .stop)
    let text = answer.text()
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "\(text)")
    let age = try #require(object["age"] as? Int)
    #expect((18...99).contains(age))
    let born = try #require(object["born"] as? String)
    let parts = born.split(separator: "-").compactMap { Int($0) }
    #expect(
      parts.count == 3 && (1...12).contains(parts[1]) && (1...31).contains(parts[2]), "\(born)")
    let code = try #require(object["code"] as? String)
    #expect(code.wholeMatch(of: /[A-Z]{3}-[0-9]{2}/) != nil, "\(code)")
    if let friend = object["friend"] as? [String: Any] {
      let score = try #require(friend["score"] as? Double)
      #expect((0...1).contains(score))
    } else {
      #expect(object["friend"] is NSNull)
    }
  }
}
