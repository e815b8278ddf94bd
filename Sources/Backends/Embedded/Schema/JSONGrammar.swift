import Transformer

/// The grammar of JSON (RFC 8259), from which those of schemas are put together.
///
/// Written as models write it: compact, or with one space after a colon or a comma, or with each
/// member on a line of its own, indented by up to 32 spaces. Whitespace has a bound, since a model
/// that may write spaces for ever sometimes does. Numbers have at most 18 digits before and after
/// the point and three in the exponent. Strings are UTF-8, and escapes of half a surrogate pair are
/// left out.
struct JSONGrammar {
  typealias Rule = GrammarBuilder.Rule
  typealias State = Grammar.State

  var builder = GrammarBuilder()
  /// Between brackets and what they enclose, and after commas.
  let whitespace: Rule
  /// After colons.
  let gap: Rule
  /// One character inside of a string.
  let character: Rule
  /// One character beyond ASCII that does not end a line.
  let beyond: Rule
  let string: Rule
  let integer: Rule
  let number: Rule
  /// Any object.
  let object: Rule
  /// Any array.
  let array: Rule
  /// Anything.
  let value: Rule

  init() {
    var builder = GrammarBuilder()
    whitespace = Self.whitespace(&builder)
    gap = builder.makeRule()
    builder.skip(from: gap.start, to: gap.end)
    builder.read(0x20...0x20, from: gap.start, to: gap.end)
    character = Self.character(&builder)
    beyond = Self.beyond(&builder)
    string = builder.makeRule()
    integer = Self.integer(&builder)
    number = Self.number(&builder, integer)
    object = builder.makeRule()
    array = builder.makeRule()
    value = builder.makeRule()
    self.builder = builder
    layString(0, nil, from: string.start, to: string.end)
    layMap(of: value, from: object.start, to: object.end)
    layArray(of: value, 0, nil, from: array.start, to: array.end)
    for rule in [string, number, object, array] {
      self.builder.call(rule, from: value.start, to: value.end)
    }
    for word in ["true", "false", "null"] {
      self.builder.read(word.utf8, from: value.start, to: value.end)
    }
  }

  // MARK: Parts

  private static func whitespace(_ builder: inout GrammarBuilder) -> Rule {
    let rule = builder.makeRule()
    builder.skip(from: rule.start, to: rule.end)
    builder.read(0x20...0x20, from: rule.start, to: rule.end)
    var place = builder.makeState()
    builder.read(0x0A...0x0A, from: rule.start, to: place)
    for _ in 0..<32 {
      builder.skip(from: place, to: rule.end)
      let next = builder.makeState()
      builder.read(0x20...0x20, from: place, to: next)
      place = next
    }
    builder.skip(from: place, to: rule.end)
    return rule
  }

  /// Well-formed UTF-8 (Unicode 15, table 3-7) but quotes, backslashes and control characters; or
  /// an escape.
  private static func character(_ builder: inout GrammarBuilder) -> Rule {
    let rule = builder.makeRule()
    let tail: ClosedRange<UInt8> = 0x80...0xBF
    let hex: [ClosedRange<UInt8>] = [0x30...0x39, 0x41...0x46, 0x61...0x66]
    let sequences: [[ClosedRange<UInt8>]] = [
      [0x20...0x21], [0x23...0x5B], [0x5D...0x7F], [0xC2...0xDF, tail],
      [0xE0...0xE0, 0xA0...0xBF, tail],
      [0xE1...0xEC, tail, tail], [0xED...0xED, 0x80...0x9F, tail], [0xEE...0xEF, tail, tail],
      [0xF0...0xF0, 0x90...0xBF, tail, tail], [0xF1...0xF3, tail, tail, tail],
      [0xF4...0xF4, 0x80...0x8F, tail, tail],
    ]
    for sequence in sequences {
      builder.read(sequence: sequence, from: rule.start, to: rule.end)
    }
    let escape = builder.makeState()
    builder.read(0x5C...0x5C, from: rule.start, to: escape)
    for byte in "\"\\/bfnrt".utf8 { builder.read(byte...byte, from: escape, to: rule.end) }
    // \u: four digits, but not from D800 to DFFF.
    let digits = (0..<4).map { _ in builder.makeState() }
    let low = builder.makeState()
    builder.read(0x75...0x75, from: escape, to: digits[0])
    for range in [0x30...0x39, 0x41...0x43, 0x45...0x46, 0x61...0x63, 0x65...0x66]
      as [ClosedRange<UInt8>]
    {
      builder.read(range, from: digits[0], to: digits[1])
    }
    for range in [0x44...0x44, 0x64...0x64] as [ClosedRange<UInt8>] {
      builder.read(range, from: digits[0], to: low)
    }
    builder.read(0x30...0x37, from: low, to: digits[2])
    for range in hex {
      builder.read(range, from: digits[1], to: digits[2])
      builder.read(range, from: digits[2], to: digits[3])
      builder.read(range, from: digits[3], to: rule.end)
    }
    return rule
  }

