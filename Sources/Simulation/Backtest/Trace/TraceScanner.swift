import Foundation

/// Reads one line of JSON into a fixed set of fields, without making values of what nobody wants.
///
/// Lines of one writer have their keys in one order, so that the next key is mostly known and is
/// compared, not looked up. Keys that are not fields are passed over, whatever they hold.
struct TraceScanner {
  /// What a field of the present line holds.
  enum Kind: UInt8 {
    case absent, null, number, text, escapedText, flag, nested
  }

  private struct Key {
    /// `"name"`, as it stands in the line.
    var bytes: [UInt8]
    var field: TraceField?
  }

  /// Keys remembered in the order of the lines before.
  private static let rememberedKeys = 256
  private static let deepestNesting = 32

  private var kinds = [Kind](repeating: .absent, count: TraceField.names.count)
  private var numbers = [Double](repeating: 0, count: TraceField.names.count)
  private var ranges = [Range<Int>](repeating: 0..<0, count: TraceField.names.count)
  private var order: [Key] = []

  /// What the line that was scanned last has of `field`.
  func kind(_ field: TraceField) -> Kind { kinds[field.index] }

  /// The number that it has.
  func number(_ field: TraceField) -> Double { numbers[field.index] }

  /// The bytes of its text between the quotation marks, or of its nested value.
  func range(_ field: TraceField) -> Range<Int> { ranges[field.index] }

  /// Scans `line`, one object of JSON; the ranges of its texts are places in it.
  mutating func scan(_ line: UnsafeBufferPointer<UInt8>) throws(TraceFault) {
    for index in kinds.indices { kinds[index] = .absent }
    var place = Self.skipSpace(line, 0)
    guard place < line.count, line[place] == UInt8(ascii: "{") else {
      throw TraceFault(column: place, expected: "an object of JSON, as `rollout export` writes")
    }
    place = Self.skipSpace(line, place + 1)
    var number = 0
    var isMore = place < line.count && line[place] != UInt8(ascii: "}")
    while isMore {
      let field = try key(line, &place, number)
      place = Self.skipSpace(line, place)
      guard place < line.count, line[place] == UInt8(ascii: ":") else {
        throw TraceFault(column: place, expected: "':' after a key")
      }
      place = Self.skipSpace(line, place + 1)
      try value(line, &place, of: field)
      place = Self.skipSpace(line, place)
      number += 1
      isMore = place < line.count && line[place] == UInt8(ascii: ",")
      if isMore { place = Self.skipSpace(line, place + 1) }
    }
    guard place < line.count, line[place] == UInt8(ascii: "}") else {
      throw TraceFault(column: place, expected: "',' or '}'")
    }
    place = Self.skipSpace(line, place + 1)
    guard place == line.count else { throw TraceFault(column: place, expected: "the line's end") }
  }

  private static func skipSpace(_ line: UnsafeBufferPointer<UInt8>, _ start: Int) -> Int {
    var place = start
    while place < line.count, line[place] == 0x20 || line[place] == 0x09 || line[place] == 0x0D {
      place += 1
    }
    return place
  }
}

// MARK: - Keys and values

extension TraceScanner {
  /// The field that the key at `place` names; `nil` for a key that is none.
  private mutating func key(
    _ line: UnsafeBufferPointer<UInt8>, _ place: inout Int, _ number: Int
  ) throws(TraceFault) -> TraceField? {
    if number < order.count, let base = line.baseAddress {
      let known = order[number]
      let count = known.bytes.count
      if place + count <= line.count, memcmp(base + place, known.bytes, count) == 0 {
        place += count
        return known.field
      }
    }
    let start = place
    _ = try text(line, &place, expected: "a key in quotation marks")
    let bytes = Array(line[start..<place])
    let field = TraceField.byName[String(decoding: bytes.dropFirst().dropLast(), as: UTF8.self)]
    if number < order.count {
      order[number] = Key(bytes: bytes, field: field)
    } else if number == order.count, number < Self.rememberedKeys {
      order.append(Key(bytes: bytes, field: field))
    }
    return field
  }

  /// Passes a string over.
  ///
  /// - Returns: whether a backslash is in it
  private func text(
    _ line: UnsafeBufferPointer<UInt8>, _ place: inout Int, expected: String
  ) throws(TraceFault) -> Bool {
    guard place < line.count, line[place] == UInt8(ascii: "\"") else {
      throw TraceFault(column: place, expected: expected)
    }
    let start = place
    place += 1
    var isEscaped = false
    while place < line.count, line[place] != UInt8(ascii: "\"") {
      if line[place] == UInt8(ascii: "\\") {
        isEscaped = true
        place += 1
      }
      place += 1
    }
    guard place < line.count else {
      throw TraceFault(column: start, expected: "a string that ends")
    }
    place += 1
    return isEscaped
  }

