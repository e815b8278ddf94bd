import Experimentation
import Simulation
import Testing

/// What the scenarios that come with the program end in, whatever the seed.
@Suite struct ScenarioTests {
  private func story(_ name: String, seed: UInt64 = 1, hours: Double? = nil) async throws -> Story {
    var scenario = try #require(Scenario.named(name))
    if let hours { scenario.hours = hours }
    let story = await ScenarioWorld.story(of: scenario, seed: seed)
    #expect(story.violations == [], "\(name), seed \(seed)")
    return story
  }

  @Test(arguments: ["slower", "disagreeing", "doubled-errors", "dead", "watched-tail"])
  func `a bad candidate is taken back`(name: String) async throws {
    #expect(try await story(name).status == .rolledBack)
  }

  @Test func `a harmless candidate gets on, and its story is told again by its seed`() async throws
  {
    let story = try await story("harmless", hours: 1)
    #expect(story.lines.contains { $0.text.hasPrefix("goes on to canary 5%") })
    #expect(story.status == .running || story.status == .promoted)
    #expect(try await self.story("harmless", hours: 1) == story)
    #expect(try await self.story("harmless", seed: 2, hours: 1) != story)
  }

  @Test(arguments: ["bandit", "bandit-killed"])
  func `a bandit's traffic moves to the faster model, which is promoted`(name: String) async throws
  {
    let story = try await story(name)
    #expect(story.status == .promoted)
    #expect(story.lines.contains { $0.text.hasPrefix("shares are now") })
    #expect(story.lines.contains { $0.text.hasPrefix("'candidate' is shown to be the one") })
  }

  @Test(arguments: ["bandit-worse", "bandit-errors"])
  func `a bandit's candidate that is worse, or breaks answers, is taken back`(name: String)
    async throws
  {
    #expect(try await story(name).status == .rolledBack)
  }

  @Test func `of two candidates the one that fails leaves, and the other is promoted`() async throws
  {
    let story = try await story("rivals")
    #expect(story.status == .promoted)
    #expect(story.lines.contains { $0.text.hasPrefix("'rival' leaves, the others go on: gate") })
    #expect(story.lines.contains { $0.text.hasPrefix("'candidate' is promoted") })
  }

  @Test func `one that dies leaves for good, however often the service is killed`() async throws {
    let story = try await story("rival-dies", hours: 3)
    #expect(story.lives > 3)
    #expect(story.lines.count { $0.text.hasPrefix("'rival' leaves") } == 1)
    #expect(story.status == .running || story.status == .promoted)
  }

  @Test(arguments: 1...4)
  func `a candidate that leaves has no traffic again, whatever becomes of the write`(write: Int)
    async throws
  {
    for fault in [SimulatedDisk.Fault.crashBefore, .crashAfter, .answerLost, .refused] {
      var scenario = try #require(Scenario.named("rivals"))
      scenario.hours = 0.5
      scenario.faults = [write: fault]
      // Everything fails at once, so that the first writes are of its going.
      scenario.change = (0, ModelTruth(errorRate: 1))
      let story = await ScenarioWorld.story(of: scenario, seed: UInt64(write))
      #expect(story.violations == [], "write \(write), \(fault)")
      let goings = story.lines.count { $0.text.hasPrefix("'rival' leaves") }
      #expect(goings == 1, "write \(write), \(fault)")
    }
  }

  @Test func `rollouts of one layer share no user, those of two share as many as chance has it`()
    async throws
  {
    let apart = try #require(try await story("one-layer", hours: 0.5).meeting)
    #expect(apart.both == 0 && apart.first + apart.second == apart.users)
    let crossed = try #require(try await story("two-layers", hours: 0.5).meeting)
    // Four standard errors of a fair coin, and of a quarter.
    let users = Double(crossed.users)
    #expect(users > 1_000)
    #expect(abs(Double(apart.first) / Double(apart.users) - 0.5) < 2 / users.squareRoot())
    #expect(abs(Double(crossed.first) / users - 0.5) < 2 / users.squareRoot())
    #expect(abs(Double(crossed.both) / users - 0.25) < 4 * (0.1875 / users).squareRoot())
  }

  @Test func `what an incumbent differs from itself stands beside a candidate's fault`()
    async throws
  {
    let story = try await story("noisy-incumbent", hours: 1)
    #expect(story.status == .rolledBack)
    let reasons = story.lines.flatMap(\.reasons)
    #expect(reasons.contains { $0.contains("agreement") && $0.contains("from itself") })
  }

