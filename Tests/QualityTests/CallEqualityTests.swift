import OpenAIAPI
import Quality
import Testing

/// Whether answers call the same, and whether vectors point the same way.
@Suite struct CallEqualityTests {
  private func answer(_ calls: (String, String)..., text: String = "") -> CheckedAnswer {
    var answer = CheckedAnswer(text: text)
    answer.calls = calls.map { .init(name: $0.0, arguments: $0.1) }
    return answer
  }

  @Test(arguments: [
    (#"{"id":7,"note":"a"}"#, #"{ "note" : "a", "id" : 7 }"#, 1.0),
    (#"{"n":1}"#, #"{"n":1.0}"#, 1), (#"{"n":100}"#, #"{"n":1e2}"#, 1),
    (#"{"n":0}"#, #"{"n":-0.0}"#, 1), (#"{"n":0.5}"#, #"{"n":5e-1}"#, 1),
    (#"{"a":{"x":1,"y":[1,2]}}"#, #"{"a":{"y":[1,2],"x":1}}"#, 1),
    ("", "{}", 1), (" \n", "{}", 1), (#"{"e":"\u00e9"}"#, #"{"e":"é"}"#, 1),
    (#"{"a":[1,2]}"#, #"{"a":[2,1]}"#, 0), (#"{"n":1}"#, #"{"n":"1"}"#, 0),
    (#"{"n":1}"#, #"{"n":true}"#, 0), (#"{"n":null}"#, "{}", 0),
    // Not the same code points; and beyond 2^53, where doubles would be one.
    (#"{"e":"e\u0301"}"#, #"{"e":"é"}"#, 0),
    (#"{"n":9007199254740993}"#, #"{"n":9007199254740992}"#, 0),
    // No object, or none that is clear: letter by letter.
    (#"{"n":"#, #"{"n":"#, 1), (#"{"n":"#, #"{"n": "#, 0), ("[1]", "[1]", 1), ("[1]", "[1.0]", 0),
    (#"{"a":1,"a":2}"#, #"{"a":2}"#, 0),
  ])
  func `arguments are values of JSON`(_ first: String, _ second: String, _ expected: Double) {
    let (one, other) = (answer(("f", first)), answer(("f", second)))
    #expect(CallEquality.value(one, other) == expected)
    #expect(CallEquality.value(other, one) == expected)
  }

  @Test func `calls have no order, and each counts as often as it is there`() {
    let (f, g) = (("f", #"{"n":1}"#), ("g", "{}"))
    #expect(CallEquality.value(answer(f, g), answer(g, f)) == 1)
    #expect(CallEquality.value(answer(f, f, g), answer(f, g, g)) == 0)
    #expect(CallEquality.value(answer(f, g), answer(f)) == 0)
    #expect(CallEquality.value(answer(("f", "{}")), answer(("g", "{}"))) == 0)
  }

  @Test func `where only one calls they differ, where neither does there is nothing to say`() {
    let call = answer(("f", "{}"))
    #expect(CallEquality.value(call, answer(text: "Let me see.")) == 0)
    #expect(CallEquality.value(answer(text: "Let me see."), call) == 0)
    #expect(CallEquality.value(answer(text: "a"), answer(text: "b")) == nil)
    // What is said beside a call is looked at by others.
    #expect(CallEquality.value(answer(("f", "{}"), text: "a"), call) == 1)
  }

  @Test func `an answer that is too long is not looked at`() {
    let long = answer(
      ("f", #"{"t":"\#(String(repeating: "a", count: CheckedAnswer.maximumBytes))"}"#))
    #expect(CallEquality.value(long, long) == nil)
  }

  @Test func `who compares texts sees calls as lines`() {
    #expect(answer(("f", "{}"), ("g", "1"), text: "Well.").words == "Well.\nf {}\ng 1")
    #expect(answer(("f", "{}")).words == "f {}" && answer().words == "")
  }

  @Test(
    arguments: [
      ([1, 0], [1, 0], 1.0), ([1, 0], [3, 0], 1), ([1, 0], [0, 2], 0), ([1, 0], [-1, 0], 0),
      ([3, 4], [4, 3], 0.96), ([1e30, 1e30], [1e30, 1e30], 1), ([1e-30, 0], [1e-30, 0], 1),
    ] as [([Float], [Float], Double)])
  func `cosines are clipped at 0`(_ first: [Float], _ second: [Float], _ expected: Double) throws {
    let cosine = try #require(EmbeddingSimilarity.cosine(first, second))
    #expect(abs(cosine - expected) < 1e-12 && cosine <= 1)
  }

  @Test(
    arguments: [
      ([0, 0], [1, 0]), ([1], [1, 0]), ([], []), ([.nan, 1], [1, 1]), ([.infinity, 1], [1, 1]),
    ] as [([Float], [Float])])
  func `where there is no angle there is no cosine`(_ first: [Float], _ second: [Float]) {
    #expect(EmbeddingSimilarity.cosine(first, second) == nil)
  }
}
