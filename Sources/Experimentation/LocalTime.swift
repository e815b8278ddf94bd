/// A minute of some day by the clock on the wall, wherever that hangs.
///
/// Days are those of the Gregorian calendar, 1970 to 2199. Written `2026-12-20` for the midnight at
/// which the day begins, or `2026-12-20T18:00`.
package struct LocalTime: Hashable, Sendable {
  /// Days since 1970-01-01.
  package var day: Int
  /// Since midnight, 0…1439.
  package var minute: Int

  package init(day: Int, minute: Int) {
    self.day = day
    self.minute = minute
  }

  /// Seconds since 1970-01-01T00:00 by the same clock.
  package var seconds: Int64 { Int64(day) * 86_400 + Int64(minute) * 60 }

  /// The minute in which `seconds` lies, counted as ``seconds`` is.
  package init(seconds: Int64) {
    let day = Int((Double(seconds) / 86_400).rounded(.down))
    self.init(day: day, minute: (Int(seconds) - day * 86_400) / 60)
  }

  package var weekday: Weekday {
    // 1970-01-01 was a Thursday.
    Weekday.allCases[((day + 3) % 7 + 7) % 7]
  }
}

/// A day of the week.
package enum Weekday: String, Hashable, Sendable, Codable, CaseIterable {
  case monday = "Mon"
  case tuesday = "Tue"
  case wednesday = "Wed"
  case thursday = "Thu"
  case friday = "Fri"
  case saturday = "Sat"
  case sunday = "Sun"
}

// MARK: - Text

extension LocalTime: LosslessStringConvertible {
  private static let years = 1_970...2_199

  /// `nil` for what is not written so, and for days that no calendar has.
  package init?(_ text: String) {
    let parts = text.split(separator: "T", maxSplits: 1, omittingEmptySubsequences: false)
    let date = parts[0].split(separator: "-", omittingEmptySubsequences: false)
    guard date.map(\.utf8.count) == [4, 2, 2],
      let year = Self.number(date[0]), let month = Self.number(date[1]),
      let dayOfMonth = Self.number(date[2]), Self.years.contains(year),
      (1...12).contains(month), (1...Self.days(in: month, of: year)).contains(dayOfMonth)
    else { return nil }
    guard let minute = parts.count == 2 ? Self.minute(parts[1], upTo: 1_439) : 0 else { return nil }
    let before = (1..<month).reduce(0) { $0 + Self.days(in: $1, of: year) }
    self.init(day: Self.daysBefore(year) + before + dayOfMonth - 1, minute: minute)
  }

  /// `2026-12-20T18:00`
  package var description: String {
    var year = 1_970 + max(0, day) / 366
    while Self.daysBefore(year + 1) <= day { year += 1 }
    var left = day - Self.daysBefore(year)
    var month = 1
    while month < 12, left >= Self.days(in: month, of: year) {
      left -= Self.days(in: month, of: year)
      month += 1
    }
    return "\(year)-\(Self.padded(month))-\(Self.padded(left + 1))T\(Self.clock(minute))"
  }

  /// `HH:MM` as minutes since midnight.
  package static func minute(_ text: some StringProtocol, upTo latest: Int) -> Int? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.map(\.utf8.count) == [2, 2], let hours = number(parts[0]),
      let minutes = number(parts[1]), minutes < 60, hours * 60 + minutes <= latest
    else { return nil }
    return hours * 60 + minutes
  }

  /// Minutes since midnight as `HH:MM`.
  package static func clock(_ minute: Int) -> String {
    "\(padded(minute / 60)):\(padded(minute % 60))"
  }

  private static func number(_ text: some StringProtocol) -> Int? {
    text.utf8.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains) ? Int(text) : nil
  }

  private static func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

  private static func isLeap(_ year: Int) -> Bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
  }

  private static func days(in month: Int, of year: Int) -> Int {
    switch month {
    case 2: isLeap(year) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Days from 1970-01-01 to the first of `year`.
  private static func daysBefore(_ year: Int) -> Int {
    let past = year - 1
    // 719,162 days lie before 1970 in a Gregorian calendar that begins with the year 1.
    return past * 365 + past / 4 - past / 100 + past / 400 - 719_162
  }
}

extension LocalTime: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let time = LocalTime(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(text)' is no local time")
    }
    self = time
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
