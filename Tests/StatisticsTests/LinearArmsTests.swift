import Foundation
import Testing

@testable import Statistics

/// `contextual.json`: numpy's ridge regression, mabwiser's linear Thompson sampling and LinUCB.
@Suite struct LinearArmsTests {
  struct Reference: Decodable {
    struct Regression: Decodable {
      let levels: [[Int]]
      /// By arm and cell: count, mean, squared deviations.
      let samples: [[[Double]]]
      let means: [[Double]]
      let scales: [[Double]]
      let degrees: Double
    }
    struct World: Decodable {
      let world: String
      let bands: Int
      let labels: Int
      let chances: [[Double]]
      let batch: Int
      let horizon: Int
      let seeds: Int
      let fixed: [Double]
      let linTS: [Double]
      let linTSTight: [Double]
      let linUCB: [Double]
    }
    let regressions: [Regression]
    let worlds: [World]
  }

  let reference: Reference

  init() throws {
    reference = try Fixture.decode(Reference.self, from: "contextual.json")
  }

  @Test func `cells' posteriors are those of a ridge regression on indicators`() {
    for example in reference.regressions {
      let samples = example.samples.map { cells in
        cells.map {
          ArmSample(count: $0[0], mean: $0[0] > 0 ? $0[1] : nil, squaredDeviations: $0[2])
        }
      }
      let posteriors = LinearArms.posteriors(samples, levels: example.levels)
      for (arm, cells) in posteriors.enumerated() {
        for (cell, posterior) in cells.enumerated() {
          guard case .student(let location, let scale, let degrees) = posterior else {
            Issue.record("no Student")
            continue
          }
          // Both solve well-conditioned systems in double precision.
          #expect(isClose(location, example.means[arm][cell], absolute: 1e-9))
          #expect(isClose(scale, example.scales[arm][cell], relative: 1e-9))
          #expect(isClose(degrees, example.degrees, relative: 1e-12))
        }
      }
    }
  }

  @Test func `a cell without rewards is believed to be as those that are like it`() {
    // Two lengths and three labels; the first arm is better for the first length, and nobody has
    // been asked for the third label.
    let levels = (0..<6).map { [$0 / 3, $0 % 3] }
    func sample(_ mean: Double) -> ArmSample {
      ArmSample(count: 200, mean: mean, squaredDeviations: 200 * mean * (1 - mean))
    }
    let posteriors = LinearArms.posteriors(
      [
        [sample(0.9), sample(0.9), .none, sample(0.5), sample(0.5), .none],
        [sample(0.5), sample(0.5), .none, sample(0.9), sample(0.9), .none],
      ], levels: levels)
    let best = levels.indices.map { cell in
      BestArmProbabilities.of([posteriors[0][cell], posteriors[1][cell]])[0]
    }
    #expect(best[0] > 0.99 && best[1] > 0.99 && best[3] < 0.01 && best[4] < 0.01)
    #expect(best[2] > 0.6 && best[2] < best[0])
    #expect(best[5] < 0.4 && best[5] > best[3])
    // And less is known of it.
    #expect(posteriors[0][2].spread > 3 * posteriors[0][0].spread)
  }

  @Test func `neither unit nor origin of a reward matters`() {
    let levels = [[0, 0], [0, 1], [1, 0], [1, 1]]
    func best(_ slope: Double, _ origin: Double) -> [Double] {
      var generator = SeededGenerator(seed: 3)
      let samples = (0..<2).map { arm in
        levels.indices.map { cell in
          let values = (0..<5 + cell).map { _ in
            origin + slope * (generator.uniform() + 0.1 * Double(arm * cell))
          }
          let summary = SampleSummary(values)
          return ArmSample(
            count: Double(summary.count), mean: summary.mean,
            squaredDeviations: summary.squaredDeviations)
        }
      }
      let posteriors = LinearArms.posteriors(samples, levels: levels)
      return levels.indices.map { cell in
        BestArmProbabilities.of([posteriors[0][cell], posteriors[1][cell]])[0]
      }
    }
    for (plain, moved) in zip(best(1, 0), best(1_000, 77)) {
      // What is left of twelve digits.
      #expect(isClose(plain, moved, absolute: 1e-9))
    }
  }

  // MARK: Regret

  /// Regret in a world of the fixture: shares of each cell from all that earlier batches have
  /// shown.
  private func regret(_ world: Reference.World, seed: UInt64) -> Double {
    let cells = world.bands * world.labels
    let levels = (0..<cells).map { [$0 / world.labels, $0 % world.labels] }
    var rewards = SeededGenerator(seed: seed)
    var draws = SeededGenerator(seed: seed &+ 1_000_000)
    var sums = world.chances.map { _ in (0..<cells).map { _ in RewardSum() } }
    var lost = 0.0
    for _ in 0..<world.horizon / world.batch {
      let posteriors = LinearArms.posteriors(
        sums.map { $0.map { ArmSample([($0, 1)]) } }, levels: levels)
      let shares = (0..<cells).map { cell in
        WholeShares.of(BestArmProbabilities.of(posteriors.map { $0[cell] }), floor: 0)
      }
      for _ in 0..<world.batch {
        let cell = Int(rewards.uniform() * Double(cells))
        let row = world.chances.map { rewards.uniform() < $0[cell] ? 1.0 : 0 }
        var place = draws.uniform()
        let arm =
          shares[cell].firstIndex { share in
            place -= share
            return place < 0
          } ?? 0
        sums[arm][cell].insert(row[arm])
        lost += (world.chances.map { $0[cell] }.max() ?? 0) - world.chances[arm][cell]
      }
    }
    return lost
  }

  /// `CONTEXT_SEEDS` sets the worlds of each kind, at most 20; without optimisation each takes some
  /// seconds.
  @Test func `it loses no more than other libraries' linear bandits, and learns what to do where`()
    throws
  {
    let wanted = ProcessInfo.processInfo.environment["CONTEXT_SEEDS"].flatMap { Int($0) } ?? 2
    for world in reference.worlds {
      let ours = SampleSummary(
        (1...min(max(wanted, 1), world.seeds)).map { regret(world, seed: UInt64($0)) })
      let mine = try #require(ours.mean)
      for (name, regrets) in [
        ("LinTS", world.linTS), ("LinTS at the rewards' noise", world.linTSTight),
        ("LinUCB", world.linUCB),
      ] {
        let theirs = SampleSummary(regrets)
        let other = try #require(theirs.mean)
        // Theirs are more, so that their scatter stands in for ours; three standard errors.
        let spread = try #require(theirs.varianceOfMean) * Double(regrets.count)
        let error = spread * (1 / Double(regrets.count) + 1 / Double(ours.count))
        #expect(mine <= other + 3 * error.squareRoot(), "\(world.world): \(mine), \(name) \(other)")
      }
      // A split in equal parts loses this much.
      let cells = Double(world.bands * world.labels)
      let even = (0..<world.bands * world.labels).reduce(0.0) { sum, cell in
        let chances = world.chances.map { $0[cell] }
        return sum + (chances.max() ?? 0) - chances.reduce(0, +) / Double(chances.count)
      }
      #expect(mine < 0.8 * even / cells * Double(world.horizon), "\(world.world): \(mine)")
    }
    // Where the length decides, no one model for all of them does as well.
    let world = try #require(reference.worlds.first)
    let fixed = try #require(SampleSummary(world.fixed).mean)
    #expect(regret(world, seed: 1) < 0.75 * fixed)
  }
}
