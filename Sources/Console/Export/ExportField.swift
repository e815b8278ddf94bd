/// One value of a line that is exported.
enum ExportField: Sendable {
  case text(String?)
  case integer(Int64?)
  /// Finite; what is not is left out.
  case number(Double?)
  case flag(Bool?)

  static func integer(_ value: Int?) -> ExportField { .integer(value.map(Int64.init)) }

  /// As JSON.
  func appendJSON(to line: inout String) {
    switch self {
    case .text(let text?): Self.appendJSON(text, to: &line)
    case .integer(let value?): line += String(value)
    case .number(let value?) where value.isFinite: line += value.description
    case .flag(let value?): line += value ? "true" : "false"
    case .text, .integer, .number, .flag: line += "null"
    }
  }

  /// A string of JSON (RFC 8259, section 7).
  static func appendJSON(_ text: String, to line: inout String) {
    line += "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": line += "\\\""
      case "\\": line += "\\\\"
      case "\u{0}"..."\u{1F}":
        let digits = String(scalar.value, radix: 16)
        line += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: line.unicodeScalars.append(scalar)
      }
    }
    line += "\""
  }

  /// As a field of a CSV record (RFC 4180); what is unknown is empty.
  func appendCSV(to line: inout String) {
    switch self {
    case .text(let text?): Self.appendCSV(text, to: &line)
    case .integer(let value?): line += String(value)
    case .number(let value?) where value.isFinite: line += value.description
    case .flag(let value?): line += value ? "true" : "false"
    case .text, .integer, .number, .flag: break
    }
  }

  private static func appendCSV(_ text: String, to line: inout String) {
    guard text.utf8.contains(where: { "\",\r\n".utf8.contains($0) }) else {
      line += text
      return
    }
    // By scalars: a quote with an accent behind it is one character, which is no quote.
    line += "\""
    for scalar in text.unicodeScalars {
      if scalar == "\"" { line.unicodeScalars.append(scalar) }
      line.unicodeScalars.append(scalar)
    }
    line += "\""
  }
}
