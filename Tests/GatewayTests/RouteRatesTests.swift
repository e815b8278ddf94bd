import Experimentation
import Testing

@testable import Gateway

/// How many requests a route has, as forecasts are told.
@Suite struct RouteRatesTests {
  let rates = RouteRates()
  let chat: RouteName
  /// In the middle of a minute.
  let start: Int64 = 1_800_000_030_000

  init() throws { chat = try #require(RouteName("chat")) }

  @Test func `a steady pace is that pace, from the start and after hours`() throws {
    for second in 0..<7_200 {
      let now = start + Int64(second) * 1_000
      for _ in 0..<3 { rates.note(chat, at: now) }
      if second == 300 || second == 7_199 {
        let rate = try #require(rates.rates(at: now + 500)[chat])
        #expect(abs(rate.requestsPerSecond - 3) < 0.1, "after \(second) s: \(rate)")
      }
    }
    let later = try #require(rates.rates(at: start + 7_200_000)[chat])
    #expect(later.seconds <= 3_600)
  }

  @Test func `what nobody asks for any more goes down to nothing`() throws {
    for second in 0..<60 { rates.note(chat, at: start + Int64(second) * 1_000) }
    let later = start + 2 * 3_600_000
    #expect(try #require(rates.rates(at: later)[chat]).requestsPerSecond == 0)
  }

  @Test func `a few seconds tell nothing yet, and a clock that went back breaks nothing`() throws {
    rates.note(chat, at: start)
    #expect(rates.rates(at: start + 9_999).isEmpty)
    rates.note(chat, at: start - 3_600_000)
    rates.note(chat, at: -5)
    #expect(rates.rates(at: start + 20_000)[chat]?.requestsPerSecond.isFinite == true)
  }
}
