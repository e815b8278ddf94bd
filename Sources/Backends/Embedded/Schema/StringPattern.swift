import Transformer

/// A regular expression of the part of ECMA-262 that is regular and means the same everywhere.
///
/// Supported: literals, escapes, `.`, classes of ASCII with ranges and negation, `\d`, `\w`, `\s`
/// and their negations, groups, alternatives, `*`, `+`, `?`, `{n}`, `{n,}`, `{n,m}`, `^` at the
/// beginning and `$` at the end. Without those two, anything may stand before and after, as a
/// schema's `pattern` means it. References, looking around, word boundaries, lazy repetition
/// (which makes no difference to what matches, yet is not written in schemas) and other properties
/// of characters are refused by name.
struct StringPattern {
  indirect enum Node {
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

  /// How it is at fault.
  struct Mistake: Error {
    let problem: String
  }

  /// Characters of one pattern, nested groups, and repetitions, at most.
  static let lengthLimit = 1_024
  static let depthLimit = 32
  static let countLimit = 1_000

  /// - Throws: ``Mistake`` that names what is not supported, and where
  init(_ text: String) throws(Mistake) {
    guard text.unicodeScalars.count <= Self.lengthLimit else {
      throw Mistake(problem: "a pattern has at most \(Self.lengthLimit) characters")
    }
    var parser = PatternParser(text)
    node = try parser.whole()
  }

  /// The characters that a JSON string may hold without an escape, and those with one.
  static let ascii = Set<UInt8>(0x20...0x7E)
}

/// Reads a pattern from left to right.
private struct PatternParser {
  private let scalars: [Unicode.Scalar]
  private var index = 0
  private var depth = 0

  init(_ text: String) {
    scalars = Array(text.unicodeScalars)
  }

  private var next: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

  private func mistake(_ problem: String) -> StringPattern.Mistake {
    StringPattern.Mistake(problem: "\(problem), at character \(index + 1) of the pattern")
  }

  private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard next == scalar else { return false }
    index += 1
    return true
  }

  mutating func whole() throws(StringPattern.Mistake) -> StringPattern.Node {
    let any = StringPattern.Node.repeated(
      .oneOf(StringPattern.ascii, beyondASCII: true), 0, nil)
    let isAtStart = take("^")
    var choices = [try sequence()]
    let isAtEnd = take("$")
    // `^a|b$` holds one alternative at each end, which hardly anybody means.
    if next == "|", isAtStart || isAtEnd {
      throw mistake("put alternatives beside '^' or '$' into a group")
    }
    while take("|") { choices.append(try sequence()) }
    guard index == scalars.count else { throw mistake("'\(scalars[index])' has no place here") }
    let inner = choices.count == 1 ? choices[0] : .choice(choices)
    return .sequence([isAtStart ? .empty : any, inner, isAtEnd ? .empty : any])
  }

  private mutating func alternatives() throws(StringPattern.Mistake) -> StringPattern.Node {
    var choices = [try sequence()]
    while take("|") { choices.append(try sequence()) }
    return choices.count == 1 ? choices[0] : .choice(choices)
  }

  private mutating func sequence() throws(StringPattern.Mistake) -> StringPattern.Node {
    var nodes: [StringPattern.Node] = []
    while let scalar = next, !"|)$".unicodeScalars.contains(scalar) {
      nodes.append(try repetition(of: try atom()))
    }
    return .sequence(nodes)
  }

  private mutating func repetition(
    of node: StringPattern.Node
  ) throws(StringPattern.Mistake) -> StringPattern.Node {
    var result = node
    if take("*") {
      result = .repeated(node, 0, nil)
    } else if take("+") {
      result = .repeated(node, 1, nil)
    } else if take("?") {
      result = .repeated(node, 0, 1)
    } else if take("{") {
      let least = try count()
      var most: Int? = least
      if take(",") { most = next == "}" ? nil : try count() }
      guard take("}"), least <= most ?? least else {
        throw mistake("'{n,m}' is not as it should be")
      }
      result = .repeated(node, least, most)
    } else {
      return node
    }
    if let scalar = next, "*+?{".unicodeScalars.contains(scalar) {
      throw mistake("lazy and repeated quantifiers are not supported")
    }
    guard result.repetitions <= StringPattern.countLimit else {
      throw mistake("repetitions inside of each other multiply to more than 1000")
    }
    return result
  }

