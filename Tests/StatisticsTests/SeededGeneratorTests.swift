import Testing

@testable import Statistics

@Suite struct SeededGeneratorTests {
  @Test func `the numbers are those of SplitMix64`() {
    // Vigna's splitmix64.c with seed 1234567, as quoted by Rosetta Code.
    var generator = SeededGenerator(seed: 1_234_567)
    let expected: [UInt64] = [
      6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
      4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
    ]
    #expect(expected.map { _ in generator.next() } == expected)
  }

  @Test func `uniform numbers fill the unit interval`() {
    var generator = SeededGenerator(seed: 42)
    var sum = 0.0
    var squares = 0.0
    for _ in 0..<100_000 {
      let value = generator.uniform()
      #expect(value >= 0 && value < 1)
      sum += value
      squares += value * value
    }
    // Four standard errors: sqrt(1/12)/sqrt(n) for the mean, sqrt(4/45)/sqrt(n) for the square.
    #expect(isClose(sum / 100_000, 0.5, absolute: 0.0037))
    #expect(isClose(squares / 100_000, 1.0 / 3, absolute: 0.0038))
  }
}
