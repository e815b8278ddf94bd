extension JSONParser {
  /// Reads a number: an integer if it has neither fraction nor exponent and fits 64 bits.
  ///
  /// `-0` is a double, since no integer tells it from 0. Whole numbers beyond 64 bits become the
  /// nearest double, so that a reader of integers refuses them with the field's name.
  mutating func number() throws(JSONError) -> JSONValue {
    let start = index
    let isNegative = byte(at: index) == UInt8(ascii: "-")
    if isNegative { index += 1 }
    var digits = Digits()
    try integerPart(start: start, into: &digits)
    var isWhole = true
    if byte(at: index) == UInt8(ascii: ".") {
      isWhole = false
      index += 1
      let first = index
      skipDigits(into: &digits)
      digits.exponent = first - index
      guard index > first else { throw malformed(start, "a digit must follow the decimal point") }
    }
    if byte(at: index) | 0x20 == UInt8(ascii: "e") {
      isWhole = false
      try exponentPart(start: start, into: &digits)
    }
    if isWhole, !digits.overflowed, let integer = digits.integer(isNegative: isNegative) {
      return .integer(integer)
    }
    return .double(try double(in: start..<index, digits, isNegative: isNegative))
  }

  private mutating func integerPart(start: Int, into digits: inout Digits) throws(JSONError) {
    let first = index
    skipDigits(into: &digits)
    if index == first {
      let isInfinity = byte(at: index) == UInt8(ascii: "I")
      guard isInfinity else { throw malformed(start, "a digit must follow '-'") }
      throw unexpected("a digit")
    }
    if byte(at: first) == UInt8(ascii: "0"), index > first + 1 {
      throw malformed(start, "a number does not start with superfluous zeros")
    }
  }

  private mutating func exponentPart(start: Int, into digits: inout Digits) throws(JSONError) {
    index += 1
    let sign = byte(at: index)
    if sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { index += 1 }
    let first = index
    var exponent = 0
    while case let byte = byte(at: index), byte >= 0x30, byte <= 0x39 {
      // Beyond this the value is 0 or infinite whatever follows; the text decides.
      if exponent < 1_000_000 { exponent = exponent * 10 + Int(byte - 0x30) }
      index += 1
    }
    guard index > first else { throw malformed(start, "a digit must follow the exponent's 'e'") }
    digits.exponent += sign == UInt8(ascii: "-") ? -exponent : exponent
  }

  @inline(__always) private mutating func skipDigits(into digits: inout Digits) {
    while case let byte = byte(at: index), byte >= 0x30, byte <= 0x39 {
      digits.append(byte - 0x30)
      index += 1
    }
  }

  private func malformed(_ start: Int, _ reason: String) -> JSONError {
    error(.malformedNumber, at: start, reason)
  }

  private func double(
    in range: Range<Int>, _ digits: Digits, isNegative: Bool
  ) throws(JSONError) -> Double {
    if let exact = digits.exactDouble { return isNegative ? -exact : exact }
    let text = String(decoding: UnsafeBufferPointer(rebasing: bytes[range]), as: UTF8.self)
    guard let value = Double(text), value.isFinite else {
      throw error(.numberOutOfRange, at: range.lowerBound, "no 64-bit number is that large")
    }
    return value
  }
}

/// The digits of a number so far: `significand · 10^exponent`.
private struct Digits {
  var significand: UInt64 = 0
  var exponent = 0
  var overflowed = false

  @inline(__always) mutating func append(_ digit: UInt8) {
    let (product, high) = significand.multipliedReportingOverflow(by: 10)
    let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
    if high || carry { overflowed = true }
    significand = sum
  }

  /// The value as an integer, unless it does not fit or is minus zero.
  func integer(isNegative: Bool) -> Int64? {
    guard isNegative else { return Int64(exactly: significand) }
    guard significand != 0 else { return nil }
    if significand == UInt64(Int64.max) + 1 { return Int64.min }
    return Int64(exactly: significand).map { -$0 }
  }

  /// The value where one correctly rounded operation yields it: both the significand and the power
  /// of ten are exact doubles (Clinger, "How to read floating point numbers accurately", 1990).
  var exactDouble: Double? {
    guard !overflowed, significand <= 1 << 53 else { return nil }
    let value = Double(significand)
    if exponent == 0 { return value }
    guard abs(exponent) < Digits.powersOfTen.count else { return nil }
    let power = Digits.powersOfTen[abs(exponent)]
    return exponent < 0 ? value / power : value * power
  }

  /// 10⁰ to 10²², all exact.
  private static let powersOfTen: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
  ]
}
