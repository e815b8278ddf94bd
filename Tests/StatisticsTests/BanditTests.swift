import Foundation
import Testing

@testable import Statistics

/// `bandits.json`: scipy's quadrature, mabwiser's Thompson sampling and its UCB1.
@Suite struct BanditTests {
  struct Reference: Decodable {
    struct Arms: Decodable {
      let arms: [[Double]]
      let best: [Double]
    }
    struct Regret: Decodable {
      let world: String
      let shares: [Double]
      let batch: Int
      let horizon: Int
      let seeds: Int
      let mabwiser: [Double]
    }
    /// Rewards on the whole line.
    struct NormalRegret: Decodable {
      let world: String
      let means: [Double]
      let spread: Double
      let batch: Int
      let horizon: Int
      let seeds: Int
      /// By algorithm.
      let mabwiser: [String: [Double]]
    }
    let betas: [Arms]
    let students: [Arms]
    let regret: [Regret]
    let normalRegret: [NormalRegret]
  }

  let reference: Reference

  init() throws {
    reference = try Fixture.decode(Reference.self, from: "bandits.json")
  }

  // MARK: Who is the best

  @Test func `best-arm probabilities are those of adaptive quadrature`() {
    for example in reference.betas {
      let arms = example.arms.map { ArmPosterior.beta(successes: $0[0], failures: $0[1]) }
      for (ours, theirs) in zip(BestArmProbabilities.of(arms), example.best) {
        // Ten places a piece leave less than 1e-9; scipy was asked for 1e-12.
        #expect(isClose(ours, theirs, absolute: 1e-9), "\(example.arms): \(ours), not \(theirs)")
      }
    }
    for example in reference.students {
      let arms = example.arms.map {
        ArmPosterior.student(location: $0[0], scale: $0[1], degreesOfFreedom: $0[2])
      }
      for (ours, theirs) in zip(BestArmProbabilities.of(arms), example.best) {
        // Beyond 8192 spreads both stop looking: of four degrees of freedom 1e-14 is left there.
        #expect(isClose(ours, theirs, absolute: 1e-8), "\(example.arms): \(ours), not \(theirs)")
      }
    }
  }

