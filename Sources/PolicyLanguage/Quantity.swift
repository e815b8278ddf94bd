import Experimentation

/// A number with its unit: `5%`, `0.5pp`, `10m`, `5M/day`.
struct Quantity: Hashable {
  /// Decimal digits, finite, maybe with a sign.
  var digits: String
  /// What stands behind them.
  var unit: String

  /// `nil` when `text` does not begin with a number that is written plainly.
  init?(_ text: String) {
    let digits = text.prefix { $0.isASCIIDigit || $0 == "." || $0 == "-" || $0 == "_" }
    guard case .decimal = NumberForm(String(digits)) else { return nil }
    self.digits = String(digits)
    unit = String(text.dropFirst(digits.count))
  }

  /// The number times ten to the `exponent`, rounded once: `0.1` in percent is exactly `0.001`.
  func scaled(byTenTo exponent: Int) -> Double? {
    Double("\(digits)e\(exponent)").flatMap { $0.isFinite ? $0 : nil }
  }

  /// What a percentage is kept as, when that is another than was written: a share keeps some 16
  /// digits.
  var keptPercentage: String? {
    guard unit == "%", let share = scaled(byTenTo: -2).flatMap(Share.init) else { return nil }
    var asked = Substring(digits)
    if asked.contains(".") {
      while asked.last == "0" { asked.removeLast() }
      if asked.last == "." { asked.removeLast() }
    }
    return asked == "-0" || asked + "%" == share.written ? nil : share.written
  }
}

/// The units of durations.
enum DurationUnit: String, CaseIterable {
  case ms, s, m, h, d

  func seconds(_ quantity: Quantity) -> Double? {
    switch self {
    case .ms: quantity.scaled(byTenTo: -3)
    case .s: quantity.scaled(byTenTo: 0)
    case .m: quantity.scaled(byTenTo: 0).map { $0 * 60 }
    case .h: quantity.scaled(byTenTo: 0).map { $0 * 3_600 }
    case .d: quantity.scaled(byTenTo: 0).map { $0 * 86_400 }
    }
  }
}

/// The units of budgets.
enum TokenRateUnit: String, CaseIterable {
  case ones = "/day"
  case thousands = "k/day"
  case millions = "M/day"
  case billions = "G/day"

  /// Of ten.
  var exponent: Int {
    switch self {
    case .ones: 0
    case .thousands: 3
    case .millions: 6
    case .billions: 9
    }
  }
}

extension PolicyNode {
  /// A number with a unit; reports a number without one.
  ///
  /// - Parameters:
  ///   - code: What to report when the text is no quantity at all.
  ///   - example: A unit for the suggestion, and a whole quantity for the hint.
  private func quantity(
    _ expected: String, otherwise code: DiagnosticCode, unit: String, example: String,
    _ log: DiagnosticLog
  ) -> Quantity? {
    guard let scalar = scalar(expected, log) else { return nil }
    let form = NumberForm(scalar.text)
    if case .decimal = form {
      log.report(
        .missingUnit, at: position, "expected \(expected), found '\(scalar.text)' without a unit",
        suggestion: scalar.text + unit)
      return nil
    }
    if report(form, of: scalar.text, log) { return nil }
    if let quantity = Quantity(scalar.text) { return quantity }
    log.report(
      code, at: position, "expected \(expected), found '\(scalar.text.clipped)'",
      hint: "write it like '\(example)'")
    return nil
  }

  /// `12.5%` as a share; its range is the caller's to check.
  func percent(_ expected: String, _ log: DiagnosticLog) -> Double? {
    guard
      let quantity = quantity(
        expected, otherwise: .wrongUnit, unit: "%", example: "5%", log)
    else { return nil }
    guard quantity.unit == "%", let share = quantity.scaled(byTenTo: -2) else {
      log.report(
        .wrongUnit, at: position, "expected \(expected) in %, found '\(scalarText.clipped)'",
        suggestion: quantity.digits + "%")
      return nil
    }
    return reportLostDigits(of: quantity, log) ? nil : share
  }

  /// Whether a percentage has more digits than are kept: what is done would not be what is written.
  func reportLostDigits(of quantity: Quantity, _ log: DiagnosticLog) -> Bool {
    guard let kept = quantity.keptPercentage else { return false }
    log.report(
      .outOfRange, at: position,
      "'\(quantity.digits.clipped)%' has more digits than are kept, which are those of '\(kept)'",
      hint: "a percentage keeps some 16 digits")
    return true
  }

