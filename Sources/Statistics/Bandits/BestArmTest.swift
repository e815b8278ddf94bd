/// Which arm of a bandit is best, with a known chance of ever being wrong, however shares moved and
/// however often one looks.
///
/// For each ordered pair of arms, betting on the centred inverse-propensity score of the answers of
/// these two (STATISTICS 2(b) and 2(g)). Given that a request went to one of the two, it went to
/// the first with the chance πᵢ/(πᵢ + πⱼ) that was in force, whatever had moved it there: so what
/// the allocation learned, and drift that meets all arms, bias nothing. A stop on "probably best"
/// does not know its error: 40 % wrong where 5 % were asked for (STATISTICS, pitfall 11).
///
/// Two claims share α evenly. *Best*: i is better than every other arm, each shown at α/2/K, since
/// each of K arms might be taken for it against one that is as good; with (K − 1)/α, as where one
/// arm is known to be better than all others, two equal ones are told apart twice too often.
/// *Close*: an arm that a rule prefers loses less than the margin to every other one, each shown at
/// α/2/K, since the rule may look at the data. A margin of 0 leaves all of α to the first.
///
/// Where arms may be closed while one looks, whom an arm must be better than hangs on the data, and
/// each of K(K − 1) ordered pairs is a claim that might be the one that counts: each is then shown
/// at α/K/(K − 1), from the beginning. Of two arms that is the same.
package struct BestArmTest: Hashable, Sendable {
  /// At least 2.
  package let arms: Int
  /// In score points.
  package let margin: Double
  /// Whether an arm may be closed.
  package let mayClose: Bool
  private let better: BoundedMeanTest
  private let close: BoundedMeanTest?
  /// By first arm, then by second; those of an arm with itself stay empty.
  private var betterTests: [BoundedMeanTest]
  private var closeTests: [BoundedMeanTest]

  /// - Parameters:
  ///   - arms: 2…64
  ///   - margin: in [0, 1) score points
  ///   - plannedEffect: how far apart arms are expected to be, in (0, 1] score points
  ///   - mayClose: whether verdicts will be asked for without some of the arms
  /// - Throws: `invalidParameter`
  package init(
    arms: Int, margin: Double, plannedEffect: Double, mayClose: Bool = false
  ) throws(StatisticsError) {
    try require((2...64).contains(arms), "arms must be in 2…64, not \(arms)")
    self.arms = arms
    self.mayClose = mayClose
    self.margin = margin
    better = try BoundedMeanTest(
      claim: .better(), minimumDetectableEffect: plannedEffect, centring: .unknown)
    close =
      margin > 0
      ? try BoundedMeanTest(
        claim: .notWorse(margin: margin), minimumDetectableEffect: margin, centring: .unknown)
      : nil
    betterTests = Array(repeating: better, count: arms * arms)
    closeTests = close.map { Array(repeating: $0, count: arms * arms) } ?? []
  }

  /// One reward of one arm, with what was known when it was assigned.
  package struct Trial: Hashable, Sendable {
    /// In [0, 1].
    package var reward: Double
    package var arm: Int
    /// `[arms]`, the shares in force when the request was assigned.
    package var shares: [Double]
    /// Known before any reward under these shares.
    package var centring: Centring

    package init(reward: Double, arm: Int, shares: [Double], centring: Centring) {
      (self.reward, self.arm, self.shares, self.centring) = (reward, arm, shares, centring)
    }
  }

  /// Takes a trial in; one without usable shares moves nothing.
  package mutating func append(_ trial: Trial) {
    change(trial) { test, reward, isFirst, propensity in
      test.append(outcome: reward, isTreatment: isFirst, propensity: propensity)
    }
  }

  /// Takes a trial out that was taken in with the same numbers.
  package mutating func withdraw(_ trial: Trial) {
    change(trial) { test, reward, isFirst, propensity in
      var part = test
      // Nothing of the test but its claim and its centring.
      try? part.withdraw(test)
      part.append(outcome: reward, isTreatment: isFirst, propensity: propensity)
      try? test.withdraw(part)
    }
  }

  private mutating func change(
    _ trial: Trial, _ body: (inout BoundedMeanTest, Double, Bool, Double) -> Void
  ) {
    guard trial.shares.count == arms, trial.shares.indices.contains(trial.arm) else { return }
    for other in 0..<arms where other != trial.arm {
      let pair = trial.shares[trial.arm] + trial.shares[other]
      let own = trial.shares[trial.arm] / pair
      guard pair > 0, Propensity.isUsable(own) else { continue }
      for (place, isFirst) in [
        (trial.arm * arms + other, true), (other * arms + trial.arm, false),
      ] {
        let propensity = isFirst ? own : 1 - own
        betterTests[place].startStep(centring: trial.centring)
        body(&betterTests[place], trial.reward, isFirst, propensity)
        guard close != nil else { continue }
        closeTests[place].startStep(centring: trial.centring)
        body(&closeTests[place], trial.reward, isFirst, propensity)
      }
    }
  }
}

// MARK: - Verdicts

extension BestArmTest {
  /// The arm that is shown to be better than every other one, if there is one.
  ///
  /// - Parameters:
  ///   - alpha: the chance, in (0, 1), of ever naming a wrong one, here or by
  ///     ``isClose(_:alpha:without:)``
  ///   - closed: arms that are out; none unless ``mayClose``
  package func best(alpha: Double, without closed: Set<Int> = []) -> Int? {
    let level = level(alpha)
    return (0..<arms).first { arm in
      guard !closed.contains(arm) else { return false }
      let others = others(arm, without: closed)
      return !others.isEmpty
        && others.allSatisfy { betterTests[arm * arms + $0].isRejected(alpha: level) }
    }
  }

  /// Whether `arm` is shown to lose less than the margin to every other one that is not closed.
  package func isClose(_ arm: Int, alpha: Double, without closed: Set<Int> = []) -> Bool {
    guard margin > 0, (0..<arms).contains(arm), !closed.contains(arm) else { return false }
    let level = level(alpha)
    let others = others(arm, without: closed)
    return !others.isEmpty
      && others.allSatisfy { closeTests[arm * arms + $0].isRejected(alpha: level) }
  }

  /// How far each arm is on its way to be named the best, 0…1: the weakest of its pairs' ln E over
  /// what is asked for.
  package func progress(_ arm: Int, alpha: Double, without closed: Set<Int> = []) -> Double {
    guard (0..<arms).contains(arm), !closed.contains(arm), alpha > 0, alpha < 1 else { return 0 }
    let needed = -Double.log(level(alpha))
    let weakest = others(arm, without: closed).map {
      betterTests[arm * arms + $0].logEvidence
    }.min()
    return min(max((weakest ?? 0) / needed, 0), 1)
  }

  /// At which each pair is shown.
  private func level(_ alpha: Double) -> Double {
    (margin > 0 ? alpha / 2 : alpha) / Double(arms) / Double(mayClose ? arms - 1 : 1)
  }

  private func others(_ arm: Int, without closed: Set<Int>) -> [Int] {
    (0..<arms).filter { $0 != arm && !closed.contains($0) }
  }
}
