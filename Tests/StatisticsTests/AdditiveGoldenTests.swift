import Foundation
import Testing

@testable import Statistics

/// `sequential.json`: the additive tests against the same formulas in Python, to 10⁻⁹ relative.
@Suite struct AdditiveGoldenTests {
  struct Golden: Decodable {
    struct FrozenMean: Decodable {
      let n: Int
      let loss: Double
      let harm: Bool
      let effect: Double
      let mean: Double
      let variance: Double
      let logEvidence: Double
    }
    struct Paired: Decodable {
      let n: Int
      let loss: Double
      let harm: Bool
      let effect: Double
      let variance: Double
      let logEvidence: Double
    }
    struct Bernoulli: Decodable {
      let n: Int
      let border: Double
      let sign: Int
      let ratio: Double
      let share: Double
      let logEvidence: Double
    }
    struct Exceedance: Decodable {
      let n: Int
      let loss: Double
      let harm: Bool
      let ratio: Double
      let threshold: Double
      let logEvidence: Double
    }
    struct Tilt: Decodable {
      let n: Int
      let shares: [Double]
      let logEvidence: Double
    }
    struct Running: Decodable {
      let n: Int
      let quantile: Double
      let start: Double
      let history: Int
      let threshold: Double
    }

    let frozenMean: [FrozenMean]
    let paired: [Paired]
    let bernoulli: [Bernoulli]
    let exceedance: [Exceedance]
    let tilt: [Tilt]
    let runningQuantile: [Running]
  }

  let golden: Golden

  init() throws {
    golden = try Fixture.decode(Golden.self, from: "sequential.json")
  }

  private func claim(isHarm: Bool, loss: Double) -> Claim {
    isHarm ? .worse(tolerance: loss) : loss < 0 ? .better(by: -loss) : .notWorse(margin: loss)
  }

  @Test func `bounded mean with frozen centring`() throws {
    #expect(golden.frozenMean.count == 8)
    for reference in golden.frozenMean {
      var test = try BoundedMeanTest(
        claim: claim(isHarm: reference.harm, loss: reference.loss),
        minimumDetectableEffect: reference.effect,
        centring: Centring(mean: reference.mean, variance: reference.variance))
      for request in GoldenRequest.stream(reference.n) {
        test.append(
          outcome: request.score, isTreatment: request.isTreatment, propensity: request.propensity)
      }
      #expect(isClose(test.logEvidence, reference.logEvidence, relative: 1e-9), "\(reference)")
    }
  }

  @Test func `paired mean`() throws {
    #expect(golden.paired.count == 6)
    for reference in golden.paired {
      var generator = LinearCongruentialGenerator(seed: 7)
      var test = try PairedMeanTest(
        claim: claim(isHarm: reference.harm, loss: reference.loss),
        minimumDetectableEffect: reference.effect, meanSquare: reference.variance)
      for _ in 0..<reference.n {
        let difference =
          0.6 * (generator.uniform() - 0.5) + 0.3 * (generator.uniform() - 0.5) - 0.015
        test.append(difference: difference)
      }
      #expect(isClose(test.logEvidence, reference.logEvidence, relative: 1e-9), "\(reference)")
    }
  }

  @Test func `shares against a border, and McNemar's as the case of one half`() throws {
    #expect(golden.bernoulli.count == 6)
    for reference in golden.bernoulli {
      var generator = LinearCongruentialGenerator(seed: 11)
      var test = try BernoulliTest(
        claim: reference.sign > 0 ? .above(reference.border) : .below(reference.border),
        plannedOddsRatio: reference.ratio)
      var pairs = try McNemarTest(
        claim: reference.sign > 0 ? .treatmentIsWorse : .treatmentIsBetter,
        plannedOddsRatio: reference.ratio)
      for _ in 0..<reference.n {
        let isSuccess = generator.uniform() < reference.share
        test.append(isSuccess)
        pairs.append(controlIsBad: !isSuccess, treatmentIsBad: isSuccess)
        pairs.append(controlIsBad: isSuccess, treatmentIsBad: isSuccess)
      }
      #expect(isClose(test.logEvidence, reference.logEvidence, relative: 1e-9), "\(reference)")
      if reference.border == 0.5 {
        #expect(pairs.logEvidence == test.logEvidence)
        #expect(pairs.evidence.observations == 2 * reference.n)
      }
    }
  }

  @Test func `exceedance of a frozen threshold`() throws {
    #expect(golden.exceedance.count == 6)
    for reference in golden.exceedance {
      var generator = LinearCongruentialGenerator(seed: 13)
      var test = try ExceedanceTest(
        claim: claim(isHarm: reference.harm, loss: reference.loss),
        threshold: reference.threshold, plannedRatio: reference.ratio)
      for index in 0..<reference.n {
        let propensity = index < reference.n / 2 ? 0.1 : 0.5
        let isTreatment = generator.uniform() < propensity
        let sum = generator.uniform() + generator.uniform() + generator.uniform()
        test.append(
          value: 0.8 * Foundation.exp(0.9 * (sum - 1.5)) * (isTreatment ? 1.05 : 1),
          isTreatment: isTreatment, propensity: propensity)
      }
      #expect(isClose(test.logEvidence, reference.logEvidence, relative: 1e-9), "\(reference)")
    }
  }

  @Test func `sample ratios of two and three variants`() throws {
    #expect(golden.tilt.count == 3)
    for reference in golden.tilt {
      var generator = LinearCongruentialGenerator(seed: 17)
      let tilted = reference.shares.enumerated().map { $1 * ($0 == 1 ? 1.2 : 1) }
      let total = tilted.reduce(0, +)
      var test = try SampleRatioTest(variants: reference.shares.count)
      for _ in 0..<reference.n {
        var rest = generator.uniform() * total
        var variant = 0
        while variant < tilted.count - 1, rest >= tilted[variant] {
          rest -= tilted[variant]
          variant += 1
        }
        test.append(variant: variant, propensities: reference.shares)
      }
      #expect(isClose(test.logEvidence, reference.logEvidence, relative: 1e-9), "\(reference)")
    }
  }

  @Test func `running quantile`() throws {
    #expect(golden.runningQuantile.count == 3)
    for reference in golden.runningQuantile {
      var generator = LinearCongruentialGenerator(seed: 19)
      var running = try RunningQuantile(
        quantile: reference.quantile, start: reference.start, historyCount: reference.history)
      for _ in 0..<reference.n {
        let sum = generator.uniform() + generator.uniform() + generator.uniform()
        running.append(0.8 * Foundation.exp(0.9 * (sum - 1.5)))
      }
      #expect(isClose(running.threshold, reference.threshold, relative: 1e-9), "\(reference)")
    }
  }
}
