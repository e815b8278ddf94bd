import Experimentation
import Routing
import Testing

/// How many users another model answers when shares change, told without asking any of them.
@Suite struct MovedShareTests {
  static let models = ["dense", "flash", "window"]

  func shares(_ values: [Double]) throws -> [ModelName: Share] {
    var shares: [ModelName: Share] = [:]
    for (name, value) in zip(Self.models, values) where value > 0 {
      let share: Share = try #require(Share(value))
      shares[try #require(ModelName(name))] = share
    }
    return shares
  }

  func choose(_ unit: String, _ shares: [ModelName: Share], salt: String) -> ModelName? {
    let models = shares.map { WeightedModel(model: $0, share: $1) }
    return WeightedRendezvous.choose(unit: AssignmentUnit(id: unit), salt: salt, among: models)?
      .model
  }

  @Test(arguments: [
    ([1, 0, 0], [0.95, 0.05, 0]), ([0.95, 0.05, 0], [0.75, 0.25, 0]),
    ([0.5, 0.5, 0], [0.34, 0.33, 0.33]), ([0.6, 0.3, 0.1], [0.1, 0.3, 0.6]),
    ([0.2, 0.5, 0.3], [0.25, 0.35, 0.4]), ([0, 0.5, 0.5], [0.5, 0.5, 0]),
  ])
  func `the formula is what the router does to many users`(
    before: [Double], after: [Double]
  ) throws {
    let (old, new) = (try shares(before), try shares(after))
    let count = 100_000
    for isSameSalt in [true, false] {
      let share = WeightedRendezvous.movedShare(from: old, to: new, sameSalt: isSameSalt)
      let moved = (0..<count).count { user in
        choose("user-\(user)", old, salt: "one")
          != choose("user-\(user)", new, salt: isSameSalt ? "one" : "two")
      }
      // Four standard errors.
      let error = 4 * (share * (1 - share) / Double(count)).squareRoot() + 1e-9
      #expect(abs(Double(moved) / Double(count) - share) <= error, "same salt: \(isSameSalt)")
    }
  }

  @Test func `a canary that grows moves the difference, and the same shares move nobody`() throws {
    let (small, large) = (try shares([0.9, 0.1]), try shares([0.7, 0.3]))
    #expect(abs(WeightedRendezvous.movedShare(from: small, to: large) - 0.2) < 1e-12)
    #expect(abs(WeightedRendezvous.movedShare(from: large, to: large)) < 1e-12)
    #expect(WeightedRendezvous.movedShare(from: [:], to: large) == 1)
  }
}
