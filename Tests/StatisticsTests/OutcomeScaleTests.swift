import Testing

@testable import Statistics

@Suite struct OutcomeScaleTests {
  @Test func `scores run from the worst to the best`() throws {
    let cost = try OutcomeScale(worst: 10, best: 0)
    #expect(cost.score(10) == 0 && cost.score(0) == 1 && cost.score(2.5) == 0.75)
    #expect(cost.score(11) == 0 && cost.score(-1) == 1)
    #expect(cost.points(of: 0.5) == 0.05)
    let latency = try OutcomeScale(worst: 30, best: 0.03, isLogarithmic: true)
    // Rounding of two logarithms.
    #expect(isClose(try #require(latency.score(0.3)), 2.0 / 3, absolute: 1e-15))
    #expect(latency.score(0) == 1 && latency.score(-3) == 1 && latency.score(100) == 0)
    #expect(isClose(latency.points(of: 0.1), .log(1.1) / .log(1000), relative: 1e-14))
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity])
  func `what is not a number has no score`(value: Double) throws {
    #expect(try OutcomeScale(worst: 0, best: 1).score(value) == nil)
  }

  @Test func `the unit of the metric does not change the decision`() throws {
    var evidence: [Double] = []
    for unit in [1e-6, 1, 1e6] {
      let scale = try OutcomeScale(worst: 30 * unit, best: 0.05 * unit, isLogarithmic: true)
      var test = try BoundedMeanTest(
        claim: .notWorse(margin: scale.points(of: 0.1)),
        minimumDetectableEffect: scale.points(of: 0.1), centring: .unknown)
      var generator = SeededGenerator(seed: 21)
      for _ in 0..<500 {
        let isTreatment = generator.uniform() < 0.5
        let score = try #require(scale.score(unit * (0.2 + generator.uniform())))
        test.append(outcome: score, isTreatment: isTreatment, propensity: 0.5)
      }
      evidence.append(test.logEvidence)
    }
    #expect(isClose(evidence[0], evidence[1], relative: 1e-9))
    #expect(isClose(evidence[2], evidence[1], relative: 1e-9))
  }
}
