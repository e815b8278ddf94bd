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

  @Test func `a share is fair at the border, and a whole event is an event`() throws {
    for (claim, ratio) in [
      (Claim.worse(tolerance: 0.5), 1.5), (.notWorse(margin: 1), 2), (.better(by: 0.2), 0.8),
    ] {
      let blank = try RelativeRiskTest(claim: claim, plannedRatio: 2)
      // A unit's share Y under π = 0.3: treatment's mean is the border's ratio times control's, and
      // both have units of two kinds. The expected factor of each bet is then 1.
      let kinds = [(share: 0.0, chance: 0.7), (0.25, 0.3)]
      for bet in 0..<blank.evidence.components {
        var expected = 0.0
        for (share, chance) in kinds {
          for isTreatment in [true, false] {
            var test = blank
            // Treatment's shares are the ratio times control's.
            test.append(
              share: share * (isTreatment ? ratio : 1), isTreatment: isTreatment, propensity: 0.3)
            expected += chance * (isTreatment ? 0.3 : 0.7) * .exp(test.evidence[bet])
          }
        }
        #expect(isClose(expected, 1, relative: 1e-12), "\(claim), bet \(bet)")
      }
      var (event, share) = (blank, blank)
      event.append(isEvent: true, isTreatment: true, propensity: 0.3)
      share.append(share: 1, isTreatment: true, propensity: 0.3)
      #expect(event == share)
      for missing in [-0.1, 1.1, .nan] {
        let isUsed = share.append(share: missing, isTreatment: true, propensity: 0.3)
        #expect(!isUsed)
      }
    }
  }

  @Test func `what was taken in can be taken out again, to the bit`() throws {
    var generator = SeededGenerator(seed: 13)
    var risk = try RelativeRiskTest(claim: .worse(), plannedRatio: 2)
    var mean = try BoundedMeanTest(
      claim: .notWorse(margin: 0.1), minimumDetectableEffect: 0.1, centring: .unknown)
    let (blankRisk, blankMean) = (risk, mean)
    var parts: [(RelativeRiskTest, BoundedMeanTest)] = []
    for _ in 0..<200 {
      var part = (blankRisk, blankMean)
      let (share, isTreatment) = (generator.uniform(), generator.uniform() < 0.3)
      part.0.append(share: share, isTreatment: isTreatment, propensity: 0.3)
      part.1.append(outcome: share, isTreatment: isTreatment, propensity: 0.3)
      try risk.merge(part.0)
      try mean.merge(part.1)
      parts.append(part)
    }
    for part in parts.shuffled(using: &generator) {
      try risk.withdraw(part.0)
      try mean.withdraw(part.1)
    }
    #expect(risk == blankRisk)
    #expect(mean == blankMean)
    #expect(throws: StatisticsError.self) {
      try risk.withdraw(RelativeRiskTest(claim: .worse(tolerance: 1), plannedRatio: 2))
    }
  }
}
