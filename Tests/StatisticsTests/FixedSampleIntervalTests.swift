import Testing

@testable import Statistics

/// Intervals of finished measurements, against printed tables.
struct FixedSampleIntervalTests {
  /// Quantiles of Student's distribution as tables print them (Abramowitz and Stegun, table 26.10;
  /// for 23 and 1,000 degrees of freedom NIST's handbook, 1.3.6.7.2).
  @Test(arguments: [
    (1, 0.975, 12.7062), (2, 0.975, 4.3027), (5, 0.975, 2.5706), (5, 0.995, 4.0321),
    (23, 0.975, 2.0687), (1_000, 0.975, 1.9623),
  ])
  func `Student's quantiles are those of the tables`(
    degrees: Int, share: Double, expected: Double
  ) {
    let quantile = StudentDistribution(degreesOfFreedom: Double(degrees)).quantile(share)
    // The tables' own rounding.
    #expect(abs(quantile - expected) <= 1e-4)
  }

  @Test func `the interval of a mean is the textbook's`() throws {
    // Mean 5, s = √(40 / 4), t(4; 0.975) = 2.7764: the radius is 2.7764 · √(10 / 5).
    let interval = try #require(FixedSampleInterval(meanOf: [1, 3, 5, 7, 9]))
    #expect(interval.estimate == 5)
    #expect(abs(interval.upper - 8.9265) <= 1e-3 && abs(interval.lower - 1.0735) <= 1e-3)
  }

  @Test func `one value says nothing of its spread`() {
    #expect(FixedSampleInterval(meanOf: [1]) == nil)
    #expect(FixedSampleInterval(meanOf: []) == nil)
    #expect(FixedSampleInterval(meanOf: [1, .nan, 2]) == nil)
  }

  /// 7 of 20 and 20 of 20 as R's `binom::binom.wilson` and any textbook give them.
  @Test(arguments: [
    (7, 20, 0.1812, 0.5671), (20, 20, 0.8389, 1), (0, 10, 0, 0.2775),
  ])
  func `Wilson's interval is the textbook's`(
    found: Int, trials: Int, lower: Double, upper: Double
  ) throws {
    let summary = try #require(ProportionSummary(successes: found, trials: trials))
    let interval = try #require(FixedSampleInterval(summary))
    // Four printed digits.
    #expect(abs(interval.lower - lower) <= 1e-4 && abs(interval.upper - upper) <= 1e-4)
  }

  @Test func `95 of 100 intervals of batch means hold the truth of a dependent series`() {
    var generator = SeededGenerator(seed: 7)
    var held = 0
    let rounds = 400
    for _ in 0..<rounds {
      // An autoregressive series whose memory is about 5 steps, in 20 blocks of 100.
      var value = 0.0
      let means = (0..<20).map { _ in
        var sum = 0.0
        for _ in 0..<100 {
          value = 0.8 * value + generator.uniform() - 0.5
          sum += value
        }
        return sum / 100
      }
      if let interval = FixedSampleInterval(meanOf: means), interval.lower <= 0,
        interval.upper >= 0
      {
        held += 1
      }
    }
    // 0.95 · 400 = 380 with a standard deviation of 4.4; blocks are not quite independent, which
    // costs about 2 of 100. Over single values, whose variance of the mean is nine times too small,
    // about 195 would hold it.
    #expect(held >= 360 && held <= 395)
  }
}
