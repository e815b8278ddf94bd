import Foundation

/// The fields of one scanned line as values.
struct TraceRow {
  let scanner: TraceScanner
  let line: UnsafeBufferPointer<UInt8>

  /// What is wrong where a field that must be there is not.
  func missing(_ field: TraceField) -> TraceFault { TraceFault(expected: "'\(field.name)'") }

  /// Where the text of a field stands; `nil` where it is null, left out, or no plain text.
  func bytes(_ field: TraceField) -> Range<Int>? {
    scanner.kind(field) == .text ? scanner.range(field) : nil
  }

  func isEqual(_ known: [UInt8], _ range: Range<Int>) -> Bool {
    guard known.count == range.count, let base = line.baseAddress else { return false }
    return memcmp(base + range.lowerBound, known, known.count) == 0
  }

  func text(_ field: TraceField) -> String? {
    switch scanner.kind(field) {
    case .text: String(decoding: line[scanner.range(field)], as: UTF8.self)
    case .escapedText: unescaped(field)
    case .absent, .null, .number, .flag, .nested: nil
    }
  }

  private func unescaped(_ field: TraceField) -> String? {
    let range = scanner.range(field)
    let quoted = Data(line[range.lowerBound - 1..<range.upperBound + 1])
    return try? JSONDecoder().decode(String.self, from: quoted)
  }

  /// The object under a field, which exports write as a text; `nil` without one.
  ///
  /// - Parameter values: what its members are, for the fault
  func objectBytes(_ field: TraceField, of values: String) throws(TraceFault) -> [UInt8]? {
    switch scanner.kind(field) {
    case .absent, .null: return nil
    case .text, .nested: return Array(line[scanner.range(field)])
    case .escapedText:
      if let text = unescaped(field) { return Array(text.utf8) }
    case .number, .flag: break
    }
    throw TraceFault(expected: "'\(field.name)' to be an object of \(values)")
  }

  /// The number of a field, `nil` where it is null or left out.
  func number(
    _ field: TraceField, in range: ClosedRange<Double>
  ) throws(TraceFault) -> Double? {
    switch scanner.kind(field) {
    case .absent, .null: return nil
    case .number where range.contains(scanner.number(field)): return scanner.number(field)
    case .number, .text, .escapedText, .flag, .nested:
      throw TraceFault(
        expected: "'\(field.name)' to be a number from \(Self.plain(range.lowerBound)) to "
          + Self.plain(range.upperBound))
    }
  }

  /// The whole number of a field, `nil` where it is null or left out.
  func integer(
    _ field: TraceField, in range: ClosedRange<Int64>
  ) throws(TraceFault) -> Int64? {
    guard
      let value = try number(field, in: Double(range.lowerBound)...Double(range.upperBound))
    else { return nil }
    guard let whole = Int64(exactly: value) else {
      throw TraceFault(expected: "'\(field.name)' to be a whole number")
    }
    return whole
  }

  /// The hash that a field writes in hexadecimal, `nil` where it is null or left out.
  func hexadecimal(_ field: TraceField) throws(TraceFault) -> UInt64? {
    guard let range = bytes(field) else {
      if [.absent, .null].contains(scanner.kind(field)) { return nil }
      throw TraceFault(expected: "'\(field.name)' to be a text of up to 16 hexadecimal digits")
    }
    var hash: UInt64 = 0
    for byte in line[range] {
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
      default: digit = 16
      }
      guard digit < 16, range.count <= 16 else {
        throw TraceFault(
          column: range.lowerBound,
          expected: "'\(field.name)' to be a text of up to 16 hexadecimal digits")
      }
      hash = hash << 4 | UInt64(digit)
    }
    return hash
  }

  /// A hash of the text of a field; `nil` where it is null or left out.
  ///
  /// FNV-1a (Fowler, Noll and Vo): names within one trace are told apart, nothing more.
  func hash(_ field: TraceField) -> UInt64? {
    guard [.text, .escapedText].contains(scanner.kind(field)) else { return nil }
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in line[scanner.range(field)] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return hash
  }

  /// One hash of two numbers; another `kind` gives others (the finalizer of SplitMix64, Steele,
  /// Lea and Flood, OOPSLA 2014).
  static func mix(_ first: UInt64, _ second: UInt64, _ kind: UInt64) -> UInt64 {
    var value = first &+ 0x9e37_79b9_7f4a_7c15 &* (second &+ kind &* 0xd1b5_4a32_d192_ed03 &+ 1)
    value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
    return value ^ value >> 31
  }

  private static func plain(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e16 ? "\(Int64(value))" : "\(value)"
  }
}
