import Console
import Experimentation
import Foundation

/// Numbers as people read them, the same in every locale.
enum Numbers {
  static let unknown = "–"

  /// `850µs`, `123ms`, `1.50s`, `95.0s`.
  static func seconds(_ value: Double?) -> String {
    guard let value, value.isFinite else { return unknown }
    return switch abs(value) {
    case ..<0.001: fixed(value * 1e6, 0) + "µs"
    case ..<1: fixed(value * 1e3, 0) + "ms"
    case ..<10: fixed(value, 2) + "s"
    default: fixed(value, 1) + "s"
    }
  }

  /// A share: `99.2%`.
  static func share(_ value: Double?) -> String {
    guard let value, value.isFinite else { return unknown }
    return fixed(value * 100, 1) + "%"
  }

  /// A share to a hundredth of a percent: `0.97%`.
  static func percent(_ value: Double) -> String { fixed(value * 100, 2) + "%" }

  /// Three digits that count: `0.00123`, `45.1`.
  static func significant(_ value: Double) -> String { String(format: "%.3g", value) }

  /// A difference of shares in percentage points, a relative change in percent, or a divergence in
  /// nats: `+0.3pp`, `-23.1%`, `+0.020 nats`.
  static func change(_ value: Double?, in unit: ChangeUnit) -> String {
    guard let value, value.isFinite else { return unknown }
    let (text, zero, name) =
      switch unit {
      case .points: (fixed(value * 100, 1), "0.0", "pp")
      case .percent: (fixed(value * 100, 1), "0.0", "%")
      case .nats: (fixed(value, 3), "0.000", " nats")
      }
    // Neither −0.0 nor +0.0.
    if text == zero || text == "-" + zero { return zero + name }
    return (value > 0 ? "+" : "") + text + name
  }

  /// Of requests a second: `0.00123`, `0.25`, `3.1`, `120`.
  static func rate(_ value: Double) -> String {
    if value < 0.1 { return significant(value) }
    return fixed(value, value < 1 ? 2 : value < 100 ? 1 : 0)
  }

  /// Of a file: `512 B`, `20.5 kB`, `1.2 GB`, in powers of ten.
  static func bytes(_ count: Int) -> String {
    var (value, unit) = (Double(count), 0)
    let units = ["B", "kB", "MB", "GB", "TB"]
    while value >= 999.95, unit < units.count - 1 { (value, unit) = (value / 1_000, unit + 1) }
    return "\(fixed(value, unit == 0 ? 0 : 1)) \(units[unit])"
  }

  /// Thousands apart: `12,345`.
  static func count(_ value: Int) -> String {
    let digits = String(value.magnitude)
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0 && (digits.count - index).isMultiple(of: 3) { text += "," }
      text.append(digit)
    }
    return (value < 0 ? "-" : "") + text
  }

  /// UTC to the second: `2026-01-31 13:05:09Z`.
  static func time(milliseconds: Int64) -> String {
    let date = Date(timeIntervalSince1970: Double(milliseconds) / 1_000)
    return date.formatted(
      Date.ISO8601FormatStyle(timeZone: .gmt).year().month().day()
        .dateTimeSeparator(.space).time(includingFractionalSeconds: false)) + "Z"
  }

  private static func fixed(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }
}
