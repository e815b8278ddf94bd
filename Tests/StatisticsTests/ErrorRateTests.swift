import Testing

@testable import Statistics

/// What the tests promise: looked at after *every* request, a true null hypothesis is rejected at
/// most with probability α, whatever weights and base rates do; and a false one is rejected.
@Suite struct ErrorRateTests {
  static let alpha = 0.05
  static let runs = 200
  /// α and four standard errors of 200 runs.
  static let greatestShare = 0.1116

  /// The share of seeded runs for which `rejects` holds.
  private func share(seed: UInt64, _ rejects: (inout SeededGenerator) throws -> Bool) rethrows
    -> Double
  {
    var count = 0
    for run in 0..<UInt64(Self.runs) {
      var generator = SeededGenerator(seed: seed << 32 | run)
      count += try rejects(&generator) ? 1 : 0
    }
    return Double(count) / Double(Self.runs)
  }

  /// A ramp 5 % → 25 % → 50 %, with a base rate that drifts from 0 to 1 over the run.
  private func ramp(_ index: Int, of count: Int) -> (propensity: Double, drift: Double) {
    let progress = Double(index) / Double(count)
    return (progress < 0.3 ? 0.05 : progress < 0.6 ? 0.25 : 0.5, progress)
  }

  @Test(arguments: [
    (Claim.worse(), 1.0), (.worse(tolerance: 0.5), 1.5), (.notWorse(margin: 1), 2.0),
    (.better(), 1.0),
  ])
  func `relative risk at the border under a ramp and drift`(
    claim: Claim, ratio: Double
  ) throws {
    let rejected = try share(seed: 1) { generator in
      var test = try RelativeRiskTest(claim: claim, plannedRatio: 2)
      for index in 0..<1000 {
        let (propensity, drift) = ramp(index, of: 1000)
        let isTreatment = generator.uniform() < propensity
        let risk = (0.02 + 0.06 * drift) * (isTreatment ? ratio : 1)
        let isEvent = generator.uniform() < risk
        test.append(isEvent: isEvent, isTreatment: isTreatment, propensity: propensity)
        if isEvent && test.isRejected(alpha: Self.alpha) { return true }
      }
      return false
    }
    #expect(rejected <= Self.greatestShare)
  }

  /// A score near 0.7 + drift/5 whose spread is ±0.2, less `loss`.
  private func score(_ generator: inout SeededGenerator, drift: Double, loss: Double) -> Double {
    min(1, max(0, 0.7 + 0.2 * drift - loss + 0.4 * (generator.uniform() - 0.5) / 2))
  }

  @Test(arguments: [
    (Claim.worse(), 0.0), (.worse(tolerance: 0.03), 0.03), (.notWorse(margin: 0.05), 0.05),
    (.better(by: 0.02), -0.02),
  ])
  func `mean at the border under a ramp and drift`(claim: Claim, loss: Double) throws {
    let rejected = try share(seed: 2) { generator in
      var test = try BoundedMeanTest(
        claim: claim, minimumDetectableEffect: 0.03,
        centring: Centring(mean: 0.75, variance: 0.02))
      for index in 0..<200 {
        let (propensity, drift) = ramp(index, of: 200)
        let isTreatment = generator.uniform() < propensity
        test.append(
          outcome: score(&generator, drift: drift, loss: isTreatment ? loss : 0),
          isTreatment: isTreatment, propensity: propensity)
        if test.isRejected(alpha: Self.alpha) { return true }
      }
      return false
    }
    #expect(rejected <= Self.greatestShare)
  }

  @Test(arguments: [(Claim.worse(), 0.0), (.notWorse(margin: 0.1), -0.1)])
  func `paired mean at the border`(claim: Claim, mean: Double) throws {
    let rejected = try share(seed: 3) { generator in
      var test = try PairedMeanTest(
        claim: claim, minimumDetectableEffect: 0.05, meanSquare: 0.03)
      for _ in 0..<200 {
        test.append(difference: mean + 0.6 * (generator.uniform() - 0.5))
        if test.isRejected(alpha: Self.alpha) { return true }
      }
      return false
    }
    #expect(rejected <= Self.greatestShare)
  }

