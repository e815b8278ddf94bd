import Testing

@testable import Statistics

@Suite struct QuantileSketchTests {
  /// Sums of cubed uniforms over many magnitudes, some negative, some zero.
  private func values(seed: UInt64, count: Int) -> [Double] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in
      let uniform = generator.uniform()
      let sign: Double = generator.uniform() < 0.2 ? -1 : 1
      return uniform < 0.05 ? 0 : sign * .exp(20 * generator.uniform() - 8)
    }
  }

  @Test(arguments: 0..<10 as Range<UInt64>)
  func `quantiles are within one percent`(seed: UInt64) throws {
    let values = values(seed: seed, count: 1000)
    let sorted = values.sorted()
    let sketch = QuantileSketch(values)
    for quantile in [0, 0.01, 0.1, 0.5, 0.9, 0.95, 0.99, 1] {
      let rank = max(1, Int((quantile * 1000).rounded(.up)))
      let exact = sorted[rank - 1]
      let estimate = try #require(sketch.estimate(quantile))
      // The promised accuracy, and a margin for the logarithm's rounding.
      #expect(isClose(estimate, exact, relative: 0.01 + 1e-12))
      let bounds = try #require(sketch.bounds(ofRank: rank))
      #expect(bounds.contains(exact))
    }
  }

  @Test(arguments: 0..<10 as Range<UInt64>)
  func `merging in any order equals having seen everything`(seed: UInt64) {
    var generator = SeededGenerator(seed: seed &+ 1000)
    let values = values(seed: seed, count: 600)
    let parts = stride(from: 0, to: 600, by: 60).map { QuantileSketch(values[$0..<$0 + 60]) }
    let whole = QuantileSketch(values)
    #expect(parts.reduce(QuantileSketch(), +) == whole)
    #expect(parts.shuffled(using: &generator).reduce(QuantileSketch(), +) == whole)
    let right = parts.dropFirst().reversed().reduce(QuantileSketch()) { $1 + $0 }
    #expect(parts[0] + right == whole)
    #expect(whole.count == 600)
  }

  @Test func `nothing is known of no values`() {
    let sketch = QuantileSketch()
    #expect(sketch.estimate(0.5) == nil)
    #expect(sketch.bounds(ofRank: 1) == nil)
    #expect(sketch.share(above: 1) == nil)
  }

  @Test func `values that are all equal have one quantile`() throws {
    let sketch = QuantileSketch([Double](repeating: 0.25, count: 77))
    #expect(sketch.buckets.count == 1)
    for quantile in [0, 0.5, 1] {
      #expect(isClose(try #require(sketch.estimate(quantile)), 0.25, relative: 0.01))
    }
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity])
  func `a useless value moves nothing`(value: Double) {
    var sketch = QuantileSketch([1, 2])
    let before = sketch
    #expect(sketch.append(value) == false)
    #expect(sketch == before)
    #expect(sketch.estimate(value) == nil)
    #expect(sketch.share(above: value) == nil)
  }

  @Test func `magnitudes out of range keep their rank`() throws {
    let sketch = QuantileSketch([1e300, -1e300, 1e-300, -1e-300, 1])
    #expect(sketch.count == 5)
    #expect(sketch.bounds(ofRank: 1) == -Double.infinity...(-1e12))
    #expect(try #require(sketch.bounds(ofRank: 2)).contains(-1e-300))
    #expect(sketch.bounds(ofRank: 5) == 1e12...Double.infinity)
    #expect(sketch.estimate(1) == 1e12)
    #expect(sketch.bounds(ofRank: 6) == nil)
    #expect(sketch.bounds(ofRank: 0) == nil)
  }

  @Test func `memory is bounded however many values come`() {
    var sketch = QuantileSketch()
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<30_000 {
      let value = Double.exp(80 * generator.uniform() - 40)
      sketch.append(generator.uniform() < 0.5 ? value : -value)
    }
    #expect(2 * QuantileSketch.greatestKey + 1 == 4839)
    #expect(sketch.buckets.count <= 4839)
    #expect(sketch.count == 30_000)
  }

  @Test func `the share above a threshold counts ranks`() throws {
    let sketch = QuantileSketch((1...100).map(Double.init))
    // Values within 2 % of the threshold share its bucket: 89, 90 and 91 at most.
    let share = try #require(sketch.share(above: 90))
    #expect(share >= 0.09 && share <= 0.11)
    #expect(sketch.share(above: 0) == 1)
    #expect(sketch.share(above: 1000) == 0)
  }

  @Test(arguments: 0..<10 as Range<UInt64>)
  func `an encoding gives the same sketch back`(seed: UInt64) throws {
    let sketch = QuantileSketch(values(seed: seed, count: Int(seed) * 40))
    let encoded = sketch.encoded
    #expect(try QuantileSketch(decoding: encoded) == sketch)
    #expect(encoded.count < 16 + 6 * sketch.buckets.count)
  }

  @Test func `the encoding is the documented one`() throws {
    // Version 1, one bucket, key 0 standing 2419 = 0x973 after the least, 2 values.
    #expect(QuantileSketch([0, 0]).encoded == [1, 1, 0xf3, 0x12, 2])
    #expect(QuantileSketch().encoded == [1, 0])
  }

  @Test(
    arguments: [
      [], [2, 0], [1], [1, 1], [1, 1, 0xf3, 0x12], [1, 1, 0xf3, 0x12, 0], [1, 0, 0],
      [1, 1, 0xf3, 0x92, 0, 2], [1, 1, 0xff, 0x7f, 2], [1, 2, 0xe6, 0x25, 1, 0, 1],
      [1, 1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], [1, 0xff, 0x7f],
    ] as [[UInt8]])
  func `damaged bytes are refused`(bytes: [UInt8]) {
    let error = #expect(throws: StatisticsError.self) { try QuantileSketch(decoding: bytes) }
    #expect(error?.code == .corruptEncoding)
  }

  @Test func `no flipped byte makes it trap`() {
    let encoded = QuantileSketch(values(seed: 1, count: 50)).encoded
    for index in encoded.indices {
      for value in [0, 1, 0x7f, 0x80, 0xff] as [UInt8] {
        var damaged = encoded
        damaged[index] = value
        if let sketch = try? QuantileSketch(decoding: damaged) {
          #expect(sketch.encoded == damaged)
        }
        _ = try? QuantileSketch(decoding: Array(damaged.prefix(index)))
      }
    }
  }
}