  private mutating func value(
    _ line: UnsafeBufferPointer<UInt8>, _ place: inout Int, of field: TraceField?
  ) throws(TraceFault) {
    guard place < line.count else { throw TraceFault(column: place, expected: "a value") }
    let start = place
    let kind: Kind
    switch line[place] {
    case UInt8(ascii: "\""):
      kind = try text(line, &place, expected: "a value") ? .escapedText : .text
      if let field { ranges[field.index] = start + 1..<place - 1 }
    case UInt8(ascii: "n"): kind = try word("null", line, &place, .null)
    case UInt8(ascii: "t"): kind = try word("true", line, &place, .flag)
    case UInt8(ascii: "f"): kind = try word("false", line, &place, .flag)
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      try nested(line, &place)
      kind = .nested
      if let field { ranges[field.index] = start..<place }
    default:
      let number = try TraceNumber.parse(line, &place)
      kind = .number
      if let field { numbers[field.index] = number }
    }
    guard let field else { return }
    guard kinds[field.index] == .absent else {
      throw TraceFault(column: start, expected: "'\(field.name)' once, not twice")
    }
    kinds[field.index] = kind
  }

  private func word(
    _ word: StaticString, _ line: UnsafeBufferPointer<UInt8>, _ place: inout Int, _ kind: Kind
  ) throws(TraceFault) -> Kind {
    let count = word.utf8CodeUnitCount
    guard let base = line.baseAddress, place + count <= line.count,
      memcmp(base + place, word.utf8Start, count) == 0
    else { throw TraceFault(column: place, expected: "null, true, false, a number or a string") }
    place += count
    return kind
  }

  /// Passes an object or an array over; what is in it is not looked at.
  private func nested(
    _ line: UnsafeBufferPointer<UInt8>, _ place: inout Int
  ) throws(TraceFault) {
    let start = place
    var depth = 0
    while place < line.count {
      switch line[place] {
      case UInt8(ascii: "\""):
        _ = try text(line, &place, expected: "a string")
        continue
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
      default: break
      }
      place += 1
      if depth == 0 { return }
      if depth > Self.deepestNesting { break }
    }
    throw TraceFault(column: start, expected: "brackets that are closed")
  }
}

/// Numbers of JSON.
enum TraceNumber {
  /// 10⁰…10²², each exactly a `Double`.
  private static let powers = (0...22).map { exponent in
    (0..<exponent).reduce(1.0) { power, _ in power * 10 }
  }

  /// Parses the number at `place`, rounded as usual, and moves behind it.
  static func parse(
    _ line: UnsafeBufferPointer<UInt8>, _ place: inout Int
  ) throws(TraceFault) -> Double {
    let start = place
    var (digits, fraction, mantissa) = (0, 0, UInt64(0))
    var isPlain = true
    var isFraction = false
    let isNegative = place < line.count && line[place] == UInt8(ascii: "-")
    if isNegative { place += 1 }
    scan: while place < line.count {
      switch line[place] {
      case let byte where byte >= 0x30 && byte <= 0x39:
        mantissa = mantissa &* 10 &+ UInt64(byte - 0x30)
        digits += 1
        if isFraction { fraction += 1 }
      case UInt8(ascii: ".") where !isFraction: isFraction = true
      case UInt8(ascii: "e"), UInt8(ascii: "E"), UInt8(ascii: "+"), UInt8(ascii: "-"):
        isPlain = false
      default: break scan
      }
      place += 1
    }
    // Both parts are exact, so that their quotient is rounded once (Clinger 1990).
    if isPlain, digits > 0, digits <= 18, mantissa < 1 << 53, fraction < powers.count {
      let value = Double(mantissa) / powers[fraction]
      return isNegative ? -value : value
    }
    let text = String(decoding: line[start..<place], as: UTF8.self)
    guard digits > 0, let value = Double(text), value.isFinite else {
      throw TraceFault(
        column: start, expected: "null, true, false, a number or a string")
    }
    return value
  }
}

/// What is no line of a trace.
struct TraceFault: Error {
  /// From 0; `nil` where the line as a whole is meant.
  var column: Int?
  var expected: String
}
