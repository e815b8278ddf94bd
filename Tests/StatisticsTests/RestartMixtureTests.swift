import Testing

@testable import Statistics

/// Tests that start over and over, for what sets in late.
@Suite struct RestartMixtureTests {
  private func empty() throws -> RelativeRiskTest {
    try RelativeRiskTest(claim: .worse(), plannedRatio: 2)
  }

  @Test func `the mixture is the sum that the paper writes`() throws {
    var mixture = RestartMixture(try empty())
    #expect(mixture.logEvidence == 0)
    var generator = SeededGenerator(seed: 3)
    var tests: [RelativeRiskTest] = [try empty()]
    for request in 0..<600 {
      if request > 0 && request % 100 == 0 {
        mixture.startPeriod()
        tests.append(try empty())
      }
      let (isEvent, isTreatment) = (generator.uniform() < 0.1, generator.uniform() < 0.6)
      mixture.append { $0.append(isEvent: isEvent, isTreatment: isTreatment, propensity: 0.5) }
      for index in tests.indices {
        tests[index].append(isEvent: isEvent, isTreatment: isTreatment, propensity: 0.5)
      }
    }
    // Σ E⁽ᵏ⁾/((k + 1)(k + 2)), and 1/(K + 1) for what has not started.
    var sum = 1 / Double(tests.count + 1)
    for (index, test) in tests.enumerated() {
      sum += .exp(test.logEvidence) / Double((index + 1) * (index + 2))
    }
    #expect(isClose(mixture.logEvidence, .log(sum), relative: 1e-12))
  }

  @Test func `mixtures of shards add up by period`() throws {
    for seed in 0..<6 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed)
      var whole = RestartMixture(try empty())
      var shards = [whole, whole, whole]
      for request in 0..<400 {
        if request % 90 == 89 {
          whole.startPeriod()
          for index in shards.indices { shards[index].startPeriod() }
        }
        let isTreatment = generator.uniform() < 0.5
        let shard = Int(generator.uniform() * 3)
        whole.append { $0.append(isEvent: true, isTreatment: isTreatment, propensity: 0.4) }
        shards[shard].append {
          $0.append(isEvent: true, isTreatment: isTreatment, propensity: 0.4)
        }
      }
      for order in [shards, shards.reversed(), shards.shuffled(using: &generator)] {
        var merged = RestartMixture(try empty())
        for shard in order { try merged.merge(shard) }
        #expect(merged == whole)
        #expect(merged.isRejected(alpha: 0.05) == whole.isRejected(alpha: 0.05))
      }
    }
    var harm = RestartMixture(try empty())
    let other = RestartMixture(try RelativeRiskTest(claim: .better(), plannedRatio: 2))
    #expect(throws: StatisticsError.self) { try harm.merge(other) }
  }

  /// T12: 5 % instead of 1 % errors from request 20,000 on are found after 1,200 requests instead
  /// of 2,700.
  @Test func `a late regression is found sooner, and harmless ones are left alone`() throws {
    var (sooner, alarms) = (0, 0)
    for seed in 0..<30 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed)
      var plain = try empty()
      var mixture = RestartMixture(try empty())
      var found: (plain: Int?, mixture: Int?) = (nil, nil)
      for request in 0..<30_000 {
        if request > 0 && request % 2_000 == 0 { mixture.startPeriod() }
        let isTreatment = generator.uniform() < 0.5
        let rate = isTreatment && request >= 20_000 ? 0.05 : 0.01
        guard generator.uniform() < rate else { continue }
        plain.append(isEvent: true, isTreatment: isTreatment, propensity: 0.5)
        mixture.append { $0.append(isEvent: true, isTreatment: isTreatment, propensity: 0.5) }
        if found.plain == nil, plain.isRejected(alpha: 0.05) { found.plain = request }
        if found.mixture == nil, mixture.isRejected(alpha: 0.05) { found.mixture = request }
      }
      if let late = found.mixture, late >= 20_000, late < found.plain ?? .max { sooner += 1 }
      if let early = found.mixture, early < 20_000 { alarms += 1 }
    }
    // Of those that nothing alarmed before, nearly all are sooner; α · 30 = 1.5 alarms are
    // expected, and four standard deviations of a binomial more are 6.
    #expect(sooner >= 22)
    #expect(alarms <= 6)
  }
}
