import Experimentation
import Foundation
import Testing

/// Days of the calendar, as text and as numbers.
@Suite struct LocalTimeTests {
  /// Against Foundation's calendar, leap years and turns of centuries among them.
  @Test func `every day from 1970 to 2199 is the one that the calendar has`() throws {
    let style = Date.ISO8601FormatStyle(timeZone: .gmt).year().month().day()
    var day = 0
    while day < 84_006 {
      let text = Date(timeIntervalSince1970: Double(day) * 86_400).formatted(style)
      let time = LocalTime(day: day, minute: 0)
      #expect(time.description == text + "T00:00")
      #expect(LocalTime(text) == time)
      day += 17
    }
    #expect(LocalTime("2199-12-31")?.day == 84_005)
  }

  @Test func `the first day was a Thursday, and weeks go on from there`() throws {
    #expect(LocalTime(day: 0, minute: 0).weekday == .thursday)
    #expect(LocalTime(day: -1, minute: 0).weekday == .wednesday)
    #expect(try #require(LocalTime("2026-11-30")).weekday == .monday)
  }

  @Test(arguments: [
    "2026-02-29", "2100-02-29", "2026-13-01", "2026-00-10", "2026-06-31", "2026-6-1", "20.12.2026",
    "2026-12-20T24:00", "2026-12-20T9:00", "2026-12-20 09:00", "2026-12-20T", "", "1969-12-31",
    "2200-01-01", "+026-12-20",
  ])
  func `what no calendar has, or is written otherwise, is none`(_ text: String) {
    #expect(LocalTime(text) == nil)
  }

  @Test func `seconds and minutes go both ways, before 1970 too`() throws {
    let time = try #require(LocalTime("2026-12-20T18:05"))
    #expect(LocalTime(seconds: time.seconds + 59) == time)
    #expect(LocalTime(seconds: -1) == LocalTime(day: -1, minute: 1_439))
    #expect(LocalTime.clock(545) == "09:05")
  }
}
