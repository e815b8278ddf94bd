import Experimentation
import Foundation

/// Reads when a rollout may move forward: `windows:` and `freeze:`.
struct ScheduleReader {
  let log: DiagnosticLog

  /// The form of a window.
  static let windowPattern = "^[A-Za-z, -]+[0-9]{2}:[0-9]{2} *- *[0-9]{2}:[0-9]{2}$"
  /// The form of a time zone's name.
  static let zonePattern = "^[A-Za-z0-9_+/-]+$"
  /// The form of a day or of a minute in it.
  static let timePattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2})?$"

  /// Beyond which a year was probably mistyped: five, with their leap days.
  static let longFreezeSeconds: Int64 = (5 * 365 + 2) * 86_400

  /// What could be read; mistakes were reported.
  func schedule(windows: [PolicyNode], freezes: [PolicyNode]) -> Schedule {
    Schedule(windows: windows.compactMap(window), freezes: freezes.compactMap(freeze))
  }

  private func window(_ node: PolicyNode) -> WeeklyWindow? {
    guard let reader = MappingReader<WindowKey>(node, log: log) else { return nil }
    let zone = reader[.timeZone].flatMap(timeZone)
    guard let part = reader[.allow].flatMap(weekPart), let zone else { return nil }
    return WeeklyWindow(
      days: part.days, opensAtMinute: part.opens, closesAtMinute: part.closes, timeZone: zone)
  }

  private func freeze(_ node: PolicyNode) -> Freeze? {
    guard let reader = MappingReader<FreezeKey>(node, log: log) else { return nil }
    let zone = reader[.timeZone].flatMap(timeZone)
    let from = reader[.from].flatMap { time($0, "the beginning of the freeze") }
    let to = reader[.to].flatMap { time($0, "the end of the freeze") }
    let reason = reader[.reason].flatMap { $0.text("the reason", log) }
    guard let zone, let from, let to else { return nil }
    guard from.seconds < to.seconds else {
      log.report(
        .timesOutOfOrder, at: reader.position(of: .to), "a freeze must end after it begins",
        hint: "'to' is outside of it: a freeze of one day ends on the next")
      return nil
    }
    if to.seconds - from.seconds > Self.longFreezeSeconds {
      log.report(
        .longFreeze, at: reader.position(of: .to), "the freeze lasts longer than five years",
        hint: "nothing moves forward until it ends: is the year right?", severity: .warning)
    }
    return Freeze(from: from, to: to, timeZone: zone, reason: reason)
  }

  // MARK: Values

  /// The name of a zone whose clock the year round is known, `Europe/Berlin` or `UTC`. One letter
  /// off it is another place, or none; `CET` and `GMT+2` stay the same all year, which is mostly
  /// not what is meant.
  private func timeZone(_ node: PolicyNode) -> String? {
    guard let text = node.text("a time zone", log) else { return nil }
    if Self.isZone(text) { return text }
    let known = TimeZone.knownTimeZoneIdentifiers + ["UTC"]
    log.report(
      .unknownTimeZone, at: node.position, "no time zone is named '\(text.clipped)'",
      suggestion: NearestName.suggestion(for: text, among: known),
      hint: "write it as the IANA does: 'Europe/Berlin', or 'UTC'")
    return nil
  }

  private static func isZone(_ text: String) -> Bool {
    text == "UTC" || text.contains("/") && TimeZone(identifier: text) != nil
  }

  private func time(_ node: PolicyNode, _ expected: String) -> LocalTime? {
    guard let text = node.scalar(expected, log)?.text else { return nil }
    if let time = LocalTime(text) { return time }
    log.report(
      .invalidDate, at: node.position, "'\(text.clipped)' is no day of a calendar",
      hint: "write it like '2026-12-20' or '2026-12-20T18:00', 1970 to 2199")
    return nil
  }
}

// MARK: - A part of the week

extension ScheduleReader {
  private struct WeekPart {
    var days: [Weekday]
    var opens: Int
    var closes: Int
  }

  private static let example = "write it like \"Mon-Thu 09:00-16:00\" or \"Mon,Wed 09:00-12:00\""

  private func weekPart(_ node: PolicyNode) -> WeekPart? {
    guard let text = node.text("a window", log) else { return nil }
    func refuse(_ message: String, suggestion: String? = nil, hint: String) -> WeekPart? {
      log.report(.invalidWindow, at: node.position, message, suggestion: suggestion, hint: hint)
      return nil
    }
    guard let first = text.firstIndex(where: \.isASCIIDigit), first != text.startIndex else {
      return refuse("'\(text.clipped)' is no window", hint: Self.example)
    }
    var days: [Weekday] = []
    for item in text[..<first].split(separator: ",", omittingEmptySubsequences: false) {
      let ends = Self.parts(item)
      guard ends.count <= 2, let from = ends.first, let to = ends.last else {
        return refuse("'\(text.clipped)' is no window", hint: Self.example)
      }
      for end in ends where Weekday(rawValue: end) == nil {
        let meant = Self.dayMeant(by: end)
        return refuse(
          "'\(end.clipped)' is no day of the week",
          suggestion: meant.map { text.replacing(end, with: $0, maxReplacements: 1) },
          hint: "days are \(Weekday.allCases.list)")
      }
      let more = Self.days(from, to)
      if let twice = more.first(where: days.contains) {
        log.report(
          .repeatedValue, at: node.position, "'\(twice.rawValue)' is in the window twice",
          hint: "name each day once: \"Mon-Wed,Fri 09:00-16:00\"")
        return nil
      }
      days += more
    }
    let times = Self.parts(text[first...])
    guard times.count == 2, let opens = LocalTime.minute(times[0], upTo: 1_439),
      let closes = LocalTime.minute(times[1], upTo: 1_440)
    else {
      return refuse(
        "'\(text[first...])' is no part of a day",
        hint: "times are HH:MM-HH:MM, from 00:00 to 24:00")
    }
    guard opens != closes else {
      return refuse("the window is empty", hint: "all day is 00:00-24:00")
    }
    guard opens < closes else {
      return refuse(
        "the window ends before it begins",
        hint: "one over midnight is two: \"Fri 22:00-24:00\" and \"Sat 00:00-06:00\"")
    }
    let unique = Weekday.allCases.filter(days.contains)
    return WeekPart(days: unique, opens: opens, closes: closes)
  }

  /// What stands on both sides of a dash.
  private static func parts(_ text: Substring) -> [String] {
    text.split(separator: "-", omittingEmptySubsequences: false).map {
      $0.trimmingCharacters(in: .whitespaces)
    }
  }

  /// From one day to the other, over the end of the week where need be.
  private static func days(_ from: String, _ to: String) -> [Weekday] {
    let all = Weekday.allCases
    guard let first = all.firstIndex(where: { $0.rawValue == from }),
      let last = all.firstIndex(where: { $0.rawValue == to })
    else { return [] }
    return first <= last ? Array(all[first...last]) : Array(all[first...] + all[...last])
  }

  private static func dayMeant(by text: String) -> String? {
    let names = Weekday.allCases.map(\.rawValue)
    let short = String(text.lowercased().prefix(3))
    return names.first { $0.lowercased() == short }
      ?? NearestName.suggestion(for: text, among: names)
  }
}
