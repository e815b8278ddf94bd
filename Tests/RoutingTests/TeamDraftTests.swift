import Experimentation
import Routing
import Testing

/// Team draft as the literature has it.
@Suite struct TeamDraftTests {
  let teams: [ModelName]

  init() throws {
    teams = try ["a", "b", "c"].map { try #require(ModelName($0)) }
  }

  /// Every draft with its probability, by the rule as the papers state it.
  private func distribution(_ teams: [ModelName], places: Int) -> [[ModelName]: Double] {
    var drafts: [[ModelName]: Double] = [[]: 1]
    for _ in 0..<places {
      var next: [[ModelName]: Double] = [:]
      for (draft, probability) in drafts {
        let counts = teams.map { team in draft.count { $0 == team } }
        let fewest = counts.min() ?? 0
        let waiting = teams.indices.filter { counts[$0] == fewest }
        for team in waiting {
          next[draft + [teams[team]], default: 0] += probability / Double(waiting.count)
        }
      }
      drafts = next
    }
    return drafts
  }

  @Test(arguments: [(2, 2), (2, 3), (2, 5), (3, 2), (3, 4)])
  func `drafts come as often as the rule says`(teamCount: Int, places: Int) {
    let teams = Array(teams.prefix(teamCount))
    let expected = distribution(teams, places: places)
    #expect(abs(expected.values.reduce(0, +) - 1) < 1e-12)
    let count = 20_000
    var seen: [[ModelName]: Int] = [:]
    for request in 0..<count {
      let draft = TeamDraft.draft(teams, places: places, requestID: "r\(request)", salt: "s")
      seen[draft, default: 0] += 1
    }
    #expect(Set(seen.keys).isSubset(of: expected.keys), "a draft that the rule does not allow")
    // χ² against the enumeration; its mean is the degrees of freedom, and five of its standard
    // deviations above are less than one in a million.
    let statistic = expected.reduce(0.0) { sum, entry in
      let wanted = entry.value * Double(count)
      let difference = Double(seen[entry.key, default: 0]) - wanted
      return sum + difference * difference / wanted
    }
    let freedom = Double(expected.count - 1)
    #expect(statistic < freedom + 5 * (2 * freedom).squareRoot(), "\(statistic)")
  }

  @Test func `no team is ahead by more than a place, and each is as likely everywhere`() {
    for places in 1...7 {
      var first = 0
      for request in 0..<2_000 {
        let draft = TeamDraft.draft(
          Array(teams.prefix(2)), places: places, requestID: "r\(request)", salt: "s")
        #expect(draft.count == places)
        let own = draft.count { $0 == teams[0] }
        #expect(abs(2 * own - places) <= 1)
        if draft[places - 1] == teams[0] { first += 1 }
      }
      // Five standard deviations of 2,000 fair coins.
      #expect(abs(first - 1_000) < 112)
    }
  }

  @Test func `the same request is drafted alike, and other salts draft anew`() {
    let draft = { (salt: String) in
      (0..<50).map {
        TeamDraft.draft(teams, places: 3, requestID: "r\($0)", salt: salt)
      }
    }
    #expect(draft("s") == draft("s"))
    #expect(draft("s") != draft("t"))
    #expect(TeamDraft.draft([], places: 2, requestID: "r", salt: "s").isEmpty)
    #expect(TeamDraft.draft(teams, places: 0, requestID: "r", salt: "s").isEmpty)
  }
}
