/// What a scraper reads out of the text format, version 0.0.4, or the first thing wrong with it.
///
/// Written from the format's description, apart from the code that writes the format.
struct PrometheusText {
  struct Sample: Hashable {
    var name: String
    var labels: [String: String] = [:]
    var value: Double
  }

  struct Malformed: Error {
    var line: Substring
    var reason: String
  }

  private(set) var types: [String: String] = [:]
  private(set) var help: [String: String] = [:]
  private(set) var samples: [Sample] = []

  init(_ bytes: [UInt8]) throws {
    let text = String(decoding: bytes, as: UTF8.self)
    guard text.isEmpty || text.hasSuffix("\n") else {
      throw Malformed(line: "", reason: "the last line does not end")
    }
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 3)
      if line.hasPrefix("# HELP ") {
        help[String(words[2])] = words.count > 3 ? String(words[3]) : ""
      } else if line.hasPrefix("# TYPE ") {
        guard types.updateValue(String(words[3]), forKey: String(words[2])) == nil else {
          throw Malformed(line: line, reason: "a second type for one family")
        }
      } else {
        let sample = try Self.sample(line)
        guard !samples.contains(where: { $0.name == sample.name && $0.labels == sample.labels })
        else { throw Malformed(line: line, reason: "the series is there twice") }
        samples.append(sample)
      }
    }
  }

  /// The value of one series, or `nil` where there is none.
  subscript(name: String, labels: [String: String] = [:]) -> Double? {
    samples.first { $0.name == name && $0.labels == labels }?.value
  }

  private static func sample(_ line: Substring) throws -> Sample {
    var rest = line
    let name = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == ":" }
    guard let first = name.first, !first.isNumber, name.allSatisfy(\.isASCII) else {
      throw Malformed(line: line, reason: "no name")
    }
    rest = rest.dropFirst(name.count)
    var sample = Sample(name: String(name), value: 0)
    if rest.first == "{" {
      rest = rest.dropFirst()
      while rest.first != "}" {
        let (key, value) = try label(&rest, of: line)
        guard sample.labels.updateValue(value, forKey: key) == nil else {
          throw Malformed(line: line, reason: "label \(key) is there twice")
        }
        if rest.first == "," { rest = rest.dropFirst() }
      }
      rest = rest.dropFirst()
    }
    guard rest.first == " ", let value = number(rest.dropFirst()) else {
      throw Malformed(line: line, reason: "no value")
    }
    sample.value = value
    return sample
  }

  private static func label(
    _ rest: inout Substring, of line: Substring
  ) throws -> (String, String) {
    let key = rest.prefix { $0 != "=" }
    rest = rest.dropFirst(key.count)
    guard !key.isEmpty, rest.hasPrefix("=\"") else {
      throw Malformed(line: line, reason: "a label without a value")
    }
    rest = rest.dropFirst(2)
    var value = ""
    while let character = rest.popFirst(), character != "\"" {
      guard character == "\\" else {
        value.append(character)
        continue
      }
      switch rest.popFirst() {
      case "\\": value.append("\\")
      case "\"": value.append("\"")
      case "n": value.append("\n")
      default: throw Malformed(line: line, reason: "an unknown escape")
      }
    }
    return (String(key), value)
  }

  private static func number(_ text: Substring) -> Double? {
    switch text {
    case "+Inf": .infinity
    case "-Inf": -.infinity
    case "NaN": .nan
    default: Double(text)
    }
  }
}
