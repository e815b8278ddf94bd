import Testing

@testable import Statistics

/// `libraries.json`: what scipy, statsmodels, ssrm-test and gbstats compute.
@Suite struct LibraryReferenceTests {
  struct Reference: Decodable {
    struct Bernoulli: Decodable {
      let successes: Int
      let trials: Int
      let border: Double
      let isBelow: Bool
      let plannedOddsRatio: Double
      let logEvidence: Double
    }
    struct Risk: Decodable {
      let treatmentEvents: Int
      let controlEvents: Int
      let propensity: Double
      let margin: Double
      let isHarm: Bool
      let plannedRatio: Double
      let logEvidence: Double
    }
    struct Ratio: Decodable {
      let counts: [Int]
      let shares: [Double]
      let concentration: Double
      let logEvidence: Double
    }
    struct Discoveries: Decodable {
      let logEvidence: [Double]
      let alpha: Double
      let discoveries: [Int]
    }
    struct Sample: Decodable {
      let count: Int
      let mean: Double
      let squaredDeviations: Double
    }
    struct Interval: Decodable {
      let control: Sample
      let treatment: Sample
      let plannedCount: Int
      let alpha: Double
      let lower: Double
      let upper: Double
    }
    struct Quantile: Decodable {
      let mean: Double
      let concentration: Double
      let share: Double
      let quantile: Double
    }
    struct Passage: Decodable {
      let drift: Double
      let variance: Double
      let level: Double
      let requests: Double
      let share: Double
    }

    let bernoulli: [Bernoulli]
    let relativeRisk: [Risk]
    let sampleRatio: [Ratio]
    let discoveries: [Discoveries]
    let sequentialInterval: [Interval]
    let beta: [Quantile]
    let firstPassage: [Passage]
  }

  let reference: Reference

  init() throws { reference = try Fixture.decode(Reference.self, from: "libraries.json") }

  /// Binomial probabilities cancel to some 12 digits.
  private let tolerance = 1e-9

  @Test func `shares, disagreements and ratios of pairs are mixed binomials`() throws {
    #expect(reference.bernoulli.count == 4)
    for row in reference.bernoulli {
      var test = try BernoulliTest(
        claim: row.isBelow ? .below(row.border) : .above(row.border),
        plannedOddsRatio: row.plannedOddsRatio)
      for trial in 0..<row.trials { test.append(trial < row.successes) }
      #expect(isClose(test.logEvidence, row.logEvidence, absolute: tolerance))
      guard row.border == 0.5 else { continue }
      var pairs = try McNemarTest(
        claim: row.isBelow ? .treatmentIsBetter : .treatmentIsWorse,
        plannedOddsRatio: row.plannedOddsRatio)
      var ratios = try PairedRatioTest(
        claim: row.isBelow ? .notWorse(margin: 0.1) : .worse(tolerance: 0.1),
        plannedOddsRatio: row.plannedOddsRatio)
      for trial in 0..<row.trials {
        let isWorse = trial < row.successes
        pairs.append(controlIsBad: !isWorse, treatmentIsBad: isWorse)
        pairs.append(controlIsBad: isWorse, treatmentIsBad: isWorse)
        ratios.append(control: 2, treatment: isWorse ? 2.21 : 2.19)
      }
      #expect(isClose(pairs.logEvidence, row.logEvidence, absolute: tolerance))
      #expect(isClose(ratios.logEvidence, row.logEvidence, absolute: tolerance))
    }
  }

  @Test func `relative risks are mixed binomials, also when control has no event`() throws {
    #expect(reference.relativeRisk.count == 4)
    for row in reference.relativeRisk {
      var test = try RelativeRiskTest(
        claim: row.isHarm ? .worse(tolerance: row.margin) : .notWorse(margin: row.margin),
        plannedRatio: row.plannedRatio)
      for event in 0..<row.treatmentEvents + row.controlEvents {
        test.append(
          isEvent: true, isTreatment: event < row.treatmentEvents, propensity: row.propensity)
      }
      #expect(isClose(test.logEvidence, row.logEvidence, absolute: tolerance))
    }
  }

  @Test func `sample ratios are ssrm-test's`() throws {
    #expect(reference.sampleRatio.count == 4)
    for row in reference.sampleRatio {
      let evidence = try #require(
        SampleRatioTest.logEvidence(
          counts: row.counts, shares: row.shares, concentration: row.concentration))
      #expect(isClose(evidence, row.logEvidence, absolute: 1e-8))
    }
  }

  @Test func `e-BH is statsmodels' Benjamini and Hochberg on 1 over e`() {
    #expect(reference.discoveries.contains { !$0.discoveries.isEmpty })
    for row in reference.discoveries {
      #expect(
        FalseDiscoveryRate.discoveries(logEvidence: row.logEvidence, alpha: row.alpha)
          == row.discoveries)
    }
  }

  @Test func `asymptotic intervals are gbstats'`() throws {
    #expect(reference.sequentialInterval.count == 3)
    for row in reference.sequentialInterval {
      func summary(_ sample: Reference.Sample) throws -> SampleSummary {
        try #require(
          SampleSummary(
            count: sample.count, mean: sample.mean, squaredDeviations: sample.squaredDeviations))
      }
      let interval = try #require(
        AsymptoticConfidenceSequence.difference(
          control: summary(row.control), treatment: summary(row.treatment), alpha: row.alpha,
          plannedCount: row.plannedCount))
      #expect(isClose(interval.lower, row.lower, absolute: 1e-10))
      #expect(isClose(interval.upper, row.upper, absolute: 1e-10))
    }
  }

  @Test func `quantiles of scores are scipy's`() throws {
    #expect(reference.beta.count == 15)
    for row in reference.beta {
      let distribution = try BetaDistribution(mean: row.mean, concentration: row.concentration)
      #expect(isClose(distribution.quantile(row.share), row.quantile, relative: 1e-9))
    }
  }

  @Test func `first passages are scipy's inverse Gaussian`() {
    for row in reference.firstPassage {
      let passage = InverseGaussian(
        mean: row.level / row.drift, shape: row.level * row.level / row.variance)
      #expect(isClose(passage.cumulative(row.requests), row.share, relative: 1e-8, absolute: 1e-15))
    }
  }
}
