import Testing

@testable import Statistics

@Suite struct RelativeRiskConfidenceSequenceTests {
  typealias Sequence = RelativeRiskConfidenceSequence

  @Test func `the ratio is covered at every look while weights change`() {
    let missed = (0..<200 as Range<UInt64>).count { run in
      var generator = SeededGenerator(seed: 3 << 32 | run)
      var strata = [0.1, 0.5].map {
        Sequence.Stratum(propensity: $0, controlEvents: 0, treatmentEvents: 0)
      }
      for event in 1...120 {
        let stratum = event <= 60 ? 0 : 1
        // At a relative risk of 2 treatment has each event with odds doubled.
        let odds = 2 * strata[stratum].propensity / (1 - strata[stratum].propensity)
        if generator.uniform() < odds / (1 + odds) {
          strata[stratum].treatmentEvents += 1
        } else {
          strata[stratum].controlEvents += 1
        }
        guard event.isMultiple(of: 4) else { continue }
        if Sequence.interval(strata, alpha: 0.05)?.contains(2) != true { return true }
      }
      return false
    }
    // 5 % of 200 runs and four standard errors.
    #expect(missed <= 22)
  }

  @Test func `with one propensity the estimate is the ratio of events by odds`() throws {
    let stratum = Sequence.Stratum(propensity: 0.2, controlEvents: 400, treatmentEvents: 250)
    let interval = try #require(Sequence.interval([stratum], alpha: 0.05))
    #expect(isClose(interval.estimate, 250.0 / 400 / 0.25, relative: 1e-9))
    // Roots of the same inequality by scipy.optimize.brentq.
    #expect(isClose(interval.lower, 1.8552848678181033, relative: 1e-9))
    #expect(isClose(interval.upper, 3.3463263924372826, relative: 1e-9))
    let halves = [0, 1].map { _ in
      Sequence.Stratum(propensity: 0.2, controlEvents: 200, treatmentEvents: 125)
    }
    let split = try #require(Sequence.interval(halves, alpha: 0.05))
    #expect(isClose(split.lower, interval.lower, relative: 1e-9))
    #expect(isClose(split.upper, interval.upper, relative: 1e-9))
    let mirrored = Sequence.Stratum(propensity: 0.8, controlEvents: 250, treatmentEvents: 400)
    let inverse = try #require(Sequence.interval([mirrored], alpha: 0.05))
    #expect(isClose(inverse.upper, 1 / interval.lower, relative: 1e-9))
  }

  @Test func `one variant with all events has no end on its side`() throws {
    let treatment = Sequence.Stratum(propensity: 0.5, controlEvents: 0, treatmentEvents: 40)
    let harm = try #require(Sequence.interval([treatment], alpha: 0.05))
    #expect(harm.estimate == .infinity && harm.upper == .infinity && harm.lower > 4)
    let control = Sequence.Stratum(propensity: 0.5, controlEvents: 40, treatmentEvents: 0)
    let gain = try #require(Sequence.interval([control], alpha: 0.05))
    #expect(gain.estimate == 0 && gain.lower == 0)
    #expect(isClose(gain.upper, 1 / harm.lower, relative: 1e-9))
  }

  @Test func `nothing is known without events or with impossible numbers`() {
    let none = Sequence.Stratum(propensity: 0.5, controlEvents: 0, treatmentEvents: 0)
    let impossible = [
      Sequence.Stratum(propensity: 1, controlEvents: 3, treatmentEvents: 3),
      Sequence.Stratum(propensity: .nan, controlEvents: 3, treatmentEvents: 3),
      Sequence.Stratum(propensity: 0.5, controlEvents: -3, treatmentEvents: 3),
    ]
    #expect(Sequence.interval([], alpha: 0.05) == nil)
    #expect(Sequence.interval([none], alpha: 0.05) == nil)
    #expect(Sequence.interval(impossible, alpha: 0.05) == nil)
    #expect(Sequence.interval([none], alpha: .nan) == nil)
  }
}
