// A recursive-descent parser on bytes: RFC 8259 without its latitude. What RFC 8259 leaves open
// (equal keys, lone surrogates, depth, huge numbers) is refused, because two parsers that settle it
// differently would read one body as two requests.

extension JSONValue {
  /// Reads exactly one JSON document.
  ///
  /// - Parameters:
  ///   - bytes: UTF-8 without a byte order mark
  ///   - limits: size and depth that are accepted
  /// - Throws: the first mistake with its place.
  /// - Complexity: O(bytes), also for objects of many members.
  package init(parsing bytes: [UInt8], limits: JSONLimits = .standard) throws(JSONError) {
    self = try bytes.withUnsafeBufferPointer { (buffer) throws(JSONError) in
      try JSONValue(parsing: buffer, limits: limits)
    }
  }

  /// Reads exactly one JSON document out of memory that someone else owns; nothing is kept of it.
  package init(
    parsing bytes: UnsafeBufferPointer<UInt8>, limits: JSONLimits = .standard
  ) throws(JSONError) {
    var parser = JSONParser(bytes: bytes, limits: limits)
    guard bytes.count <= limits.maximumBytes else {
      throw parser.error(
        .sizeExceeded, at: limits.maximumBytes,
        "the document has \(bytes.count) bytes, of which \(limits.maximumBytes) are allowed")
    }
    self = try parser.document()
  }
}

/// A place in a document. Every read goes through `byte(at:)`, which knows the end.
struct JSONParser {
  let bytes: UnsafeBufferPointer<UInt8>
  let limits: JSONLimits
  var index = 0

  init(bytes: UnsafeBufferPointer<UInt8>, limits: JSONLimits) {
    self.bytes = bytes
    self.limits = limits
  }

  /// The byte there, or 0 past the end: a byte that JSON allows nowhere.
  @inline(__always) func byte(at index: Int) -> UInt8 {
    index < bytes.count ? bytes[index] : 0
  }

  @inline(__always) mutating func skipWhiteSpace() {
    while true {
      switch byte(at: index) {
      case 0x20, 0x0A, 0x0D, 0x09: index += 1
      default: return
      }
    }
  }

  mutating func document() throws(JSONError) -> JSONValue {
    if byte(at: 0) == 0xEF, byte(at: 1) == 0xBB, byte(at: 2) == 0xBF {
      throw error(.byteOrderMark, at: 0, "a byte order mark is not allowed; send plain UTF-8")
    }
    skipWhiteSpace()
    guard index < bytes.count else {
      throw error(.empty, at: index, "the document is empty; a JSON value was expected")
    }
    let value = try value(depth: 0)
    skipWhiteSpace()
    guard index == bytes.count else {
      if byte(at: index) == UInt8(ascii: "/") { throw unexpected("the end") }
      throw error(
        .trailingBytes, at: index, "bytes follow the value; send exactly one JSON document")
    }
    return value
  }

  mutating func value(depth: Int) throws(JSONError) -> JSONValue {
    switch byte(at: index) {
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "{"): return .object(try object(depth: depth))
    case UInt8(ascii: "["): return .array(try array(depth: depth))
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    default: throw unexpected("a value")
    }
  }

  private mutating func array(depth: Int) throws(JSONError) -> [JSONValue] {
    try open(depth: depth)
    var elements: [JSONValue] = []
    if close(UInt8(ascii: "]")) { return elements }
    while true {
      elements.append(try value(depth: depth + 1))
      if try !another(closing: UInt8(ascii: "]")) { return elements }
    }
  }

  private mutating func object(depth: Int) throws(JSONError) -> JSONObject {
    try open(depth: depth)
    var keys = UniqueKeys()
    var members: [JSONObject.Member] = []
    if close(UInt8(ascii: "}")) { return JSONObject() }
    while true {
      let start = index
      guard byte(at: index) == UInt8(ascii: "\"") else { throw unexpected("a key in quotes") }
      let key = try string()
      guard keys.insert(key, after: members) else {
        throw error(
          .duplicateKey, at: start, "the key '\(excerpt(key))' stands twice in one object")
      }
      skipWhiteSpace()
      guard byte(at: index) == UInt8(ascii: ":") else { throw unexpected("':' after a key") }
      index += 1
      skipWhiteSpace()
      members.append(JSONObject.Member(key, try value(depth: depth + 1)))
      if try !another(closing: UInt8(ascii: "}")) { return JSONObject(members) }
    }
  }

  /// Steps over the opening bracket of a container that lies `depth` containers deep.
  private mutating func open(depth: Int) throws(JSONError) {
    guard depth < limits.maximumDepth else {
      throw error(
        .depthExceeded, at: index, "more than \(limits.maximumDepth) levels of nesting")
    }
    index += 1
    skipWhiteSpace()
  }

  private mutating func close(_ bracket: UInt8) -> Bool {
    guard byte(at: index) == bracket else { return false }
    index += 1
    return true
  }

  /// Steps over what follows an element: `true` after a comma, `false` after the closing bracket.
  private mutating func another(closing bracket: UInt8) throws(JSONError) -> Bool {
    skipWhiteSpace()
    if close(bracket) { return false }
    let comma = index
    guard byte(at: index) == UInt8(ascii: ",") else {
      throw unexpected("',' or '\(Character(UnicodeScalar(bracket)))'")
    }
    index += 1
    skipWhiteSpace()
    if byte(at: index) == bracket {
      throw error(.trailingComma, at: comma, "a comma before the closing bracket; remove it")
    }
    return true
  }

  private mutating func literal(
    _ text: StaticString, _ value: JSONValue
  ) throws(JSONError) -> JSONValue {
    for offset in 0..<text.utf8CodeUnitCount
    where byte(at: index + offset) != text.utf8Start[offset] {
      index += offset
      throw unexpected("'\(text)'")
    }
    index += text.utf8CodeUnitCount
    return value
  }
}

// MARK: - Mistakes

extension JSONParser {
  func error(_ code: JSONError.Code, at offset: Int, _ reason: String) -> JSONError {
    JSONError(code, at: offset, in: bytes, reason)
  }

  /// What stands here instead of `expected`, recognising the usual mistakes.
  func unexpected(_ expected: String) -> JSONError {
    guard index < bytes.count else {
      return error(.unexpectedEnd, at: index, "the document ends where \(expected) was expected")
    }
    let found = bytes[index]
    switch found {
    case UInt8(ascii: "/"), UInt8(ascii: "#"):
      return error(.comment, at: index, "comments are not JSON; remove it")
    case UInt8(ascii: "N"), UInt8(ascii: "I"):
      return error(.notANumber, at: index, "NaN and Infinity are not JSON; send a finite number")
    case UInt8(ascii: "'"):
      return error(.unexpectedByte, at: index, "strings stand in double quotes, not in single ones")
    case UInt8(ascii: "+"), UInt8(ascii: "."):
      return error(.malformedNumber, at: index, "a number starts with a digit or '-'")
    case 0:
      return error(.nul, at: index, "a NUL byte where \(expected) was expected")
    case 0x21...0x7E:
      let shown = Character(UnicodeScalar(found))
      return error(.unexpectedByte, at: index, "found '\(shown)' where \(expected) was expected")
    default:
      let digits = String(found, radix: 16, uppercase: true)
      return error(
        .unexpectedByte, at: index, "found the byte 0x\(digits) where \(expected) was expected")
    }
  }
}