  /// Well-formed UTF-8 of two to four bytes, but U+2028 and U+2029, which a `.` of ECMA-262 leaves
  /// out.
  private static func beyond(_ builder: inout GrammarBuilder) -> Rule {
    let rule = builder.makeRule()
    let tail: ClosedRange<UInt8> = 0x80...0xBF
    let sequences: [[ClosedRange<UInt8>]] = [
      [0xC2...0xDF, tail], [0xE0...0xE0, 0xA0...0xBF, tail], [0xE1...0xE1, tail, tail],
      [0xE2...0xE2, 0x80...0x80, 0x80...0xA7], [0xE2...0xE2, 0x80...0x80, 0xAA...0xBF],
      [0xE2...0xE2, 0x81...0xBF, tail], [0xE3...0xEC, tail, tail],
      [0xED...0xED, 0x80...0x9F, tail], [0xEE...0xEF, tail, tail],
      [0xF0...0xF0, 0x90...0xBF, tail, tail], [0xF1...0xF3, tail, tail, tail],
      [0xF4...0xF4, 0x80...0x8F, tail, tail],
    ]
    for sequence in sequences { builder.read(sequence: sequence, from: rule.start, to: rule.end) }
    return rule
  }

  /// `first` and up to `more` digits after it.
  private static func digits(
    _ first: ClosedRange<UInt8>, _ more: Int, from: State, to: State,
    _ builder: inout GrammarBuilder
  ) {
    var place = builder.makeState()
    builder.read(first, from: from, to: place)
    for _ in 0..<more {
      builder.skip(from: place, to: to)
      let next = builder.makeState()
      builder.read(0x30...0x39, from: place, to: next)
      place = next
    }
    builder.skip(from: place, to: to)
  }

  private static func integer(_ builder: inout GrammarBuilder) -> Rule {
    let rule = builder.makeRule()
    let unsigned = builder.makeState()
    builder.skip(from: rule.start, to: unsigned)
    builder.read(0x2D...0x2D, from: rule.start, to: unsigned)
    builder.read(0x30...0x30, from: unsigned, to: rule.end)
    digits(0x31...0x39, 17, from: unsigned, to: rule.end, &builder)
    return rule
  }

  private static func number(_ builder: inout GrammarBuilder, _ integer: Rule) -> Rule {
    let rule = builder.makeRule()
    let whole = builder.makeState()
    let fraction = builder.makeState()
    builder.call(integer, from: rule.start, to: whole)
    builder.skip(from: whole, to: fraction)
    let point = builder.makeState()
    builder.read(0x2E...0x2E, from: whole, to: point)
    digits(0x30...0x39, 17, from: point, to: fraction, &builder)
    builder.skip(from: fraction, to: rule.end)
    let exponent = builder.makeState()
    let unsigned = builder.makeState()
    for letter in "eE".utf8 { builder.read(letter...letter, from: fraction, to: exponent) }
    builder.skip(from: exponent, to: unsigned)
    for sign in "+-".utf8 { builder.read(sign...sign, from: exponent, to: unsigned) }
    digits(0x30...0x39, 2, from: unsigned, to: rule.end, &builder)
    return rule
  }

