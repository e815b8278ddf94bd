/// What a pattern is made of.
package indirect enum PatternNode: Hashable, Sendable {
  case oneOf(ScalarSet)
  case anchor(TextPattern.Anchor)
  case sequence([PatternNode])
  case choice([PatternNode])
  case repeated(PatternNode, Int, Int?)
}

/// What somebody takes of the language of patterns.
package struct PatternDialect: Sendable {
  /// Characters of a pattern, at most.
  package var lengthLimit: Int
  /// Whether it may begin with `(?i)`, have lazy quantifiers, and ask for the edges of words.
  package var isExtended: Bool
  /// Why a set of characters is not taken; `nil` for one that is.
  package var refusal: @Sendable (ScalarSet) -> String?

  package init(
    lengthLimit: Int, isExtended: Bool, refusal: @escaping @Sendable (ScalarSet) -> String?
  ) {
    self.lengthLimit = lengthLimit
    self.isExtended = isExtended
    self.refusal = refusal
  }

  /// Of patterns that are looked for in answers.
  static let answers = PatternDialect(lengthLimit: 512, isExtended: true) { _ in nil }
}

extension PatternNode {
  /// Of one quantifier, at most.
  package static let countLimit = 1_000
  /// Groups within groups, at most.
  static let depthLimit = 32

  /// - Throws: what is not as it should be, or not supported, and where
  package init(_ text: String, _ dialect: PatternDialect) throws(TextPattern.Mistake) {
    guard text.unicodeScalars.count <= dialect.lengthLimit else {
      throw TextPattern.Mistake(
        problem: "a pattern has at most \(dialect.lengthLimit) characters")
    }
    var parser = PatternParser(text, dialect)
    self = try parser.whole()
  }
}

/// Reads a pattern from left to right.
private struct PatternParser {
  private let scalars: [Unicode.Scalar]
  private let dialect: PatternDialect
  private var index = 0
  private var depth = 0
  private var ignoresCase = false

  init(_ text: String, _ dialect: PatternDialect) {
    scalars = Array(text.unicodeScalars)
    self.dialect = dialect
  }

  private var next: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

  private func mistake(_ problem: String) -> TextPattern.Mistake {
    TextPattern.Mistake(problem: "\(problem), at character \(index + 1) of the pattern")
  }

