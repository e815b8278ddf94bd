import Testing

@testable import OpenAIAPI

struct JSONParserTests {
  @Test func `values keep their kinds and members keep their order`() throws {
    let value = try json(
      #" {"z":1,"a":1.0,"e":1e3,"s":"é","t":true,"f":false,"n":null,"l":[ ],"o":{ }} "#)
    let expected: JSONValue = [
      "z": 1, "a": 1.0, "e": 1_000.0, "s": "é", "t": true, "f": false, "n": nil, "l": [], "o": [:],
    ]
    #expect(value == expected)
    guard case .object(let object) = value else { throw JSONTestFailure.notAnObject }
    #expect(object.members.map(\.key) == ["z", "a", "e", "s", "t", "f", "n", "l", "o"])
  }

  @Test(arguments: [
    ("0", 0), ("-1", -1), ("9223372036854775807", Int64.max),
    ("-9223372036854775808", Int64.min), ("1234567890123", 1_234_567_890_123),
  ])
  func `whole numbers within 64 bits are integers`(_ document: String, _ value: Int64) throws {
    #expect(try json(document) == .integer(value))
  }

  @Test(arguments: [
    ("1.0", 1.0), ("1e3", 1_000), ("-0", -0.0), ("9223372036854775808", 9_223_372_036_854_775_808),
    ("0.1", 0.1), ("123456789.123456789", 123456789.123456789),
    ("5e-324", Double.leastNonzeroMagnitude),
    ("1e-400", 0), ("2.2250738585072014e-308", Double.leastNormalMagnitude),
    ("1.7976931348623157e308", 1.7976931348623157e308), ("1E+2", 100), ("3e22", 3e22),
    ("3e23", 3e23), ("0.000000000000000000000000001", 1e-27), ("0e999999999999", 0),
    ("9007199254740993", 9_007_199_254_740_992), ("-12.5", -12.5),
  ])
  func `other numbers are the nearest double`(_ document: String, _ value: Double) throws {
    switch try json(document) {
    case .double(let double):
      #expect(double == value)
      #expect(double.sign == value.sign)
    case .integer(let integer): #expect(Double(integer) == value && document == "9007199254740993")
    default: Issue.record("not a number")
    }
  }

  @Test func `every double is read back bit for bit`() throws {
    var random = Seeded(7)
    for _ in 0..<20_000 {
      let double = Double(bitPattern: random.next())
      guard double.isFinite else { continue }
      let bytes = JSONValue.double(double).encoded()
      guard case .double(let back) = try JSONValue(parsing: bytes) else {
        Issue.record("\(double) came back as an integer")
        return
      }
      #expect(back.bitPattern == double.bitPattern, "\(text(bytes))")
    }
  }

  @Test(arguments: [
    (#""a\"\\\/\b\f\n\r\t""#, "a\"\\/\u{8}\u{C}\n\r\t"), (#""\u0041\u00e9\u20AC""#, "Aé€"),
    (#""\ud83d\ude00!""#, "😀!"), (#""é😀 日本""#, "é😀 日本"), ("\"\u{7F}\u{2028}\"", "\u{7F}\u{2028}"),
    (#""""#, ""),
  ])
  func `escapes become what they stand for`(_ document: String, _ expected: String) throws {
    #expect(try json(document) == .string(expected))
  }

  @Test func `a quote is found wherever it stands in a machine word`() throws {
    for length in 0..<40 {
      let plain = String(repeating: "x", count: length)
      #expect(try json("\"\(plain)\"") == .string(plain))
      #expect(try json("\"\(plain)\\n\(plain)é\"") == .string("\(plain)\n\(plain)é"))
      #expect(jsonError("\"\(plain)\u{1F}\"")?.code == .controlCharacter)
      #expect(jsonError("\"\(plain)\u{1F}\"")?.offset == length + 1)
    }
  }

  @Test(arguments: [
    ("", JSONError.Code.empty, 0), ("  \n ", .empty, 4), ("{", .unexpectedEnd, 1),
    (#"{"a""#, .unexpectedEnd, 4), (#"{"a":"#, .unexpectedEnd, 5), ("[1", .unexpectedEnd, 2),
    (#""abc"#, .unexpectedEnd, 4), (#""abc\"#, .unexpectedEnd, 5), ("tru", .unexpectedEnd, 3),
    ("1 2", .trailingBytes, 2), ("{}{}", .trailingBytes, 2), ("nulll", .trailingBytes, 4),
    ("[1,]", .trailingComma, 2), (#"{"a":1,}"#, .trailingComma, 6), ("[,1]", .unexpectedByte, 1),
    ("[1 2]", .unexpectedByte, 3), ("{a:1}", .unexpectedByte, 1), ("['a']", .unexpectedByte, 1),
    (#"{"a" 1}"#, .unexpectedByte, 5), ("[1}", .unexpectedByte, 2), ("True", .unexpectedByte, 0),
    ("// x\n1", .comment, 0), ("[1, /* x */ 2]", .comment, 4), ("1 // x", .comment, 2),
    ("# x", .comment, 0), ("NaN", .notANumber, 0), ("[Infinity]", .notANumber, 1),
    ("-Infinity", .notANumber, 1), ("1e400", .numberOutOfRange, 0),
    ("-1e400", .numberOutOfRange, 0), ("[1e999999999999999999]", .numberOutOfRange, 1),
    ("01", .malformedNumber, 0), ("-", .malformedNumber, 0), ("1.", .malformedNumber, 0),
    (".5", .malformedNumber, 0), ("+1", .malformedNumber, 0), ("1e", .malformedNumber, 0),
    ("1e+", .malformedNumber, 0), ("0x10", .trailingBytes, 1), (#""\x""#, .malformedEscape, 1),
    (#""\u12g4""#, .malformedEscape, 1), (#""\ud800""#, .loneSurrogate, 1),
    (#""\udc00""#, .loneSurrogate, 1), (#""\ud800\u0041""#, .loneSurrogate, 1),
    (#""\ud800\ud800""#, .loneSurrogate, 1), (#""a\u0000""#, .nul, 2), ("\"a\0\"", .nul, 2),
    ("\0", .nul, 0), ("1\0", .trailingBytes, 1), ("\"a\nb\"", .controlCharacter, 2),
    ("\u{FEFF}{}", .byteOrderMark, 0), ("{}\u{FEFF}", .trailingBytes, 2),
    ("\u{A0}1", .unexpectedByte, 0),
  ])
  func `what is not JSON is refused with its kind and place`(
    _ document: String, _ code: JSONError.Code, _ offset: Int
  ) {
    let error = jsonError(document)
    #expect(error?.code == code)
    #expect(error?.offset == offset)
  }

  @Test(
    arguments: [
      [0x80], [0xC0, 0x80], [0xC3], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80],
      [0xF4, 0x90, 0x80, 0x80],
      [0xF8], [0xFF], [0xE2, 0x82],
    ] as [[UInt8]])
  func `bytes that are not UTF-8 are refused where they stand`(_ broken: [UInt8]) {
    for before in ["", "é plain text that is longer than a word "] {
      for after in ["", "x", #"\n and \u00e9"#] {
        let start = Array("[\"\(before)".utf8)
        let error = jsonError(start + broken + Array("\(after)\"]".utf8))
        #expect(error?.code == .invalidUTF8)
        #expect(error?.offset == start.count)
      }
    }
    #expect(jsonError(broken) != nil)
  }

  @Test(arguments: [
    (#"{"model":"a","model":"b"}"#, 13, "model"),
    (#"{"model":"a","mod\u0065l":"b"}"#, 13, "model"),
    (#"{"a":{"x":1,"y":2,"\u0078":3}}"#, 18, "x"),
    (#"[{"role":"user","r\u006fle":"system"}]"#, 16, "role"),
  ])
  func `an object has each key once however it is escaped`(
    _ document: String, _ offset: Int, _ key: String
  ) {
    let error = jsonError(document)
    #expect(error?.code == .duplicateKey)
    #expect(error?.offset == offset)
    #expect(error?.reason.contains("'\(key)'") == true)
  }

  @Test func `keys that differ only in Unicode normalisation are two keys`() throws {
    #expect(jsonError("{\"\u{E9}\":1,\"e\u{301}\":2}") == nil)
    let filler = (0..<40).map { "\"k\($0)\":0" }.joined(separator: ",")
    #expect(jsonError("{\(filler),\"\u{E9}\":1,\"e\u{301}\":2}") == nil)
    #expect(jsonError("{\(filler),\"k39\":1}")?.code == .duplicateKey)
    #expect(jsonError("{\(filler),\"k0\":1}")?.code == .duplicateKey)
  }

  @Test func `many keys are as cheap to check as few`() throws {
    // 50,000 members; a quadratic check would make 1.25 billion comparisons.
    let members = (0..<50_000).map { "\"\($0)\":0" }.joined(separator: ",")
    guard case .object(let object) = try json("{\(members)}") else {
      throw JSONTestFailure.notAnObject
    }
    #expect(object.members.count == 50_000)
  }

  @Test func `nesting is bounded and the bound is exact`() {
    let limits = JSONLimits(maximumBytes: 1 << 20, maximumDepth: 64)
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    #expect(jsonError(nested(64), limits: limits) == nil)
    #expect(jsonError(nested(65), limits: limits)?.code == .depthExceeded)
    #expect(jsonError(nested(65), limits: limits)?.offset == 64)
    #expect(jsonError(nested(513))?.code == .depthExceeded)
    #expect(jsonError(String(repeating: "{\"a\":", count: 200_000))?.code == .depthExceeded)
    #expect(jsonError(String(repeating: "[", count: 1_000_000))?.code == .depthExceeded)
    let widest = JSONLimits(maximumBytes: 1 << 20, maximumDepth: Int.max)
    #expect(jsonError(nested(512), limits: widest) == nil)
    #expect(jsonError(nested(513), limits: widest)?.code == .depthExceeded)
  }

  @Test func `size is bounded before anything is read`() {
    let error = jsonError("[1,2,3]", limits: JSONLimits(maximumBytes: 6))
    #expect(error?.code == .sizeExceeded)
    #expect(jsonError("[1,2,3]", limits: JSONLimits(maximumBytes: 7)) == nil)
  }

  @Test func `a mistake is told with its line and column`() {
    let error = jsonError("{\n  \"model\": \"m\",\n  \"n\": 01\n}")
    #expect(error?.line == 3)
    #expect(error?.column == 8)
    #expect(
      error?.description
        == "line 3, column 8: a number does not start with superfluous zeros")
  }

  @Test func `a message never quotes the text of a document`() {
    let secret = "correct horse battery staple"
    for broken in ["{\"a\":\"\(secret)", "[\"\(secret)\" x]", "{\"a\":\"\(secret)\u{1}\"}"] {
      #expect(jsonError(broken)?.description.contains("horse") == false)
    }
  }
}

enum JSONTestFailure: Error { case notAnObject }
