/// A JSON value of the files beside a checkpoint, read with bounds.
///
/// Foundation's readers keep one of two keys of the same name and say nothing; in a header that
/// says where weights lie, that is a lie to refuse. RFC 8259.
enum JSON: Equatable {
  case null
  case flag(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSON])
  case object([String: JSON])

  /// Values inside values; real files have seven.
  static let deepest = 32

  /// Reads all of `bytes` as one value; blanks may stand around it.
  ///
  /// - Parameter name: of the file, for messages
  /// - Throws: `malformedFile` with the byte at fault
  init(_ bytes: some Sequence<UInt8>, name: String) throws(TransformerError) {
    var reader = JSONReader(bytes: Array(bytes), name: name)
    self = try reader.document()
  }

  subscript(key: String) -> JSON? {
    guard case .object(let members) = self, let member = members[key], member != .null else {
      return nil
    }
    return member
  }

  var string: String? {
    if case .string(let string) = self { string } else { nil }
  }

  var integer: Int? {
    if case .integer(let integer) = self { integer } else { nil }
  }

  /// Integers included.
  var number: Double? {
    switch self {
    case .integer(let integer): Double(integer)
    case .number(let number): number
    default: nil
    }
  }

  var flag: Bool? {
    if case .flag(let flag) = self { flag } else { nil }
  }

  var array: [JSON]? {
    if case .array(let array) = self { array } else { nil }
  }

  var object: [String: JSON]? {
    if case .object(let object) = self { object } else { nil }
  }
}

private struct JSONReader {
  let bytes: [UInt8]
  let name: String
  private var position = 0

  init(bytes: [UInt8], name: String) {
    (self.bytes, self.name) = (bytes, name)
  }

  mutating func document() throws(TransformerError) -> JSON {
    let value = try value(depth: 0)
    skipBlanks()
    guard position == bytes.count else { throw malformed("goes on after its end") }
    return value
  }

  private func malformed(_ what: String) -> TransformerError {
    TransformerError(.malformedFile, "'\(name)' \(what) (byte \(position)); fetch it again")
  }

  private mutating func skipBlanks() {
    while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
      position += 1
    }
  }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard next == byte else { return false }
    position += 1
    return true
  }

  private mutating func take(_ word: StaticString) -> Bool {
    let text = UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
    guard bytes[position...].starts(with: text) else { return false }
    position += text.count
    return true
  }

  private mutating func value(depth: Int) throws(TransformerError) -> JSON {
    guard depth < JSON.deepest else { throw malformed("has values inside values without end") }
    skipBlanks()
    switch next {
    case UInt8(ascii: "{"): return .object(try members(depth: depth))
    case UInt8(ascii: "["): return .array(try elements(depth: depth))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t") where take("true"): return .flag(true)
    case UInt8(ascii: "f") where take("false"): return .flag(false)
    case UInt8(ascii: "n") where take("null"): return .null
    case let byte? where byte == UInt8(ascii: "-") || (0x30...0x39).contains(byte):
      return try number()
    default: throw malformed("has no JSON value where one should be")
    }
  }

  private mutating func members(depth: Int) throws(TransformerError) -> [String: JSON] {
    position += 1
    var members: [String: JSON] = [:]
    skipBlanks()
    if take(UInt8(ascii: "}")) { return members }
    repeat {
      skipBlanks()
      guard next == UInt8(ascii: "\"") else { throw malformed("has no key where one should be") }
      let key = try string()
      skipBlanks()
      guard take(UInt8(ascii: ":")) else { throw malformed("has no ':' after a key") }
      guard members.updateValue(try value(depth: depth + 1), forKey: key) == nil else {
        throw malformed("has the key '\(key.prefix(64))' twice")
      }
      skipBlanks()
    } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "}")) else { throw malformed("does not close an object") }
    return members
  }

  private mutating func elements(depth: Int) throws(TransformerError) -> [JSON] {
    position += 1
    var elements: [JSON] = []
    skipBlanks()
    if take(UInt8(ascii: "]")) { return elements }
    repeat {
      elements.append(try value(depth: depth + 1))
      skipBlanks()
    } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "]")) else { throw malformed("does not close an array") }
    return elements
  }

  private mutating func number() throws(TransformerError) -> JSON {
    let start = position
    while let byte = next, Self.isNumberByte(byte) { position += 1 }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    let digits = text.drop { $0 == "-" }
    let hasLeadingZero = digits.first == "0" && digits.dropFirst().first?.isNumber == true
    if text.utf8.count <= 64, !hasLeadingZero, text.last?.isNumber == true {
      if let integer = Int(text) { return .integer(integer) }
      if let number = Double(text), number.isFinite { return .number(number) }
    }
    position = start
    throw malformed("has a number that cannot be read")
  }

  private static func isNumberByte(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || "+-.eE".utf8.contains(byte)
  }

  private mutating func string() throws(TransformerError) -> String {
    position += 1
    var text: [UInt8] = []
    while let byte = next {
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          throw malformed("has a string that is not valid UTF-8")
        }
        return string
      case UInt8(ascii: "\\"): try escape(into: &text)
      case 0..<0x20: throw malformed("has a control character in a string")
      default: text.append(byte)
      }
    }
    throw malformed("ends inside a string")
  }

  private mutating func escape(into text: inout [UInt8]) throws(TransformerError) {
    guard let byte = next else { throw malformed("ends inside a string") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      var value = try fourDigits()
      if (0xD800..<0xDC00).contains(value), take("\\u") {
        let low = try fourDigits()
        guard (0xDC00..<0xE000).contains(low) else { throw malformed("has half a character") }
        value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(value) else { throw malformed("has half a character") }
      text.append(contentsOf: String(Character(scalar)).utf8)
    default: throw malformed("has an escape that JSON does not know")
    }
  }

  private mutating func fourDigits() throws(TransformerError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw malformed("has an escape without four digits")
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }
}
