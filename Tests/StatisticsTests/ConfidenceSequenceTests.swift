import Testing

@testable import Statistics

@Suite struct ConfidenceSequenceTests {
  /// Whether an interval misses its truth at any look, in how many of 200 seeded runs.
  private func misses(
    seed: UInt64, _ misses: (inout SeededGenerator) -> Bool
  ) -> Int {
    (0..<200 as Range<UInt64>).count { run in
      var generator = SeededGenerator(seed: seed << 32 | run)
      return misses(&generator)
    }
  }

  /// 5 % of 200 runs and four standard errors.
  let greatestMisses = 22

  @Test func `a share is covered at every look`() {
    let count = misses(seed: 1) { generator in
      var summary = ProportionSummary()
      for trial in 1...300 {
        summary.append(generator.uniform() < 0.1)
        guard trial.isMultiple(of: 10) else { continue }
        let interval = BernoulliConfidenceSequence.interval(
          summary, alpha: 0.05, plannedTrials: 300)
        if interval?.contains(0.1) != true { return true }
      }
      return false
    }
    #expect(count <= greatestMisses)
  }

  @Test func `the p99 of few values has no upper bound, and is covered at every look`() {
    // Elsewhere the sample's maximum is given as the bound, which at 50 values holds 38 % of the
    // time.
    for count in [1, 10, 50, 99] {
      let ranks = QuantileConfidenceSequence.ranks(
        quantile: 0.99, count: count, alpha: 0.05, plannedCount: 500)
      #expect(ranks.upper == nil)
    }
    let looks = [10, 50, 100, 300, 600, 1000].map { count in
      let ranks = QuantileConfidenceSequence.ranks(
        quantile: 0.99, count: count, alpha: 0.05, plannedCount: 500)
      return (count: count, lower: ranks.lower, upper: ranks.upper)
    }
    #expect(looks.last?.upper != nil && looks.last?.lower != nil)
    let missed = misses(seed: 2) { generator in
      let values = (0..<1000).map { _ in generator.uniform() }
      return looks.contains { look in
        let sorted = values.prefix(look.count).sorted()
        return look.lower.map { sorted[$0 - 1] > 0.99 } ?? false
          || look.upper.map { sorted[$0 - 1] < 0.99 } ?? false
      }
    }
    #expect(missed <= greatestMisses)
  }

