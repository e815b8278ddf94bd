import Experimentation

/// Reads which part of traffic a metric looks at: `where:` for one, `slices:` for several.
struct SliceReader {
  let log: DiagnosticLog

  /// One gate's part of traffic.
  struct Slice {
    /// `nil` is all traffic.
    var condition: SliceCondition?
    /// Behind the metric's name, to tell the gates apart.
    var suffix: String
  }

  /// Where the bands of `slices: [promptTokens]` begin.
  static let standardEdges = [0, 256, 1_024, 4_096]
  static let maximumEdges = 16
  static let maximumTokens = 16_777_216

  /// The forms of a condition on a length.
  static let conditionPattern: String = {
    let count = " *-?\(ValueForm.digits)"
    return "^((>=|>|<=|<)\(count)|\(count)\\.\\.\(count))$"
  }()

  /// The form of a label.
  static let labelPattern = "^[^=]+=.+$"

  /// `nil` when there was a mistake; one slice of all traffic when the metric names none.
  func slices(_ reader: MappingReader<MetricKey>) -> [Slice]? {
    if reader[.slice] != nil, reader[.slices] != nil {
      log.report(
        .oneOf, at: reader.position(of: .slices), "a metric has 'where' or 'slices', not both")
      return nil
    }
    if let node = reader[.slice] {
      return condition(node).map { [Slice(condition: $0, suffix: "")] }
    }
    if let node = reader[.slices] {
      return edges(node).map(Self.bands)
    }
    return reader.hasAny([.slice, .slices]) ? nil : [Slice(condition: nil, suffix: "")]
  }

  // MARK: where

  private func condition(_ node: PolicyNode) -> SliceCondition? {
    guard let reader = MappingReader<SliceKey>(node, log: log) else { return nil }
    guard reader.hasAny(SliceKey.allCases) else {
      log.report(
        .oneOf, at: node.position, "a slice needs 'promptTokens', 'label' or 'header'")
      return nil
    }
    var slice = SliceCondition()
    if reader.hasAny([.promptTokens]) {
      guard let range = reader[.promptTokens].flatMap(length) else { return nil }
      slice.promptTokens = range
    }
    if reader.hasAny([.label]) {
      guard let labels = reader[.label].flatMap({ $0.labels(log) }) else { return nil }
      slice.labels = labels
    }
    if reader.hasAny([.header]) {
      guard let headers = reader[.header].flatMap({ $0.headers(log) }) else { return nil }
      slice.headers = headers
    }
    return slice
  }

  private func length(_ node: PolicyNode) -> ClosedRange<Int>? {
    guard let scalar = node.scalar("a condition on promptTokens", log) else { return nil }
    guard let range = Self.range(scalar.text) else {
      log.report(
        .invalidCondition, at: node.position, "'\(scalar.text.clipped)' is no condition",
        hint: "write \">= 2048\", \"<= 255\" or \"256..1023\"")
      return nil
    }
    return range
  }

  /// `>= n`, `> n`, `<= n`, `< n`, or `low..high` with both ends inside.
  static func range(_ text: String) -> ClosedRange<Int>? {
    if text.hasPrefix(">=") { return count(text.dropFirst(2)).map { $0...Int.max } }
    if text.hasPrefix("<=") { return count(text.dropFirst(2)).map { 0...$0 } }
    if text.hasPrefix(">") { return count(text.dropFirst()).map { $0 + 1...Int.max } }
    if text.hasPrefix("<") {
      return count(text.dropFirst()).flatMap { $0 > 0 ? 0...($0 - 1) : nil }
    }
    let ends = text.split(separator: "..", omittingEmptySubsequences: false)
    guard ends.count == 2, let low = count(ends[0]), let high = count(ends[1]), low <= high else {
      return nil
    }
    return low...high
  }

  private static func count(_ text: Substring) -> Int? {
    let digits = String(text.drop { $0 == " " })
    guard case .decimal = NumberForm(digits), let count = Int(digits) else { return nil }
    return (0...maximumTokens).contains(count) ? count : nil
  }

  // MARK: slices

  /// Where the bands begin: the standard ones for `[promptTokens]`, or those of
  /// `{ promptTokens: [0, 256, 1024] }`.
  private func edges(_ node: PolicyNode) -> [Int]? {
    if case .list(let items) = node.content { return standardEdges(items, at: node.position) }
    guard let reader = MappingReader<SliceKey>(node, log: log) else { return nil }
    guard let list = reader[.promptTokens], !reader.hasAny([.label, .header]) else {
      // One that is there without a usable value was reported.
      if !reader.hasAny([.promptTokens]) || reader.hasAny([.label, .header]) {
        log.report(
          .invalidSlices, at: node.position, "traffic is cut into bands of promptTokens only",
          hint: "for a label write a metric of its own, with 'where: { label: \"tier=gold\" }'")
      }
      return nil
    }
    guard
      let items = list.list("the edges of promptTokens", 1...Self.maximumEdges, log)
    else { return nil }
    let edges = items.compactMap { $0.integer("an edge", in: 0...Self.maximumTokens, log) }
    guard edges.count == items.count else { return nil }
    guard zip(edges, edges.dropFirst()).allSatisfy({ $0 < $1 }) else {
      log.report(
        .invalidSlices, at: list.position, "the edges of promptTokens must grow",
        hint: "each begins a band that ends before the next; the last has no end")
      return nil
    }
    return edges
  }

  private func standardEdges(_ items: [PolicyNode], at position: SourcePosition) -> [Int]? {
    let texts = items.map { item in
      if case .scalar(let scalar) = item.content { scalar.text } else { "" }
    }
    if texts == [SliceKey.promptTokens.rawValue] { return Self.standardEdges }
    log.report(
      .invalidSlices, at: position, "traffic is cut by promptTokens only, and once",
      suggestion: "[promptTokens]",
      hint: "or choose the bands: '{ promptTokens: [0, 256, 1024] }'")
    return nil
  }

  private static func bands(_ edges: [Int]) -> [Slice] {
    edges.indices.map { index in
      let low = edges[index]
      guard edges.indices.contains(index + 1) else {
        return Slice(
          condition: SliceCondition(promptTokens: low...Int.max), suffix: "[promptTokens ≥ \(low)]")
      }
      let high = edges[index + 1] - 1
      return Slice(
        condition: SliceCondition(promptTokens: low...high),
        suffix: "[promptTokens \(low)…\(high)]")
    }
  }
}
