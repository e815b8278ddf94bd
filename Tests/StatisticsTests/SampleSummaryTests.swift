import Testing

@testable import Statistics

@Suite struct SampleSummaryTests {
  @Test func `nothing is known of no values, and no spread of one`() {
    var summary = SampleSummary()
    #expect(summary.mean == nil && summary.variance == nil && summary.varianceOfMean == nil)
    summary.append(3)
    #expect(summary.mean == 3 && summary.variance == nil)
    summary.append(5)
    #expect(summary.mean == 4 && summary.variance == 2 && summary.varianceOfMean == 1)
    #expect(ProportionSummary().proportion == nil)
  }

  @Test func `a great offset costs no accuracy`() throws {
    // The textbook case: 4, 7, 13, 16 have variance 30, and so have they a billion further up.
    let summary = SampleSummary([4, 7, 13, 16].map { $0 + 1e9 })
    #expect(isClose(try #require(summary.variance), 30, relative: 1e-12))
  }

  @Test(arguments: 0..<20 as Range<UInt64>)
  func `parts merge to the whole in any order`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let values = (0..<500).map { _ in 100 * generator.uniform() - 20 }
    let parts = stride(from: 0, to: 500, by: 50).map { SampleSummary(values[$0..<$0 + 50]) }
    let whole = SampleSummary(values)
    let mean = values.reduce(0, +) / 500
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 499
    for merged in [
      whole, parts.reduce(SampleSummary(), +),
      parts.shuffled(using: &generator).reduce(SampleSummary(), +),
    ] {
      #expect(merged.count == 500)
      // Rounding of 500 additions.
      #expect(isClose(try #require(merged.mean), mean, relative: 1e-13))
      #expect(isClose(try #require(merged.variance), variance, relative: 1e-12))
    }
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity, 1e200])
  func `a useless value moves nothing`(value: Double) {
    var summary = SampleSummary([1, 2])
    let before = summary
    #expect(summary.append(value) == false)
    #expect(summary == before)
  }

  @Test func `only possible numbers come back from a store`() throws {
    let summary = SampleSummary([1, 2, 4])
    let restored = SampleSummary(
      count: 3, mean: try #require(summary.mean), squaredDeviations: summary.squaredDeviations)
    #expect(restored == summary)
    #expect(SampleSummary(count: -1, mean: 0, squaredDeviations: 0) == nil)
    #expect(SampleSummary(count: 1, mean: 0, squaredDeviations: 1) == nil)
    #expect(SampleSummary(count: 2, mean: .nan, squaredDeviations: 1) == nil)
    #expect(SampleSummary(count: 2, mean: 1, squaredDeviations: -1) == nil)
    #expect(SampleSummary(count: .max, mean: 1, squaredDeviations: 1) == nil)
    #expect(ProportionSummary(successes: 2, trials: 1) == nil)
    #expect(ProportionSummary(successes: -1, trials: 1) == nil)
    #expect(ProportionSummary(successes: 1, trials: .max) == nil)
  }

  @Test func `counts stop where a Double cannot count on`() throws {
    let full = try #require(ProportionSummary(successes: 1, trials: 1 << 53))
    var more = full + full
    more.append(true)
    #expect(more.trials == 1 << 53 && more.successes == 2)
    let sample = try #require(SampleSummary(count: 1 << 53, mean: 1, squaredDeviations: 1))
    #expect((sample + sample).count == 1 << 53)
  }

  @Test func `proportions add up`() throws {
    var left = ProportionSummary()
    for index in 0..<10 { left.append(index < 3) }
    let right = try #require(ProportionSummary(successes: 7, trials: 30))
    #expect((left + right).proportion == 0.25)
    #expect((left + right).failures == 30)
    #expect(isClose(try #require(left.varianceOfProportion), 0.021, relative: 1e-12))
  }
}
