import Foundation
import Statistics
import Testing

/// A lower bound of the divergence, from what is told of two distributions.
struct PartialDistributionTests {
  private func partial(_ probabilities: [Double], _ told: [Int]) -> PartialDistribution {
    PartialDistribution(
      Dictionary(uniqueKeysWithValues: told.map { ($0, log(probabilities[$0])) }))
  }

  private func divergence(_ p: [Double], _ q: [Double]) -> Double {
    zip(p, q).reduce(0) { $0 + $1.0 * log($1.0 / $1.1) }
  }

  /// The likeliest `count`, and one more as a server tells the text's own token.
  private func told(_ probabilities: [Double], _ count: Int, own: Int) -> [Int] {
    let order = probabilities.indices.sorted { probabilities[$0] > probabilities[$1] }
    return Array(Set(order.prefix(count) + [own]))
  }

  @Test func `what both tell is a part of its own, and the rest is one`() {
    let p = [0.5, 0.3, 0.15, 0.05]
    let q = [0.4, 0.2, 0.3, 0.1]
    // {0}, {1}, {2, 3}.
    let lumped = divergence([0.5, 0.3, 0.2], [0.4, 0.2, 0.4])
    let bound = partial(p, [0, 1, 3]).divergenceBound(to: partial(q, [0, 1, 2]))
    // A millionth on the rest of 0.4 moves it by 0.2 · 10⁻⁶ / 0.4.
    #expect(abs(bound - lumped) < 1e-6)
    #expect(bound < divergence(p, q))
  }

  @Test func `told in full it is the divergence itself`() {
    let p = [0.7, 0.2, 0.1]
    let q = [0.2, 0.3, 0.5]
    let bound = partial(p, [0, 1, 2]).divergenceBound(to: partial(q, [2, 1, 0]))
    #expect(abs(bound - divergence(p, q)) < 1e-12)
  }

  @Test func `a distribution is at no distance from itself, whatever is told of it`() {
    let p = [0.9, 0.06, 0.03, 0.01]
    for told in [[], [0], [0, 3], [0, 1, 2, 3]] {
      #expect(partial(p, told).divergenceBound(to: partial(p, told)) < 1e-6)
    }
  }

  @Test func `nothing in common tells nothing`() {
    let p = [0.9, 0.1]
    let bound = partial(p, [0]).divergenceBound(to: partial([0.1, 0.9], [1]))
    #expect(bound == 0)
  }

  @Test func `what the other holds for impossible is far away, and finite`() {
    let impossible = PartialDistribution([0: -9_999, 1: 0])
    let bound = PartialDistribution([0: log(0.5), 1: log(0.5)]).divergenceBound(to: impossible)
    #expect(bound > 1_000 && bound.isFinite)
    // All of the other's is told, and none of it is where some of ours is.
    let elsewhere = PartialDistribution([1: log(0.5)]).divergenceBound(
      to: PartialDistribution([1: 0]))
    #expect(elsewhere > 5 && elsewhere.isFinite)
  }

  @Test(arguments: [1, 5, 20, 200])
  func `it never exceeds the whole divergence, and grows towards it`(count: Int) {
    var generator = SeededGenerator(seed: UInt64(count))
    var bounds = 0.0
    var truths = 0.0
    for _ in 0..<200 {
      // Logits of a width that leaves tails of every weight, and a noise on them.
      let width = Double.random(in: 1...5, using: &generator)
      let logits = (0..<300).map { _ in Double.random(in: -1...1, using: &generator) * width }
      let others = logits.map { $0 + Double.random(in: -1...1, using: &generator) }
      let (p, q) = (softmax(logits), softmax(others))
      let own = Int.random(in: 0..<300, using: &generator)
      let bound = partial(p, told(p, count, own: own)).divergenceBound(
        to: partial(q, told(q, count, own: own)))
      let truth = divergence(p, q)
      #expect(bound >= 0 && bound <= truth + 1e-9)
      bounds += bound
      truths += truth
    }
    let least: [Int: Double] = [1: 0.002, 5: 0.015, 20: 0.1, 200: 0.9]
    #expect(bounds / truths > least[count] ?? 1, "\(bounds / truths)")
  }

  private func softmax(_ logits: [Double]) -> [Double] {
    let weights = logits.map { exp($0) }
    let total = weights.reduce(0, +)
    return weights.map { $0 / total }
  }
}
