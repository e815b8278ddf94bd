import Testing

@testable import Statistics

/// `golden_ref.json`: values of confseq, gbstats and ssrm-test.
@Suite struct GoldenReferenceTests {
  struct Golden: Decodable {
    struct Mixture: Decodable {
      let theta0: Double
      let k: Double
      let n: Double
      let t_opt: Double
      let alpha_opt: Double
      let a: Double
      let b: Double
      let log_e: Double
    }
    struct Bernoulli: Decodable {
      let k: Int
      let n: Int
      let alpha: Double
      let t_opt: Int
      let ci: [Double]
    }
    struct Radius: Decodable {
      let p: Double
      let t: Double
      let t_opt: Double
      let alpha: Double
      let lower_radius: Double
      let upper_radius: Double
    }
    struct Asymptotic: Decodable {
      let s2: Double
      let n: Int
      let n_star: Int
      let alpha: Double
      let two_sided: Double
      let one_sided: Double
    }
    struct Counts: Decodable {
      let counts: [Int]
      let theta0: [Double]
      let conc: Double
      let log_e: Double
    }
    struct Betting: Decodable {
      let x: [Double]
      let m: Double
      let lam: Double
      let log_wealth: Double
    }

    let beta_binomial_two_sided: [Mixture]
    let bernoulli_cs: [Bernoulli]
    let bb_bound: [Radius]
    let asymp_cs: [Asymptotic]
    let srm: [Counts]
    let betting_const: [Betting]
  }

  let golden: Golden

  init() throws {
    golden = try Fixture.decode(Golden.self, from: "golden_ref.json")
  }

  @Test func `beta-binomial mixture`() {
    #expect(golden.beta_binomial_two_sided.count == 4)
    for reference in golden.beta_binomial_two_sided {
      let mixture = BetaBinomialMixture(
        share: reference.theta0, plannedCount: reference.t_opt, alpha: reference.alpha_opt)
      #expect(isClose(mixture.priorSuccesses, reference.a, relative: 1e-12))
      #expect(isClose(mixture.priorFailures, reference.b, relative: 1e-12))
      let logEvidence = mixture.logEvidence(successes: reference.k, trials: reference.n)
      #expect(isClose(logEvidence, reference.log_e, relative: 1e-9))
    }
  }

  @Test func `confidence sequence of a share`() throws {
    #expect(golden.bernoulli_cs.count == 4)
    for reference in golden.bernoulli_cs {
      let summary = try #require(ProportionSummary(successes: reference.k, trials: reference.n))
      let interval = try #require(
        BernoulliConfidenceSequence.interval(
          summary, alpha: reference.alpha, plannedTrials: reference.t_opt))
      // The reference bisects to 40 bits.
      #expect(isClose(interval.lower, reference.ci[0], relative: 1e-9))
      #expect(isClose(interval.upper, reference.ci[1], relative: 1e-9))
    }
  }

  @Test func `radii of quantiles, and no bound where the reference truncates`() throws {
    #expect(golden.bb_bound.count == 9)
    for reference in golden.bb_bound {
      func radius(_ share: Double) -> Double? {
        BetaBinomialMixture(
          share: share, plannedCount: reference.t_opt, alpha: reference.alpha
        ).upperRadius(trials: reference.t, alpha: reference.alpha)
      }
      let lower = try #require(radius(1 - reference.p))
      #expect(isClose(lower, reference.lower_radius, relative: 1e-9))
      if reference.p + reference.upper_radius >= 1 {
        #expect(reference.p == 0.99 && reference.t == 500)
        #expect(radius(reference.p) == nil)
      } else {
        let upper = try #require(radius(reference.p))
        #expect(isClose(upper, reference.upper_radius, relative: 1e-9))
      }
    }
  }

  @Test func `asymptotic half widths`() throws {
    #expect(golden.asymp_cs.count == 3)
    for reference in golden.asymp_cs {
      for (sides, expected) in [
        (IntervalSides.both, reference.two_sided), (.lower, reference.one_sided),
        (.upper, reference.one_sided),
      ] {
        let width = try #require(
          AsymptoticConfidenceSequence.halfWidth(
            variance: reference.s2, count: reference.n, alpha: reference.alpha,
            plannedCount: reference.n_star, sides: sides))
        #expect(isClose(width, expected, relative: 1e-12))
      }
    }
  }

  @Test func `sample ratio by counts`() throws {
    #expect(golden.srm.count == 3)
    for reference in golden.srm {
      let logEvidence = try #require(
        SampleRatioTest.logEvidence(
          counts: reference.counts, shares: reference.theta0, concentration: reference.conc))
      // Logarithms of Γ(10 000) are near 82 000 and cancel: 16 digits less 5 leave about 10.
      #expect(isClose(logEvidence, reference.log_e, absolute: 1e-9))
    }
  }

  @Test func `a constant bet's wealth`() {
    #expect(golden.betting_const.count == 2)
    for reference in golden.betting_const {
      // With B = 0.9/λ the greatest of the 20 bets is exactly λ.
      let wealth = reference.x.reduce(0.0) { sum, value in
        let bets = MeanBets(
          on: value - reference.m, greatestLoss: 0.9 / reference.lam, effect: 1, variance: 1)
        return sum + bets.logFactor(1)
      }
      #expect(isClose(wealth, reference.log_wealth, relative: 1e-9))
    }
  }
}
