import Testing

@testable import Statistics

@Suite struct PlannerTests {
  @Test func `what would never be proven has no forecast`() {
    // Truth on the border, or beyond it.
    for ratio in [1, 0.5] {
      #expect(
        SampleSizePlanner.relativeRisk(
          controlRisk: 0.01, trueRatio: ratio, borderRatio: 1, anchorRatio: 2, propensity: 0.5,
          alpha: 0.05) == nil)
    }
    #expect(
      SampleSizePlanner.boundedMean(
        scoreVariance: 0.1, trueDistance: 0, minimumDetectableEffect: 0.02, alpha: 0.05) == nil)
  }

  @Test(arguments: [0, 1, -1, .nan, .infinity] as [Double])
  func `impossible parameters have no forecast`(number: Double) {
    #expect(
      SampleSizePlanner.relativeRisk(
        controlRisk: number, trueRatio: 2, borderRatio: 1, anchorRatio: 2, propensity: 0.5,
        alpha: 0.05) == nil)
    #expect(
      SampleSizePlanner.boundedMean(
        scoreVariance: 0.1, trueDistance: 0.02, minimumDetectableEffect: 0.02, alpha: number)
        == nil)
    let forecast = SampleSizePlanner.boundedMean(
      scoreVariance: 0.1, trueDistance: 0.02, minimumDetectableEffect: 0.02, alpha: 0.05)
    #expect(forecast?.requests(forShare: number) == nil)
  }

  @Test func `more certainty takes longer, and a cap on bets does, too`() throws {
    let free = try #require(
      SampleSizePlanner.boundedMean(
        scoreVariance: 0.02, trueDistance: 0.1, minimumDetectableEffect: 0.1, alpha: 0.05))
    let capped = try #require(
      SampleSizePlanner.boundedMean(
        scoreVariance: 0.02, trueDistance: 0.1, minimumDetectableEffect: 0.1, greatestLoss: 2,
        alpha: 0.05))
    var previous = 0.0
    for share in stride(from: 0.05, to: 1, by: 0.05) {
      let requests = try #require(free.requests(forShare: share))
      #expect(requests > previous)
      previous = requests
    }
    #expect(capped.mean > free.mean)
  }

  @Test func `the normal tail is smooth where its formula changes`() {
    // Both formulas near z = 25: they differ by the asymptotic one's error, 7 · 10⁻⁸.
    let below = Double.logNormalTail(25 - 1e-9)
    let above = Double.logNormalTail(25)
    #expect(isClose(above, below, absolute: 2e-7))
    #expect(isClose(Double.logNormalTail(0), .log(0.5), relative: 1e-15))
    #expect(Double.logNormalTail(1e4).isFinite)
  }
}
