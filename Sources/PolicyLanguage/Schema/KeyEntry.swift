/// One key of the language: what may stand behind it, and what people are told about it.
///
/// The one source for all three: readers take kinds and bounds from here, the JSON Schema is made
/// of it, and the tables of `policies/README.md` are held against it.
struct KeyEntry {
  var form: ValueForm
  var usual: Usual
  /// What it means, in Markdown; may be empty where the name says it all.
  var summary: String

  /// What holds for a key that is not there, in Markdown.
  enum Usual: Hashable {
    /// It must be there, or is not supported yet: see ``PolicyKey/presence``.
    case none
    /// What is taken instead.
    case value(String)
    /// What cannot be said in a value, such as `one of two`.
    case note(String)
  }

  init(_ form: ValueForm, _ summary: String) {
    (self.form, usual, self.summary) = (form, .none, summary)
  }

  init(_ form: ValueForm, or value: String, _ summary: String) {
    (self.form, usual, self.summary) = (form, .value(value), summary)
  }

  init(_ form: ValueForm, usual note: String, _ summary: String) {
    (self.form, usual, self.summary) = (form, .note(note), summary)
  }
}

/// What may stand behind a key.
indirect enum ValueForm {
  /// One word of a closed set, or one that is made of letters.
  case words([String], or: WordShape? = nil)
  /// A word that is made of certain letters.
  case word(WordShape)
  /// Any text.
  case text
  /// The path of a file.
  case path
  /// A text with a grammar of its own. The pattern takes all that its reader takes, and maybe more.
  case pattern(String)
  /// `true` or `false`, not in quotes.
  case truth
  case integer(ClosedRange<Int>)
  /// One of a few whole numbers.
  case integers([Int])
  case number(Bounds)
  /// A number of percent; the sign may be there or not.
  case percentOfRequests(Bounds)
  /// A number with one of these units; its bounds depend on what stands around it.
  case quantity([String])
  /// Seconds, written with a unit.
  case duration(ClosedRange<Double>)
  case mapping(any PolicyKey.Type)
  case list(ValueForm, ClosedRange<Int>)
  /// One value, or a list of up to so many.
  case oneOrSeveral(ValueForm, Int)
  /// Names of models with a percentage each.
  case weights
  /// One word of a closed set, or a list of some.
  case wordOrWords([String])
  /// Texts, numbers, truth values and `null`.
  case literals(ClosedRange<Int>)
  /// `any`, or what a JSON value must be like.
  case answerSchema
  /// What values must be like, by their keys.
  case schemas
  /// Where bands of prompt lengths begin.
  case bands(edges: ClosedRange<Int>, tokens: ClosedRange<Int>)
}

/// Words that are made of few letters: the first, the others, and how many in all.
///
/// Letters are written like inside the brackets of a regular expression: `a-z0-9_-`.
struct WordShape: Hashable {
  var prefix = ""
  var first: String
  var rest: String
  var length: ClosedRange<Int>

  static let name = WordShape(first: "a-z0-9", rest: "a-z0-9._-", length: 1...63)
  static let sha256 = WordShape(first: "a-f0-9", rest: "a-f0-9", length: 64...64)
  static let currency = WordShape(first: "A-Z", rest: "A-Z", length: 3...3)
  static let environmentName = WordShape(first: "A-Z_", rest: "A-Z0-9_", length: 1...128)
  static let header = WordShape(
    prefix: "header:", first: "a-z0-9-", rest: "a-z0-9-", length: 1...64)

  func matches(_ text: some StringProtocol) -> Bool {
    guard text.hasPrefix(prefix) else { return false }
    let letters = text.utf8.dropFirst(prefix.utf8.count)
    return length.contains(letters.count)
      && letters.first.map { Self.letters(first).contains($0) } ?? true
      && letters.dropFirst().allSatisfy(Self.letters(rest).contains)
  }

  /// The same as a regular expression.
  var pattern: String {
    let (least, most) = (length.lowerBound - 1, length.upperBound - 1)
    return "^\(prefix)[\(first)][\(rest)]{\(least == most ? "\(most)" : "\(least),\(most)")}$"
  }

  /// `a-z_` as a set; a dash at the end is itself.
  private static func letters(_ class: String) -> Set<UInt8> {
    var rest = Array(`class`.utf8)[...]
    var letters: Set<UInt8> = []
    while let first = rest.popFirst() {
      if rest.count > 1, rest.first == UInt8(ascii: "-"), let last = rest.dropFirst().first {
        letters.formUnion(first...max(first, last))
        rest = rest.dropFirst(2)
      } else {
        letters.insert(first)
      }
    }
    return letters
  }
}

/// A range of numbers, each end inside or not.
struct Bounds: Hashable {
  var low: Double
  var isLowInside: Bool
  var high: Double
  var isHighInside: Bool

  init(from low: Double, to high: Double) {
    (self.low, isLowInside, self.high, isHighInside) = (low, true, high, true)
  }

  init(above low: Double, to high: Double) {
    (self.low, isLowInside, self.high, isHighInside) = (low, false, high, true)
  }

  init(from low: Double, below high: Double) {
    (self.low, isLowInside, self.high, isHighInside) = (low, true, high, false)
  }

  func contains(_ value: Double) -> Bool {
    (isLowInside ? value >= low : value > low) && (isHighInside ? value <= high : value < high)
  }
}

extension Bounds: CustomStringConvertible {
  /// `from 0 to 100`, `above 0 and at most 0.2`, `from 0 to below 1`.
  var description: String {
    let (low, high) = (Self.spelled(low), Self.spelled(high))
    let end = isHighInside ? high : "below \(high)"
    if isLowInside { return "from \(low) to \(end)" }
    return "above \(low) and \(isHighInside ? "at most \(high)" : end)"
  }

  private static func spelled(_ number: Double) -> String {
    Int(exactly: number).map(String.init) ?? "\(number)"
  }
}
