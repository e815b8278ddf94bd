import Testing

@testable import Statistics

/// Requests of a forecast as hours.
@Suite struct DecisionTimeTests {
  private func forecast() throws -> SampleSizePlanner.Forecast {
    try #require(
      SampleSizePlanner.relativeRisk(
        controlRisk: 0.01, trueRatio: 2, borderRatio: 1, anchorRatio: 2, propensity: 0.5,
        alpha: 0.05))
  }

  @Test func `hours are requests over what counts of the traffic, and the lag`() throws {
    let time = try DecisionTime(requestsPerSecond: 2, countedShare: 0.25, lagHours: 1.5)
    #expect(time.hours(forRequests: 3_600) == 2 + 1.5)
    let forecast = try forecast()
    let half = try #require(forecast.requests(forShare: 0.5))
    #expect(time.hours(of: forecast, forShare: 0.5) == half / 1_800 + 1.5)
    #expect(time.hours(of: forecast, forShare: 1) == nil)
  }

  @Test func `the share that has decided is the quantile's inverse`() throws {
    let (time, forecast) = (try DecisionTime(requestsPerSecond: 1, lagHours: 2), try forecast())
    for share in [0.1, 0.5, 0.8, 0.99] {
      let hours = try #require(time.hours(of: forecast, forShare: share))
      #expect(isClose(time.shareDecided(after: hours, forecast), share, absolute: 1e-9))
    }
    #expect(time.shareDecided(after: 2, forecast) == 0)
    #expect(time.shareDecided(after: -1, forecast) == 0)
    #expect(time.shareDecided(after: .nan, forecast) == 0)
    #expect(time.shareDecided(after: .infinity, forecast) == 1)
  }

  @Test func `impossible traffic is refused`() {
    for rate in [0, -1, .nan, .infinity] as [Double] {
      #expect(throws: StatisticsError.self) { try DecisionTime(requestsPerSecond: rate) }
    }
    #expect(throws: StatisticsError.self) {
      try DecisionTime(requestsPerSecond: 1, countedShare: 1.1)
    }
    #expect(throws: StatisticsError.self) { try DecisionTime(requestsPerSecond: 1, lagHours: -1) }
  }
}
