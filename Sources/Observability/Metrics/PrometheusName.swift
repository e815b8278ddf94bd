/// Names and labels made into what the Prometheus data model allows, whatever was given.
enum PrometheusName {
  /// No label value is longer, in bytes of UTF-8, since values come from requests.
  static let maximumLabelValueBytes = 128

  /// A metric name, `[a-zA-Z_][a-zA-Z0-9_]*`, that ends with its unit.
  ///
  /// `http.server.requests` with the unit `total` is `http_server_requests_total`.
  static func metric(_ label: String, unit: String? = nil) -> String {
    let name = sanitised(label)
    guard let unit, name != unit, !name.hasSuffix("_" + unit) else { return name }
    return name + "_" + unit
  }

  /// Labels in the order of their names, written out: `code="200",model="a \"b\""`.
  ///
  /// A name that Prometheus keeps for itself gets `exported` before it. Of two labels with one name
  /// the first counts.
  static func labels(_ dimensions: [(String, String)]) -> String {
    var values: [String: String] = [:]
    for (name, value) in dimensions {
      let name = labelName(name)
      if values[name] == nil { values[name] = escaped(value) }
    }
    return values.sorted { $0.key < $1.key }.map { "\($0.key)=\"\($0.value)\"" }
      .joined(separator: ",")
  }

  private static func labelName(_ name: String) -> String {
    let name = sanitised(name)
    if name == "le" || name == "quantile" { return "exported_" + name }
    return name.hasPrefix("__") ? "exported" + name : name
  }

  private static func sanitised(_ text: String) -> String {
    var bytes = text.utf8.map { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        byte
      default: UInt8(ascii: "_")
      }
    }
    if bytes.first.map({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) ?? true {
      bytes.insert(UInt8(ascii: "_"), at: 0)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func escaped(_ value: String) -> String {
    var result = ""
    var byteCount = 0
    for scalar in value.unicodeScalars {
      byteCount += UTF8.width(scalar)
      if byteCount > maximumLabelValueBytes { break }
      switch scalar {
      case "\\": result += "\\\\"
      case "\"": result += "\\\""
      case "\n": result += "\\n"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
