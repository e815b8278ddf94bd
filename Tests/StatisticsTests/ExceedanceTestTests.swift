import Testing

@testable import Statistics

@Suite struct ExceedanceTestTests {
  @Test func `the margin applies to the treatment's threshold alone`() throws {
    var test = try ExceedanceTest(claim: .notWorse(margin: 0.1), threshold: 2, plannedRatio: 1.5)
    test.append(value: 2.15, isTreatment: true, propensity: 0.5)
    #expect(test.logEvidence == 0)
    test.append(value: 2.15, isTreatment: false, propensity: 0.5)
    #expect(test.logEvidence > 0)
    test.append(value: 2.25, isTreatment: true, propensity: 0.5)
    #expect(test.logEvidence < 0)
    #expect(test.evidence.observations == 3)
  }

  @Test func `a threshold given with the request takes the frozen one's place`() throws {
    var test = try ExceedanceTest(claim: .worse(), threshold: 2, plannedRatio: 1.5)
    test.append(value: 2.5, isTreatment: true, propensity: 0.5, threshold: 3)
    #expect(test.logEvidence == 0)
    try test.startStep(threshold: 1)
    test.append(value: 1.5, isTreatment: true, propensity: 0.5)
    #expect(test.logEvidence > 0)
    #expect(throws: StatisticsError.self) { try test.startStep(threshold: 0) }
  }

  @Test func `the planned ratio is read off control's history`() throws {
    // Exponential: P(L > τ/1.1) / P(L > τ) = exp(τ − τ/1.1), and τ = 3 is the p95.
    var generator = SeededGenerator(seed: 4)
    let history = QuantileSketch(
      (0..<50_000).map { _ in -Double.log(1 - generator.uniform()) })
    let ratio = try #require(
      ExceedanceTest.plannedRatio(history: history, threshold: 3, slowdown: 0.1))
    // 2 % of the threshold for each of two buckets' edges (6 %), 3 % for 2 500 values beyond it.
    #expect(isClose(ratio, .exp(3 - 3 / 1.1), relative: 0.13))
    #expect(
      ExceedanceTest.plannedRatio(history: history, threshold: 1e6, slowdown: 0.1) == nil)
    #expect(
      ExceedanceTest.plannedRatio(history: QuantileSketch(), threshold: 1, slowdown: 0.1) == nil)
  }
}