  @Test func `probabilities sum to one, and equal arms are equally good, however much is known`() {
    for count in [1.0, 1e3, 1e5, 1e7] {
      for arms in 2...4 {
        let equal = [ArmPosterior](
          repeating: .beta(successes: 0.7 * count, failures: 0.3 * count + 1), count: arms)
        let best = BestArmProbabilities.of(equal)
        #expect(isClose(best.reduce(0, +), 1, absolute: 1e-12))
        for share in best { #expect(isClose(share, 1 / Double(arms), absolute: 1e-9)) }
      }
    }
  }

  @Test func `neither unit nor origin of a reward matters`() {
    let near = [0.2, 0.4, 0.9, 0.4], far = [0.5, 0.8, 0.9, 1.0]
    func best(_ move: (Double) -> Double) -> [Double] {
      let samples = [near, far].map { values in
        let summary = SampleSummary(values.map(move))
        return ArmSample(
          count: Double(summary.count), mean: summary.mean,
          squaredDeviations: summary.squaredDeviations)
      }
      let pooled = SampleSummary((near + far).map(move))
      let all = ArmSample(
        count: Double(pooled.count), mean: pooled.mean,
        squaredDeviations: pooled.squaredDeviations)
      return BestArmProbabilities.of(samples.map { ArmPosterior(meanOf: $0, among: all) })
    }
    let plain = best { $0 }
    for (ours, moved) in zip(plain, best { 1_000 * $0 - 77 }) {
      // What is left of twelve digits after an offset a hundred times the spread.
      #expect(isClose(ours, moved, absolute: 1e-9))
    }
    #expect(plain[1] > plain[0])
  }

  // MARK: Shares

  @Test func `top-two gives what Russo's formula gives`() {
    // ψ₁ = .8 (½ + ½ (.15/.85 + .05/.95)) and so on, by hand.
    let weights = BanditAlgorithm.topTwo.weights(best: [0.8, 0.15, 0.05])
    #expect(isClose(weights[0], 0.8 * (0.5 + 0.5 * (0.15 / 0.85 + 0.05 / 0.95)), absolute: 1e-12))
    #expect(isClose(weights[1], 0.15 * (0.5 + 0.5 * (0.8 / 0.2 + 0.05 / 0.95)), absolute: 1e-12))
    #expect(isClose(weights.reduce(0, +), 1, absolute: 1e-12))
    let sure = BanditAlgorithm.topTwo.weights(best: [0, 1, 0])
    #expect(sure == [0.25, 0.5, 0.25])
    #expect(BanditAlgorithm.thompson.weights(best: [0.8, 0.2]) == [0.8, 0.2])
  }

  @Test func `shares sum to exactly one in every order, and none is below the floor`() {
    var generator = SeededGenerator(seed: 11)
    for _ in 0..<500 {
      let count = 2 + Int(generator.next() % 15)
      let weights = (0..<count).map { _ in generator.uniform() < 0.3 ? 0 : generator.uniform() }
      let floor = generator.uniform() / Double(count)
      let shares = WholeShares.of(weights, floor: floor)
      #expect(shares.reduce(0, +) == 1)
      #expect(shares.reversed().reduce(0, +) == 1)
      #expect(shares.allSatisfy { $0 >= floor - 0x1p-30 })
    }
    #expect(WholeShares.of([0, 0], floor: 0.1) == [0.5, 0.5])
    #expect(WholeShares.of([.nan, 1], floor: 0) == [0.5, 0.5])
    #expect(WholeShares.of([1, 0], floor: 0.9) == [0.5, 0.5])
    // The floor is added, so that the order of the weights stays.
    let added = WholeShares.of([0.05, 0.03, 0.92], floor: 0.05)
    #expect(added[0] > added[1] && added[1] > 0.05)
  }

  @Test func `rewards add up in any order, and come out as they went in`() {
    var generator = SeededGenerator(seed: 5)
    let values = (0..<300).map { _ in generator.uniform() }
    var forwards = RewardSum(), backwards = RewardSum()
    for value in values { forwards.insert(value) }
    for value in values.reversed() { backwards.insert(value) }
    #expect(forwards == backwards)
    let summary = SampleSummary(values)
    // Rewards are kept to a millionth.
    #expect(isClose(forwards.sum, (summary.mean ?? 0) * 300, absolute: 3e-4))
    #expect(isClose(forwards.squaredDeviations, summary.squaredDeviations, relative: 1e-4))
    for value in values { forwards.remove(value) }
    #expect(forwards == RewardSum())
  }

  // MARK: Regret

  /// Regret in a world of the fixture: shares from all that earlier batches have shown.
  private func regret(_ world: Reference.Regret, seed: UInt64, algorithm: BanditAlgorithm) -> Double
  {
    var rewards = SeededGenerator(seed: seed)
    var draws = SeededGenerator(seed: seed &+ 1_000_000)
    let best = world.shares.max() ?? 0
    var good = world.shares.map { _ in 0.0 }
    var all = world.shares.map { _ in 0.0 }
    var lost = 0.0
    for _ in 0..<world.horizon / world.batch {
      let posteriors = world.shares.indices.map {
        ArmPosterior.beta(successes: 1 + good[$0], failures: 1 + all[$0] - good[$0])
      }
      let shares = WholeShares.of(
        algorithm.weights(best: BestArmProbabilities.of(posteriors)), floor: 0)
      for _ in 0..<world.batch {
        let row = world.shares.map { rewards.uniform() < $0 ? 1.0 : 0 }
        var place = draws.uniform()
        let arm =
          shares.firstIndex { share in
            place -= share
            return place < 0
          } ?? 0
        good[arm] += row[arm]
        all[arm] += 1
        lost += best - world.shares[arm]
      }
    }
    return lost
  }

  @Test func `integrated Thompson sampling loses no more than another library's`() {
    for world in reference.regret {
      let ours = SampleSummary(
        (1...world.seeds).map { regret(world, seed: UInt64($0), algorithm: .thompson) })
      let theirs = SampleSummary(world.mabwiser)
      guard let mine = ours.mean, let other = theirs.mean, let first = ours.varianceOfMean,
        let second = theirs.varianceOfMean
      else {
        Issue.record("no regret")
        continue
      }
      // Both sample from the same posteriors: equal but for three standard errors.
      #expect(
        mine <= other + 3 * (first + second).squareRoot(), "\(world.world): \(mine), \(other)")
      // A split in equal parts loses this much.
      let even =
        Double(world.horizon)
        * ((world.shares.max() ?? 0) - world.shares.reduce(0, +) / Double(world.shares.count))
      #expect(mine < even / 2, "\(world.world): \(mine), \(even) at even shares")
    }
  }