  @Test func `each length of prompt gets the model that is quicker there`() async throws {
    let story = try await story("bandit-by-length", hours: 2)
    #expect(story.status == .running, "neither is the better one for all")
    let last = try #require(story.lines.last { $0.text.hasPrefix("shares are now") }).text
    #expect(last.contains("; 0–255 tokens: incumbent 9"), "\(last)")
    #expect(last.contains("; 256–1023 tokens: candidate 9"), "\(last)")
    let regret = try #require(story.regret)
    #expect(regret.seconds < 0.7 * min(regret.ofIncumbent, regret.ofCandidate))
  }

  @Test func `users who like a model's choices get it`() async throws {
    let story = try await story("interleaved")
    #expect(story.status == .promoted)
    // Two choices are one of each model.
    #expect(story.requests > 1_000 && story.candidateRequests > story.requests * 9 / 10)
  }

  @Test func `choices of equal models are taken alike, however much the first place is liked`()
    async throws
  {
    var (all, ofCandidate, ofFirstPlace, ended) = (0.0, 0.0, 0.0, 0)
    // In the first hour no window has closed yet.
    for seed in UInt64(1)...6 {
      let story = try await story("interleaved-alike", seed: seed, hours: 3)
      let votes = try #require(story.votes)
      all += Double(votes.all)
      ofCandidate += Double(votes.ofCandidate)
      ofFirstPlace += Double(votes.ofFirstPlace)
      if story.status != .running { ended += 1 }
    }
    #expect(all > 50_000)
    // Four standard errors of fair coins, but for one answer in a hundred, in which the candidate
    // failed and the incumbent stands in for it; and three of four votes are for the first place.
    #expect(abs(ofCandidate / all - 0.495) < 2 / all.squareRoot())
    #expect(abs(ofFirstPlace / all - 0.75) < 2 / all.squareRoot())
    // One of twenty is expected at most.
    #expect(ended <= 1)
  }

  @Test func `where the incumbent stands in for a candidate nobody's taste is read`() async throws {
    var scenario = try #require(Scenario.named("interleaved-alike"))
    scenario.candidate.errorRate = 0.08
    scenario.policy.metrics = [
      MetricGate(
        name: "liked", metric: .preference, role: .guardrail,
        objective: .notWorse(by: .absolute(0.03)))
    ]
    let story = await ScenarioWorld.story(of: scenario, seed: 3)
    #expect(story.violations == [])
    let votes = try #require(story.votes)
    // Counted like the others they would be the end of it.
    #expect(Double(votes.ofCandidate) / Double(votes.all) < 0.465)
    #expect(story.status == .promoted)
  }

  @Test(arguments: [UInt64(1), 7])
  func `an incident befalls a rollout that is under way`(seed: UInt64) async throws {
    let story = try await story("incident", seed: seed, hours: 0.5)
    let trouble = try #require(story.lines.first { $0.text.hasPrefix("trouble on the whole") })
    #expect(trouble.hours < story.endedAtHours ?? 1)
    #expect(story.status == .running)
  }

  @Test func `no data never promotes`() async throws {
    let story = try await story("silence", hours: 4)
    #expect(story.status == .running)
    #expect(!story.lines.contains { $0.text.hasPrefix("goes on") })
  }

  @Test func `a process that dies at every write gets there all the same`() async throws {
    let story = try await story("crashes", hours: 0.5)
    #expect(story.lives > 3)
    #expect(story.lines.contains { $0.text.hasPrefix("goes on to canary 5%") })
  }

  @Test func `a person's rollback ends it at once`() async throws {
    let story = try await story("operator")
    #expect(story.status == .rolledBack)
    #expect(story.lines.contains { $0.text.hasPrefix("promote is refused") } == false)
    #expect(try #require(story.endedAtHours) < 0.501)
  }

  @Test func `without its disk the service serves and does not move`() async throws {
    let story = try await story("no-disk", hours: 1.3)
    let moves = story.lines.filter { $0.text.hasPrefix("goes on") && $0.hours > 0.2 }
    #expect(moves.allSatisfy { $0.hours >= 1.2 })
    #expect(story.lostRequests == 0)
  }

  @Test(arguments: 1...4)
  func `a crash at any write loses nothing that was acknowledged`(write: Int) async throws {
    for fault in [SimulatedDisk.Fault.crashBefore, .crashAfter, .answerLost, .refused] {
      var scenario = try #require(Scenario.named("dead"))
      scenario.faults = [write: fault]
      // Dies at once, so that the first writes are all of a rollout's.
      scenario.change = (0.1, ModelTruth(errorRate: 1))
      let story = await ScenarioWorld.story(of: scenario, seed: UInt64(write))
      #expect(story.violations == [], "write \(write), \(fault)")
      #expect(story.status == .rolledBack, "write \(write), \(fault)")
    }
  }
}
