import Statistics

/// What each unit that comes again has given to each arm, as the shares of a bandit see it.
///
/// One observation, however often the unit comes: the mean of its rewards from the arm, under the
/// table of the last of them. Where answers lose worth with the time, those before the last have
/// lost as much of theirs in that mean; so who comes every day has a say of today, and not an
/// average over the months in which models were others.
struct UnitRewards: Hashable, Sendable {
  /// The rewards of one unit from one arm.
  struct Observation: Hashable, Sendable {
    /// Of the last reward.
    var table: Int
    /// Σw·reward and Σw, with the worth of each when the last one was given.
    fileprivate var sum: Double
    fileprivate var weight: Double

    var mean: Double { sum / weight }

    /// - Parameter worth: what a reward under the earlier table is worth where one under the later
    ///   is worth 1, in 0...1
    fileprivate mutating func add(
      _ reward: Double, under other: Int, worth: (_ earlier: Int, _ later: Int) -> Double
    ) {
      if other < table {
        let part = worth(other, table)
        sum += part * reward
        weight += part
        return
      }
      let rest = worth(table, other)
      (table, sum, weight) = (other, rest * sum + reward, rest * weight + 1)
    }
  }

  private struct Key: Hashable, Sendable {
    var unit: UInt64
    var arm: Int
  }

  private var observations: [Key: Observation] = [:]

  /// Takes a reward in.
  ///
  /// Beyond ``UnitEvidence/capacity`` units' rewards are observations each by itself.
  ///
  /// - Returns: the observation that was, if there was one, and what it is now
  mutating func add(
    _ reward: Double, of unit: UInt64, arm: Int, under table: Int,
    worth: (_ earlier: Int, _ later: Int) -> Double
  ) -> (before: Observation?, now: Observation) {
    let key = Key(unit: unit, arm: arm)
    let before = observations[key]
    guard var now = before else {
      let first = Observation(table: table, sum: reward, weight: 1)
      if observations.count < UnitEvidence.capacity { observations[key] = first }
      return (nil, first)
    }
    now.add(reward, under: table, worth: worth)
    observations[key] = now
    return (before, now)
  }
}
