/// A test that looks for what sets in late: a leak, a cache that fills up, a provider that fails.
///
/// A single test that has watched a harmless candidate for days has spent its stake and must win it
/// back first. So a fresh one starts with each period, and
///
///     E = Σₖ cₖE⁽ᵏ⁾, cₖ = 1/((k + 1)(k + 2))
///
/// where tests that have not started count as 1 (STATISTICS 2(i)): again an e-process, since the cₖ
/// sum to 1 and each test bets only on what comes after its start.
///
/// Only the evidence of each period is kept; that of the test which started with period k is the
/// sum of all from k on. So mixtures of disjoint requests add up, period by period.
package struct RestartMixture<Test: AdditiveTest>: Hashable, Sendable {
  /// Tests that may start; those after them never do, and keep counting as 1.
  package static var greatestPeriods: Int { 1_024 }

  private let empty: Test
  /// By period, at least one.
  private var periods: [Test]

  /// - Parameter test: Without data; each period starts with it.
  package init(_ test: Test) {
    empty = test
    periods = [test]
  }

  /// How many periods have started.
  package var count: Int { periods.count }

  /// Begins a period: in production an hour, in any case before its requests are seen.
  package mutating func startPeriod() {
    if periods.count < Self.greatestPeriods { periods.append(empty) }
  }

  /// Takes what `body` does to the present period's test in.
  package mutating func append(_ body: (inout Test) -> Void) {
    body(&periods[periods.count - 1])
  }

  /// ln E now; 0 without data.
  ///
  /// - Complexity: O(periods · bets).
  package var logEvidence: Double {
    var sum = empty
    // Σ of the weights from k on is 1/(k + 1): what has not started.
    var logs: [Double] = [-.log(Double(periods.count + 1))]
    for (index, period) in periods.enumerated().reversed() {
      // Tests of one claim, as these are, always add up.
      try? sum.merge(period)
      let (first, second) = (Double(index + 1), Double(index + 2))
      logs.append(sum.logEvidence - .log(first) - .log(second))
    }
    let greatest = logs.reduce(-.infinity, max)
    return greatest + .log(logs.reduce(0) { $0 + .exp($1 - greatest) })
  }

  /// Whether the evidence at this look proves the claim at level `alpha` in 0…1.
  package func isRejected(alpha: Double) -> Bool {
    alpha > 0 && logEvidence >= -.log(alpha)
  }

  /// Adds the evidence of a disjoint set of requests, whose periods began at the same times.
  ///
  /// - Throws: `mismatch` if the claims differ; `self` stays as it was.
  package mutating func merge(_ other: RestartMixture) throws(StatisticsError) {
    var merged = self
    while merged.periods.count < other.periods.count { merged.periods.append(empty) }
    for (index, period) in other.periods.enumerated() {
      try merged.periods[index].merge(period)
    }
    self = merged
  }
}
