import Experimentation
import Transformer

/// A regular expression of the part of ECMA-262 that is regular and means the same everywhere.
///
/// Supported: literals, escapes, `.`, classes of ASCII with ranges and negation, `\d`, `\w`, `\s`
/// and their negations, groups, alternatives, `*`, `+`, `?`, `{n}`, `{n,}`, `{n,m}`, `^` at the
/// beginning and `$` at the end. Without those two, anything may stand before and after, as a
/// schema's `pattern` means it. References, looking around, word boundaries, lazy repetition
/// (which makes no difference to what matches, yet is not written in schemas) and other properties
/// of characters are refused by name. Characters that a JSON string holds only as an escape by
/// number are left out of classes: what is written has none.
struct StringPattern {
  indirect enum Node: Sendable {
    case empty
    /// One character of ASCII of a set, or also any other where the set is negated.
    case oneOf(Set<UInt8>, beyondASCII: Bool)
    /// Exactly these bytes: one character beyond ASCII.
    case bytes([UInt8])
    case sequence([Node])
    case choice([Node])
    case repeated(Node, Int, Int?)
  }

  let node: Node

  /// The characters that a JSON string may hold without an escape, and those with one.
  private static let ascii = Set<UInt8>(0x20...0x7E)
  private static let any = Node.repeated(.oneOf(ascii, beyondASCII: true), 0, nil)

  private static let dialect = PatternDialect(lengthLimit: 1_024, isExtended: false) { set in
    let isCharacter = !set.isNegated && set.ranges.count == 1 && set.ranges[0].count == 1
    if !isCharacter, set.ranges.contains(where: { $0.upperBound > 0x7E }) {
      return "classes hold printable ASCII only"
    }
    let isControl = set.ranges.allSatisfy { $0.upperBound < 0x20 || $0 == 0x7F...0x7F }
    return isControl && !set.isNegated ? "control characters are not supported" : nil
  }

  /// - Throws: what is not supported, and where
  init(_ text: String) throws(TextPattern.Mistake) {
    var alternatives = [try PatternNode(text, Self.dialect)]
    if case .choice(let nodes) = alternatives[0] { alternatives = nodes }
    var (isAtStart, isAtEnd) = (false, false)
    alternatives = alternatives.map { node in
      guard case .sequence(var nodes) = node else { return node }
      if nodes.first == .anchor(.start) {
        isAtStart = true
        nodes.removeFirst()
      }
      if nodes.last == .anchor(.end) {
        isAtEnd = true
        nodes.removeLast()
      }
      return .sequence(nodes)
    }
    // `^a|b$` holds one alternative at each end, which hardly anybody means.
    guard alternatives.count == 1 || !(isAtStart || isAtEnd) else {
      throw TextPattern.Mistake(problem: "put alternatives beside '^' or '$' into a group")
    }
    var choices: [Node] = []
    for node in alternatives { choices.append(try Self.node(node)) }
    node = .sequence([isAtStart ? .empty : Self.any, .choice(choices), isAtEnd ? .empty : Self.any])
  }

  private static func node(_ node: PatternNode) throws(TextPattern.Mistake) -> Node {
    switch node {
    case .oneOf(let set): return Self.node(set)
    case .anchor:
      throw TextPattern.Mistake(
        problem: "'^' has no place but at the beginning and '$' none but at the end; write '\\^' "
          + "and '\\$' for the characters")
    case .sequence(let nodes):
      return .sequence(try nodes.map { node throws(TextPattern.Mistake) in try Self.node(node) })
    case .choice(let nodes):
      return .choice(try nodes.map { node throws(TextPattern.Mistake) in try Self.node(node) })
    case .repeated(let inner, let least, let most):
      let result = Node.repeated(try Self.node(inner), least, most)
      guard result.repetitions <= PatternNode.countLimit else {
        throw TextPattern.Mistake(
          problem: "repetitions inside of each other multiply to more than "
            + "\(PatternNode.countLimit)")
      }
      return result
    }
  }

  private static func node(_ set: ScalarSet) -> Node {
    if !set.isNegated, set.ranges.count == 1, set.ranges[0].count == 1,
      let scalar = Unicode.Scalar(set.ranges[0].lowerBound), !scalar.isASCII
    {
      return .bytes(Array(String(scalar).utf8))
    }
    return .oneOf(
      ascii.filter { set.contains(Unicode.Scalar($0)) }, beyondASCII: set.isNegated)
  }
}

extension JSONGrammar {
  /// A string that `pattern` matches.
  mutating func layString(_ pattern: StringPattern, from: State, to: State) {
    let open = builder.makeState()
    let close = builder.makeState()
    builder.read(0x22...0x22, from: from, to: open)
    lay(pattern.node, from: open, to: close)
    builder.read(0x22...0x22, from: close, to: to)
  }

  private mutating func lay(_ node: StringPattern.Node, from: State, to: State) {
    switch node {
    case .empty: builder.skip(from: from, to: to)
    case .oneOf(let set, let beyondASCII):
      layASCII(set, from: from, to: to)
      if beyondASCII { builder.call(beyond, from: from, to: to) }
    case .bytes(let bytes): builder.read(bytes, from: from, to: to)
    case .sequence(let nodes):
      var place = from
      for node in nodes {
        let next = builder.makeState()
        lay(node, from: place, to: next)
        place = next
      }
      builder.skip(from: place, to: to)
    case .choice(let nodes):
      for node in nodes { lay(node, from: from, to: to) }
    case .repeated(let node, let least, let most):
      let rule = builder.makeRule()
      lay(node, from: rule.start, to: rule.end)
      builder.repeated(rule, least, most, from: from, to: to)
    }
  }

  /// One character of `set` as JSON writes it: quotes and backslashes behind a backslash.
  private mutating func layASCII(_ set: Set<UInt8>, from: State, to: State) {
    let escaped = set.intersection([0x22, 0x5C])
    if !escaped.isEmpty {
      let escape = builder.makeState()
      builder.read(0x5C...0x5C, from: from, to: escape)
      for byte in escaped.sorted() { builder.read(byte...byte, from: escape, to: to) }
    }
    var run: ClosedRange<UInt8>?
    for byte in set.subtracting(escaped).sorted() {
      if let open = run, open.upperBound + 1 == byte {
        run = open.lowerBound...byte
        continue
      }
      if let run { builder.read(run, from: from, to: to) }
      run = byte...byte
    }
    if let run { builder.read(run, from: from, to: to) }
  }
}

extension StringPattern.Node {
  /// At how many places at once a reader may be within it: counts inside of each other multiply.
  fileprivate var repetitions: Int {
    switch self {
    case .empty, .oneOf, .bytes: 1
    case .sequence(let nodes), .choice(let nodes): nodes.map(\.repetitions).max() ?? 1
    case .repeated(let node, let least, let most): node.repetitions * max(1, most ?? least + 1)
    }
  }
}
