/// A part of traffic, 0…1, always finite.
package struct Share: Hashable, Sendable, Comparable {
  /// 0…1.
  package let value: Double

  /// Takes a value in 0…1, else `nil`.
  package init?(_ value: Double) {
    guard value >= 0, value <= 1 else { return nil }
    self.value = value
  }

  private init(known value: Double) { self.value = value }

  package static let none = Share(known: 0)
  package static let all = Share(known: 1)

  /// What is left of the whole.
  package var complement: Share { Share(known: 1 - value) }

  package static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

extension Share: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let value = try container.decode(Double.self)
    guard let share = Share(value) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "\(value) is not a share in 0…1")
    }
    self = share
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(value)
  }
}

extension Share: CustomStringConvertible {
  /// As people write it: `5%`, `12.5%`.
  package var description: String {
    let percent = value * 100
    let rounded = (percent * 1e6).rounded() / 1e6
    return rounded == rounded.rounded() ? "\(Int(rounded))%" : "\(rounded)%"
  }
}

extension Share {
  /// To a tenth of a percent, for lists: `33.3%`.
  package var rounded: String {
    let tenths = (value * 1_000).rounded()
    return tenths.remainder(dividingBy: 10) == 0 ? "\(Int(tenths / 10))%" : "\(tenths / 10)%"
  }
}

extension Share {
  /// With every digit that is kept, and no more: `49.9999999999%`. Read again it is the share
  /// itself.
  package var written: String {
    // The shortest digits that make the number, as `0.125` or `1.25e-05`.
    let parts = "\(value.magnitude)".split(separator: "e")
    let mantissa = (parts.first ?? "0").split(separator: ".").map(String.init)
    let whole = mantissa.first ?? "0"
    let exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
    var digits = whole + mantissa.dropFirst().joined()
    // A percentage is a hundred times the share.
    var point = whole.count + exponent + 2
    if point < 1 {
      digits = String(repeating: "0", count: 1 - point) + digits
      point = 1
    }
    digits += String(repeating: "0", count: max(point - digits.count, 0))
    let front = String(digits.prefix(point).drop { $0 == "0" })
    var back = String(digits.dropFirst(point))
    while back.last == "0" { back.removeLast() }
    return (front.isEmpty ? "0" : front) + (back.isEmpty ? "" : "." + back) + "%"
  }
}
