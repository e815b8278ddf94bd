import Testing

@testable import Statistics

/// Missing data move nothing: no pass, no fail, no trap; and they are counted.
@Suite struct MissingDataTests {
  static let useless = [Double.nan, .infinity, -.infinity, -0.1, 1.1, 1e308]
  static let impossible = [Double.nan, .infinity, 0, 1, -0.5, 1.5, 1e-13, .leastNonzeroMagnitude]

  @Test(arguments: useless)
  func `scores out of range`(outcome: Double) throws {
    var frozen = try BoundedMeanTest(
      claim: .worse(), minimumDetectableEffect: 0.1, centring: .unknown)
    var streaming = try StreamingMeanTest(
      claim: .worse(), minimumDetectableEffect: 0.1, prior: .unknown)
    var effect = EffectSummary()
    #expect(frozen.append(outcome: outcome, isTreatment: true, propensity: 0.5) == false)
    #expect(
      frozen.append(outcome: 0.5, isTreatment: true, propensity: 0.5, prediction: outcome) == false)
    #expect(streaming.append(outcome: outcome, isTreatment: true, propensity: 0.5) == false)
    #expect(
      effect.append(outcome: outcome, isTreatment: true, propensity: 0.5, centring: 0.5) == false)
    #expect(
      effect.append(outcome: 0.5, isTreatment: true, propensity: 0.5, centring: outcome) == false)
    #expect(frozen.logEvidence == 0 && frozen.evidence.ignored == 2)
    #expect(streaming.logEvidence == 0 && streaming.evidence.ignored == 1)
    #expect(frozen.evidence.observations == 0 && effect == EffectSummary())
  }

  @Test(arguments: [Double.nan, .infinity, -1.1, 2])
  func `differences and latencies out of range`(value: Double) throws {
    var paired = try PairedMeanTest(claim: .worse(), minimumDetectableEffect: 0.1)
    #expect(paired.append(difference: value) == false)
    #expect(paired.logEvidence == 0 && paired.evidence.ignored == 1)
    var running = try RunningQuantile(quantile: 0.5, start: 1, historyCount: 10)
    #expect(running.append(value) == (value == 2))
  }

  @Test(arguments: impossible)
  func `impossible propensities`(propensity: Double) throws {
    var mean = try BoundedMeanTest(
      claim: .worse(), minimumDetectableEffect: 0.1, centring: .unknown)
    var risk = try RelativeRiskTest(claim: .worse(), plannedRatio: 2)
    var tail = try ExceedanceTest(claim: .worse(), threshold: 1, plannedRatio: 2)
    #expect(mean.append(outcome: 0.5, isTreatment: true, propensity: propensity) == false)
    #expect(risk.append(isEvent: true, isTreatment: true, propensity: propensity) == false)
    #expect(tail.append(value: 2, isTreatment: true, propensity: propensity) == false)
    for evidence in [mean.evidence, risk.evidence, tail.evidence] {
      #expect(evidence.ignored == 1 && evidence.observations == 0)
    }
    #expect(mean.logEvidence == 0 && risk.logEvidence == 0 && tail.logEvidence == 0)
  }

  @Test func `latencies that are not numbers`() throws {
    var tail = try ExceedanceTest(claim: .worse(), threshold: 1, plannedRatio: 2)
    #expect(tail.append(value: .nan, isTreatment: true, propensity: 0.5) == false)
    #expect(tail.append(value: .infinity, isTreatment: true, propensity: 0.5) == false)
    #expect(tail.append(value: 2, isTreatment: true, propensity: 0.5, threshold: .nan) == false)
    #expect(tail.evidence.ignored == 3 && tail.logEvidence == 0)
  }

  @Test(
    arguments: [
      (0, []), (0, [1]), (2, [0.5, 0.5]), (-1, [0.5, 0.5]), (0, [0, 1]), (0, [.nan, 0.5]),
      (0, [0.5, 0.6]), (0, [2, -1]), (0, [0.5, 0.25, 0.25]),
    ] as [(Int, [Double])])
  func `assignments that cannot be`(variant: Int, propensities: [Double]) throws {
    var test = try SampleRatioTest()
    #expect(test.append(variant: variant, propensities: propensities) == false)
    #expect(test.logEvidence == 0 && test.evidence.ignored == 1)
  }

  @Test func `a certain assignment says nothing`() throws {
    var test = try SampleRatioTest(variants: 3)
    #expect(test.append(variant: 0, propensities: [1, 0, 0]) == true)
    #expect(test.logEvidence == 0 && test.evidence.observations == 1)
    #expect(test.append(variant: 0, propensities: [0.5, 0.5, 0]) == true)
    #expect(test.logEvidence.isFinite)
  }

  @Test func `extreme but possible observations stay finite`() throws {
    for claim in [Claim.worse(), .notWorse(margin: 0.999), .better(by: 0.999)] {
      for centring in [0.0, 1] {
        var test = try BoundedMeanTest(
          claim: claim, minimumDetectableEffect: 1e-9,
          centring: Centring(mean: centring, variance: 1e-300))
        for propensity in [1e-12, 0.5, 1 - 1e-12] {
          for outcome in [0.0, 1] {
            for isTreatment in [true, false] {
              #expect(
                test.append(outcome: outcome, isTreatment: isTreatment, propensity: propensity)
                  == true)
            }
          }
        }
        #expect(test.logEvidence.isFinite)
        // No factor may be below 0.1, or the bet was greater than the bound allows.
        #expect((0..<21).allSatisfy { test.evidence[$0] >= 12 * .log(0.1) - 1e-6 })
      }
    }
  }

  @Test func `without data nothing is rejected`() throws {
    let risk = try RelativeRiskTest(claim: .worse(), plannedRatio: 2)
    #expect(risk.logEvidence == 0)
    for alpha in [0, 0.05, 0.999, .nan] { #expect(!risk.isRejected(alpha: alpha)) }
    var peak = EvidencePeak()
    peak.look(at: .nan)
    peak.look(at: -3)
    #expect(peak.maximumLogEvidence == 0 && peak.alwaysValidPValue == 1)
    #expect(EvidencePeak(maximumLogEvidence: .nan) == EvidencePeak())
    #expect(!peak.isRejected(alpha: 0) && !peak.isRejected(alpha: .nan))
  }

  @Test func `impossible parameters are refused with their reason`() {
    let claims: [Claim] = [
      .worse(tolerance: -1), .notWorse(margin: .nan), .notWorse(margin: 1), .better(by: -0.1),
      .better(by: .infinity),
    ]
    for claim in claims {
      let error = #expect(throws: StatisticsError.self) {
        try BoundedMeanTest(claim: claim, minimumDetectableEffect: 0.1, centring: .unknown)
      }
      #expect(error?.code == .invalidParameter)
      #expect(error?.description.contains("margin") == true)
    }
    for number in [0, -1, .nan, .infinity, 1e300] {
      #expect(throws: StatisticsError.self) {
        try PairedMeanTest(claim: .worse(), minimumDetectableEffect: number)
      }
      #expect(throws: StatisticsError.self) {
        try RelativeRiskTest(claim: .worse(), plannedRatio: number)
      }
      #expect(throws: StatisticsError.self) {
        try BernoulliTest(claim: .above(number), plannedOddsRatio: 2)
      }
      #expect(throws: StatisticsError.self) { try Centring(mean: 0.5, variance: number) }
    }
    #expect(throws: StatisticsError.self) { try SampleRatioTest(variants: 1) }
    #expect(throws: StatisticsError.self) { try OutcomeScale(worst: 1, best: 1) }
    #expect(throws: StatisticsError.self) {
      try OutcomeScale(worst: 1, best: 0, isLogarithmic: true)
    }
  }
}
