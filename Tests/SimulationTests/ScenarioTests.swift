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
