import Experimentation

// Single values: each reader returns the value, or reports what stands there instead.
extension PolicyNode {
  /// Most scalars of a text.
  static let maximumTextLength = 512

  /// Text as written, quoted or not.
  func scalar(_ expected: String, _ log: DiagnosticLog) -> Scalar? {
    guard case .scalar(let scalar) = content, !scalar.isEmptyPlain else {
      log.report(.wrongKind, at: position, "expected \(expected), found \(kind)")
      return nil
    }
    guard scalar.text.unicodeScalars.count <= Self.maximumTextLength else {
      log.report(
        .outOfRange, at: position, "a text of more than \(Self.maximumTextLength) characters")
      return nil
    }
    return scalar
  }

  /// Text that could not be taken for anything else; quotes make any text so.
  func text(_ expected: String, _ log: DiagnosticLog) -> String? {
    guard let scalar = scalar(expected, log) else { return nil }
    guard !scalar.text.isEmpty else {
      log.report(.wrongKind, at: position, "expected \(expected), found an empty text")
      return nil
    }
    if !scalar.isQuoted, let other = Self.otherReading(of: scalar.text) {
      log.report(
        .ambiguousText, at: position, "'\(scalar.text.clipped)' is \(other) to some readers",
        suggestion: "\"\(scalar.text.clipped)\"")
      return nil
    }
    return scalar.text
  }

  private static func otherReading(of text: String) -> String? {
    switch text.lowercased() {
    case "yes", "no", "on", "off", "y", "n", "true", "false": return "a truth value"
    case "null", "~": return "no value"
    default: return NumberForm(text) == .notNumber ? nil : "a number"
    }
  }

  func name<Kind>(_ expected: String, _ log: DiagnosticLog) -> Name<Kind>? {
    guard let text = text(expected, log) else { return nil }
    if let name = Name<Kind>(text) { return name }
    let mended = String(text.lowercased().map { $0 == " " || $0 == "/" ? "-" : $0 })
    log.report(
      .invalidName, at: position, "'\(text.clipped)' is no valid name",
      suggestion: Name<Kind>(mended)?.text,
      hint: "a name has 1 to 63 of a-z, 0-9, '.', '_' and '-', and begins with a letter or a digit")
    return nil
  }

  /// One word of a closed set.
  func choice<Value: RawRepresentable<String>>(
    _ expected: String, among values: [Value], _ log: DiagnosticLog
  ) -> Value? {
    guard let scalar = scalar(expected, log) else { return nil }
    if let value = values.first(where: { $0.rawValue == scalar.text }) { return value }
    refuseChoice(scalar.text, expected, of: values.map(\.rawValue), log)
    return nil
  }

  func refuseChoice(
    _ text: String, _ expected: String, of words: [String], _ log: DiagnosticLog
  ) {
    let list = words.joined(separator: ", ")
    log.report(
      .unknownValue, at: position, "expected \(expected), found '\(text.clipped)'",
      suggestion: NearestName.suggestion(for: text, among: words), hint: "known: \(list)")
  }

  /// `true` or `false`; as a text it is none, to other readers of YAML.
  func truth(_ expected: String, _ log: DiagnosticLog) -> Bool? {
    guard let scalar = scalar(expected, log) else { return nil }
    if !scalar.isQuoted, scalar.text == "true" || scalar.text == "false" {
      return scalar.text == "true"
    }
    if scalar.isQuoted {
      log.report(
        .wrongKind, at: position, "expected \(expected), found a text in quotes",
        suggestion: scalar.text.clipped)
    } else {
      refuseChoice(scalar.text, expected, of: ["true", "false"], log)
    }
    return nil
  }

  func integer(_ expected: String, in range: ClosedRange<Int>, _ log: DiagnosticLog) -> Int? {
    guard let (text, value) = number(expected, log) else { return nil }
    guard let integer = Int(text) else {
      let isFraction = value != value.rounded()
      log.report(
        isFraction ? .wrongKind : .outOfRange, at: position,
        isFraction
          ? "expected \(expected), a whole number, found '\(text.clipped)'"
          : "\(expected) must be a whole number from \(range.lowerBound) to \(range.upperBound)")
      return nil
    }
    guard range.contains(integer) else {
      log.report(
        .outOfRange, at: position,
        "\(expected) must be from \(range.lowerBound) to \(range.upperBound), found \(integer)")
      return nil
    }
    return integer
  }

  /// One of a few whole numbers.
  func integer(_ expected: String, among values: [Int], _ log: DiagnosticLog) -> Int? {
    guard let integer = integer(expected, in: Int.min...Int.max, log) else { return nil }
    if values.contains(integer) { return integer }
    let words = values.map(String.init)
    let list = words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
    log.report(.outOfRange, at: position, "\(expected) must be \(list), found \(integer)")
    return nil
  }

  /// A finite number with its text, which has no quotes.
  func number(_ expected: String, _ log: DiagnosticLog) -> (text: String, value: Double)? {
    guard let scalar = scalar(expected, log) else { return nil }
    let form = NumberForm(scalar.text)
    if scalar.isQuoted, form != .notNumber {
      log.report(
        .wrongKind, at: position, "expected \(expected), found a text in quotes",
        suggestion: scalar.text.clipped)
      return nil
    }
    if case .decimal(let value) = form { return (scalar.text, value) }
    if !report(form, of: scalar.text, log) {
      log.report(
        .wrongKind, at: position, "expected \(expected), a number, found '\(scalar.text.clipped)'")
    }
    return nil
  }

  /// Reports a form of number that is refused wherever it stands.
  func report(_ form: NumberForm, of text: String, _ log: DiagnosticLog) -> Bool {
    switch form {
    case .ambiguous(let why, let suggestion):
      log.report(
        .ambiguousNumber, at: position, "'\(text.clipped)' is \(why)", suggestion: suggestion,
        hint: suggestion == nil ? "write it with decimal digits" : nil)
    case .nonFinite:
      log.report(.nonFiniteNumber, at: position, "'\(text.clipped)' is no finite number")
    case .decimal, .notNumber: return false
    }
    return true
  }

  /// The items of a list, as many as `count` allows.
  func list(_ expected: String, _ count: ClosedRange<Int>, _ log: DiagnosticLog) -> [PolicyNode]? {
    guard case .list(let items) = content else {
      log.report(
        .wrongKind, at: position, "expected \(expected), a list, found \(kind)",
        hint: "write '[a, b]', or one '- ' line for each")
      return nil
    }
    guard count.contains(items.count) else {
      log.report(
        .outOfRange, at: position,
        "expected \(expected), \(count.lowerBound) to \(count.upperBound) of them, "
          + "found \(items.count)")
      return nil
    }
    return items
  }
}
