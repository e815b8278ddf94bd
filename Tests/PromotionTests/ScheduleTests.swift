import Experimentation
import Promotion
import Testing

/// When a rollout may move forward: windows and freezes, by real time zones. Berlin put its clocks
/// forward on 2026-03-29 at 01:00 UTC and puts them back on 2026-10-25 at 01:00 UTC (tz database).
@Suite struct ScheduleTests {
  /// An instant, written by the clock of Greenwich.
  static func utc(_ text: String) throws -> Int64 {
    try #require(LocalTime(text), "\(text)").seconds * 1_000
  }

  static func window(
    _ days: [Weekday], _ opens: String, _ closes: String, _ zone: String = "Europe/Berlin"
  ) throws -> WeeklyWindow {
    WeeklyWindow(
      days: days, opensAtMinute: try #require(LocalTime.minute(opens, upTo: 1_439)),
      closesAtMinute: try #require(LocalTime.minute(closes, upTo: 1_440)), timeZone: zone)
  }

  static func freeze(
    _ from: String, _ to: String, _ zone: String = "Europe/Berlin", reason: String? = nil
  ) throws -> Freeze {
    Freeze(
      from: try #require(LocalTime(from)), to: try #require(LocalTime(to)), timeZone: zone,
      reason: reason)
  }

  static let workdays: [Weekday] = [.monday, .tuesday, .wednesday, .thursday]

  /// Whether it is open at an instant, or when it opens next, by the clock of Greenwich.
  func opening(_ schedule: Schedule, at instant: String) throws -> String {
    guard let hold = schedule.hold(at: try Self.utc(instant)) else { return "open" }
    return hold.opensAtMilliseconds.map { "\(LocalTime(seconds: $0 / 1_000))" } ?? "never"
  }

  @Test func `without windows and freezes it is open at all hours`() throws {
    #expect(try opening(.always, at: "2026-12-24T23:00") == "open")
  }

  @Test(arguments: [
    ("2026-11-30T07:59", "2026-11-30T08:00"), ("2026-11-30T08:00", "open"),
    ("2026-11-30T14:59", "open"), ("2026-11-30T15:00", "2026-12-01T08:00"),
    ("2026-12-03T15:00", "2026-12-07T08:00"), ("2026-12-05T12:00", "2026-12-07T08:00"),
    // The same hours of summer time.
    ("2026-07-06T06:59", "2026-07-06T07:00"), ("2026-07-06T07:00", "open"),
  ])
  func `a window opens by the clock on its wall`(_ instant: String, _ opens: String) throws {
    let schedule = Schedule(windows: [try Self.window(Self.workdays, "09:00", "16:00")])
    #expect(try opening(schedule, at: instant) == opens)
  }

  @Test func `the hold says why, and when it opens by the clock of that place`() throws {
    let windows = [try Self.window(Self.workdays, "09:00", "16:00")]
    let hold = try #require(Schedule(windows: windows).hold(at: try Self.utc("2026-12-04T12:00")))
    #expect(
      hold.sentence == "outside of its windows; opens Mon 2026-12-07 09:00 (Europe/Berlin)")
    let freezes = [try Self.freeze("2026-12-20", "2027-01-03", reason: "holidays")]
    let frozen = try #require(
      Schedule(windows: windows, freezes: freezes).hold(at: try Self.utc("2026-12-21T12:00")))
    #expect(frozen.sentence == "frozen: holidays; opens Mon 2027-01-04 09:00 (Europe/Berlin)")
  }

  @Test(arguments: [
    // 02:15 to 02:45 does not come on that Sunday.
    ("02:15", "02:45", "2026-03-28T12:00", "2026-04-05T00:15"),
    // 02:30 to 04:00 begins where the clock jumps to 03:00.
    ("02:30", "04:00", "2026-03-28T12:00", "2026-03-29T01:00"),
    ("02:30", "04:00", "2026-03-29T01:30", "open"),
    // 02:15 to 02:30 comes twice on that Sunday.
    ("02:15", "02:30", "2026-10-24T12:00", "2026-10-25T00:15"),
    ("02:15", "02:30", "2026-10-25T00:20", "open"),
    ("02:15", "02:30", "2026-10-25T00:45", "2026-10-25T01:15"),
    ("02:15", "02:30", "2026-10-25T01:20", "open"),
    ("02:15", "02:30", "2026-10-25T01:30", "2026-11-01T01:15"),
    // 01:00 to 02:30 is open again when the clock is put back to 02:00.
    ("01:00", "02:30", "2026-10-25T00:40", "2026-10-25T01:00"),
  ])
  func `minutes that are skipped never come, and those that come twice are open twice`(
    _ opens: String, _ closes: String, _ instant: String, _ expected: String
  ) throws {
    let schedule = Schedule(windows: [try Self.window([.sunday], opens, closes)])
    #expect(try opening(schedule, at: instant) == expected)
  }

  @Test(arguments: [
    ("2026-12-20", "2027-01-03", "2026-12-19T22:59", "open"),
    ("2026-12-20", "2027-01-03", "2026-12-19T23:00", "2027-01-02T23:00"),
    ("2026-12-20", "2027-01-03", "2027-01-02T23:00", "open"),
    ("2026-12-20T18:00", "2026-12-21", "2026-12-20T17:00", "2026-12-20T23:00"),
    // From the first 02:30 of that Sunday, to the second.
    ("2026-10-25T02:30", "2026-10-26", "2026-10-25T00:30", "2026-10-25T23:00"),
    ("2026-10-24", "2026-10-25T02:30", "2026-10-25T01:00", "2026-10-25T01:30"),
    // 02:30 of this one is the jump.
    ("2026-03-28", "2026-03-29T02:30", "2026-03-29T00:59", "2026-03-29T01:00"),
  ])
  func `a freeze lasts from its first instant to its last`(
    _ from: String, _ to: String, _ instant: String, _ expected: String
  ) throws {
    let schedule = Schedule(freezes: [try Self.freeze(from, to)])
    #expect(try opening(schedule, at: instant) == expected)
  }

  @Test func `freezes that follow on each other, in several places, are passed in turn`() throws {
    let schedule = Schedule(
      windows: [try Self.window(Weekday.allCases, "22:00", "24:00", "America/New_York")],
      freezes: [
        try Self.freeze("2026-12-24", "2026-12-26", "Asia/Tokyo"),
        try Self.freeze("2026-12-25", "2026-12-31", "UTC"),
      ])
    // Tokyo's begins at 15:00 UTC of the day before; New York's evening of the 30th is the 31st.
    #expect(try opening(schedule, at: "2026-12-23T16:00") == "2026-12-31T03:00")
  }

  @Test func `a zone that is not known here keeps the rollout where it is`() throws {
    let window = try Self.window(Weekday.allCases, "00:00", "24:00", "Mars/Olympus_Mons")
    let hold = try #require(Schedule(windows: [window]).hold(at: 0))
    #expect(hold.opensAtMilliseconds == nil)
    #expect(hold.reason.contains("Mars/Olympus_Mons"))
    let freeze = try Self.freeze("2026-12-24", "2026-12-26", "Mars/Olympus_Mons")
    #expect(Schedule(freezes: [freeze]).hold(at: 0) != nil)
  }

  /// Held against every minute between.
  @Test(arguments: 0..<24)
  func `the opening that is told is the first minute that is open`(_ seed: Int) throws {
    var random = Random(state: UInt64(seed) &+ 1)
    let zones = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
    let windows = try (0..<2).map { _ in
      let opens = random.next(below: 1_440)
      return WeeklyWindow(
        days: [Weekday.allCases[random.next(below: 7)], .sunday].sorted {
          $0.rawValue < $1.rawValue
        },
        opensAtMinute: opens, closesAtMinute: opens + 1 + random.next(below: 1_440 - opens),
        timeZone: try #require(zones.randomElement(using: &random)))
    }
    let starts = [
      "2026-03-06", "2026-03-27", "2026-10-23", "2026-10-30", "2026-04-02", "2026-06-01",
    ]
    let start = try #require(starts.randomElement(using: &random))
    let freeze = try Self.freeze(start, start + "T18:00", "Europe/Berlin")
    let schedule = Schedule(windows: windows, freezes: [freeze])
    var now = try Self.utc(start)
    let end = now + 20 * 86_400_000
    while now < end, let hold = schedule.hold(at: now) {
      let opens = try #require(hold.opensAtMilliseconds)
      #expect(schedule.hold(at: opens) == nil)
      var minute = now
      while minute < opens {
        #expect(schedule.hold(at: minute) != nil, "\(LocalTime(seconds: minute / 1_000))")
        minute += 60_000
      }
      now = opens
      while schedule.hold(at: now) == nil, now < end { now += 60_000 }
    }
  }

  /// A generator whose numbers are the same everywhere (splitmix64; Steele, Lea & Flood 2014).
  struct Random: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      return z ^ (z >> 31)
    }

    mutating func next(below limit: Int) -> Int { Int(next() % UInt64(max(1, limit))) }
  }
}
