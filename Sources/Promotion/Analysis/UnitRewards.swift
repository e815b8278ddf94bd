import Statistics

/// What each unit that comes again has given to each arm, as the shares of a bandit see it.
///
/// One observation of each arm, however often the unit comes: the mean over tables of its mean
/// reward under each, standing under the last. Where answers lose worth with the time, a table
/// before the last has lost as much in that mean as it had under the last one; so who was there
/// every day has a say of today, and a busy day weighs no more than a quiet one.
///
/// There is room for ``capacity`` observations. Beyond, new units are left out until older ones
/// have lost their worth; whoever of these comes again is a unit as if seen for the first time.
struct UnitRewards: Hashable, Sendable {
  /// The rewards of one unit from one arm.
  struct Observation: Hashable, Sendable {
    /// Of the last reward.
    fileprivate(set) var table: Int
    /// Under that table.
    private var sum: Double
    private var count = 1.0
    /// Σw·mean and Σw over the tables before, with the worth of each under the last one.
    private var earlier = 0.0
    private var weight = 0.0

    fileprivate init(_ reward: Double, under table: Int) { (self.table, sum) = (table, reward) }

    var mean: Double { (earlier + sum / count) / (weight + 1) }

    /// - Parameter worth: what a reward under the earlier table is worth where one under the later
    ///   is worth 1, in 0...1
    fileprivate mutating func add(
      _ reward: Double, under other: Int, worth: (_ earlier: Int, _ later: Int) -> Double
    ) {
      if other == table {
        (sum, count) = (sum + reward, count + 1)
      } else if other < table {
        // Come late, and by itself.
        let part = worth(other, table)
        (earlier, weight) = (earlier + part * reward, weight + part)
      } else {
        let rest = worth(table, other)
        (earlier, weight) = (rest * (earlier + sum / count), rest * (weight + 1))
        (table, sum, count) = (other, reward, 1)
      }
    }
  }

  private struct Key: Hashable, Sendable {
    var unit: UInt64
    var arm: Int
  }

  /// Below this an observation may make room: what ten half-lives leave.
  private static let forgotten = 1.0 / 1_024

  let capacity: Int
  private var observations: [Key: Observation] = [:]
  /// Under which room was last made: once a table is enough, since worth is lost from one to the
  /// next.
  private var sweptTable: Int?

  init(capacity: Int = UnitEvidence.capacity) { self.capacity = capacity }

  /// Takes a reward in.
  ///
  /// - Returns: the observation that was, if there was one, and what it is now; `nil` for one that
  ///   there is no room for
  mutating func add(
    _ reward: Double, of unit: UInt64, arm: Int, under table: Int,
    worth: (_ earlier: Int, _ later: Int) -> Double
  ) -> (before: Observation?, now: Observation)? {
    let key = Key(unit: unit, arm: arm)
    let before = observations[key]
    if before == nil, observations.count >= capacity { makeRoom(under: table, worth: worth) }
    guard before != nil || observations.count < capacity else { return nil }
    var now = before ?? Observation(reward, under: table)
    if before != nil { now.add(reward, under: table, worth: worth) }
    observations[key] = now
    return (before, now)
  }

  private mutating func makeRoom(
    under table: Int, worth: (_ earlier: Int, _ later: Int) -> Double
  ) {
    guard table > sweptTable ?? .min else { return }
    sweptTable = table
    observations = observations.filter { worth($0.value.table, table) > Self.forgotten }
  }
}
