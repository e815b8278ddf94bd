/// The Prometheus text format, version 0.0.4, as it is written.
struct Exposition {
  private(set) var bytes: [UInt8] = []

  mutating func append(_ family: Family, name: String) {
    append("# HELP \(name) \(Self.escaped(family.help))\n")
    append("# TYPE \(name) \(family.kind.rawValue)\n")
    for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
      switch series {
      case .counter(let counter): append(name, labels, counter.value)
      case .gauge(let gauge): append(name, labels, gauge.value)
      case .histogram(let histogram): append(histogram, name: name, labels: labels)
      }
    }
  }

  private mutating func append(_ histogram: HistogramSeries, name: String, labels: String) {
    let snapshot = histogram.snapshot
    let bounds = histogram.buckets.upperBounds.map(Self.number) + ["+Inf"]
    let separator = labels.isEmpty ? "" : ","
    var total: UInt64 = 0
    for (bound, count) in zip(bounds, snapshot.counts) {
      total += count
      append("\(name)_bucket", "\(labels)\(separator)le=\"\(bound)\"", Double(total))
    }
    append("\(name)_sum", labels, snapshot.sum)
    append("\(name)_count", labels, Double(total))
  }

  private mutating func append(_ name: String, _ labels: String, _ value: Double) {
    append(labels.isEmpty ? "\(name) " : "\(name){\(labels)} ")
    append("\(Self.number(value))\n")
  }

  private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

  /// A number as Go's `ParseFloat` reads it, whole ones without a fraction.
  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    if let whole = Int64(exactly: value) { return String(whole) }
    return "\(value)"
  }

  private static func escaped(_ help: String) -> String {
    help.reduce(into: "") { result, character in
      switch character {
      case "\\": result += "\\\\"
      case "\n", "\r\n", "\r": result += "\\n"
      default: result.append(character)
      }
    }
  }
}
