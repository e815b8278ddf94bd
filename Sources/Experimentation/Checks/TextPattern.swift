/// A regular expression over an answer's text, matched in time that grows with the text and no
/// faster.
///
/// Swift's `Regex` backtracks: a pattern such as `(a+)+$` takes longer than anybody lives on an
/// answer that a user may bring about. This one runs all ways at once (Thompson 1968, "Regular
/// Expression Search Algorithm"), at most ``programLimit`` steps for each character.
///
/// Supported: literals, escapes, `.`, classes with ranges and negation, `\d`, `\w`, `\s` and their
/// negations (of ASCII), `\b`, groups, alternatives, `*`, `+`, `?`, `{n}`, `{n,}`, `{n,m}`, `^` and
/// `$` for the beginning and the end of the text, and `(?i)` in front. Other than a pattern of a
/// JSON schema, which is compiled to a grammar of JSON text, this one takes any character.
/// References and looking around are refused by name.
package struct TextPattern: Sendable {
  /// As written.
  package let text: String
  private let program: [Instruction]

  /// Characters of a pattern, at most.
  package static let lengthLimit = PatternDialect.answers.lengthLimit
  /// Instructions that it may come to when its counts are written out.
  package static let programLimit = 2_000

  /// What is wrong with a pattern, in words.
  package struct Mistake: Error, Hashable {
    package let problem: String

    package init(problem: String) { self.problem = problem }
  }

  enum Instruction: Hashable, Sendable {
    case take(ScalarSet)
    /// Goes on at both.
    case split(Int, Int)
    case jump(Int)
    case require(Anchor)
    case match
  }

  /// A place between characters.
  package enum Anchor: Hashable, Sendable {
    case start, end, wordBoundary, noWordBoundary
  }

  /// - Throws: ``Mistake`` that says what is not supported, and where
  package init(_ text: String) throws(Mistake) {
    self.text = text
    let node = try PatternNode(text, .answers)
    var compiler = PatternCompiler()
    try compiler.lay(node)
    try compiler.emit(.match)
    program = compiler.program
  }
}

extension TextPattern: Hashable {
  /// By what is written: the program follows from it.
  package static func == (left: Self, right: Self) -> Bool { left.text == right.text }

  /// As equality goes.
  package func hash(into hasher: inout Hasher) { hasher.combine(text) }
}

extension TextPattern: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    do { self = try TextPattern(container.decode(String.self)) } catch let mistake as Mistake {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: mistake.problem)
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

// MARK: - Matching

extension TextPattern {
  /// Whether the pattern matches somewhere in `subject`.
  ///
  /// - Complexity: O(characters · instructions)
  package func matches(_ subject: some StringProtocol) -> Bool {
    var threads = Threads(program)
    var previous: Unicode.Scalar?
    for scalar in subject.unicodeScalars {
      if threads.start(Surroundings(before: previous, after: scalar)) { return true }
      threads.step(over: scalar)
      previous = scalar
    }
    return threads.start(Surroundings(before: previous, after: nil))
  }

  /// The characters beside a place; `nil` beyond the text.
  private struct Surroundings {
    var before: Unicode.Scalar?
    var after: Unicode.Scalar?

    func satisfy(_ anchor: Anchor) -> Bool {
      switch anchor {
      case .start: before == nil
      case .end: after == nil
      case .wordBoundary: isWordBoundary
      case .noWordBoundary: !isWordBoundary
      }
    }

    private var isWordBoundary: Bool {
      let left = before.map(ScalarSet.word.contains) ?? false
      return left != (after.map(ScalarSet.word.contains) ?? false)
    }
  }

  /// Where in the program a reader may be, all at once.
  private struct Threads {
    let program: [Instruction]
    /// Instructions that take a character, or lead on at the next place.
    private var pending: [Int] = [0]
    private var waiting: [Int] = []
    /// At which place an instruction was last come to.
    private var seen: [Int]
    private var place = 0
    private var stack: [Int] = []

    init(_ program: [Instruction]) {
      self.program = program
      seen = [Int](repeating: -1, count: program.count)
    }

    /// Follows what takes no character; whether the program matches here.
    mutating func start(_ around: Surroundings) -> Bool {
      place += 1
      waiting.removeAll(keepingCapacity: true)
      stack.append(contentsOf: pending.reversed())
      while let index = stack.popLast() {
        guard seen[index] != place else { continue }
        seen[index] = place
        switch program[index] {
        case .match:
          return true
        case .take: waiting.append(index)
        case .jump(let next): stack.append(next)
        case .split(let first, let second):
          stack.append(second)
          stack.append(first)
        case .require(let anchor):
          if around.satisfy(anchor) { stack.append(index + 1) }
        }
      }
      return false
    }

    /// Takes a character; a match may begin behind it as well.
    mutating func step(over scalar: Unicode.Scalar) {
      pending.removeAll(keepingCapacity: true)
      for index in waiting {
        if case .take(let set) = program[index], set.contains(scalar) { pending.append(index + 1) }
      }
      pending.append(0)
    }
  }
}
