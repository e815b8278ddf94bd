/// What a text is as a number, told without YAML's surprises.
///
/// YAML 1.1 reads `017` as 15, `1:30` as 90 and `1_000` as 1000, and readers of other versions do
/// not agree. Here a number is written as people write it, or it is a mistake.
enum NumberForm: Hashable {
  /// `0`, `-3`, `0.05`: digits, finite.
  case decimal(Double)
  /// A number to some readers; how to write it, when that is sure.
  case ambiguous(why: String, suggestion: String?)
  /// Not a number, infinite, or too large to be represented.
  case nonFinite
  case notNumber

  init(_ text: String) {
    let lowercased = text.lowercased()
    let unsigned = lowercased.drop { $0 == "-" || $0 == "+" }
    guard lowercased.count - unsigned.count <= 1 else {
      self = .notNumber
      return
    }
    switch unsigned {
    case ".nan", "nan", ".inf", "inf", "infinity": self = .nonFinite
    default: self = Self.form(of: unsigned, sign: lowercased.first == "-" ? "-" : "", text)
    }
  }

  private static func form(of unsigned: Substring, sign: String, _ text: String) -> NumberForm {
    guard let first = unsigned.first, first.isASCIIDigit || first == "." else { return .notNumber }
    if unsigned.hasPrefix("0x") || unsigned.hasPrefix("0o") || unsigned.hasPrefix("0b") {
      let digits = unsigned.dropFirst(2)
      guard !digits.isEmpty, digits.allSatisfy(\.isHexDigit) else { return .notNumber }
      return .ambiguous(why: "a number that is not decimal", suggestion: nil)
    }
    if let form = separated(unsigned, sign: sign) { return form }
    let parts = unsigned.split(separator: "e", maxSplits: 1, omittingEmptySubsequences: false)
    guard isDigitsWithPoint(parts[0]) else { return .notNumber }
    guard let value = Double(text), value.isFinite else {
      return parts.count == 1 || isExponent(parts[1]) ? .nonFinite : .notNumber
    }
    if parts.count > 1 {
      return .ambiguous(why: "a number with an exponent", suggestion: nil)
    }
    let whole = unsigned.prefix { $0 != "." }
    if whole.count > 1, whole.first == "0" {
      let trimmed = unsigned.drop { $0 == "0" }
      let mended = trimmed.first?.isASCIIDigit == true ? String(trimmed) : "0" + trimmed
      return .ambiguous(
        why: "a number with a leading zero, which is octal to some readers",
        suggestion: sign + mended)
    }
    if first == "." {
      return .ambiguous(why: "no digit before the point", suggestion: sign + "0" + unsigned)
    }
    if unsigned.last == "." {
      return .ambiguous(why: "no digit behind the point", suggestion: sign + unsigned.dropLast())
    }
    if text.first == "+" { return .ambiguous(why: "a plus sign", suggestion: String(unsigned)) }
    return .decimal(value)
  }

  /// Digits with `_` or `:` between them.
  private static func separated(_ unsigned: Substring, sign: String) -> NumberForm? {
    if unsigned.contains("_"), isDigitsWithPoint(Substring(unsigned.filter { $0 != "_" })) {
      return .ambiguous(
        why: "a number with underscores", suggestion: sign + unsigned.filter { $0 != "_" })
    }
    let groups = unsigned.split(separator: ":", omittingEmptySubsequences: false)
    if groups.count > 1, groups.allSatisfy({ !$0.isEmpty && $0.allSatisfy(\.isASCIIDigit) }) {
      return .ambiguous(why: "a number to base 60 to some readers", suggestion: nil)
    }
    return nil
  }

  private static func isDigitsWithPoint(_ text: Substring) -> Bool {
    text.contains(where: \.isASCIIDigit)
      && text.allSatisfy { $0.isASCIIDigit || $0 == "." }
      && text.count(where: { $0 == "." }) <= 1
  }

  private static func isExponent(_ text: Substring) -> Bool {
    let digits = text.first == "-" || text.first == "+" ? text.dropFirst() : text
    return !digits.isEmpty && digits.allSatisfy(\.isASCIIDigit)
  }
}

extension Character {
  var isASCIIDigit: Bool { isASCII && isNumber }
}
