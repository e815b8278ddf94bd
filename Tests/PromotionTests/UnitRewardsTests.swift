import Testing

@testable import Promotion

/// A unit that comes again, as one observation.
@Suite struct UnitRewardsTests {
  /// A half of the worth goes with each table.
  private func half(_ earlier: Int, _ later: Int) -> Double { 1 / Double(1 << (later - earlier)) }

  private func add(
    _ reward: Double, of unit: UInt64 = 1, arm: Int = 0, under table: Int,
    to rewards: inout UnitRewards
  ) throws -> (before: UnitRewards.Observation?, now: UnitRewards.Observation) {
    let found = rewards.add(reward, of: unit, arm: arm, under: table, worth: half)
    return try #require(found)
  }

  @Test func `under one table it is the mean, and stands under the last table after that`() throws {
    var rewards = UnitRewards()
    #expect(try add(1, under: 3, to: &rewards).before == nil)
    for _ in 0..<3 { _ = try add(0, under: 3, to: &rewards) }
    let (before, now) = try add(1, under: 5, to: &rewards)
    #expect(before?.table == 3 && before?.mean == 0.25)
    // A quarter of what was said two tables ago: (0.25 · 0.25 + 1) / 1.25, however often it was.
    #expect(now.table == 5 && now.mean == 0.85)
    // The same table again: (0.0625 + 0.5) / 1.25.
    #expect(try add(0, under: 5, to: &rewards).now.mean == 0.45)
    // Late, of the table before: (0.0625 + 0.5 · 1 + 0.5) / 1.75.
    let late = try add(1, under: 4, to: &rewards)
    #expect(late.before?.mean == 0.45 && late.now.table == 5)
    #expect(abs(late.now.mean - 1.0625 / 1.75) < 1e-15)
  }

  @Test func `where room is short new units wait until older ones are forgotten`() throws {
    var rewards = UnitRewards(capacity: 2)
    _ = try add(1, of: 1, under: 1, to: &rewards)
    _ = try add(1, of: 2, under: 6, to: &rewards)
    #expect(rewards.add(1, of: 3, arm: 0, under: 10, worth: half) == nil)
    // Who is there goes on.
    #expect(try add(0, of: 2, under: 10, to: &rewards).before?.mean == 1)
    // Ten tables later a thousandth is left of the first.
    #expect(try add(1, of: 3, under: 11, to: &rewards).before == nil)
    #expect(rewards.add(1, of: 1, arm: 0, under: 11, worth: half) == nil)
    #expect(try add(1, of: 2, under: 11, to: &rewards).before?.table == 10)
    // Without a half-life nothing is.
    #expect(rewards.add(1, of: 4, arm: 0, under: 99, worth: { _, _ in 1 }) == nil)
  }

  @Test func `units and arms are each their own`() throws {
    var rewards = UnitRewards()
    _ = try add(1, under: 1, to: &rewards)
    #expect(try add(0, of: 2, under: 1, to: &rewards).before == nil)
    #expect(try add(0, arm: 1, under: 2, to: &rewards).before == nil)
    #expect(try add(1, under: 2, to: &rewards).before?.mean == 1)
  }
}
