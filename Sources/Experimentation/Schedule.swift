/// When a rollout may move forward: inside of one of its windows, and in no freeze.
///
/// Only what was written; what it means at an instant is decided in `Promotion`, with the offsets
/// of the time zones.
package struct Schedule: Hashable, Sendable, Codable {
  /// Parts of each week; none means all of it.
  package var windows: [WeeklyWindow]
  package var freezes: [Freeze]

  package init(windows: [WeeklyWindow] = [], freezes: [Freeze] = []) {
    self.windows = windows
    self.freezes = freezes
  }

  /// At all hours.
  package static let always = Schedule()
}

/// A part of each week by the clock on the wall of a place; within one day.
package struct WeeklyWindow: Hashable, Sendable, Codable {
  /// At least one, in the order of the week, no repeats.
  package var days: [Weekday]
  /// Minutes since midnight, 0…1439; inside.
  package var opensAtMinute: Int
  /// Minutes since midnight, above `opensAtMinute`, up to 1440; outside.
  package var closesAtMinute: Int
  /// As the IANA calls it: `Europe/Berlin`.
  package var timeZone: String

  package init(days: [Weekday], opensAtMinute: Int, closesAtMinute: Int, timeZone: String) {
    self.days = days
    self.opensAtMinute = opensAtMinute
    self.closesAtMinute = closesAtMinute
    self.timeZone = timeZone
  }
}

/// A time in which nothing goes forward, whatever the windows say.
package struct Freeze: Hashable, Sendable, Codable {
  /// Inside.
  package var from: LocalTime
  /// After `from`; outside.
  package var to: LocalTime
  /// As the IANA calls it.
  package var timeZone: String
  /// Why, for people.
  package var reason: String?

  package init(from: LocalTime, to: LocalTime, timeZone: String, reason: String? = nil) {
    self.from = from
    self.to = to
    self.timeZone = timeZone
    self.reason = reason
  }
}
