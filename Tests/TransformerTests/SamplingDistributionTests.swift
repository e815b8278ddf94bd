import Foundation
import Testing

@testable import Transformer

/// The sampler against a twin that sorts everything and computes in double precision.
struct `The distribution that is drawn from` {
  /// Probability of each token, by the definitions and nothing else.
  static func twin(_ logits: [Float], _ options: SamplingOptions) -> [Double] {
    let order = logits.indices.sorted { logits[$0] > logits[$1] }
    let greatest = Double(logits[order[0]])
    var kept = order.map {
      (token: $0, weight: exp((Double(logits[$0]) - greatest) / options.temperature))
    }
    if let topK = options.topK { kept = Array(kept.prefix(topK)) }
    let total = kept.reduce(0) { $0 + $1.weight }
    var reached = 0.0
    kept = Array(
      kept.prefix { candidate in
        defer { reached += candidate.weight }
        return reached == 0 || reached < options.topP * total
      })
    kept = kept.filter { $0.weight >= options.minP }
    let rest = kept.reduce(0) { $0 + $1.weight }
    var probabilities = [Double](repeating: 0, count: logits.count)
    for candidate in kept { probabilities[candidate.token] = candidate.weight / rest }
    return probabilities
  }

  static let options: [SamplingOptions] = {
    let all = [
      Result { try SamplingOptions() },
      Result { try SamplingOptions(temperature: 0.5) },
      Result { try SamplingOptions(temperature: 2) },
      Result { try SamplingOptions(topK: 1) },
      Result { try SamplingOptions(topK: 7) },
      Result { try SamplingOptions(topK: 10_000) },
      Result { try SamplingOptions(temperature: 2, topK: 20, minP: 0.2) },
      Result { try SamplingOptions(topP: 0) },
      Result { try SamplingOptions(topP: 0.5) },
      Result { try SamplingOptions(topP: 0.9) },
      Result { try SamplingOptions(temperature: 2, topP: 0.999) },
      Result { try SamplingOptions(minP: 0.1) },
      Result { try SamplingOptions(minP: 1) },
      Result { try SamplingOptions(topP: 0.8, minP: 0.05) },
      Result { try SamplingOptions(temperature: 1.5, topK: 12, topP: 0.95, minP: 0.1) },
    ]
    return all.compactMap { try? $0.get() }
  }()

  @Test func `all options of the list are sound`() {
    #expect(Self.options.count == 15)
  }

  /// Pearson's chi-square of 4,000 draws, tokens expected fewer than 5 times pooled.
  @Test(arguments: options)
  func `is the one that the options define`(options: SamplingOptions) throws {
    var random = SplitMix64(seed: 11)
    var logits = random.logits(30)
    let probabilities = Self.twin(logits, options)
    let draws = 4_000
    // No penalties, so that draws are independent.
    var sampler = try Sampler(options.withSeed(12))
    var counts = [Int](repeating: 0, count: logits.count)
    try logits.withUnsafeMutableBufferPointer { logits in
      for _ in 0..<draws { counts[Int(try sampler.sample(logits: logits).token)] += 1 }
    }
    var (square, cells) = (0.0, 0)
    var pooled = (observed: 0.0, expected: 0.0)
    for (count, probability) in zip(counts, probabilities) {
      // What the truncations exclude is never drawn.
      if probability == 0 { #expect(count == 0) }
      let expected = probability * Double(draws)
      if expected < 5 {
        pooled = (pooled.observed + Double(count), pooled.expected + expected)
      } else {
        square += (Double(count) - expected) * (Double(count) - expected) / expected
        cells += 1
      }
    }
    if pooled.expected >= 5 {
      square += pow(pooled.observed - pooled.expected, 2) / pooled.expected
      cells += 1
    }
    // Wilson and Hilferty's approximation of the 99.99 % point of chi-square; the seeds are fixed,
    // so that the test passes always or never.
    let freedom = Double(max(cells - 1, 1))
    let point = freedom * pow(1 - 2 / (9 * freedom) + 3.719 * (2 / (9 * freedom)).squareRoot(), 3)
    #expect(square < point, "\(square) with \(freedom) degrees of freedom")
  }

  @Test func `keeps the same tokens as the twin for any logits`() throws {
    var random = SplitMix64(seed: 13)
    for round in 0..<200 {
      let logits = random.logits(1 + Int(random.next() % 400))
      let options = Self.options[round % Self.options.count]
      let probabilities = Self.twin(logits, options)
      var sampler = try Sampler(options.withSeed(UInt64(round)))
      for _ in 0..<20 {
        #expect(probabilities[Int(try sample(&sampler, logits).token)] > 0)
      }
    }
  }

  @Test func `of equals the least ids are kept, and no more than needed`() throws {
    for options in [try SamplingOptions(topP: 0.5), try SamplingOptions(topK: 2)] {
      var sampler = Sampler(options)
      let tokens = try (0..<100).map { _ in try sample(&sampler, [1, 1, 1, 1]).token }
      #expect(Set(tokens) == [0, 1])
    }
    var single = try Sampler(SamplingOptions(topP: 0))
    #expect(try (0..<20).allSatisfy { _ in try sample(&single, [1, 1, 1]).token == 0 })
  }

  @Test func `the heaviest are found as sorting finds them`() {
    var random = SplitMix64(seed: 14)
    for _ in 0..<300 {
      // Few different values, so that ties are common.
      var values = (0..<Int(random.next() % 200)).map { _ in Float(random.next() % 12) }
      let count = Int(random.next() % 210)
      let expected = values.indices.sorted {
        values[$0] == values[$1] ? $0 < $1 : values[$0] > values[$1]
      }.prefix(count)
      let found = values.withUnsafeMutableBufferPointer { Logits.heaviest(count, of: $0) }
      #expect(found.map { Int($0.token) } == Array(expected))
    }
  }

  @Test func `the exponential is exact to single precision`() {
    #expect(Logits.exponential(0) == 1)
    #expect(Logits.exponential(-88) == 0)
    #expect(Logits.exponential(-.infinity) == 0)
    var worst = 0.0
    for step in 0..<86_000 {
      let x = -Float(step) / 1_000
      let expected = exp(Double(x))
      worst = max(worst, abs(Double(Logits.exponential(x)) - expected) / expected)
    }
    // Two units in the last place of a 24-bit significand.
    #expect(worst < 2 * 0x1p-23)
  }
}

extension SamplingOptions {
  fileprivate func withSeed(_ seed: UInt64) throws -> SamplingOptions {
    try SamplingOptions(
      temperature: temperature, topK: topK, topP: topP, minP: minP, seed: seed)
  }
}
