import Testing

@testable import OpenAIAPI

struct JSONWriterTests {
  @Test func `output is compact and in order`() {
    let value: JSONValue = [
      "b": [1, 2.5, "x", nil, true, false, [], [:]], "a": ["k": -7], "big": 1e300,
    ]
    #expect(
      text(value.encoded())
        == #"{"b":[1,2.5,"x",null,true,false,[],{}],"a":{"k":-7},"big":1e+300}"#)
  }

  @Test func `strings escape what JSON requires and nothing else`() {
    let value = JSONValue.string("\"\\/\u{0}\u{8}\u{1F}\n\r\t\u{7F}é😀\u{2028}")
    #expect(
      text(value.encoded())
        == "\"\\\"\\\\/\\u0000\\u0008\\u001f\\n\\r\\t\u{7F}é😀\u{2028}\"")
  }

  @Test func `numbers that are not finite become null`() {
    let value: JSONValue = [.double(.nan), .double(.infinity), .double(-.infinity), .double(-0.0)]
    #expect(text(value.encoded()) == "[null,null,null,-0.0]")
  }

  @Test func `integers are written to the last one`() throws {
    for integer in [0, 1, -1, 9, 10, 99, 100, Int64.max, Int64.min] {
      #expect(text(JSONValue.integer(integer).encoded()) == String(integer))
    }
  }

  @Test func `a lent buffer keeps what it held`() {
    var bytes = Array("before ".utf8)
    JSONWriter.append(to: &bytes) { writer in
      writer.beginArray()
      writer.value("x")
      writer.value(1)
      writer.endArray()
    }
    #expect(text(bytes) == #"before ["x",1]"#)
  }

  @Test func `what is written is read back the same`() throws {
    var random = Seeded(11)
    for _ in 0..<2_000 {
      let value = randomValue(depth: 0, using: &random)
      let bytes = value.encoded()
      let back = try JSONValue(parsing: bytes)
      #expect(back == value)
      #expect(back.encoded() == bytes)
    }
  }
}

/// Any value without NUL, with unique keys and no more than five levels.
func randomValue(depth: Int, using random: inout Seeded) -> JSONValue {
  switch Int.random(in: 0..<(depth < 5 ? 8 : 6), using: &random) {
  case 0: return .null
  case 1: return .bool(Bool.random(using: &random))
  case 2:
    return .integer(
      Int64(truncatingIfNeeded: random.next() >> Int.random(in: 0..<64, using: &random)))
  case 3:
    let double = Double(bitPattern: random.next())
    return .double(double.isFinite ? double : 0.5)
  case 4, 5: return .string(randomText(using: &random))
  case 6:
    return .array(
      (0..<Int.random(in: 0..<5, using: &random)).map { _ in
        randomValue(depth: depth + 1, using: &random)
      })
  default:
    let members = (0..<Int.random(in: 0..<25, using: &random)).map { index in
      JSONObject.Member(
        "\(index)\(randomText(using: &random))",
        randomValue(depth: depth + (index < 3 ? 1 : 5), using: &random))
    }
    return .object(JSONObject(members))
  }
}

func randomText(using random: inout Seeded) -> String {
  let alphabet: [UnicodeScalar] = [
    "a", "b", " ", "\"", "\\", "/", "\n", "\u{1}", "\u{1F}", "\u{7F}", "é", "€", "😀", "\u{301}",
    "\u{FFFD}", "\u{2028}", "\u{10FFFF}", "\u{E000}",
  ]
  var text = ""
  for _ in 0..<Int.random(in: 0..<30, using: &random) {
    text.unicodeScalars.append(alphabet[Int.random(in: 0..<alphabet.count, using: &random)])
  }
  return text
}