  /// The same of rewards on the whole line, under the posteriors of means.
  private func regret(
    _ world: Reference.NormalRegret, seed: UInt64, algorithm: BanditAlgorithm
  ) -> Double {
    var rewards = SeededGenerator(seed: seed)
    var draws = SeededGenerator(seed: seed &+ 1_000_000)
    let best = world.means.max() ?? 0
    var seen: [[Double]] = world.means.map { _ in [] }
    var lost = 0.0
    for _ in 0..<world.horizon / world.batch {
      let samples = seen.map(Self.sample)
      let pooled = Self.sample(seen.flatMap(\.self))
      let posteriors = samples.map { ArmPosterior(meanOf: $0, among: pooled) }
      let shares = WholeShares.of(
        algorithm.weights(best: BestArmProbabilities.of(posteriors)), floor: 0)
      for _ in 0..<world.batch {
        let row = world.means.map { mean in
          let (size, angle) = (rewards.uniform(), rewards.uniform())
          let normal =
            (-2 * Double.log(onePlus: -size)).squareRoot() * cos(2 * .pi * angle)
          return mean + world.spread * normal
        }
        var place = draws.uniform()
        let arm =
          shares.firstIndex { share in
            place -= share
            return place < 0
          } ?? 0
        seen[arm].append(row[arm])
        lost += best - world.means[arm]
      }
    }
    return lost
  }

  private static func sample(_ rewards: [Double]) -> ArmSample {
    let summary = SampleSummary(rewards)
    return ArmSample(
      count: Double(rewards.count), mean: summary.mean,
      squaredDeviations: summary.squaredDeviations)
  }

  @Test func `of rewards on the whole line it loses no more than another library's, either`() throws
  {
    for world in reference.normalRegret {
      let ours = SampleSummary(
        (1...world.seeds).map { regret(world, seed: UInt64($0), algorithm: .thompson) })
      let mine = try #require(ours.mean)
      for (name, regrets) in world.mabwiser {
        let theirs = SampleSummary(regrets)
        let other = try #require(theirs.mean)
        let error = try #require(ours.varianceOfMean) + #require(theirs.varianceOfMean)
        #expect(
          mine <= other + 3 * error.squareRoot(), "\(world.world): \(mine), \(name) \(other)")
      }
      let even =
        Double(world.horizon)
        * ((world.means.max() ?? 0) - world.means.reduce(0, +) / Double(world.means.count))
      #expect(mine < even / 2, "\(world.world): \(mine), \(even) at even shares")
    }
  }

  @Test func `top-two asks the runner-up as often as the best, and the others hardly`() throws {
    for world in reference.normalRegret {
      let ours = SampleSummary(
        (1...10).map { regret(world, seed: UInt64($0), algorithm: .topTwo) })
      let mine = try #require(ours.mean)
      let ranked = world.means.sorted(by: >)
      // Of two arms that is an even split; of more, what the runner-up costs and a little for
      // finding out who that is.
      let runnerUp = Double(world.horizon) / 2 * (ranked[0] - ranked[1])
      #expect(
        mine > 0.9 * runnerUp && mine < 1.25 * runnerUp, "\(world.world): \(mine), \(runnerUp)")
    }
  }
}
