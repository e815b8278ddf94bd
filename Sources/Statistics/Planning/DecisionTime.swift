/// How long a decision will take: requests of a forecast turned into hours.
package struct DecisionTime: Hashable, Sendable {
  /// Requests a second that the route has, both variants together; above 0.
  package let requestsPerSecond: Double
  /// The share of them that counts for the test: of a slice, of a mirror, of sampled judgements; in
  /// (0, 1].
  package let countedShare: Double
  /// Hours until an outcome is final and its window closed; at least 0.
  package let lagHours: Double

  /// - Throws: `invalidParameter` outside these ranges.
  package init(
    requestsPerSecond: Double, countedShare: Double = 1, lagHours: Double = 0
  ) throws(StatisticsError) {
    try require(
      requestsPerSecond > 0 && requestsPerSecond.isFinite,
      "requestsPerSecond must be above 0, not \(requestsPerSecond)")
    try require(
      countedShare > 0 && countedShare <= 1, "countedShare must be in (0, 1], not \(countedShare)")
    try require(
      lagHours >= 0 && lagHours.isFinite, "lagHours must be at least 0, not \(lagHours)")
    self.requestsPerSecond = requestsPerSecond
    self.countedShare = countedShare
    self.lagHours = lagHours
  }

  /// The hours after which `requests` have been counted; infinite if there never are so many.
  package func hours(forRequests requests: Double) -> Double {
    requests / (requestsPerSecond * countedShare * 3_600) + lagHours
  }

  /// The hours after which a `share` of runs, in (0, 1), has decided; `nil` outside.
  package func hours(of forecast: SampleSizePlanner.Forecast, forShare share: Double) -> Double? {
    forecast.requests(forShare: share).map(hours)
  }

  /// The share of runs that have decided after `hours`, 0…1: below 80 % a rollout is not worth
  /// starting as planned (STATISTICS, pitfall 27).
  package func shareDecided(after hours: Double, _ forecast: SampleSizePlanner.Forecast) -> Double {
    let counting = hours - lagHours
    guard counting > 0 else { return 0 }
    return forecast.shareDecided(
      afterRequests: counting * requestsPerSecond * countedShare * 3_600)
  }
}
