import Testing

@testable import Statistics

/// Where other systems pass in silence.
@Suite struct RelativeRiskTestTests {
  /// How many errors of treatment alone it takes to prove harm.
  private func errorsToProof(propensity: Double) throws -> (errors: Int, logEvidenceOf40: Double) {
    var test = try RelativeRiskTest(claim: .worse(), plannedRatio: 2)
    var needed = 0
    for error in 1...40 {
      test.append(isEvent: true, isTreatment: true, propensity: propensity)
      if needed == 0 && test.isRejected(alpha: 0.05) { needed = error }
    }
    return (needed, test.logEvidence)
  }

  @Test func `a control without errors does not hide forty of treatment`() throws {
    // STATISTICS 2(a): ln E = 22.2, proven at the 9th error at 50/50 and at the 3rd at 5 %.
    let even = try errorsToProof(propensity: 0.5)
    #expect(even.errors == 9)
    #expect(isClose(even.logEvidenceOf40, 22.2, absolute: 0.05))
    #expect(try errorsToProof(propensity: 0.05).errors == 3)
  }

  @Test func `control's errors alone prove no harm, and that treatment is better`() throws {
    var harm = try RelativeRiskTest(claim: .worse(), plannedRatio: 2)
    var gain = try RelativeRiskTest(claim: .better(), plannedRatio: 2)
    for _ in 0..<40 {
      harm.append(isEvent: true, isTreatment: false, propensity: 0.5)
      gain.append(isEvent: true, isTreatment: false, propensity: 0.5)
    }
    #expect(harm.logEvidence < -3)
    #expect(gain.isRejected(alpha: 0.05))
  }

  @Test func `requests without events change nothing`() throws {
    var test = try RelativeRiskTest(claim: .notWorse(margin: 1), plannedRatio: 2)
    for index in 0..<1000 {
      test.append(isEvent: false, isTreatment: index % 2 == 0, propensity: 0.5)
    }
    #expect(test.logEvidence == 0)
    #expect(test.evidence.observations == 1000)
  }

  @Test func `mirrored arms and claims have the same evidence`() throws {
    // "Treatment's risk is more than control's" is "control's is less than treatment's".
    var generator = SeededGenerator(seed: 12)
    var worse = try RelativeRiskTest(claim: .worse(), plannedRatio: 2)
    var better = try RelativeRiskTest(claim: .better(), plannedRatio: 2)
    for _ in 0..<200 {
      let propensity = 0.05 + 0.9 * generator.uniform()
      let isTreatment = generator.uniform() < 0.6
      worse.append(isEvent: true, isTreatment: isTreatment, propensity: propensity)
      better.append(isEvent: true, isTreatment: !isTreatment, propensity: 1 - propensity)
    }
    #expect(isClose(worse.logEvidence, better.logEvidence, relative: 1e-9))
  }
}
