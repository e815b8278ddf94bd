import Backends
import Experimentation
import OpenAIAPI
import Routing
import Testing

@testable import Gateway

@Suite struct ShadowLanesTests {
  private func job(
    _ id: String, for model: String = "flash", concurrency: Int = 1, tokensPerDay: Int? = nil,
    bytes: Int = 10
  ) throws -> ShadowJob {
    ShadowJob(
      prompt: .chat(ChatCompletionRequest(model: "m", messages: [])), requestID: id,
      assignment: Assignment(
        route: try routeName("assistant"), rollout: nil, unitHash: 1, propensity: 1,
        atMilliseconds: 0),
      rule: ShadowRule(
        model: try modelName(model),
        traffic: ShadowTraffic(concurrency: concurrency, tokensPerDay: tokensPerDay)),
      scores: ScorePlan(),
      incumbent: IncumbentAnswer(
        model: try modelName("dense"), measurements: Measurements(totalSeconds: 1)),
      comparison: 1, byteCount: bytes)
  }

  @Test func `jobs of a lane run in their order, as many at once as the policy says`() throws {
    var lanes = ShadowLanes(capacity: 10, capacityBytes: 1_000)
    for id in ["1", "2", "3"] { #expect(lanes.enqueue(try job(id, concurrency: 2), day: 0) == nil) }
    #expect(lanes.pending == 3)
    #expect(lanes.next()?.requestID == "1")
    #expect(lanes.next()?.requestID == "2")
    #expect(lanes.next() == nil, "two run")
    lanes.finish(try modelName("flash"), tokens: 0)
    #expect(lanes.next()?.requestID == "3")
    #expect(lanes.pending == 2)
  }

  @Test func `a lane that is full or that hangs takes nothing from another`() throws {
    var lanes = ShadowLanes(capacity: 2, capacityBytes: 1_000)
    for id in ["1", "2"] { #expect(lanes.enqueue(try job(id), day: 0) == nil) }
    #expect(lanes.enqueue(try job("3"), day: 0) == .queueFull)
    #expect(lanes.enqueue(try job("other", for: "window"), day: 0) == nil)
    let first = [lanes.next()?.requestID, lanes.next()?.requestID]
    #expect(Set(first) == ["1", "other"])
    #expect(lanes.next() == nil)
    // A place is free, whoever runs.
    #expect(lanes.enqueue(try job("4"), day: 0) == nil)
  }

  @Test func `bytes are bounded for all lanes together, and given back`() throws {
    var lanes = ShadowLanes(capacity: 10, capacityBytes: 100)
    #expect(lanes.enqueue(try job("1", bytes: 60), day: 0) == nil)
    #expect(lanes.enqueue(try job("2", for: "window", bytes: 41), day: 0) == .queueFull)
    #expect(lanes.enqueue(try job("3", for: "window", bytes: 40), day: 0) == nil)
    #expect(lanes.next() != nil)
    #expect(lanes.next() != nil)
    #expect(lanes.enqueue(try job("4", bytes: 100), day: 0) == nil)
    #expect(lanes.enqueue(try job("5", bytes: 1), day: 0) == .queueFull)
    #expect(lanes.removeAll().map(\.requestID) == ["4"])
    #expect(lanes.enqueue(try job("6", bytes: 100), day: 0) == nil)
  }

  @Test func `a day's tokens are spent once, and there again the next day`() throws {
    var lanes = ShadowLanes(capacity: 10, capacityBytes: 1_000)
    let flash = try modelName("flash")
    func ask(day: Int64) throws -> ShadowDrop? {
      let drop = lanes.enqueue(try job("a", tokensPerDay: 10), day: day)
      if drop == nil {
        _ = lanes.next()
        lanes.finish(flash, tokens: 6)
      }
      return drop
    }
    #expect(try ask(day: 7) == nil)
    #expect(try ask(day: 7) == nil, "6 of 10 are spent")
    #expect(try ask(day: 7) == .tokenBudget)
    #expect(try ask(day: 8) == nil)
    // Another model has its own.
    #expect(lanes.enqueue(try job("b", for: "window", tokensPerDay: 10), day: 8) == nil)
  }

  @Test func `taking everything out leaves what runs`() throws {
    var lanes = ShadowLanes(capacity: 10, capacityBytes: 1_000)
    for id in ["1", "2", "3"] { #expect(lanes.enqueue(try job(id), day: 0) == nil) }
    _ = lanes.next()
    #expect(lanes.removeAll().map(\.requestID) == ["2", "3"])
    #expect(lanes.pending == 1)
    #expect(lanes.next() == nil)
    lanes.finish(try modelName("flash"), tokens: 0)
    #expect(lanes.pending == 0)
  }
}
