import Testing

@testable import Statistics

/// Evidence of shards adds up to the same bits in whatever order they are merged.
@Suite struct AdditivityTests {
  /// Gives each request to one of five shards, merges them in random orders and as a tree, stores
  /// and restores them, and expects what one test that saw everything has.
  private func expectAdditivity<Tested: AdditiveTest>(
    _ empty: Tested, requests: Int = 300, feed: (inout Tested, inout SeededGenerator) -> Void,
    restore: (EvidenceSums) throws -> Tested
  ) throws {
    for seed in 0..<8 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed)
      var choice = SeededGenerator(seed: seed &+ 99)
      var whole = empty
      var shards = [Tested](repeating: empty, count: 5)
      for _ in 0..<requests {
        var copy = generator
        feed(&whole, &generator)
        feed(&shards[Int(choice.uniform() * 5)], &copy)
      }
      #expect(whole.logEvidence != 0)
      for order in [shards, shards.reversed(), shards.shuffled(using: &choice)] {
        var merged = empty
        for shard in order { try merged.merge(shard) }
        #expect(merged == whole)
        #expect(merged.logEvidence.bitPattern == whole.logEvidence.bitPattern)
        for alpha in [0.01, 0.05, 0.5, 0.99] {
          #expect(merged.isRejected(alpha: alpha) == whole.isRejected(alpha: alpha))
        }
      }
      var left = shards[0]
      try left.merge(shards[1])
      var right = shards[3]
      try right.merge(shards[4])
      try right.merge(shards[2])
      try right.merge(left)
      #expect(right == whole)
      let stored = whole.evidence.encoded
      #expect(stored.count < 1024)
      #expect(try restore(EvidenceSums(decoding: stored)) == whole)
    }
  }

  @Test func `relative risks add up`() throws {
    try expectAdditivity(
      RelativeRiskTest(claim: .worse(), plannedRatio: 2),
      feed: { test, generator in
        test.append(
          isEvent: generator.uniform() < 0.2, isTreatment: generator.uniform() < 0.4,
          propensity: 0.1 + 0.8 * generator.uniform())
      },
      restore: { try RelativeRiskTest(claim: .worse(), plannedRatio: 2, resuming: $0) })
  }

  @Test func `bounded means add up`() throws {
    let make = { (evidence: EvidenceSums?) in
      try BoundedMeanTest(
        claim: .notWorse(margin: 0.1), minimumDetectableEffect: 0.05, centring: .unknown,
        resuming: evidence)
    }
    try expectAdditivity(
      make(nil),
      feed: { test, generator in
        test.append(
          outcome: generator.uniform(), isTreatment: generator.uniform() < 0.3, propensity: 0.3,
          prediction: generator.uniform() < 0.5 ? 0.4 : nil)
      }, restore: make)
  }

  @Test func `paired means add up`() throws {
    let make = { (evidence: EvidenceSums?) in
      try PairedMeanTest(claim: .better(), minimumDetectableEffect: 0.1, resuming: evidence)
    }
    try expectAdditivity(
      make(nil), feed: { test, generator in test.append(difference: generator.uniform() - 0.4) },
      restore: make)
  }

  @Test func `disagreeing pairs add up`() throws {
    let make = { (evidence: EvidenceSums?) in
      try McNemarTest(claim: .treatmentIsWorse, plannedOddsRatio: 1.5, resuming: evidence)
    }
    try expectAdditivity(
      make(nil),
      feed: { test, generator in
        test.append(
          controlIsBad: generator.uniform() < 0.2, treatmentIsBad: generator.uniform() < 0.3)
      }, restore: make)
  }

  @Test func `ratios of pairs add up`() throws {
    let make = { (evidence: EvidenceSums?) in
      try PairedRatioTest(claim: .notWorse(margin: 0.1), resuming: evidence)
    }
    try expectAdditivity(
      make(nil),
      feed: { test, generator in
        test.append(
          control: 0.5 + generator.uniform(),
          treatment: generator.uniform() < 0.02 ? .nan : 0.5 + generator.uniform())
      }, restore: make)
  }

  @Test func `trials add up`() throws {
    let make = { (evidence: EvidenceSums?) in
      try BernoulliTest(claim: .above(0.02), plannedOddsRatio: 2, resuming: evidence)
    }
    try expectAdditivity(
      make(nil), feed: { test, generator in test.append(generator.uniform() < 0.05) },
      restore: make)
  }

  @Test func `exceedances add up`() throws {
    let make = { (evidence: EvidenceSums?) in
      try ExceedanceTest(
        claim: .notWorse(margin: 0.1), threshold: 0.8, plannedRatio: 1.5, resuming: evidence)
    }
    try expectAdditivity(
      make(nil),
      feed: { test, generator in
        test.append(
          value: generator.uniform(), isTreatment: generator.uniform() < 0.5, propensity: 0.5)
      }, restore: make)
  }

  @Test func `sample ratios add up`() throws {
    let make = { (evidence: EvidenceSums?) in
      try SampleRatioTest(resuming: evidence)
    }
    try expectAdditivity(
      make(nil),
      feed: { test, generator in
        test.append(isTreatment: generator.uniform() < 0.55, propensity: 0.5)
      }, restore: make)
  }

  @Test func `evidence of another claim does not add up`() throws {
    var harm = try RelativeRiskTest(claim: .worse(), plannedRatio: 2)
    let claims: [Claim] = [.notWorse(margin: 0), .worse(tolerance: 0.1), .better()]
    for claim in claims {
      let other = try RelativeRiskTest(claim: claim, plannedRatio: 2)
      let error = #expect(throws: StatisticsError.self) { try harm.merge(other) }
      #expect(error?.code == .mismatch)
    }
    #expect(throws: StatisticsError.self) { try SampleRatioTest(resuming: harm.evidence) }
    var pair = try SampleRatioTest()
    let three = try SampleRatioTest(variants: 3)
    #expect(throws: StatisticsError.self) { try pair.merge(three) }
  }

  @Test func `evidence goes on across steps with new centring`() throws {
    let start = try BoundedMeanTest(
      claim: .worse(), minimumDetectableEffect: 0.05, centring: .unknown)
    let later = try Centring(mean: 0.8, variance: 0.02)
    var first = start
    var second = start
    second.startStep(centring: later)
    var whole = start
    var generator = SeededGenerator(seed: 5)
    for index in 0..<400 {
      if index == 200 { whole.startStep(centring: later) }
      let (outcome, isTreatment) = (generator.uniform(), generator.uniform() < 0.5)
      whole.append(outcome: outcome, isTreatment: isTreatment, propensity: 0.5)
      if index < 200 {
        first.append(outcome: outcome, isTreatment: isTreatment, propensity: 0.5)
      } else {
        second.append(outcome: outcome, isTreatment: isTreatment, propensity: 0.5)
      }
    }
    try second.merge(first)
    #expect(second == whole)
  }

  @Test(
    arguments: [
      [], [1], [2, 0, 0, 0], [1, 0, 0, 0, 9], [1, 1, 0, 0, 1, 2, 3], [1, 0x81, 0x20, 0, 0],
      [1, 1, 0, 0] + [UInt8](repeating: 0, count: 15) + [0x7f],
      [1, 1, 0, 0] + [UInt8](repeating: 0, count: 15) + [0x80],
    ] as [[UInt8]])
  func `damaged bytes are refused`(bytes: [UInt8]) {
    let error = #expect(throws: StatisticsError.self) { try EvidenceSums(decoding: bytes) }
    #expect(error?.code == .corruptEncoding)
  }

  @Test(arguments: [0, 1, -1, 0.1, -0.1, 1e-30, -1e-30, 700, -2.302585092994046])
  func `fixed point keeps every bit that matters`(value: Double) {
    let back = Int128(fixedPoint: value).floatingPoint
    #expect(isClose(back, value, absolute: 0x1p-64))
    if abs(value) > 0x1p-12 { #expect(back == value) }
  }

  @Test func `fixed point does not trap on what cannot be`() {
    for value in [Double.nan, .infinity, -.infinity, 1e300] {
      #expect(Int128(fixedPoint: value) == 0)
    }
  }
}