  @Test func `the sketch's interval contains the sample's`() throws {
    var generator = SeededGenerator(seed: 8)
    let values = (0..<2000).map { _ in -Double.log(1 - generator.uniform()) }
    let sorted = values.sorted()
    let sketch = QuantileSketch(values)
    for quantile in [0.5, 0.95] {
      let ranks = QuantileConfidenceSequence.ranks(
        quantile: quantile, count: 2000, alpha: 0.05, plannedCount: 2000)
      let interval = try #require(
        QuantileConfidenceSequence.interval(
          sketch, quantile: quantile, alpha: 0.05, plannedCount: 2000))
      let lower = sorted[try #require(ranks.lower) - 1]
      let upper = sorted[try #require(ranks.upper) - 1]
      #expect(interval.lower <= lower && lower <= interval.lower * 1.021)
      #expect(interval.upper >= upper && upper >= interval.upper / 1.021)
      #expect(interval.lower < interval.estimate && interval.estimate < interval.upper)
      #expect(interval.contains(-Double.log(1 - quantile)))
    }
  }

  @Test func `a difference of quantiles is as uncertain as both together`() throws {
    var generator = SeededGenerator(seed: 9)
    let values = (0..<3000).map { _ in 1 + generator.uniform() }
    let control = QuantileSketch(values)
    let treatment = QuantileSketch(values.map { $0 * 2 })
    let interval = try #require(
      QuantileConfidenceSequence.difference(
        control: control, treatment: treatment, quantile: 0.5, alpha: 0.05, plannedCount: 3000))
    #expect(interval.contains(1.5) && !interval.contains(0))
    #expect(isClose(interval.estimate, 1.5, absolute: 0.05))
    #expect(
      QuantileConfidenceSequence.difference(
        control: QuantileSketch(), treatment: treatment, quantile: 0.5, alpha: 0.05,
        plannedCount: 3000) == nil)
  }

  @Test func `an effect is covered under a ramp that misleads pooled means`() throws {
    var effect = EffectSummary()
    var control = SampleSummary()
    var treatment = SampleSummary()
    var generator = SeededGenerator(seed: 10)
    for index in 0..<8000 {
      // Both variants get worse in the second half, when the treatment gets most of its traffic.
      let (propensity, level) = index < 4000 ? (0.05, 0.8) : (0.5, 0.6)
      let isTreatment = generator.uniform() < propensity
      let score = level + 0.2 * (generator.uniform() - 0.5)
      effect.append(
        outcome: score, isTreatment: isTreatment, propensity: propensity, centring: level)
      if isTreatment { treatment.append(score) } else { control.append(score) }
    }
    let fair = try #require(effect.interval(alpha: 0.05, plannedCount: 8000))
    let pooled = try #require(
      AsymptoticConfidenceSequence.difference(
        control: control, treatment: treatment, alpha: 0.05, plannedCount: 8000))
    #expect(fair.contains(0) && fair.upper - fair.lower < 0.03)
    #expect(pooled.upper < -0.05)
    #expect(effect + EffectSummary() == effect)
    #expect((effect + effect).treatmentCount == 2 * effect.treatmentCount)
  }

  @Test func `an asymptotic sequence waits for enough of each variant`() throws {
    let many = SampleSummary((0..<1000).map { Double($0 % 7) })
    let few = SampleSummary((0..<99).map { Double($0 % 7) })
    #expect(
      AsymptoticConfidenceSequence.difference(
        control: many, treatment: few, alpha: 0.05, plannedCount: 1000) == nil)
    #expect(AsymptoticConfidenceSequence.mean(of: few, alpha: 0.05, plannedCount: 1000) == nil)
    let common = try #require(ProportionSummary(successes: 10, trials: 1000))
    let rare = try #require(ProportionSummary(successes: 9, trials: 1000))
    let sure = try #require(ProportionSummary(successes: 991, trials: 1000))
    for summary in [rare, sure] {
      #expect(
        AsymptoticConfidenceSequence.difference(
          control: common, treatment: summary, alpha: 0.05, plannedCount: 1000) == nil)
    }
    let interval = try #require(
      AsymptoticConfidenceSequence.difference(
        control: common, treatment: common, alpha: 0.05, plannedCount: 1000, sides: .lower))
    #expect(interval.upper == .infinity && interval.lower < 0 && interval.estimate == 0)
  }

  @Test func `values without spread have an interval without width`() throws {
    let equal = SampleSummary([Double](repeating: 0.5, count: 200))
    let interval = try #require(
      AsymptoticConfidenceSequence.mean(of: equal, alpha: 0.05, plannedCount: 100))
    #expect(interval == ConfidenceInterval(estimate: 0.5, lower: 0.5, upper: 0.5))
  }

  @Test(arguments: [0, 0.5, 1, -1, .nan, .infinity] as [Double])
  func `impossible levels have no width`(alpha: Double) {
    #expect(
      AsymptoticConfidenceSequence.halfWidth(
        variance: 1, count: 100, alpha: alpha, plannedCount: 100, sides: .both) == nil)
  }

  @Test func `all or no successes end at the border`() throws {
    let none = try #require(ProportionSummary(successes: 0, trials: 40))
    let all = try #require(ProportionSummary(successes: 40, trials: 40))
    let low = try #require(
      BernoulliConfidenceSequence.interval(none, alpha: 0.05, plannedTrials: 100))
    let high = try #require(
      BernoulliConfidenceSequence.interval(all, alpha: 0.05, plannedTrials: 100))
    #expect(low.lower == 0 && low.estimate == 0 && high.upper == 1 && high.estimate == 1)
    #expect(isClose(low.upper, 1 - high.lower, relative: 1e-9))
    #expect(
      BernoulliConfidenceSequence.interval(ProportionSummary(), alpha: 0.05, plannedTrials: 9)
        == nil)
  }
}