  private mutating func count() throws(StringPattern.Mistake) -> Int {
    var digits = ""
    while let scalar = next, ("0"..."9").contains(scalar), digits.count < 5 {
      digits.unicodeScalars.append(scalar)
      index += 1
    }
    guard let number = Int(digits), number <= StringPattern.countLimit else {
      throw mistake("a count is in 0...\(StringPattern.countLimit)")
    }
    return number
  }

  private mutating func atom() throws(StringPattern.Mistake) -> StringPattern.Node {
    guard let scalar = next else { return .empty }
    index += 1
    switch scalar {
    case "(": return try group()
    case "[": return try characterClass()
    case ".": return .oneOf(StringPattern.ascii, beyondASCII: true)
    case "\\": return try escape()
    case "*", "+", "?", "{", "}", "]", "^":
      index -= 1
      throw mistake("'\(scalar)' has no place here; write '\\\(scalar)' for the character")
    default: return try literal(scalar)
    }
  }

  private func literal(
    _ scalar: Unicode.Scalar
  ) throws(StringPattern.Mistake) -> StringPattern.Node {
    guard scalar.value >= 0x20, scalar.value != 0x7F else {
      throw mistake("control characters are not supported")
    }
    return scalar.isASCII
      ? .oneOf([UInt8(scalar.value)], beyondASCII: false) : .bytes(Array(String(scalar).utf8))
  }

  private mutating func group() throws(StringPattern.Mistake) -> StringPattern.Node {
    if take("?") {
      guard take(":") else { throw mistake("only groups '(…)' and '(?:…)' are supported") }
    }
    depth += 1
    defer { depth -= 1 }
    guard depth <= StringPattern.depthLimit else {
      throw mistake("groups nest at most \(StringPattern.depthLimit) deep")
    }
    let node = try alternatives()
    guard take(")") else { throw mistake("a group is not closed, or has an anchor in it") }
    return node
  }

  /// The set that a letter after a backslash stands for.
  private static func set(_ scalar: Unicode.Scalar) -> Set<UInt8>? {
    switch scalar {
    case "d": Set(0x30...0x39)
    case "w": Set(0x30...0x39).union(0x41...0x5A).union(0x61...0x7A).union([0x5F])
    // Of white space only what needs no escape.
    case "s": [0x20]
    default: nil
    }
  }

  private mutating func escape() throws(StringPattern.Mistake) -> StringPattern.Node {
    guard let scalar = next else { throw mistake("the pattern ends in a backslash") }
    index += 1
    if let set = Self.set(scalar) { return .oneOf(set, beyondASCII: false) }
    if let lower = scalar.properties.lowercaseMapping.unicodeScalars.first,
      scalar.isASCII, lower != scalar, let set = Self.set(lower)
    {
      return .oneOf(StringPattern.ascii.subtracting(set), beyondASCII: true)
    }
    return try literal(try escaped(scalar))
  }

  /// The character that a backslash before `scalar` stands for.
  private func escaped(
    _ scalar: Unicode.Scalar
  ) throws(StringPattern.Mistake) -> Unicode.Scalar {
    let isName = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
    guard !isName else { throw mistake("'\\\(scalar)' is not supported") }
    return scalar
  }

  private mutating func characterClass() throws(StringPattern.Mistake) -> StringPattern.Node {
    let isNegated = take("^")
    var members: Set<UInt8> = []
    while let scalar = next, scalar != "]" {
      index += 1
      var first = scalar
      if scalar == "\\" {
        guard let name = next else { break }
        index += 1
        if let set = Self.set(name) {
          members.formUnion(set)
          continue
        }
        first = try escaped(name)
      }
      let low = try byte(first)
      guard next == "-", index + 1 < scalars.count, scalars[index + 1] != "]" else {
        members.insert(low)
        continue
      }
      index += 1
      var last = scalars[index]
      index += 1
      if last == "\\" {
        guard let name = next else { break }
        index += 1
        last = try escaped(name)
      }
      let high = try byte(last)
      guard low <= high else { throw mistake("a range in a class goes downwards") }
      members.formUnion(low...high)
    }
    guard take("]") else { throw mistake("a class is not closed") }
    let set = isNegated ? StringPattern.ascii.subtracting(members) : members
    guard isNegated || !set.isEmpty else { throw mistake("a class is empty") }
    return .oneOf(set, beyondASCII: isNegated)
  }

  private func byte(_ scalar: Unicode.Scalar) throws(StringPattern.Mistake) -> UInt8 {
    guard (0x20...0x7E).contains(scalar.value) else {
      throw mistake("classes hold printable ASCII only")
    }
    return UInt8(scalar.value)
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