  private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard next == scalar else { return false }
    index += 1
    return true
  }

  mutating func whole() throws(TextPattern.Mistake) -> PatternNode {
    if dialect.isExtended, scalars.starts(with: "(?i)".unicodeScalars) {
      ignoresCase = true
      index = 4
    }
    let node = try alternatives()
    if let scalar = next { throw mistake("'\(scalar)' has no place here") }
    return node
  }

  private mutating func alternatives() throws(TextPattern.Mistake) -> PatternNode {
    var choices = [try sequence()]
    while take("|") { choices.append(try sequence()) }
    return choices.count == 1 ? choices[0] : .choice(choices)
  }

  private mutating func sequence() throws(TextPattern.Mistake) -> PatternNode {
    var nodes: [PatternNode] = []
    while let scalar = next, scalar != "|", scalar != ")" {
      nodes.append(try repetition(of: try atom(scalar)))
    }
    return .sequence(nodes)
  }

  private mutating func repetition(
    of node: PatternNode
  ) throws(TextPattern.Mistake) -> PatternNode {
    let bounds: (Int, Int?)
    if take("*") {
      bounds = (0, nil)
    } else if take("+") {
      bounds = (1, nil)
    } else if take("?") {
      bounds = (0, 1)
    } else if take("{") {
      let least = try count()
      var most: Int? = least
      if take(",") { most = next == "}" ? nil : try count() }
      guard take("}"), least <= most ?? least else {
        throw mistake("'{n,m}' is not as it should be")
      }
      bounds = (least, most)
    } else {
      return node
    }
    // Lazy or not makes no difference to whether something matches.
    if dialect.isExtended { _ = take("?") }
    if let scalar = next, "*+?{".unicodeScalars.contains(scalar) {
      throw mistake(
        dialect.isExtended
          ? "one quantifier stands behind another"
          : "lazy and repeated quantifiers are not supported")
    }
    return .repeated(node, bounds.0, bounds.1)
  }

  private mutating func count() throws(TextPattern.Mistake) -> Int {
    var number = 0
    var digits = 0
    while let scalar = next, ("0"..."9").contains(scalar), digits < 5 {
      number = number * 10 + Int(scalar.value - 0x30)
      digits += 1
      index += 1
    }
    guard digits > 0, number <= PatternNode.countLimit else {
      throw mistake("a count is in 0...\(PatternNode.countLimit)")
    }
    return number
  }

  private func oneOf(_ set: ScalarSet) throws(TextPattern.Mistake) -> PatternNode {
    let set = ignoresCase ? set.ignoringCase : set
    if let refusal = dialect.refusal(set) { throw mistake(refusal) }
    return .oneOf(set)
  }

  private mutating func atom(_ scalar: Unicode.Scalar) throws(TextPattern.Mistake) -> PatternNode {
    index += 1
    switch scalar {
    case "(": return try group()
    case "[": return try characterClass()
    case ".": return .oneOf(.inLine)
    case "^": return .anchor(.start)
    case "$": return .anchor(.end)
    case "\\": return try escape()
    case "*", "+", "?", "{", "}", "]":
      index -= 1
      throw mistake("'\(scalar)' has no place here; write '\\\(scalar)' for the character")
    default: return try oneOf(ScalarSet(ranges: [scalar.value...scalar.value]))
    }
  }

  private mutating func group() throws(TextPattern.Mistake) -> PatternNode {
    if take("?") {
      guard take(":") else { throw mistake("only groups '(…)' and '(?:…)' are supported") }
    }
    depth += 1
    defer { depth -= 1 }
    guard depth <= PatternNode.depthLimit else {
      throw mistake("groups nest at most \(PatternNode.depthLimit) deep")
    }
    let node = try alternatives()
    guard take(")") else { throw mistake("a group is not closed") }
    return node
  }

  /// The set that a letter after a backslash stands for.
  private static func set(_ scalar: Unicode.Scalar) -> ScalarSet? {
    switch scalar {
    case "d": .digit
    case "w": .word
    case "s": .space
    case "D": ScalarSet(ranges: ScalarSet.digit.ranges, isNegated: true)
    case "W": ScalarSet(ranges: ScalarSet.word.ranges, isNegated: true)
    case "S": ScalarSet(ranges: ScalarSet.space.ranges, isNegated: true)
    default: nil
    }
  }

  private mutating func escape() throws(TextPattern.Mistake) -> PatternNode {
    guard let scalar = next else { throw mistake("the pattern ends in a backslash") }
    index += 1
    if dialect.isExtended, scalar == "b" { return .anchor(.wordBoundary) }
    if dialect.isExtended, scalar == "B" { return .anchor(.noWordBoundary) }
    if let set = Self.set(scalar) { return .oneOf(set) }
    let character = try escaped(scalar)
    return try oneOf(ScalarSet(ranges: [character.value...character.value]))
  }

  /// The character that a backslash before `scalar` stands for.
  private func escaped(_ scalar: Unicode.Scalar) throws(TextPattern.Mistake) -> Unicode.Scalar {
    switch scalar {
    case "n": return "\n"
    case "r": return "\r"
    case "t": return "\t"
    default: break
    }
    let isName = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
    guard !isName else { throw mistake("'\\\(scalar)' is not supported") }
    return scalar
  }

  private mutating func characterClass() throws(TextPattern.Mistake) -> PatternNode {
    var set = ScalarSet(ranges: [], isNegated: take("^"))
    while let scalar = next, scalar != "]" {
      index += 1
      if scalar == "\\", let name = next, let members = Self.set(name) {
        guard !members.isNegated else { throw mistake("'\\\(name)' cannot stand in a class") }
        index += 1
        set.ranges += members.ranges
        continue
      }
      let low = try member(scalar)
      guard next == "-", index + 1 < scalars.count, scalars[index + 1] != "]" else {
        set.ranges.append(low.value...low.value)
        continue
      }
      index += 2
      let high = try member(scalars[index - 1])
      guard low <= high else { throw mistake("a range in a class goes downwards") }
      set.ranges.append(low.value...high.value)
    }
    guard take("]") else { throw mistake("a class is not closed") }
    guard !set.ranges.isEmpty else { throw mistake("a class is empty") }
    return try oneOf(set)
  }

  /// A character of a class that was just read, or what the one behind a backslash stands for.
  private mutating func member(
    _ scalar: Unicode.Scalar
  ) throws(TextPattern.Mistake) -> Unicode.Scalar {
    guard scalar == "\\" else { return scalar }
    guard let name = next else { throw mistake("a class is not closed") }
    index += 1
    return try escaped(name)
  }
}