  @Test(arguments: [McNemarTest.Claim.treatmentIsWorse, .treatmentIsBetter])
  func `disagreeing pairs of equally good variants`(claim: McNemarTest.Claim) throws {
    let rejected = try share(seed: 4) { generator in
      var test = try McNemarTest(claim: claim, plannedOddsRatio: 1.5)
      for _ in 0..<300 {
        let (controlIsBad, treatmentIsBad) = (generator.uniform() < 0.3, generator.uniform() < 0.3)
        test.append(controlIsBad: controlIsBad, treatmentIsBad: treatmentIsBad)
        if controlIsBad != treatmentIsBad && test.isRejected(alpha: Self.alpha) { return true }
      }
      return false
    }
    #expect(rejected <= Self.greatestShare)
  }

  @Test(arguments: [(Claim.worse(), 1.0), (.notWorse(margin: 0.1), 1.1)])
  func `exceedance at the border, with a threshold that is off`(
    claim: Claim, slowdown: Double
  ) throws {
    let rejected = try share(seed: 5) { generator in
      // The p95 of an exponential distribution is 3; the history was slower.
      var test = try ExceedanceTest(claim: claim, threshold: 2.2, plannedRatio: 1.5)
      for index in 0..<600 {
        let (propensity, _) = ramp(index, of: 600)
        let isTreatment = generator.uniform() < propensity
        let value = -Double.log(1 - generator.uniform()) * (isTreatment ? slowdown : 1)
        test.append(value: value, isTreatment: isTreatment, propensity: propensity)
        // Below the threshold nothing changes, so there is nothing to look at.
        if value > 2.2 && test.isRejected(alpha: Self.alpha) { return true }
      }
      return false
    }
    #expect(rejected <= Self.greatestShare)
  }

  @Test func `sample ratios as promised under a ramp`() throws {
    let rejected = try share(seed: 6) { generator in
      var test = try SampleRatioTest()
      for index in 0..<200 {
        let (propensity, _) = ramp(index, of: 200)
        test.append(isTreatment: generator.uniform() < propensity, propensity: propensity)
        if test.isRejected(alpha: Self.alpha) { return true }
      }
      return false
    }
    #expect(rejected <= Self.greatestShare)
  }

  @Test func `harm and non-inferiority are found in the time that was planned`() throws {
    let sigma = 0.2 / 12.0.squareRoot()
    let plan = try #require(
      SampleSizePlanner.boundedMean(
        scoreVariance: sigma * sigma / 0.25, trueDistance: 0.03, minimumDetectableEffect: 0.03,
        greatestLoss: 0.685 / 0.5, alpha: Self.alpha))
    let planned = Int(try #require(plan.requests(forShare: 0.9)))
    for (claim, loss) in [(Claim.worse(), 0.03), (.notWorse(margin: 0.03), 0)] {
      let found = try share(seed: 7) { generator in
        var test = try BoundedMeanTest(
          claim: claim, minimumDetectableEffect: 0.03,
          centring: Centring(mean: 0.685, variance: sigma * sigma))
        for _ in 0..<planned {
          let isTreatment = generator.uniform() < 0.5
          test.append(
            outcome: score(&generator, drift: 0, loss: isTreatment ? loss : 0),
            isTreatment: isTreatment, propensity: 0.5)
          if test.isRejected(alpha: Self.alpha) { return true }
        }
        return false
      }
      // 90 % are forecast, and the forecast is up to 12 % pessimistic.
      #expect(found > 0.84)
    }
  }

  @Test func `a doubled error rate is found in the time that was planned`() throws {
    let plan = try #require(
      SampleSizePlanner.relativeRisk(
        controlRisk: 0.05, trueRatio: 2, borderRatio: 1, anchorRatio: 2, propensity: 0.5,
        alpha: Self.alpha))
    let planned = Int(try #require(plan.requests(forShare: 0.9)))
    let found = try share(seed: 8) { generator in
      var test = try RelativeRiskTest(claim: .worse(), plannedRatio: 2)
      for _ in 0..<planned {
        let isTreatment = generator.uniform() < 0.5
        let isEvent = generator.uniform() < (isTreatment ? 0.1 : 0.05)
        test.append(isEvent: isEvent, isTreatment: isTreatment, propensity: 0.5)
        if isEvent && test.isRejected(alpha: Self.alpha) { return true }
      }
      return false
    }
    #expect(found > 0.84)
  }
}
