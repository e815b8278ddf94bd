/// Which trace a request belongs to and which span caused it: the header `traceparent`.
///
/// W3C Trace Context, level 1, section 3.2. Read leniently where the recommendation says so, for
/// versions yet to come, and always written as version 00.
package struct TraceParent: Hashable, Sendable {
  /// The 128 bits of the trace, never all zero.
  package let traceID: UInt128

  /// The span that sends the request, never zero.
  package let spanID: UInt64

  /// Whether the caller may have recorded this trace.
  package let isSampled: Bool

  /// A trace of its own, with identifiers from `generator`.
  package init(isSampled: Bool, using generator: inout some RandomNumberGenerator) {
    traceID = .random(in: 1 ... .max, using: &generator)
    spanID = .random(in: 1 ... .max, using: &generator)
    self.isSampled = isSampled
  }

  /// The given identifiers, or `nil` where one is zero.
  package init?(traceID: UInt128, spanID: UInt64, isSampled: Bool) {
    guard traceID != 0, spanID != 0 else { return nil }
    self.traceID = traceID
    self.spanID = spanID
    self.isSampled = isSampled
  }

  /// What a request's header says, or `nil` where it is not as the recommendation has it; the
  /// request then starts a trace of its own.
  package init?(header: String) {
    let bytes = Array(header.utf8.prefix(Self.headerLength + 1))
    guard bytes.count >= Self.headerLength,
      [2, 35, 52].allSatisfy({ bytes[$0] == UInt8(ascii: "-") }),
      let version = UInt8(lowercaseHex: bytes[0..<2]), version != 0xff,
      let traceID = UInt128(lowercaseHex: bytes[3..<35]),
      let spanID = UInt64(lowercaseHex: bytes[36..<52]),
      let flags = UInt8(lowercaseHex: bytes[53..<55])
    else { return nil }
    // Version 00 ends here; a later one may go on after another dash.
    if bytes.count > Self.headerLength {
      guard version > 0, bytes[Self.headerLength] == UInt8(ascii: "-") else { return nil }
    }
    self.init(traceID: traceID, spanID: spanID, isSampled: flags & 1 == 1)
  }

  /// The same trace, caused by a new span of this process.
  package func child(using generator: inout some RandomNumberGenerator) -> TraceParent {
    TraceParent(parent: self, spanID: .random(in: 1 ... .max, using: &generator))
  }

  /// As sent on: `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01`.
  package var header: String {
    "00-\(traceID.paddedHex)-\(spanID.paddedHex)-\(isSampled ? "01" : "00")"
  }

  private static let headerLength = 55

  private init(parent: TraceParent, spanID: UInt64) {
    traceID = parent.traceID
    self.spanID = spanID
    isSampled = parent.isSampled
  }
}

extension FixedWidthInteger where Self: UnsignedInteger {
  /// The value of the digits, or `nil` where one is not in `0…9a…f`.
  fileprivate init?(lowercaseHex digits: ArraySlice<UInt8>) {
    self = 0
    for digit in digits {
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): self = self << 4 | Self(digit - 48)
      case UInt8(ascii: "a")...UInt8(ascii: "f"): self = self << 4 | Self(digit - 87)
      default: return nil
      }
    }
  }

  fileprivate var paddedHex: String {
    let digits = String(self, radix: 16)
    return String(repeating: "0", count: Self.bitWidth / 4 - digits.count) + digits
  }
}
