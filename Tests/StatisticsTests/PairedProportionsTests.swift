import Testing

@testable import Statistics

/// Shares of the same trials, against a search that shares no formula (`paired.py`).
struct PairedProportionsTests {
  struct Reference: Decodable {
    let trials: Int
    let onlyControl: Int
    let onlyTreatment: Int
    let lower: Double
    let upper: Double
    let worse: Double
  }

  @Test func `Tango's interval and McNemar's chance are those of a search`() throws {
    for reference in try Fixture.decode([Reference].self, from: "paired.json") {
      let pairs = try #require(
        PairedProportions(
          trials: reference.trials, onlyControl: reference.onlyControl,
          onlyTreatment: reference.onlyTreatment))
      let loss = try #require(pairs.loss())
      // A golden section finds the top of a likelihood to about the root of a rounding error.
      #expect(isClose(loss.lower, reference.lower, absolute: 1e-6), "\(reference)")
      #expect(isClose(loss.upper, reference.upper, absolute: 1e-6), "\(reference)")
      #expect(isClose(pairs.worseProbability, reference.worse, absolute: 1e-12), "\(reference)")
    }
  }

  @Test func `who is called control only turns the sign`() throws {
    for (b, c) in [(7, 2), (0, 4), (3, 3), (10, 0)] {
      let loss = try #require(
        PairedProportions(trials: 12, onlyControl: b, onlyTreatment: c)?.loss())
      let gain = try #require(
        PairedProportions(trials: 12, onlyControl: c, onlyTreatment: b)?.loss())
      #expect(loss.estimate == -gain.estimate)
      // Both are found by halving an interval.
      #expect(isClose(loss.lower, -gain.upper, absolute: 1e-9))
      #expect(isClose(loss.upper, -gain.lower, absolute: 1e-9))
      #expect(loss.lower <= loss.estimate && loss.estimate <= loss.upper)
    }
  }

  @Test func `as many trials as are said to be enough are, and one fewer is not`() throws {
    for margin in [0.01, 0.05, 0.1, 0.3] {
      let least = try #require(PairedProportions.leastTrials(forLoss: margin))
      for (trials, isEnough) in [(least, true), (least - 1, false)] {
        let loss = try #require(
          PairedProportions(trials: trials, onlyControl: 0, onlyTreatment: 0)?.loss())
        #expect((loss.upper <= margin) == isEnough, "\(margin) \(trials)")
      }
    }
    #expect(PairedProportions.leastTrials(forLoss: 0.05) == 73)
    #expect(PairedProportions.leastTrials(forLoss: 0) == nil)
  }

  @Test func `pairs are counted, and counts without meaning are refused`() {
    let pairs = PairedProportions(
      control: [true, true, false, false, true], treatment: [true, false, true, false, false])
    #expect(pairs == PairedProportions(trials: 5, onlyControl: 2, onlyTreatment: 1))
    #expect(PairedProportions(control: [true], treatment: []) == nil)
    #expect(PairedProportions(control: [], treatment: []) == nil)
    #expect(PairedProportions(trials: 3, onlyControl: 2, onlyTreatment: 2) == nil)
    #expect(PairedProportions(trials: 3, onlyControl: -1, onlyTreatment: 0) == nil)
    #expect(
      PairedProportions(trials: 3, onlyControl: 1, onlyTreatment: 0)?.loss(confidence: 1) == nil)
  }
}