  // MARK: Pieces of schemas

  /// An object of any members whose values are all of one kind.
  mutating func layMap(of value: Rule, from: State, to: State) {
    let pair = builder.makeRule()
    let key = builder.makeState()
    let colon = builder.makeState()
    let here = builder.makeState()
    builder.call(string, from: pair.start, to: key)
    builder.read(0x3A...0x3A, from: key, to: colon)
    builder.call(gap, from: colon, to: here)
    builder.call(value, from: here, to: pair.end)
    layList(of: pair, 0, nil, "{", "}", from: from, to: to)
  }

  /// A string of so many characters.
  mutating func layString(_ least: Int, _ most: Int?, from: State, to: State) {
    let open = builder.makeState()
    let close = builder.makeState()
    builder.read(0x22...0x22, from: from, to: open)
    builder.repeated(character, least, most, from: open, to: close)
    builder.read(0x22...0x22, from: close, to: to)
  }

  /// An array of so many items.
  mutating func layArray(of item: Rule, _ least: Int, _ most: Int?, from: State, to: State) {
    layList(of: item, least, most, "[", "]", from: from, to: to)
  }

  private mutating func layList(
    of item: Rule, _ least: Int, _ most: Int?, _ opening: String, _ closing: String, from: State,
    to: State
  ) {
    let open = builder.makeState()
    let inside = builder.makeState()
    builder.read(opening.utf8, from: from, to: open)
    if least == 0 { builder.read(closing.utf8, from: open, to: to) }
    guard most != 0 else { return }
    builder.call(whitespace, from: open, to: inside)
    let more = builder.makeRule()
    let comma = builder.makeState()
    let next = builder.makeState()
    builder.read(0x2C...0x2C, from: more.start, to: comma)
    builder.call(whitespace, from: comma, to: next)
    builder.call(item, from: next, to: more.end)
    let first = builder.makeState()
    let last = builder.makeState()
    let close = builder.makeState()
    builder.call(item, from: inside, to: first)
    builder.repeated(more, max(0, least - 1), most.map { $0 - 1 }, from: first, to: last)
    builder.call(whitespace, from: last, to: close)
    builder.read(closing.utf8, from: close, to: to)
  }

  /// An object of these members in this order, of which those not required may be missing.
  mutating func layObject(
    _ members: [(key: [UInt8], value: Rule, isRequired: Bool)], from: State, to: State
  ) {
    let open = builder.makeState()
    builder.read(0x7B...0x7B, from: from, to: open)
    // Where no member was written yet, and where one was.
    var none: State? = builder.makeState()
    var some = builder.makeState()
    if let none { builder.call(whitespace, from: open, to: none) }
    for member in members {
      let written = builder.makeState()
      let begin = builder.makeState()
      if let none { builder.skip(from: none, to: begin) }
      let comma = builder.makeState()
      builder.read(0x2C...0x2C, from: some, to: comma)
      builder.call(whitespace, from: comma, to: begin)
      let colon = builder.makeState()
      let here = builder.makeState()
      builder.read(member.key + [0x3A], from: begin, to: colon)
      builder.call(gap, from: colon, to: here)
      builder.call(member.value, from: here, to: written)
      if member.isRequired {
        none = nil
      } else {
        builder.skip(from: some, to: written)
      }
      some = written
    }
    if none != nil { builder.read(0x7D...0x7D, from: open, to: to) }
    let close = builder.makeState()
    builder.call(whitespace, from: some, to: close)
    builder.read(0x7D...0x7D, from: close, to: to)
  }
}
