import Foundation
package import Statistics

/// Numbers from a seed: all the chance that there is in a simulated world.
package struct Draws: RandomNumberGenerator, Sendable {
  private var generator: SeededGenerator
  private var spare: Double?

  /// The same seed draws the same numbers.
  package init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

  /// The seed of one run of one scenario, unrelated to those of all others.
  package init(seed: UInt64, scenario: String, run: Int) {
    self.init(seed: StableHash.hash(salt: "\(seed)", unit: "\(scenario)/\(run)"))
  }

  /// The next 64 uniform bits.
  package mutating func next() -> UInt64 { generator.next() }

  /// A uniform number in [0, 1).
  package mutating func uniform() -> Double { generator.uniform() }

  /// Whether something that happens with probability `share` does.
  package mutating func chance(_ share: Double) -> Bool { generator.uniform() < share }

  /// A standard normal number; two for each pair of uniform ones (Box and Muller 1958).
  package mutating func normal() -> Double {
    if let spare {
      self.spare = nil
      return spare
    }
    let radius = (-2 * log(1 - generator.uniform())).squareRoot()
    let angle = 2 * .pi * generator.uniform()
    spare = radius * sin(angle)
    return radius * cos(angle)
  }

  /// A whole number in 0..<count, where `count` is at least 1.
  package mutating func index(below count: Int) -> Int {
    min(count - 1, Int(generator.uniform() * Double(count)))
  }
}

/// Φ(z), the standard normal distribution function.
package func normalShare(below z: Double) -> Double { erfc(-z / 2.0.squareRoot()) / 2 }

/// Scores of a judge by their rank: the quantiles of a Beta distribution in a table.
package struct ScoreTable: Sendable {
  private let knots: [Double]

  /// - Parameter mean: in (0, 1); the scores' concentration is 3, so that around 0.8 their standard
  ///   deviation is 0.2, as in STATISTICS 3
  package init(mean: Double) throws(StatisticsError) {
    let distribution = try BetaDistribution(mean: mean, concentration: 3)
    let count = 2_048
    knots = (0...count).map { distribution.quantile(Double($0) / Double(count)) }
  }

  /// The score of rank `share` in 0…1.
  package func score(ofRank share: Double) -> Double {
    let place = min(max(share, 0), 1) * Double(knots.count - 1)
    let index = min(Int(place), knots.count - 2)
    return knots[index] + (knots[index + 1] - knots[index]) * (place - Double(index))
  }
}