  /// `10m` in seconds, within `range`.
  func duration(
    _ expected: String, in range: ClosedRange<Double>, _ log: DiagnosticLog
  ) -> Double? {
    guard
      let quantity = quantity(
        expected, otherwise: .invalidDuration, unit: "s", example: "10m", log)
    else { return nil }
    guard let seconds = DurationUnit(rawValue: quantity.unit)?.seconds(quantity) else {
      log.report(
        .invalidDuration, at: position,
        "expected \(expected), a duration, found '\(scalarText.clipped)'",
        suggestion: Self.unitMeant(by: quantity.unit).map { quantity.digits + $0 },
        hint: "units are \(DurationUnit.allCases.list); one a duration")
      return nil
    }
    guard range.contains(seconds) else {
      log.report(
        .outOfRange, at: position,
        "\(expected) must be from \(Self.spelled(range.lowerBound)) to "
          + "\(Self.spelled(range.upperBound)), found '\(scalarText.clipped)'")
      return nil
    }
    return seconds
  }

  private static func unitMeant(by unit: String) -> String? {
    let word = unit.lowercased().drop { $0 == " " }
    return switch word {
    case "msec", "millis", "millisecond", "milliseconds": "ms"
    case "s", "sec", "secs", "second", "seconds": "s"
    case "m", "min", "mins", "minute", "minutes": "m"
    case "h", "hr", "hrs", "hour", "hours": "h"
    case "d", "day", "days": "d"
    default: nil
    }
  }

  /// Seconds as a duration in the largest unit that is whole.
  static func spelled(_ seconds: Double) -> String {
    let units: [(String, Double)] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)]
    for (unit, size) in units where seconds >= size && seconds / size == (seconds / size).rounded()
    {
      return "\(Int(seconds / size))\(unit)"
    }
    return "\(Int((seconds * 1000).rounded()))ms"
  }

  /// `5M/day` in tokens.
  func tokensPerDay(_ log: DiagnosticLog) -> Int? {
    guard
      let quantity = quantity(
        "tokenBudget", otherwise: .wrongUnit, unit: "/day", example: "5M/day", log)
    else { return nil }
    guard let exponent = TokenRateUnit(rawValue: quantity.unit)?.exponent else {
      log.report(
        .wrongUnit, at: position,
        "expected tokenBudget in tokens a day, found '\(scalarText.clipped)'",
        hint: "write it like '200k/day' or '5M/day'")
      return nil
    }
    guard let tokens = quantity.scaled(byTenTo: exponent), (1...1e15).contains(tokens),
      tokens == tokens.rounded()
    else {
      log.report(
        .outOfRange, at: position,
        "tokenBudget must be from 1 to 1000000G whole tokens a day, found '\(scalarText.clipped)'")
      return nil
    }
    return Int(tokens)
  }

  /// A tolerated loss or a wanted gain, in the unit that the scale of `metric` asks for; rates of
  /// rare events may be compared in points or in percent of the incumbent's.
  func margin(_ key: MetricKey, of metric: Metric, _ log: DiagnosticLog) -> MetricGate.Margin? {
    let (unit, other) = metric.scale == .proportion ? ("pp", "%") : ("%", "pp")
    guard
      let quantity = quantity(
        key.rawValue, otherwise: .wrongUnit, unit: unit, example: "5\(unit)", log)
    else { return nil }
    if metric.isOfRareEvents, quantity.unit == other, let value = quantity.scaled(byTenTo: -2) {
      if value == 0 || value >= Self.leastRiskChange { return .relative(value) }
      log.report(
        .wrongUnit, at: position,
        "\(key.rawValue) of '\(scalarText.clipped)' is less than a tenth of the errors themselves, "
          + "which hardly any traffic can show",
        hint: "in %, from 10% on, errors are compared with as many as the incumbent has; in pp, "
          + "such as 0.5pp, with all answers")
      return nil
    }
    guard quantity.unit == unit, let value = quantity.scaled(byTenTo: -2) else {
      let why =
        metric.isOfRareEvents
        ? "\(metric.rawValue) is compared in percentage points or in % of the incumbent's"
        : metric.scale == .proportion
          ? "\(metric.rawValue) is a share and compared in percentage points"
          : "\(metric.rawValue) is a quantity and compared in percent of the incumbent's"
      let isOther = quantity.unit == other || quantity.unit.isEmpty
      log.report(
        .wrongUnit, at: position,
        "expected \(key.rawValue) in \(unit), found '\(scalarText.clipped)'",
        suggestion: isOther ? quantity.digits + unit : nil, hint: why)
      return nil
    }
    return metric.scale == .proportion ? .absolute(value) : .relative(value)
  }

  /// A tenth more of what happens once in a hundred requests takes some 300,000 to show. Who writes
  /// so little means points.
  private static let leastRiskChange = 0.1

  /// The text of a scalar, for messages.
  private var scalarText: String {
    if case .scalar(let scalar) = content { scalar.text } else { "" }
  }
}
