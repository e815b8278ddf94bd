import Experimentation
import Routing
import Testing

/// A split among more than two models: exact shares, and units that stay while a share grows.
@Suite struct WeightedRendezvousTests {
  let names: [ModelName]

  init() throws {
    names = try ["dense", "flash", "window", "hybrid"].map { try #require(ModelName($0)) }
  }

  func models(_ shares: [Double]) throws -> [WeightedModel] {
    try zip(names, shares).map { WeightedModel(model: $0, share: try #require(Share($1))) }
  }

  /// The place in `names` of the model of each user.
  func chosen(_ users: Range<Int>, among models: [WeightedModel]) throws -> [Int] {
    try users.map { user in
      let unit = AssignmentUnit(id: "user-\(user)")
      let one = WeightedRendezvous.choose(unit: unit, salt: "s", among: models)
      return try #require(names.firstIndex { $0 == one?.model })
    }
  }

  @Test func `of a million users each of four models has its share`() throws {
    let (count, shares) = (1_000_000, [0.6, 0.25, 0.1, 0.05])
    var counts = names.map { _ in 0 }
    for place in try chosen(0..<count, among: try models(shares)) { counts[place] += 1 }
    let statistic = zip(counts, shares).reduce(0.0) { sum, cell in
      let wanted = cell.1 * Double(count)
      return sum + (Double(cell.0) - wanted) * (Double(cell.0) - wanted) / wanted
    }
    // Chi-square with 3 degrees of freedom is above 21.1 once in ten thousand.
    #expect(statistic < 21.1, "\(counts)")
  }

  @Test func `a share that grows takes from the others and gives nothing back`() throws {
    // What the growing one leaves is the others' in the same proportion, so that none of them
    // grows.
    let stages = try [0.1, 0.2, 0.4, 0.8].map { part in
      try chosen(
        0..<20_000, among: try models([0.6 * (1 - part), part, 0.3 * (1 - part), 0.1 * (1 - part)]))
    }
    for (before, after) in zip(stages, stages.dropFirst()) {
      for (old, new) in zip(before, after) where old != new { #expect(new == 1) }
    }
    for (stage, part) in zip(stages, [0.1, 0.2, 0.4, 0.8]) {
      // Four standard errors of a binomial.
      let error = (part * (1 - part) / 20_000).squareRoot()
      #expect(abs(Double(stage.count { $0 == 1 }) / 20_000 - part) < 4 * error)
    }
  }
}
